"""A chain of one's own: a node a test worker, fresh contracts and a fresh operator a test."""

import os
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import transaction
from eth_account import Account
from eth_utils import to_checksum_address

from chain import topics
from chain.abi import contract
from chain.client import current_node
from chain.extending import carry
from chain.follower import follow
from chain.log import append_leaves
from chain.models import Leaf
from chain.sealing import seal
from chain.topics import Recomputed
from tests.chain.nodes import Anvil

OWNER = "0x00000000000000000000000000000000000A11ce"
TOPIC = "test"


@pytest.fixture(scope="session")
def shared_anvil(tmp_path_factory):
    anvil = Anvil(tmp_path_factory.mktemp("anvil")).start()
    yield anvil
    anvil.stop()


@pytest.fixture
def own_anvil(tmp_path):
    """A node that the test may stop or rewind."""
    anvil = Anvil(tmp_path).start()
    yield anvil
    if anvil.process.poll() is None:
        anvil.stop()


@dataclass
class Hospital:
    """One hospital on one chain, and what its workers would do."""

    anvil: Anvil
    registry: str
    record_log: str
    consent_verifier: str
    consent_registry: str
    institution: int
    key: str
    address: str
    at: object

    def add_leaves(self, count=1):
        with transaction.atomic():
            return append_leaves(topic=TOPIC, commitments=[os.urandom(32) for _ in range(count)], at=self.at)

    def seal(self, count=1):
        """Add leaves and seal them."""
        self.add_leaves(count)
        return seal(self.at)

    def step(self, seconds=1):
        """Do what beat asks of the workers, a moment later."""
        self.at += timedelta(seconds=seconds)
        carry(self.at)

    def anchor(self, count=1):
        """Add leaves, and see them final."""
        head = self.seal(count)
        self.step()
        self.anvil.mine(2)
        self.step()
        head.refresh_from_db()
        assert head.transaction.state == "final", head.transaction.state
        return head

    def follow(self):
        return follow(self.at)

    def head_on_chain(self):
        return current_node().call(contract("RecordLog"), self.record_log, "head", self.institution)


def make_hospital(anvil, settings, noon, *, name="North Hospital"):
    anvil.make_blocks()
    registry, _ = anvil.deploy("InstitutionRegistry", OWNER, owner=OWNER)
    record_log, _ = anvil.deploy("RecordLog", registry, owner=OWNER)
    consent_verifier, _ = anvil.deploy("ConsentWebAuthnVerifier", owner=OWNER)
    consent_registry, start_block = anvil.deploy("ConsentRegistry", registry, [consent_verifier], owner=OWNER)
    account = Account.create()
    registry_abi = contract("InstitutionRegistry")
    anvil.send_as(
        OWNER, registry, registry_abi.calldata("admit", account.address, name, "http://north", bytes(32))
    )
    anvil.ask("anvil_setBalance", account.address, hex(10**20))
    # Deep enough that no reorganisation in a test takes the hospital's admission with it.
    anvil.mine(5)
    settings.CHAIN_RPC_URL = anvil.url
    settings.CHAIN_REGISTRY_ADDRESS = registry
    settings.CHAIN_RECORD_LOG_ADDRESS = record_log
    settings.CHAIN_CONSENT_VERIFIER_ADDRESS = consent_verifier
    settings.CHAIN_CONSENT_REGISTRY_ADDRESS = consent_registry
    settings.CHAIN_START_BLOCK = start_block
    settings.CHAIN_OPERATOR_KEY = account.key.hex()
    return Hospital(
        anvil=anvil,
        registry=to_checksum_address(registry),
        record_log=to_checksum_address(record_log),
        consent_verifier=to_checksum_address(consent_verifier),
        consent_registry=to_checksum_address(consent_registry),
        institution=1,
        key=account.key.hex(),
        address=account.address,
        at=noon,
    )


@pytest.fixture
def hospital(shared_anvil, settings, db, noon):
    return make_hospital(shared_anvil, settings, noon)


@pytest.fixture
def hospital_on_own_chain(own_anvil, settings, db, noon):
    return make_hospital(own_anvil, settings, noon)


@pytest.fixture
def things(monkeypatch):
    """
    What test leaves commit to, by primary key of the leaf, as an app's own table would hold it.

    A leaf that is not in here still has its thing, unchanged.
    """
    changed = {}

    def recompute(pks):
        for leaf in Leaf.objects.filter(pk__in=pks):
            found = changed.get(leaf.pk, bytes(leaf.commitment))
            if isinstance(found, Recomputed):
                yield found
            elif found is not None:
                yield Recomputed(leaf_id=leaf.pk, commitment=found, label=f"thing {leaf.pk}")

    monkeypatch.setitem(topics._topics, TOPIC, recompute)
    return changed
