"""Ready means: every part answers, in time, and the answer tells nothing about anybody."""

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.utils import timezone

from ehrportal import health
from ehrportal.tasks import PULSE_KEY, beat


def fine():
    return {}


@pytest.fixture
def everything_works(monkeypatch):
    monkeypatch.setattr(health, "CHECKS", dict.fromkeys(health.CHECKS, fine))


def status(**facts):
    return SimpleNamespace(
        **{
            "size": 12,
            "anchored_size": 10,
            "behind": 2,
            "waiting_leaves": 0,
            "oldest_waiting_seconds": None,
            "follower_lag": 0,
            "open_mismatches": 0,
            "is_node_reachable": True,
            **facts,
        }
    )


class TestHealthz:
    def test_answers_without_asking_anybody(self, client):
        assert client.get("/healthz").json() == {"status": "ok"}


class TestReadyz:
    def test_is_ready_when_every_part_is(self, client, everything_works):
        response = client.get("/readyz")

        assert response.status_code == 200
        assert set(response.json()["parts"]) == {"database", "broker", "workers", "chain"}

    def test_names_the_part_that_is_not(self, client, everything_works, monkeypatch):
        def unready():
            raise health.Unready("no worker has run what beat asks")

        monkeypatch.setitem(health.CHECKS, "workers", unready)

        response = client.get("/readyz")

        assert response.status_code == 503
        assert response.json()["parts"]["workers"] == {"ok": False, "why": "no worker has run what beat asks"}
        assert response.json()["parts"]["database"] == {"ok": True}

    def test_answers_in_time_when_a_part_hangs(self, client, everything_works, monkeypatch):
        monkeypatch.setitem(health.CHECKS, "chain", lambda: time.sleep(4))
        started = time.monotonic()

        response = client.get("/readyz")

        assert time.monotonic() - started < 3.5
        assert response.json()["parts"]["chain"] == {"ok": False, "why": "no answer in time"}

    def test_tells_the_kind_of_an_error_and_not_its_words(self, client, everything_works, monkeypatch):
        def break_down():
            raise ConnectionError("password of portal@10.0.0.7 refused")

        monkeypatch.setitem(health.CHECKS, "database", break_down)

        response = client.get("/readyz")

        assert response.json()["parts"]["database"] == {"ok": False, "why": "failed: ConnectionError"}
        assert "10.0.0.7" not in response.text


class TestChecks:
    def test_of_database_and_broker_ask_the_real_ones(self, transactional_db):
        assert health.check_database() == {}
        assert health.check_broker() == {}

    def test_of_the_workers_want_a_fresh_pulse(self):
        cache.delete(PULSE_KEY)
        with pytest.raises(health.Unready, match="no worker"):
            health.check_workers()

        beat()
        assert health.check_workers()["last_beat_seconds"] == 0

        cache.set(PULSE_KEY, timezone.now() - timedelta(seconds=90))
        with pytest.raises(health.Unready, match="for 90 seconds"):
            health.check_workers()

    def test_of_the_chain_say_how_far_behind_it_is(self, monkeypatch):
        monkeypatch.setattr(health, "log_status", lambda: status())

        facts = health.check_chain()

        assert (facts["log_size"], facts["anchored_size"], facts["behind"]) == (12, 10, 2)

    def test_of_the_chain_say_so_even_when_the_node_is_silent(self, monkeypatch):
        monkeypatch.setattr(health, "log_status", lambda: status(is_node_reachable=False))

        with pytest.raises(health.Unready) as unready:
            health.check_chain()

        assert unready.value.args[1]["behind"] == 2

    def test_of_the_chain_notice_that_nobody_seals(self, monkeypatch):
        monkeypatch.setattr(health, "log_status", lambda: status(oldest_waiting_seconds=3600))

        with pytest.raises(health.Unready, match="sealed"):
            health.check_chain()
