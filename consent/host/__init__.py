"""The consent host: where patients sign, on an origin of its own."""
