"""Transactions on a real node: each is signed once, sent until it is there, and believed when it is deep."""

from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from chain import transactions
from chain.abi import contract
from chain.client import Node, NodeUnavailable, Reverted, current_node
from chain.locks import Busy
from chain.models import Attempt, Transaction
from chain.signing import Fees, FeeTooHigh, fees, sign
from chain.transactions import GasAboveCap, drive, owning_nonces, send, settle, submit

EXTEND = contract("RecordLog")


def extension(hospital, size=1, root=b"r" * 32):
    """Submit the first head of a log, whatever it is."""
    return submit(
        purpose="log.extend",
        to=hospital.record_log,
        data=EXTEND.calldata("extend", size, root, []),
        at=hospital.at,
    )


def harmless(hospital):
    """Submit something that succeeds whenever it is mined."""
    return submit(purpose="test", to=hospital.address, data=b"", at=hospital.at)


def state_of(row):
    row.refresh_from_db()
    return row.state


class TestSubmit:
    def test_signs_and_stores_and_sends_nothing(self, hospital):
        row = extension(hospital)

        assert (row.state, row.nonce, row.sender) == ("signed", 0, hospital.address)
        (attempt,) = row.attempts.all()
        assert attempt.sent_at is None
        assert current_node().transactions([attempt.hash]) == [None]

    def test_counts_nonces_on_from_its_own_rows(self, hospital):
        assert [harmless(hospital).nonce for _ in range(3)] == [0, 1, 2]

    def test_counts_on_from_the_chain_if_that_knows_more(self, hospital):
        hospital.anvil.ask("anvil_setNonce", hospital.address, "0x7")

        assert harmless(hospital).nonce == 7

    def test_signs_nothing_that_the_contract_would_refuse(self, hospital):
        with pytest.raises(Reverted) as refused:
            extension(hospital, root=bytes(32))

        assert refused.value.reason.name == "RootIsZero"
        assert not Transaction.objects.exists()

    def test_names_the_values_that_disagreed(self, hospital):
        hospital.anchor(3)

        with pytest.raises(Reverted, match=r"NotLonger\(institution=1, recorded=3, given=2\)"):
            extension(hospital, size=2)

    def test_signs_nothing_above_the_fee_that_is_allowed(self, hospital, settings):
        settings.CHAIN_MAX_FEE_PER_GAS = 1

        with pytest.raises(FeeTooHigh):
            harmless(hospital)

        assert not Transaction.objects.exists()

    def test_signs_nothing_that_takes_more_gas_than_its_caller_allows(self, hospital):
        call = EXTEND.calldata("extend", 1, b"r" * 32, [])

        with pytest.raises(GasAboveCap) as refused:
            submit(purpose="test", to=hospital.record_log, data=call, at=hospital.at, gas_cap=30_000)

        assert refused.value.needed > 30_000 == refused.value.cap
        assert not Transaction.objects.exists()
        assert submit(
            purpose="test", to=hospital.record_log, data=call, at=hospital.at, gas_cap=refused.value.needed
        ).pk

    def test_goes_when_the_callers_transaction_fails(self, hospital):
        def submit_and_fail():
            with transaction.atomic():
                harmless(hospital)
                raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"):
            submit_and_fail()

        assert not Transaction.objects.exists()
        assert harmless(hospital).nonce == 0


class TestDrive:
    def test_takes_a_transaction_from_signed_to_final(self, hospital):
        row = harmless(hospital)

        drive(hospital.at)
        assert state_of(row) == "sent"
        hospital.anvil.wait_for_its_block()
        drive(hospital.at)
        assert state_of(row) == "mined"
        block = current_node().block(row.block_number)
        assert row.block_hash == block["hash"]
        assert row.block_at.timestamp() == int(block["timestamp"], 16)
        assert row.gas_used == 21000

        hospital.anvil.mine(1)
        drive(hospital.at)
        assert state_of(row) == "mined"
        hospital.anvil.mine(1)
        drive(hospital.at)
        assert state_of(row) == "final"
        assert row.final_at == hospital.at

    def test_sends_in_the_order_of_nonces(self, hospital):
        rows = [harmless(hospital) for _ in range(5)]

        drive(hospital.at)
        hospital.anvil.mine(2)
        drive(hospital.at)

        assert [state_of(row) for row in rows] == ["final"] * 5
        assert sorted(row.block_number for row in rows) == [row.block_number for row in rows]

    def test_sends_the_same_bytes_again_after_a_crash_behind_sending(self, hospital):
        hospital.anvil.hold_blocks()
        row = harmless(hospital)
        send(hospital.at)
        # As if the worker had died before it could write down that it sent.
        Attempt.objects.update(sent_at=None)
        Transaction.objects.update(state="signed", sent_at=None)

        send(hospital.at)
        hospital.anvil.make_blocks()
        hospital.anvil.mine(3)
        drive(hospital.at)

        assert state_of(row) == "final"
        assert row.attempts.count() == 1
        assert current_node().transaction_count(hospital.address) == 1

    def test_sees_what_was_mined_though_nobody_wrote_down_that_it_was_sent(self, hospital):
        row = harmless(hospital)
        current_node().send(bytes(row.attempts.get().raw))
        hospital.anvil.mine(2)

        drive(hospital.at)

        assert state_of(row) == "final"

    def test_sends_again_what_the_node_forgot(self, hospital):
        hospital.anvil.hold_blocks()
        row = harmless(hospital)
        drive(hospital.at)
        hospital.anvil.ask("anvil_dropTransaction", row.attempts.get().hash)
        assert current_node().transactions([row.attempts.get().hash]) == [None]

        drive(hospital.at)

        assert current_node().transactions([row.attempts.get().hash]) != [None]

    def test_says_why_nothing_moves_when_the_account_is_empty(self, hospital):
        row = harmless(hospital)
        hospital.anvil.ask("anvil_setBalance", hospital.address, "0x1")

        drive(hospital.at)

        assert state_of(row) == "signed"
        assert "not enough for the gas" in row.error
        hospital.anvil.ask("anvil_setBalance", hospital.address, hex(10**20))
        drive(hospital.at)
        assert state_of(row) == "sent"
        assert row.error == ""

    def test_waits_while_the_node_is_away(self, hospital_on_own_chain):
        hospital = hospital_on_own_chain
        row = harmless(hospital)
        hospital.anvil.stop()

        with pytest.raises(NodeUnavailable):
            drive(hospital.at)
        assert state_of(row) == "signed"

        hospital.anvil.start()
        drive(hospital.at)
        hospital.anvil.mine(2)
        drive(hospital.at)
        assert state_of(row) == "final"


