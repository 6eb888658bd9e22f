"""The hospital portal as a whole: settings, URLs, Celery, health, and the local services."""

import sys

from ehrportal.celery import app as celery_app

__all__ = ["celery_app"]

# py_ecc, which web3 brings, raises Python's recursion limit to 100,000 for all of us: a hostile file's deep
# nesting would then end the process instead of raising RecursionError. So it comes first, and is taken back.
_limit = sys.getrecursionlimit()
__import__("py_ecc")
sys.setrecursionlimit(_limit)
