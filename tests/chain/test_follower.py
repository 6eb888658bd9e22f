"""What the contracts announce is read once, in order, and taken back when its block goes."""

import pytest
from django.db import transaction

from chain import follower, topics
from chain.abi import NotOurContract, contract
from chain.client import Node, RangeRefused, WrongChain
from chain.deployment import contracts
from chain.follower import ChainMoved, follow
from chain.models import Block, Cursor, Event, Head, Leaf, Mismatch, Transaction
from chain.topics import EventHandler
from tests.chain.conftest import OWNER

RECORD_LOG = contract("RecordLog")


def heads_read():
    return [event.arguments["size"] for event in Event.objects.filter(name="HeadExtended")]


class TestFollow:
    def test_reads_what_is_deep_enough_and_nothing_twice(self, hospital):
        hospital.anchor(3)
        hospital.anchor(4)

        hospital.follow()
        assert heads_read() == [3, 7]
        assert hospital.follow() == 0
        hospital.anchor(1)
        hospital.follow()
        assert heads_read() == [3, 7, 8]

    def test_waits_for_the_depth_the_settings_ask(self, hospital):
        hospital.seal(3)
        hospital.step()
        hospital.anvil.mine(1)

        hospital.follow()
        assert heads_read() == []
        hospital.anvil.mine(1)
        hospital.follow()
        assert heads_read() == [3]

    def test_keeps_who_said_what_where(self, hospital):
        head = hospital.anchor(3)
        hospital.follow()

        event = Event.objects.get(name="HeadExtended")
        assert event.contract == "RecordLog"
        assert event.arguments == {"institution": 1, "size": 3, "root": "0x" + head.root.hex()}
        assert event.transaction_hash == head.transaction.hash
        assert event.block.hash == head.transaction.block_hash

    def test_halves_the_range_until_the_node_agrees(self, hospital, monkeypatch):
        hospital.anchor()
        hospital.anvil.mine(40)
        asked = []
        read = Node.logs

        def unwilling(self, *, addresses, start, end):
            asked.append(end - start + 1)
            if end - start + 1 > 7:
                raise RangeRefused("query exceeds max block range 7")
            return read(self, addresses=addresses, start=start, end=end)

        monkeypatch.setattr(Node, "logs", unwilling)
        hospital.follow()

        assert heads_read() == [1]
        assert max(asked) > 7
        assert asked[-1] <= 7
        cursor = Cursor.objects.get()
        assert cursor.block_number == hospital.anvil.block_number() - 2

    def test_says_so_when_not_even_one_block_is_to_be_had(self, hospital, monkeypatch):
        def unwilling(self, **kwargs):
            raise RangeRefused("no")

        monkeypatch.setattr(Node, "logs", unwilling)
        hospital.anvil.mine(3)

        with pytest.raises(RangeRefused):
            hospital.follow()

    def test_writes_nothing_if_the_chain_moved_while_it_read(self, hospital, monkeypatch):
        hospital.anchor()
        read = Node.logs

        def meanwhile(self, **question):
            found = read(self, **question)
            return [entry | {"blockHash": "0x" + "11" * 32} for entry in found]

        monkeypatch.setattr(Node, "logs", meanwhile)

        with pytest.raises(ChainMoved), transaction.atomic():
            hospital.follow()

        assert not Event.objects.exists()
        assert not Block.objects.exists()

    def test_forgets_blocks_that_held_nothing(self, hospital, monkeypatch):
        monkeypatch.setattr(follower, "REMEMBERED", 5)
        hospital.anchor()
        for _ in range(10):
            hospital.anvil.mine(3)
            hospital.follow()

        assert Block.objects.filter(events__isnull=True).count() <= 3
        assert Block.objects.filter(events__isnull=False).exists()


class TestRefusal:
    def test_of_another_chain(self, hospital, settings):
        settings.CHAIN_ID = 1

        with pytest.raises(WrongChain, match="chain 31337, and the settings say 1"):
            hospital.follow()

    def test_of_an_address_without_a_contract(self, hospital, settings):
        settings.CHAIN_RECORD_LOG_ADDRESS = "0x" + "12" * 20

        with pytest.raises(NotOurContract, match="no contract"):
            hospital.follow()

    def test_of_other_code(self, hospital):
        code = hospital.anvil.ask("eth_getCode", hospital.record_log, "latest")
        hospital.anvil.ask("anvil_setCode", hospital.record_log, code[:-2] + "00")

        with pytest.raises(NotOurContract, match="is not the RecordLog"):
            hospital.follow()

    def test_of_a_log_that_belongs_to_another_registry(self, hospital, settings):
        other, _ = hospital.anvil.deploy("InstitutionRegistry", OWNER, owner=OWNER)
        settings.CHAIN_REGISTRY_ADDRESS = other

        with pytest.raises(NotOurContract, match="another registry"):
            hospital.follow()

    def test_of_consents_that_belong_to_another_registry(self, hospital, settings):
        other, _ = hospital.anvil.deploy("InstitutionRegistry", OWNER, owner=OWNER)
        consents, _ = hospital.anvil.deploy(
            "ConsentRegistry", other, [hospital.consent_verifier], owner=OWNER
        )
        settings.CHAIN_CONSENT_REGISTRY_ADDRESS = consents

        with pytest.raises(NotOurContract, match=r"the ConsentRegistry at .* belongs to another registry"):
            hospital.follow()

    def test_of_consents_that_another_verifier_judges(self, hospital, settings):
        other, _ = hospital.anvil.deploy("ConsentWebAuthnVerifier", owner=OWNER)
        settings.CHAIN_CONSENT_VERIFIER_ADDRESS = other

        with pytest.raises(NotOurContract, match="takes no signature that the verifier at"):
            hospital.follow()


