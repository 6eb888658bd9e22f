"""
The local services: a real PostgreSQL, a real Valkey and a real EVM node on one machine.

They are the engines that production runs, in small, so that nothing here works only on a laptop.
`python -m ehrportal.local` is the door; `script/server` and `script/test` are made of it.
"""
