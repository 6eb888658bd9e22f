"""What beat asks for, and what staff and /readyz are told."""

import pytest

from chain import tasks
from chain.abi import contract
from chain.client import NodeUnavailable
from chain.extending import HistoryDiffers
from chain.locks import Busy
from chain.models import Cursor, Event, Head, Leaf, Mismatch
from chain.status import log_status


class TestTasks:
    def test_take_a_leaf_all_the_way(self, hospital, settings):
        settings.LOG_SEAL_SIZE = 1
        hospital.add_leaves(3)

        for _ in range(2):
            tasks.seal_leaves()
            tasks.send_transactions()
            hospital.anvil.mine(2)
        tasks.send_transactions()
        tasks.follow_chain()

        assert {leaf.anchoring.state for leaf in Leaf.objects.with_anchoring()} == {"anchored"}
        assert Event.objects.filter(name="HeadExtended").count() == 1

    def test_seal_nothing_that_can_wait(self, hospital, settings):
        settings.LOG_SEAL_SIZE = 1000
        settings.LOG_SEAL_SECONDS = 10**9
        hospital.add_leaves(3)

        tasks.seal_leaves()

        assert not Head.objects.exists()

    def test_take_whatever_a_newer_release_may_send(self, hospital):
        for task in (tasks.seal_leaves, tasks.send_transactions, tasks.follow_chain):
            task(something="new")

    @pytest.mark.parametrize(
        ("task", "inside"),
        [
            ("seal_leaves", "chain.tasks.sealing.should_seal"),
            ("send_transactions", "chain.tasks.extending.carry"),
            ("follow_chain", "chain.tasks.follower.follow"),
        ],
    )
    def test_leave_when_another_worker_is_at_it(self, hospital, monkeypatch, task, inside):
        def busy(*args):
            raise Busy

        monkeypatch.setattr(inside, busy)

        getattr(tasks, task)()

    def test_fail_visibly_while_the_node_is_away(self, hospital, settings):
        settings.CHAIN_RPC_URL = "http://127.0.0.1:1"

        with pytest.raises(NodeUnavailable):
            tasks.send_transactions()

    def test_tell_people_when_the_chain_holds_another_history(self, hospital):
        call = contract("RecordLog").calldata("extend", 9, b"x" * 32, [])
        hospital.anvil.send_as(hospital.address, hospital.record_log, call)
        hospital.seal(3)

        for _ in range(2):
            with pytest.raises(HistoryDiffers):
                tasks.send_transactions()

        assert "a head of 9 leaves" in Mismatch.objects.open().get().cause

    def test_check_the_log(self, hospital, things):
        hospital.anchor(2)
        things[Leaf.objects.get(index=0).pk] = None

        tasks.check_log()

        assert log_status().open_mismatches == 1


class TestStatus:
    def test_of_a_log_that_has_just_begun(self, hospital):
        status = log_status(hospital.at)

        assert (status.waiting_leaves, status.size, status.anchored_size, status.behind) == (0, 0, 0, 0)
        assert status.oldest_waiting_seconds is None
        assert status.is_node_reachable

    def test_says_what_waits_and_how_far_behind_the_chain_is(self, hospital):
        hospital.anchor(3)
        hospital.seal(4)
        hospital.add_leaves(2)

        status = log_status(hospital.at)

        assert (status.size, status.anchored_size, status.behind, status.waiting_leaves) == (7, 3, 4, 2)
        assert status.oldest_waiting_seconds == 0

    def test_says_how_far_the_follower_is(self, hospital):
        hospital.follow()
        hospital.anvil.mine(10)

        assert log_status().follower_lag == 10
        assert Cursor.objects.get().block_number == log_status().followed_block

    def test_says_that_the_node_is_away(self, hospital, settings):
        settings.CHAIN_RPC_URL = "http://127.0.0.1:1"

        status = log_status()

        assert not status.is_node_reachable
        assert status.follower_lag is None
        assert status.as_dict()["is_node_reachable"] is False

    def test_costs_a_handful_of_queries(self, hospital, django_assert_max_num_queries):
        hospital.anchor(3)

        with django_assert_max_num_queries(8):
            log_status()
