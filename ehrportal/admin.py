"""The page on which staff read, in words, whether the log, the chain and the workers do their work."""

from ehrportal import condition

__all__ = ["condition"]
