"""A worker killed between any two steps of anchoring: every leaf is anchored exactly once afterwards."""

import pytest

from tests.faults.conftest import WHOLE_WAY

# The other apps' tables stay empty here; emptying them after each test takes longer than the test.
pytestmark = pytest.mark.django_db(transaction=True, available_apps=["chain"])

STEPS = [
    # Sealing: the tree is computed, the head written, its tiles, the leaves' places, and committed.
    ("chain.sealing._signed_checkpoint", "before", 1),
    ("chain.sealing._store_tiles", "before", 1),
    ("chain.sealing._store_tiles", "after", 1),
    ("chain.sealing._place", "after", 1),
    ("chain.sealing.seal", "after", 1),
    # Signing: the chain is asked, the call signed and stored, the heads given to it, and committed.
    ("chain.extending.head_on_chain", "after", 1),
    ("chain.transactions.sign", "after", 1),
    ("chain.transactions._attempt", "after", 1),
    ("chain.extending.submit", "after", 1),
    ("chain.extending.extend", "after", 1),
    ("chain.extending.send", "before", 1),
    # Sending: before the node has it, when only the node knows, and once it is written down.
    ("chain.client.Node.send", "before", 1),
    ("chain.client.Node.send", "after", 1),
    ("chain.models.Attempt.save", "after", 2),
    ("chain.models.Transaction.move", "after", 1),
    ("chain.extending.send", "after", 1),
    # Seen in a block, and seen final.
    ("chain.transactions._with_receipt", "before", 1),
    ("chain.models.Transaction.move", "before", 2),
    ("chain.models.Transaction.move", "after", 2),
    ("chain.models.Transaction.move", "before", 3),
    ("chain.models.Transaction.move", "after", 3),
    ("chain.transactions.settle", "after", 2),
    # Following: events read, handled, and the cursor moved.
    ("chain.client.Node.logs", "after", 1),
    ("chain.follower._take", "after", 2),
    ("chain.follower.head_announced", "after", 1),
    ("chain.models.Cursor.save", "after", 1),
]


@pytest.mark.parametrize(
    ("where", "when", "nth"),
    STEPS,
    ids=[f"{when} {where.removeprefix('chain.')} {nth}" for where, when, nth in STEPS],
)
class TestWorkerKilled:
    def test_anchors_every_leaf_exactly_once_afterwards(self, hospital, where, when, nth):
        hospital.add_leaves(3)

        assert hospital.work(die={"where": where, "when": when, "nth": nth}) == "killed"
        hospital.add_leaves(2)
        assert hospital.work() == "done"
        assert hospital.work() == "done"

        hospital.must_be_sound(leaves=5)


def test_even_if_every_worker_dies_a_step_later_than_the_one_before(hospital):
    hospital.add_leaves(3)
    deaths = 0
    for nth in range(1, 12):
        die = {"where": "chain.client.Node._exchange", "when": "after", "nth": nth}
        deaths += hospital.work(die=die) == "killed"
        hospital.add_leaves(1)

    hospital.work()
    hospital.work()

    assert deaths > 5
    hospital.must_be_sound(leaves=14)


def test_is_not_weakened_by_two_workers_doing_everything_at_once(hospital):
    hospital.add_leaves(5)

    hospital.work(*(WHOLE_WAY * 3), many=3)
    hospital.add_leaves(5)
    hospital.work(*(WHOLE_WAY * 3), many=3)
    hospital.work()
    hospital.work()

    hospital.must_be_sound(leaves=10)