class TestStuck:
    @pytest.fixture
    def stuck(self, hospital, settings):
        settings.CHAIN_STUCK_SECONDS = 60
        hospital.anvil.hold_blocks()
        row = harmless(hospital)
        drive(hospital.at)
        hospital.at += timedelta(seconds=60)
        yield row
        hospital.anvil.make_blocks()

    def test_is_left_alone_until_its_time(self, hospital, stuck):
        drive(hospital.at - timedelta(seconds=1))

        assert stuck.attempts.count() == 1

    def test_is_signed_again_under_its_nonce_for_an_eighth_more(self, hospital, stuck):
        drive(hospital.at)

        first, second = stuck.attempts.order_by("id")
        assert second.replaces == first
        assert second.max_fee_per_gas >= first.max_fee_per_gas * 9 / 8
        assert second.max_priority_fee_per_gas >= first.max_priority_fee_per_gas * 9 / 8
        assert current_node().transactions([second.hash])[0]["nonce"] == "0x0"

        hospital.anvil.mine(3)
        drive(hospital.at)
        assert state_of(stuck) == "final"
        assert stuck.hash == second.hash
        assert current_node().transaction_count(hospital.address) == 1

    def test_is_final_even_if_the_block_took_the_first_attempt(self, hospital, stuck):
        first = stuck.attempts.get()
        with owning_nonces():
            transactions._replace(first, current_node(), at=hospital.at)

        hospital.anvil.mine(3)
        drive(hospital.at)

        assert state_of(stuck) == "final"
        assert stuck.hash == first.hash

    def test_is_not_raised_above_what_is_allowed(self, hospital, stuck, settings):
        settings.CHAIN_MAX_FEE_PER_GAS = int(stuck.attempts.get().max_fee_per_gas)

        drive(hospital.at)

        assert stuck.attempts.count() == 1
        stuck.refresh_from_db()
        assert "is allowed" in stuck.error

    def test_is_raised_as_often_as_it_takes(self, hospital, stuck):
        for _ in range(3):
            drive(hospital.at)
            hospital.at += timedelta(seconds=60)

        assert stuck.attempts.count() == 4

    def test_is_raised_at_once_when_the_node_finds_it_too_cheap(self, hospital, stuck):
        # The node holds another transaction under this nonce, for which more was offered.
        first = stuck.attempts.get()
        hospital.anvil.ask("anvil_dropTransaction", first.hash)
        dear = Fees(max_fee=2 * int(first.max_fee_per_gas), priority=int(first.max_priority_fee_per_gas))
        raw, hash_ = sign(nonce=0, to=hospital.address, data=b"", gas_limit=30000, fees=dear)
        current_node().send(raw)

        for _ in range(8):
            drive(hospital.at - timedelta(seconds=30))

        newest = transactions.newest_attempt(Transaction.objects.get())
        assert newest.max_fee_per_gas > dear.max_fee
        assert current_node().transactions([newest.hash]) != [None]
        assert current_node().transactions([hash_]) == [None]


