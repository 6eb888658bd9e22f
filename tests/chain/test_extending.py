"""The newest head goes to the contract, and pages say where each leaf stands."""

from datetime import timedelta

import pytest

from chain import extending
from chain.abi import contract
from chain.anchoring import Anchoring
from chain.client import NodeUnavailable, Reverted, current_node
from chain.deployment import NotAMember, NotDeployed
from chain.extending import HistoryDiffers, NodeBehind, extend
from chain.log import anchoring_of, covering_head
from chain.models import Head, Leaf, Mismatch, Transaction

RECORD_LOG = contract("RecordLog")


class TestExtend:
    def test_does_nothing_for_an_empty_log(self, hospital):
        assert extend(hospital.at) is None

    @pytest.mark.parametrize("batches", [[1], [1, 1], [2, 2, 4], [5, 3, 7], [256, 1, 255]])
    def test_leads_from_head_to_head(self, hospital, batches):
        for count in batches:
            head = hospital.anchor(count)
            assert hospital.head_on_chain() == (head.size, bytes(head.root))
        assert Transaction.objects.count() == len(batches)

    def test_carries_heads_sealed_meanwhile_in_one_transaction(self, hospital):
        for count in (3, 4, 5):
            hospital.seal(count)

        hospital.step()
        hospital.anvil.mine(2)
        hospital.step()

        row = Transaction.objects.get()
        assert list(row.heads.order_by("size").values_list("size", flat=True)) == [3, 7, 12]
        assert hospital.head_on_chain()[0] == 12

    def test_is_one_at_a_time(self, hospital):
        hospital.anvil.hold_blocks()
        hospital.seal()
        hospital.step()
        hospital.seal()

        hospital.step()
        assert Transaction.objects.count() == 1
        hospital.anvil.mine(1)
        hospital.step()
        hospital.step()

        assert Transaction.objects.count() == 2
        hospital.anvil.mine(3)
        hospital.step()
        hospital.anvil.make_blocks()
        assert {row.state for row in Transaction.objects.all()} == {"final"}

    def test_signs_nothing_while_another_log_is_on_the_chain(self, hospital):
        hospital.anvil.send_as(
            hospital.address, hospital.record_log, RECORD_LOG.calldata("extend", 2, b"x" * 32, [])
        )
        hospital.seal(3)

        with pytest.raises(HistoryDiffers, match="has another root"):
            extend(hospital.at)

        assert not Transaction.objects.exists()

    def test_signs_nothing_while_the_chain_knows_more_than_the_database(self, hospital):
        hospital.anvil.send_as(
            hospital.address, hospital.record_log, RECORD_LOG.calldata("extend", 9, b"x" * 32, [])
        )
        hospital.seal(3)

        with pytest.raises(HistoryDiffers, match="a head of 9 leaves, and the log here only 3"):
            extend(hospital.at)

    def test_waits_for_a_node_that_has_not_seen_the_last_head(self, hospital, monkeypatch):
        hospital.anchor()
        hospital.seal()
        monkeypatch.setattr(extending, "head_on_chain", lambda *args: (0, bytes(32)))

        with pytest.raises(NodeBehind):
            extend(hospital.at)

        assert issubclass(NodeBehind, NodeUnavailable)

    def test_gives_the_heads_of_a_dropped_transaction_to_the_next(self, hospital):
        hospital.anvil.hold_blocks()
        hospital.seal(3)
        hospital.step()
        # Somebody uses the operator's key elsewhere, and takes the nonce.
        used = Transaction.objects.get()
        hospital.anvil.ask("anvil_dropTransaction", used.attempts.get().hash)
        hospital.anvil.make_blocks()
        call = {"from": hospital.address, "to": hospital.address, "gas": "0x5208"}
        hospital.anvil.ask("anvil_impersonateAccount", hospital.address)
        hospital.anvil.ask("eth_sendTransaction", call)
        hospital.anvil.mine(2)

        hospital.step()
        used.refresh_from_db()
        assert used.state == "dropped"
        hospital.step()
        hospital.anvil.mine(2)
        hospital.step()

        assert Head.objects.get().transaction != used
        assert Head.objects.get().transaction.state == "final"

    def test_needs_to_know_where_the_contracts_are(self, hospital, settings):
        settings.CHAIN_RECORD_LOG_ADDRESS = ""
        hospital.seal()

        with pytest.raises(NotDeployed, match="deploy_contracts"):
            extend(hospital.at)

    def test_needs_a_member(self, hospital, settings):
        settings.CHAIN_OPERATOR_KEY = "0x" + "77" * 32
        hospital.seal()

        with pytest.raises(NotAMember, match="does not know"):
            extend(hospital.at)

    def test_is_refused_by_name_when_the_hospital_is_suspended(self, hospital):
        from tests.chain.conftest import OWNER

        suspension = contract("InstitutionRegistry").calldata("suspend", 1)
        hospital.anvil.send_as(OWNER, hospital.registry, suspension)
        hospital.seal()

        with pytest.raises(Reverted, match=r"Suspended\(institution=1\)"):
            extend(hospital.at)


