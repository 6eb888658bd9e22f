"""So many attempts from one address, then a wait that is named."""

import pytest
from django.test import RequestFactory

from accounts.rate_limit import RateLimit, TriedTooOften

LIMIT = RateLimit("knocking", attempts=3, seconds=900)


def request_from(address):
    return RequestFactory().get("/", REMOTE_ADDR=address)


@pytest.fixture(autouse=True)
def at_the_start_of_a_window(time_machine_at):
    time_machine_at(900 * 2_000_000)


@pytest.fixture
def time_machine_at(monkeypatch):
    return lambda seconds: monkeypatch.setattr("accounts.rate_limit.time.time", lambda: seconds)


class TestRateLimit:
    def test_lets_so_many_pass(self):
        for _attempt in range(3):
            LIMIT.use(request_from("192.0.2.1"))

        with pytest.raises(TriedTooOften) as refused:
            LIMIT.use(request_from("192.0.2.1"))
        assert refused.value.minutes == 15

    def test_counts_each_address_by_itself(self):
        for _attempt in range(3):
            LIMIT.use(request_from("192.0.2.2"))

        LIMIT.use(request_from("192.0.2.3"))

    def test_forgets_when_the_window_ends(self, time_machine_at):
        for _attempt in range(3):
            LIMIT.use(request_from("192.0.2.4"))
        time_machine_at(900 * 2_000_001)

        LIMIT.use(request_from("192.0.2.4"))

    def test_counts_a_person_whatever_the_address(self):
        for number in range(3):
            LIMIT.use(request_from(f"192.0.2.{10 + number}"), by="okafor")

        with pytest.raises(TriedTooOften):
            LIMIT.use(request_from("192.0.2.20"), by="okafor")
        LIMIT.use(request_from("192.0.2.20"), by="osei")

    def test_begins_anew_where_the_cache_was_emptied_meanwhile(self, monkeypatch):
        monkeypatch.setattr("accounts.rate_limit.cache.add", lambda *args, **kwargs: True)

        LIMIT.use(request_from("192.0.2.5"))