class TestReorganisation:
    def test_sends_again_what_lost_its_block(self, hospital_on_own_chain):
        hospital = hospital_on_own_chain
        row = harmless(hospital)
        drive(hospital.at)
        hospital.anvil.mine(1)
        settle(hospital.at)
        assert state_of(row) == "mined"
        lost = row.block_hash

        hospital.anvil.reorganise(2)
        settle(hospital.at)
        assert state_of(row) == "sent"
        assert row.block_hash is None

        drive(hospital.at)
        hospital.anvil.mine(3)
        drive(hospital.at)
        assert state_of(row) == "final"
        assert row.block_hash != lost
        assert row.attempts.count() == 1

    def test_even_after_it_was_final(self, hospital_on_own_chain):
        hospital = hospital_on_own_chain
        row = harmless(hospital)
        drive(hospital.at)
        hospital.anvil.mine(3)
        drive(hospital.at)
        assert state_of(row) == "final"

        hospital.anvil.reorganise(4)
        drive(hospital.at)
        assert state_of(row) == "sent"
        drive(hospital.at)
        hospital.anvil.mine(3)
        drive(hospital.at)
        assert state_of(row) == "final"

    def test_is_not_seen_in_a_node_that_is_only_behind(self, hospital, monkeypatch):
        row = harmless(hospital)
        drive(hospital.at)
        hospital.anvil.mine(1)
        settle(hospital.at)
        behind = row.nonce
        monkeypatch.setattr(Node, "block_number", lambda self: 1)
        monkeypatch.setattr(Node, "receipts", lambda self, hashes: [None] * len(hashes))
        monkeypatch.setattr(Node, "transaction_count", lambda self, *args: behind)

        settle(hospital.at)

        assert state_of(row) == "mined"

    def test_follows_a_transaction_into_another_block(self, hospital_on_own_chain):
        hospital = hospital_on_own_chain
        row = harmless(hospital)
        drive(hospital.at)
        settle(hospital.at)
        first = state_of(row), row.block_hash
        hospital.anvil.reorganise(1)
        current_node().send(bytes(row.attempts.get().raw))

        settle(hospital.at)

        assert (first[0], state_of(row)) == ("mined", "mined")
        assert row.block_hash not in (None, first[1])


class TestFailing:
    def test_gives_up_a_nonce_that_another_transaction_took(self, hospital):
        row = harmless(hospital)
        hospital.anvil.send_as(hospital.address, hospital.address, b"")

        settle(hospital.at)
        assert state_of(row) == "signed"
        hospital.anvil.mine(2)
        settle(hospital.at)

        assert state_of(row) == "dropped"
        assert harmless(hospital).nonce == 1

    def test_says_so_when_the_contract_refused_it_after_all(self, hospital):
        hospital.anvil.hold_blocks()
        first, second = extension(hospital), extension(hospital)
        send(hospital.at)
        hospital.anvil.make_blocks()
        hospital.anvil.mine(3)

        settle(hospital.at)

        assert state_of(first) == "final"
        assert state_of(second) == "reverted"
        assert "refused" in second.error


@pytest.mark.django_db(transaction=True)
class TestTwoWorkers:
    def test_never_own_the_nonces_together(self, hospital):
        entered, leave = Event(), Event()

        def other_worker():
            with owning_nonces():
                entered.set()
                leave.wait(10)
            connection.close()

        thread = Thread(target=other_worker)
        thread.start()
        entered.wait(10)
        with pytest.raises(Busy):
            drive(hospital.at)
        leave.set()
        thread.join()

    def test_sign_under_different_nonces(self, hospital):
        def worker():
            for _ in range(4):
                harmless(hospital)
            connection.close()

        threads = [Thread(target=worker) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(Transaction.objects.values_list("nonce", flat=True)) == list(range(12))


class TestTheDatabaseItself:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE chain_transaction SET nonce = 5",
            "UPDATE chain_transaction SET data = ''",
            "UPDATE chain_attempt SET raw = ''",
            "UPDATE chain_attempt SET max_fee_per_gas = 0",
            "DELETE FROM chain_attempt",
        ],
    )
    def test_keeps_what_was_signed(self, hospital, statement):
        hospital.anchor()

        with (
            pytest.raises(ProgrammingError, match="pgtrigger: Cannot"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE chain_transaction SET state = 'mined'",
            "UPDATE chain_transaction SET state = 'final'",
            "UPDATE chain_transaction SET block_number = 5",
            "UPDATE chain_transaction SET final_at = now()",
        ],
    )
    def test_refuses_a_state_without_its_block(self, hospital, statement):
        harmless(hospital)

        with (
            pytest.raises(IntegrityError),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    def test_refuses_a_nonce_twice(self, hospital):
        row = harmless(hospital)
        row.pk = None

        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)

    def test_knows_no_way_back_from_dropped(self, hospital):
        row = harmless(hospital)
        row.move("dropped")

        with pytest.raises(ValueError, match="cannot become sent"):
            row.move("sent")


class TestFees:
    def test_are_raised_by_an_eighth_and_never_by_nothing(self):
        assert Fees(max_fee=800, priority=0).raised() == Fees(max_fee=900, priority=1)
        assert Fees(max_fee=801, priority=1).raised() == Fees(max_fee=902, priority=2)

    def test_outlast_a_few_full_blocks(self, hospital):
        base = int(current_node().block("latest")["baseFeePerGas"], 16)

        offered = fees(current_node())

        assert offered.max_fee == 2 * base + offered.priority
