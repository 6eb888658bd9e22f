"""“Log, chain and workers”, in words."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone
from redis.exceptions import ConnectionError as RedisConnectionError

from chain.status import LogStatus
from ehrportal import condition
from ehrportal.tasks import PULSE_KEY
from records.models import ImportJob
from records.services.jobs import start_import

WELL = LogStatus(
    waiting_leaves=0,
    oldest_waiting_seconds=None,
    size=10,
    anchored_size=10,
    open_transactions=0,
    trouble="",
    open_mismatches=0,
    followed_block=8,
    node_block=10,
    node_error="",
)


class TestLogAndChain:
    def test_are_well_when_nothing_waits(self):
        assert condition.log(WELL).tone == "good"
        assert condition.chain(WELL).tone == "good"
        assert condition.checks(WELL).tone == "good"

    def test_take_a_short_wait_for_what_it_is(self):
        finding = condition.log(replace(WELL, waiting_leaves=3, oldest_waiting_seconds=5))

        assert finding.tone == "waiting"
        assert "3 more wait to be sealed" in finding.words

    def test_say_when_nobody_seals(self):
        finding = condition.log(replace(WELL, waiting_leaves=1, oldest_waiting_seconds=4000))

        assert finding.tone == "bad"
        assert "tell the operator" in finding.advice

    @pytest.mark.parametrize(
        ("changes", "tone", "words"),
        [
            ({"node_error": "refused"}, "bad", "does not answer"),
            ({"trouble": "insufficient funds."}, "bad", "onto the chain: insufficient funds."),
            ({"anchored_size": 7}, "waiting", "3 entries are on their way"),
            ({"node_block": 500}, "waiting", "We have yet to read"),
        ],
    )
    def test_name_what_the_chain_waits_for(self, changes, tone, words):
        finding = condition.chain(replace(WELL, **changes))

        assert finding.tone == tone
        assert words in finding.words

    def test_count_what_does_not_hold(self):
        assert "2 things do not match" in condition.checks(replace(WELL, open_mismatches=2)).words


@pytest.mark.django_db
class TestWorkers:
    def test_are_silent_without_a_pulse(self):
        cache.delete(PULSE_KEY)

        assert condition.workers(timezone.now()).word == "Silent"

    def test_work_while_they_have_one(self):
        now = timezone.now()
        cache.set(PULSE_KEY, now)

        assert condition.workers(now + timedelta(seconds=30)).tone == "good"
        assert condition.workers(now + timedelta(minutes=10)).tone == "bad"

    def test_are_silent_when_the_broker_is(self, monkeypatch):
        def nobody_listens(key):
            raise RedisConnectionError

        monkeypatch.setattr(condition.cache, "get", nobody_listens)

        assert "broker does not answer" in condition.workers(timezone.now()).words


@pytest.mark.django_db
class TestImports:
    def test_are_named_when_left_lying(self, records_officer, noon):
        assert condition.imports(noon).tone == "good"
        start_import(content=b"{}", file_name="a.json", source="s", by=records_officer, at=noon)

        assert condition.imports(noon + timedelta(seconds=5)).tone == "waiting"
        assert condition.imports(noon + timedelta(hours=1)).tone == "bad"
        assert ImportJob.objects.count() == 1


@pytest.mark.django_db
class TestPage:
    def test_stands_when_the_node_does_not(self, as_officer, settings, monkeypatch):
        monkeypatch.setattr(
            condition,
            "log_status",
            lambda at: replace(WELL, node_block=None, node_error="connection refused"),
        )

        page = as_officer.get("/workspace/condition/").content.decode()

        assert "Something needs a look" in page
        assert "connection refused" in page
