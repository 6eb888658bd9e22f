"""One run per state folder, known by a lock that the kernel takes back when its holder dies."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ehrportal.local.trouble import Trouble


@contextmanager
def hold_lock(state: Path, *, about: str = "the local services") -> Iterator[None]:
    """
    Hold the lock of a state folder.

    :param about: what this run is and where it can be reached, for whoever finds the lock taken
    :raises Trouble: if somebody holds it, with what they wrote there
    """
    # A lock and not a pid file: after a kill -9 there is nothing stale to clear away.
    with (state / "lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "the local services"
            raise Trouble(f"Already running: {holder}. Stop that first (Ctrl-C in its terminal).") from None
        file.truncate(0)
        file.write(about)
        file.flush()
        yield


def is_locked(state: Path) -> bool:
    """Whether somebody is using a state folder right now."""
    try:
        with (state / "lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
