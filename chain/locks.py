"""
Locks that belong to no row: one sealer of the log, one owner of nonces per key.

They are PostgreSQL's advisory locks, held until the transaction ends, so that a worker which dies takes none
of them to its grave, and connections may be pooled by transaction.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from django.db import connection, transaction


class Busy(Exception):
    """Another worker is at it. There is nothing to do but leave it to that one."""


@contextmanager
def only_one(name: str, *, wait: bool = False) -> Iterator[None]:
    """
    Open a transaction that only one worker at a time can be in, by this name.

    :param wait: wait for the other one, rather than leave
    :raises Busy: if another is in it, and we do not wait
    """
    key = int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)
    with transaction.atomic():
        with connection.cursor() as cursor:
            if wait:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [key])
            else:
                cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
                row = cursor.fetchone()
                if row is None or not row[0]:
                    raise Busy(name)
        yield