class TestAnchoring:
    def test_goes_from_waiting_over_sent_to_anchored(self, hospital):
        (leaf,) = hospital.add_leaves()
        states = [anchoring_of(leaf).state]
        hospital.seal(0)
        states.append(anchoring_of(leaf).state)
        extend(hospital.at)
        states.append(anchoring_of(leaf).state)
        hospital.step()
        states.append(anchoring_of(leaf).state)
        hospital.step()
        states.append(anchoring_of(leaf).state)
        hospital.anvil.mine(2)
        hospital.step()
        states.append(anchoring_of(leaf).state)

        assert states == ["waiting", "waiting", "waiting", "sent", "sent", "anchored"]

    def test_says_since_when_and_by_what(self, hospital):
        head = hospital.anchor()
        leaf = Leaf.objects.get()
        anchoring = anchoring_of(leaf)

        block = current_node().block(head.transaction.block_number)
        assert anchoring.is_anchored
        assert anchoring.since.timestamp() == int(block["timestamp"], 16)
        assert anchoring.since.tzinfo is not None
        assert anchoring.transaction == head.transaction.hash
        assert anchoring.contract == hospital.record_log
        assert anchoring.index == 0

    def test_fails_while_a_mismatch_is_open(self, hospital, noon):
        hospital.anchor()
        leaf = Leaf.objects.get()
        mismatch = Mismatch.objects.create(
            kind="leaf", subject="thing", leaf=leaf, cause="the stored bytes were changed", found_at=noon
        )

        assert anchoring_of(leaf).has_failed
        assert anchoring_of(leaf).cause == "the stored bytes were changed"
        mismatch.resolved_at = noon
        mismatch.save()
        assert anchoring_of(leaf).is_anchored

    def test_of_a_thousand_leaves_costs_one_query(self, hospital, django_assert_num_queries):
        hospital.anchor(600)
        hospital.seal(300)
        hospital.add_leaves(100)

        with django_assert_num_queries(1):
            states = [leaf.anchoring.state for leaf in Leaf.objects.with_anchoring()]

        assert {state: states.count(state) for state in set(states)} == {"anchored": 600, "waiting": 400}

    def test_can_be_read_through_what_has_a_leaf(self, hospital, noon):
        # A mismatch stands here for whatever model of another app refers to a leaf.
        from chain.anchoring import anchoring_annotations

        hospital.anchor()
        Mismatch.objects.create(
            kind="leaf", subject="a", leaf=Leaf.objects.get(), cause="c", found_at=noon, resolved_at=noon
        )

        row = Mismatch.objects.annotate(**anchoring_annotations("leaf")).get()

        assert Anchoring.of(row).is_anchored


class TestCoveringHead:
    def test_is_the_one_the_contract_keeps(self, hospital):
        hospital.seal(3)
        hospital.anchor(4)

        assert covering_head(Leaf.objects.get(index=0)).size == 7
        assert covering_head(Leaf.objects.get(index=6)).size == 7

    def test_stays_the_first_one_when_the_log_grows(self, hospital):
        hospital.anchor(3)
        hospital.anchor(4)

        assert covering_head(Leaf.objects.get(index=0)).size == 3


def test_gas_for_a_head_does_not_grow_with_its_leaves(hospital):
    used = [hospital.anchor(count).transaction.gas_used for count in (1, 10, 1000)]

    # The first head also pays for the log's first words of storage.
    assert max(used[1:]) < 90_000
    hospital.at += timedelta(seconds=1)
