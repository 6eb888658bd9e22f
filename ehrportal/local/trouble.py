"""What can go wrong on somebody's machine, said in one line that ends with what to do."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# A demo with its database, broker and chain stays well under this; a PostgreSQL that runs
# into a full disk in the middle of a checkpoint does not, and is no fun to bring back.
NEEDED_BYTES = 500 * 1024 * 1024


class Trouble(Exception):
    """Something that the person at the keyboard can mend; its text is the line they read."""


def require_space(folder: Path, needed: int = NEEDED_BYTES) -> None:
    """Refuse to begin when the disk below `folder` is nearly full."""
    existing = next(parent for parent in [folder, *folder.parents] if parent.exists())
    free = shutil.disk_usage(existing).free
    if free < needed:
        raise Trouble(
            f"The disk that holds {existing} is full: {free // 2**20} MB are free and "
            f"{needed // 2**20} MB are needed. Free some space and run the same command again."
        )


@contextmanager
def plain_disk_errors() -> Iterator[None]:
    """Turn a disk that fills up, or a folder that may not be written, into a line of Trouble."""
    try:
        yield
    except OSError as error:
        where = error.filename or "the state folder"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise Trouble(
                f"The disk is full (while writing {where}). Free some space and run the same command again."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS):
            raise Trouble(
                f"{where} may not be written by this user. Run as the user who owns the checkout, "
                "or choose another folder with EHRPORTAL_STATE."
            ) from error
        raise
