"""A worker killed between any two steps of relaying: each form is on the chain exactly once afterwards."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chain.client import current_node
from chain.models import Attempt, Transaction
from consent import comparing
from consent.models import Grant, Pseudonym, Relay
from tests.consent.conftest import Consents

pytestmark = pytest.mark.django_db(transaction=True)

# From a form that waits to one that is final, and read back. The grant goes once its key is enrolled.
WHOLE_WAY = [
    "relay_forms",
    "mine",
    "send_transactions",
    "relay_forms",
    "mine",
    "send_transactions",
    "relay_forms",
    "follow_chain",
]

STEPS = [
    # Tried on the node, signed and stored, linked to its row, and committed.
    ("consent.relaying.arguments_of", "after", 1),
    ("chain.client.Node.estimate_gas", "after", 1),
    ("chain.client.Node.estimate_gas", "after", 2),
    ("chain.transactions.sign", "after", 1),
    ("consent.relaying.submit", "after", 1),
    ("consent.relaying._move", "before", 1),
    ("consent.relaying._move", "after", 1),
    ("consent.relaying._sign", "after", 1),
    # Sent.
    ("consent.tasks.send", "before", 1),
    ("chain.client.Node.send", "before", 1),
    ("chain.client.Node.send", "after", 1),
    ("consent.tasks.send", "after", 1),
    # Seen mined, and the next one behind it.
    ("consent.relaying._settle", "before", 1),
    ("consent.relaying._settle", "after", 1),
    ("consent.relaying.submit", "after", 2),
    ("chain.client.Node.send", "after", 2),
    # Read back.
    ("chain.follower._take", "after", 3),
    ("chain.models.Cursor.save", "after", 1),
]


@pytest.fixture
def consents(hospital):
    # A little ago, so that to the workers it is time.
    return Consents(hospital, timezone.now() - timedelta(minutes=1))


def must_be_sound(consents, grants):
    """Each form stands on the chain, by one transaction of ours; nothing was sent twice."""
    assert {relay.state for relay in Relay.objects.all()} == {"done"}
    assert all(consents.is_active(grant) for grant in grants)
    assert all(grant.on_chain_at for grant in Grant.objects.all())
    assert all(pseudonym.on_chain_at for pseudonym in Pseudonym.objects.all())

    relays = Relay.objects.count()
    assert Relay.objects.values("transaction").distinct().count() == relays
    assert Transaction.objects.filter(state="final").count() == Transaction.objects.count() == relays
    assert current_node().transaction_count(consents.hospital.address) == relays
    hashes = list(Attempt.objects.values_list("hash", flat=True))
    receipts = [receipt for receipt in current_node().receipts(hashes) if receipt]
    assert [receipt["status"] for receipt in receipts] == ["0x1"] * relays

    assert comparing.compare_now(consents.at) == []


@pytest.mark.parametrize(
    ("where", "when", "nth"), STEPS, ids=[f"{when} {where} {nth}" for where, when, nth in STEPS]
)
class TestWorkerKilled:
    def test_relays_every_form_exactly_once_afterwards(self, consents, where, when, nth):
        device = consents.enrol()
        grants = [consents.grant(device)]

        die = {"where": where, "when": when, "nth": nth}
        assert consents.hospital.work(*WHOLE_WAY, die=die) == "killed"
        grants.append(consents.grant(device))
        assert consents.hospital.work(*WHOLE_WAY) == "done"
        assert consents.hospital.work(*WHOLE_WAY) == "done"

        must_be_sound(consents, grants)


def test_is_not_weakened_by_three_workers_doing_everything_at_once(consents):
    devices = [consents.enrol() for _ in range(3)]
    grants = [consents.grant(device) for device in devices]

    consents.hospital.work(*(WHOLE_WAY * 3), many=3)
    grants += [consents.grant(device) for device in devices]
    consents.hospital.work(*(WHOLE_WAY * 3), many=3)
    consents.hospital.work(*WHOLE_WAY)
    consents.hospital.work(*WHOLE_WAY)

    must_be_sound(consents, grants)


def test_a_chain_away_for_the_whole_of_it_loses_nothing(hospital_on_own_chain):
    hospital = hospital_on_own_chain
    consents = Consents(hospital, timezone.now() - timedelta(minutes=1))
    hospital.anvil.stop()
    phone = consents.enrol()
    tablet = consents.add_key(phone)
    grants = [consents.grant(phone), consents.grant(tablet)]
    # Beat asks every five seconds: a minute of it.
    hospital.work(*(["relay_forms", "send_transactions", "follow_chain"] * 12))
    assert {relay.state for relay in Relay.objects.all()} == {"waiting"}
    assert not Transaction.objects.exists()

    hospital.anvil.start()
    for _ in range(3):
        hospital.work(*WHOLE_WAY)

    must_be_sound(consents, grants)