class TestRewind:
    def test_undoes_what_was_read_from_blocks_that_are_gone(self, hospital_on_own_chain, monkeypatch):
        hospital = hospital_on_own_chain
        seen = []
        handler = EventHandler(
            handle=lambda event, at: seen.append(("done", event.arguments["size"])),
            undo=lambda event, at: seen.append(("undone", event.arguments["size"])),
        )
        monkeypatch.setitem(topics._handlers, ("RecordLog", "HeadExtended"), [handler])
        hospital.anchor(1)
        hospital.follow()
        hospital.anchor(2)
        hospital.anchor(3)
        hospital.follow()
        depth = hospital.anvil.block_number() - Event.objects.filter(arguments__size=3).get().block.number + 1
        hospital.anvil.reorganise(depth)

        hospital.follow()

        assert heads_read() == [1]
        assert seen == [("done", 1), ("done", 3), ("done", 6), ("undone", 6), ("undone", 3)]
        assert [row.state for row in Transaction.objects.in_order()] == ["final", "sent", "sent"]

        for _ in range(3):
            hospital.step()
            hospital.anvil.mine(2)
        hospital.step()
        hospital.follow()
        assert heads_read() == [1, 3, 6]
        assert hospital.head_on_chain()[0] == 6

    def test_changes_nothing_if_an_undo_fails(self, hospital_on_own_chain, monkeypatch):
        hospital = hospital_on_own_chain
        handler = EventHandler(handle=lambda event, at: None, undo=lambda event, at: 1 / 0)
        monkeypatch.setitem(topics._handlers, ("RecordLog", "HeadExtended"), [handler])
        hospital.anchor(1)
        hospital.follow()
        cursor = Cursor.objects.get()
        hospital.anvil.reorganise(4)

        with pytest.raises(ZeroDivisionError), transaction.atomic():
            hospital.follow()

        assert heads_read() == [1]
        assert Cursor.objects.get().block_hash == cursor.block_hash
        assert Transaction.objects.get().state == "final"

    def test_waits_for_a_node_that_is_behind(self, hospital, monkeypatch):
        hospital.anchor(1)
        hospital.follow()
        cursor = Cursor.objects.get()
        monkeypatch.setattr(Node, "block", lambda self, number: None)

        assert hospital.follow() == 0
        assert Cursor.objects.get().block_hash == cursor.block_hash


class TestOurHeads:
    def test_are_told_from_one_that_somebody_else_sent_in_our_name(self, hospital):
        hospital.anchor(1)
        hospital.anvil.send_as(
            hospital.address,
            hospital.record_log,
            # Two leaves: the proof is the second one, and the root their hash.
            *[_forged_second_head(hospital)],
        )
        hospital.anvil.mine(2)

        hospital.follow()

        mismatch = Mismatch.objects.open().get()
        assert mismatch.subject == "head of 2 leaves on the chain"
        assert "no such head was sealed here" in mismatch.cause

    def test_are_taken_in_though_their_transaction_is_unknown(self, hospital):
        head = hospital.seal(3)
        receipt = hospital.anvil.send_as(
            hospital.address,
            hospital.record_log,
            RECORD_LOG.calldata("extend", 3, bytes(head.root), []),
        )
        hospital.anvil.mine(2)

        hospital.step()
        assert not Transaction.objects.exists()
        hospital.follow()

        row = Transaction.objects.get()
        assert (row.state, row.hash, row.nonce) == ("final", receipt["transactionHash"], 0)
        assert Head.objects.get().transaction == row
        assert Leaf.objects.with_anchoring().first().anchoring.is_anchored

    def test_are_given_up_if_that_block_goes(self, hospital_on_own_chain):
        hospital = hospital_on_own_chain
        head = hospital.seal(3)
        hospital.anvil.send_as(
            hospital.address,
            hospital.record_log,
            RECORD_LOG.calldata("extend", 3, bytes(head.root), []),
        )
        hospital.anvil.mine(2)
        hospital.follow()
        hospital.anvil.reorganise(3)
        hospital.follow()

        assert Transaction.objects.get().state == "dropped"
        for _ in range(2):
            hospital.step()
            hospital.anvil.mine(2)
        hospital.step()
        assert Head.objects.get().transaction.state == "final"

    def test_of_other_hospitals_are_none_of_our_business(self, hospital):
        other = "0x00000000000000000000000000000000000000b0"
        admission = contract("InstitutionRegistry").calldata(
            "admit", other, "South", "http://south", bytes(32)
        )
        hospital.anvil.send_as(OWNER, hospital.registry, admission)
        hospital.anvil.send_as(other, hospital.record_log, RECORD_LOG.calldata("extend", 9, b"x" * 32, []))
        hospital.anvil.mine(2)

        hospital.follow()

        assert heads_read() == [9]
        assert not Mismatch.objects.exists()


def _forged_second_head(hospital):
    from chain.merkle import leaf_hash, node_hash

    first = leaf_hash(Leaf.objects.get(index=0).entry)
    second = leaf_hash(b"forged")
    return RECORD_LOG.calldata("extend", 2, node_hash(first, second), [second])


def test_settings_go_before_what_is_remembered(hospital):
    assert contracts().record_log == hospital.record_log
    assert follow(hospital.at) >= 0
