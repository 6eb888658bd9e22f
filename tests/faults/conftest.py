"""A hospital whose workers are processes of their own."""

from dataclasses import dataclass

import pytest

from chain import topics
from chain.checking import check_log
from chain.client import current_node
from chain.models import Attempt, Event, Head, Leaf, Mismatch, Transaction
from tests.chain.conftest import Hospital, make_hospital, own_anvil, shared_anvil, things
from tests.faults.workers import Workers

__all__ = ["own_anvil", "shared_anvil", "things"]

# From a leaf that waits to an anchor that is final, and read back.
WHOLE_WAY = ["seal_leaves", "send_transactions", "mine", "send_transactions", "follow_chain"]


@pytest.fixture(scope="session")
def _workers(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        workers = Workers()
    yield workers
    workers.close()


@pytest.fixture(autouse=True)
def _only_the_apps_there_are(request, monkeypatch):
    """Tests that do with the tables of `chain` alone have nothing to compare that other apps hold."""
    if "available_apps" in request.node.get_closest_marker("django_db").kwargs:
        monkeypatch.setattr(topics, "_comparisons", [])


@dataclass
class FaultyHospital(Hospital):
    """A hospital, its worker processes, and what must be true of it whatever happened."""

    workers: Workers = None
    start_block: int = 0
    stuck_seconds: int = 10**6

    def work(self, *steps, **options):
        return self.workers.run(self, *(steps or WHOLE_WAY), **options)

    def must_be_sound(self, leaves):
        """Every leaf is anchored, once; the chain holds our heads and no other; nothing was sent twice."""
        assert {leaf.anchoring.state.value for leaf in Leaf.objects.with_anchoring()} == {"anchored"}
        assert list(Leaf.objects.order_by("index").values_list("index", flat=True)) == list(range(leaves))
        assert Head.objects.newest().size == leaves
        assert self.head_on_chain() == (leaves, bytes(Head.objects.newest().root))

        self.follow()
        announced = [event.arguments["size"] for event in Event.objects.filter(name="HeadExtended")]
        assert announced == sorted(set(announced))
        assert announced[-1] == leaves
        kept = [row.heads.order_by("-size").first().size for row in Transaction.objects.in_order()]
        assert announced == kept

        assert Transaction.objects.exclude(state="final").count() == 0
        assert current_node().transaction_count(self.address) == Transaction.objects.count()
        mined = [receipt for receipt in current_node().receipts(_hashes()) if receipt]
        assert len(mined) == Transaction.objects.count()

        report = check_log(self.at)
        assert report.findings == []
        assert report.chain_unread == ""
        assert not Mismatch.objects.open().exists()


def _hashes():
    return list(Attempt.objects.values_list("hash", flat=True))


def _faulty(hospital, settings, workers):
    fields = {name: getattr(hospital, name) for name in Hospital.__dataclass_fields__}
    return FaultyHospital(**fields, workers=workers, start_block=settings.CHAIN_START_BLOCK)


@pytest.fixture
def hospital(transactional_db, shared_anvil, settings, noon, _workers, things):
    return _faulty(make_hospital(shared_anvil, settings, noon), settings, _workers)


@pytest.fixture
def hospital_on_own_chain(transactional_db, own_anvil, settings, noon, _workers, things):
    return _faulty(make_hospital(own_anvil, settings, noon), settings, _workers)
