"""Waiting for the chain, in commands and tests. Never in a web request or a task."""

import time
from collections.abc import Callable

from chain.locks import Busy

PAUSE = 0.2


class TookTooLong(Exception):
    """What was waited for did not happen in time."""


def wait_until(happened: Callable[[], bool], *, seconds: float = 60) -> None:
    """
    Ask again and again until it happened. Another worker being at it counts as not yet.

    :raises TookTooLong: if it did not happen in time
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            if happened():
                return
        except Busy:
            pass
        if time.monotonic() > deadline:
            raise TookTooLong(f"nothing happened for {seconds:.0f} seconds")
        time.sleep(PAUSE)
