"""How often one network address may try something that a guesser would try often."""

import hashlib
import math
import time
from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from django.core.cache import cache
from django.http import HttpRequest


class TriedTooOften(Exception):
    """This address has used its attempts up; `minutes` says for how long."""

    def __init__(self, minutes: int) -> None:
        super().__init__(minutes)
        self.minutes = minutes


@dataclass(frozen=True)
class RateLimit:
    """So many attempts of one kind from one address in a window of time, counted in the cache."""

    action: str
    attempts: int
    seconds: int

    def use(self, request: HttpRequest) -> None:
        """
        Count one attempt.

        :raises TriedTooOften: if the window's attempts have been used up
        """
        address = get_adapter(request).get_client_ip(request)
        now = time.time()
        window = int(now // self.seconds)
        # Hashed, so that a dump of the cache is no list of who tried.
        key = f"rate:{self.action}:{window}:{hashlib.sha256(address.encode()).hexdigest()}"
        cache.add(key, 0, timeout=self.seconds)
        if cache.incr(key) > self.attempts:
            raise TriedTooOften(math.ceil(((window + 1) * self.seconds - now) / 60))
