"""The node goes away, forgets, rewinds, makes no blocks: every leaf is anchored exactly once afterwards."""

import signal

import pytest

from chain.models import Attempt, Head, Transaction

# The other apps' tables stay empty here; emptying them after each test takes longer than the test.
pytestmark = pytest.mark.django_db(transaction=True, available_apps=["chain"])


class TestNodeStopped:
    @pytest.mark.parametrize("done_before", [0, 1, 2, 3, 4])
    def test_for_a_minute_at_any_step(self, hospital_on_own_chain, done_before):
        hospital = hospital_on_own_chain
        steps = ["seal_leaves", "send_transactions", "mine", "send_transactions", "follow_chain"]
        hospital.add_leaves(3)
        if done_before:
            hospital.work(*steps[:done_before])

        hospital.anvil.stop()
        # Beat asks every five seconds: a minute of it.
        hospital.work(*(["seal_leaves", "send_transactions", "follow_chain"] * 12))
        hospital.add_leaves(2)
        hospital.anvil.start()
        hospital.work()
        hospital.work()

        hospital.must_be_sound(leaves=5)

    def test_with_the_power_gone_and_its_last_blocks_lost(self, hospital_on_own_chain):
        hospital = hospital_on_own_chain
        hospital.add_leaves(3)
        hospital.work()
        hospital.anvil.stop()
        hospital.anvil.start()
        hospital.add_leaves(4)
        hospital.work()
        assert Head.objects.final().newest().size == 7

        # Never written to its file: the second head and its transaction are gone.
        hospital.anvil.process.send_signal(signal.SIGKILL)
        hospital.anvil.process.wait()
        hospital.anvil.start()
        assert hospital.head_on_chain()[0] == 3
        # The chain grows past where we were before anything can be known.
        hospital.anvil.mine(6)
        hospital.add_leaves(1)
        for _ in range(3):
            hospital.work()

        hospital.must_be_sound(leaves=8)


class TestReorganisation:
    @pytest.mark.parametrize("depth", [1, 2, 3, 4])
    def test_after_which_everything_is_sent_again(self, hospital_on_own_chain, depth):
        hospital = hospital_on_own_chain
        hospital.add_leaves(3)
        hospital.work("seal_leaves", "send_transactions", "send_transactions", "mine")
        if depth > 2:
            # Believed to be final already, and read by the follower.
            hospital.work("send_transactions", "follow_chain")
        hospital.anvil.reorganise(depth)
        hospital.add_leaves(2)

        for _ in range(3):
            hospital.work()

        hospital.must_be_sound(leaves=5)

    def test_of_several_heads_at_once(self, hospital_on_own_chain):
        hospital = hospital_on_own_chain
        for _ in range(3):
            hospital.add_leaves(2)
            hospital.work()
        assert Transaction.objects.filter(state="final").count() == 3

        hospital.anvil.reorganise(hospital.anvil.block_number() - hospital.start_block - 2)
        for _ in range(4):
            hospital.work()

        hospital.must_be_sound(leaves=6)


class TestStuckFee:
    def test_is_raised_until_a_block_takes_it(self, hospital_on_own_chain):
        hospital = hospital_on_own_chain
        hospital.anvil.hold_blocks()
        hospital.stuck_seconds = 0
        hospital.add_leaves(3)

        hospital.work("seal_leaves", *(["send_transactions"] * 4))
        assert Attempt.objects.count() > 2
        hospital.anvil.make_blocks()
        hospital.stuck_seconds = 10**6
        hospital.work("mine")
        hospital.work()

        hospital.must_be_sound(leaves=3)
        assert Transaction.objects.count() == 1

    def test_survives_a_worker_killed_while_raising_it(self, hospital_on_own_chain):
        hospital = hospital_on_own_chain
        hospital.anvil.hold_blocks()
        hospital.stuck_seconds = 0
        hospital.add_leaves(3)
        hospital.work("seal_leaves", "send_transactions")

        for where, when in [
            ("chain.transactions._replace", "after"),
            ("chain.client.Node.send", "before"),
            ("chain.client.Node.send", "after"),
        ]:
            die = {"where": where, "when": when}
            assert hospital.work("send_transactions", die=die) == "killed"
        hospital.anvil.make_blocks()
        hospital.work("mine")
        hospital.work()

        hospital.must_be_sound(leaves=3)
