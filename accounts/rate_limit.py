"""How often somebody may try what a guesser would try often."""

import hashlib
import math
import time
from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest


class TriedTooOften(Exception):
    """The attempts of this address, or person, are used up; `minutes` says for how long."""

    def __init__(self, minutes: int) -> None:
        super().__init__(minutes)
        self.minutes = minutes


@dataclass(frozen=True)
class RateLimit:
    """
    So many attempts of one kind in a window of time, counted in the cache: from one address, or by one person
    where they have signed in, for a hospital's staff may share an address.
    """

    action: str
    attempts: int
    seconds: int

    def use(self, request: HttpRequest, *, by: str = "") -> None:
        """
        Count one attempt.

        :param by: whose attempt it is, if not that of the address it came from
        :raises TriedTooOften: if the window's attempts have been used up
        """
        who = by or get_adapter(request).get_client_ip(request)
        now = time.time()
        window = int(now // self.seconds)
        # Hashed, so that a dump of the cache is no list of who tried.
        key = f"rate:{self.action}:{window}:{hashlib.sha256(who.encode()).hexdigest()}"
        if _counted(key, timeout=self.seconds) > self.attempts:
            raise TriedTooOften(math.ceil(((window + 1) * self.seconds - now) / 60))


def _counted(key: str, *, timeout: int) -> int:
    cache.add(key, 0, timeout=timeout)
    try:
        return cache.incr(key)
    except ValueError:
        # The cache was emptied between the two, and with it every count.
        cache.set(key, 1, timeout=timeout)
        return 1
