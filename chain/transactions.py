"""
Gets what we owe the chain into it: signed and stored first, then sent, followed until it is final.

Each step is a database transaction of its own and begins from the rows, never from memory. A worker may
therefore die between any two of them, or two may run at once: the next run sees what was committed, asks the
node how things stand, and goes on. What was sent is sent again as the same bytes, of which a node keeps one.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Max

from chain.client import (
    AlreadyKnown,
    InsufficientFunds,
    Node,
    NonceTooLow,
    Underpriced,
    current_node,
    time_of,
)
from chain.locks import only_one
from chain.models import Attempt, Transaction
from chain.signing import Fees, FeeTooHigh, fees, operator, sign

logger = structlog.get_logger(__name__)

State = Transaction.State

# Room above the estimate, as the state may have moved on when the transaction is mined.
GAS_NUMERATOR, GAS_DENOMINATOR = 6, 5


class GasAboveCap(Exception):
    """A call would take more gas than its caller allows. Nothing is signed."""

    def __init__(self, needed: int, cap: int) -> None:
        super().__init__(f"the call takes {needed} gas, and {cap} are allowed")
        self.needed = needed
        self.cap = cap


@contextmanager
def owning_nonces(*, wait: bool = False) -> Iterator[None]:
    """
    Open a database transaction as the one owner of the operator's nonces.

    :raises Busy: if another worker owns them, and we do not wait
    """
    with only_one(f"chain.nonces {settings.CHAIN_ID} {operator().address}", wait=wait):
        yield


def submit(
    *, purpose: str, to: str | None, data: bytes, at: datetime, gas_cap: int | None = None
) -> Transaction:
    """
    Sign a call and store it, to be sent by the workers.

    What the caller writes in the same database transaction is committed with it, or not at all. Nothing has
    been sent when this returns.

    :param gas_cap: what it may take at most; for calls whose size others decide
    :raises Reverted: if the contract would refuse it; nothing is signed then
    :raises GasAboveCap: if it would take more
    :raises FeeTooHigh: if the chain asks more than the settings allow
    :raises NodeUnavailable: if the node cannot be asked
    """
    node = current_node()
    with owning_nonces(wait=True):
        gas = node.estimate_gas(sender=operator().address, to=to, data=data)
        if gas_cap is not None and gas > gas_cap:
            raise GasAboveCap(gas, gas_cap)
        transaction = Transaction.objects.create(
            chain_id=settings.CHAIN_ID,
            sender=operator().address,
            nonce=_next_nonce(node),
            to=to,
            data=data,
            gas_limit=-(-gas * GAS_NUMERATOR // GAS_DENOMINATOR),
            purpose=purpose,
            created_at=at,
        )
        _attempt(transaction, fees(node), at=at)
    logger.info("transaction.signed", purpose=purpose, nonce=transaction.nonce)
    return transaction


def drive(at: datetime) -> None:
    """
    Take every transaction one step further that can go: send, replace, see it mined, see it final.

    :raises Busy: if another worker is at it
    :raises NodeUnavailable: if the node does not answer; whatever was reached stays
    """
    settle(at)
    replace_stuck(at)
    send(at)


def settle(at: datetime) -> None:
    """See what became of the transactions that were sent."""
    node = current_node()
    with owning_nonces():
        tip = node.block_number()
        # Asked before the receipts: a nonce that was used up by now has its receipt by then.
        used = node.transaction_count(operator().address)
        for transaction in _of_operator().filter(state__in=[State.FINAL, State.REVERTED], nonce__gte=used):
            _reopen_if_lost(transaction, node, tip)

        transactions = list(_of_operator().open().in_order().prefetch_related("attempts"))
        receipts = _receipts(node, transactions)
        blocks = _blocks(node, [receipt for receipt in receipts.values() if receipt])
        for transaction in transactions:
            receipt = receipts[transaction.pk]
            if receipt is None:
                _without_receipt(transaction, node, tip=tip, used=used)
                continue
            block = blocks.get(int(receipt["blockNumber"], 16))
            # The chain changed between two questions. The next run asks again.
            if block is not None and block["hash"] == receipt["blockHash"]:
                _with_receipt(transaction, receipt, block, tip=tip, at=at)


def send(at: datetime) -> None:
    """Send what the node does not have: new signatures, and those that it, or another node, forgot."""
    node = current_node()
    with owning_nonces():
        waiting = _of_operator().filter(state__in=[State.SIGNED, State.SENT]).in_order()
        attempts = [newest_attempt(transaction) for transaction in waiting.prefetch_related("attempts")]
        known = node.transactions([attempt.hash for attempt in attempts])
        for attempt, on_node in zip(attempts, known, strict=True):
            if on_node is None or attempt.sent_at is None:
                try:
                    _send(attempt, node, at=at)
                except InsufficientFunds as error:
                    # Those behind it could not be mined before it.
                    logger.error("transaction.unpaid", sender=operator().address, error=str(error))
                    _note(attempt.transaction, f"{operator().address} has not enough for the gas: {error}")
                    return


def replace_stuck(at: datetime) -> None:
    """Sign the oldest transaction again at a higher fee, if no block took it in time."""
    node = current_node()
    with owning_nonces():
        # The others wait behind its nonce, whatever they offer.
        oldest = _of_operator().filter(state=State.SENT).in_order().first()
        if oldest is None:
            return
        last = newest_attempt(oldest)
        if last.sent_at is None or last.sent_at > at - timedelta(seconds=settings.CHAIN_STUCK_SECONDS):
            return
        try:
            _replace(last, node, at=at)
        except FeeTooHigh as error:
            _note(oldest, str(error))


def reopen_after(block_number: int) -> int:
    """
    Put every transaction back to sent whose block is above this one. For when those blocks are gone.

    The next run asks the node anew: one that stands in another block now is mined again at once.
    """
    reopened = 0
    with owning_nonces(wait=True):
        for transaction in _of_operator().filter(
            state__in=Transaction.IN_A_BLOCK, block_number__gt=block_number
        ):
            transaction.leave_block()
            reopened += 1
    return reopened


def newest_attempt(transaction: Transaction) -> Attempt:
    """Return the attempt that is in force: the last one signed."""
    return max(transaction.attempts.all(), key=lambda attempt: attempt.pk)


def _of_operator() -> Any:
    return Transaction.objects.filter(chain_id=settings.CHAIN_ID, sender=operator().address)


def _next_nonce(node: Node) -> int:
    """
    Return the first nonce that is free.

    The node is asked too: the database may have been restored from before the key's last transactions.
    """
    last = _of_operator().exclude(state=State.DROPPED).aggregate(last=Max("nonce"))["last"]
    on_node = node.transaction_count(operator().address, "pending")
    return on_node if last is None else max(last + 1, on_node)


def _attempt(
    transaction: Transaction, offered: Fees, *, at: datetime, replaces: Attempt | None = None
) -> Attempt:
    raw, hash_ = sign(
        nonce=transaction.nonce,
        to=transaction.to,
        data=bytes(transaction.data),
        gas_limit=transaction.gas_limit,
        fees=offered,
    )
    return Attempt.objects.create(
        transaction=transaction,
        replaces=replaces,
        raw=raw,
        hash=hash_,
        max_fee_per_gas=offered.max_fee,
        max_priority_fee_per_gas=offered.priority,
        created_at=at,
    )


def _replace(last: Attempt, node: Node, *, at: datetime) -> Attempt:
    offered = Fees(max_fee=int(last.max_fee_per_gas), priority=int(last.max_priority_fee_per_gas))
    raised = offered.raised().at_least(fees(node))
    if raised.max_fee > settings.CHAIN_MAX_FEE_PER_GAS:
        raise FeeTooHigh(raised.max_fee)
    logger.warning("transaction.replaced", nonce=last.transaction.nonce, fee=raised.max_fee)
    return _attempt(last.transaction, raised, at=at, replaces=last)


def _send(attempt: Attempt, node: Node, *, at: datetime) -> None:
    transaction = attempt.transaction
    try:
        node.send(bytes(attempt.raw))
    except AlreadyKnown:
        pass
    except NonceTooLow:
        # A block took this attempt, or an earlier one of the same transaction: its receipt will say.
        return
    except Underpriced:
        try:
            attempt = _replace(attempt, node, at=at)
            node.send(bytes(attempt.raw))
        except (Underpriced, FeeTooHigh) as error:
            # Stored all the same; the next run raises it once more.
            _note(transaction, str(error))
            return

    attempt.sent_at = at
    attempt.save(update_fields=["sent_at"])
    if transaction.state == State.SIGNED:
        transaction.move(State.SENT, sent_at=at, error="")
    logger.info("transaction.sent", purpose=transaction.purpose, nonce=transaction.nonce, hash=attempt.hash)


def _receipts(node: Node, transactions: Sequence[Transaction]) -> dict[int, dict[str, Any] | None]:
    """Find each transaction's receipt, whichever of its attempts a block took."""
    attempts = [attempt for transaction in transactions for attempt in transaction.attempts.all()]
    found: dict[int, dict[str, Any] | None] = {transaction.pk: None for transaction in transactions}
    for attempt, receipt in zip(attempts, node.receipts([each.hash for each in attempts]), strict=True):
        if receipt is not None:
            found[attempt.transaction_id] = receipt
    return found


def _blocks(node: Node, receipts: Sequence[dict[str, Any]]) -> dict[int, dict[str, Any]]:
    numbers = sorted({int(receipt["blockNumber"], 16) for receipt in receipts})
    return {number: block for number, block in zip(numbers, node.blocks(numbers), strict=True) if block}


def _with_receipt(
    transaction: Transaction, receipt: dict[str, Any], block: dict[str, Any], *, tip: int, at: datetime
) -> None:
    if transaction.state == State.MINED and transaction.block_hash != receipt["blockHash"]:
        transaction.leave_block()
    if transaction.state != State.MINED:
        transaction.move(
            State.MINED,
            hash=receipt["transactionHash"],
            block_number=int(receipt["blockNumber"], 16),
            block_hash=receipt["blockHash"],
            block_at=time_of(block),
            gas_used=int(receipt["gasUsed"], 16),
            gas_price=int(receipt.get("effectiveGasPrice", "0x0"), 16),
            contract_address=receipt.get("contractAddress"),
            sent_at=transaction.sent_at or at,
            error="",
        )
        logger.info("transaction.mined", purpose=transaction.purpose, block=transaction.block_number)

    block_number = transaction.block_number
    if block_number is None or tip - block_number < settings.CHAIN_CONFIRMATIONS:
        return
    if int(receipt["status"], 16) == 1:
        transaction.move(State.FINAL, final_at=at)
        logger.info("transaction.final", purpose=transaction.purpose, gas_used=transaction.gas_used)
    else:
        transaction.move(State.REVERTED, error="the contract refused it when it was mined")
        transaction.heads.update(transaction=None)
        logger.error("transaction.reverted", purpose=transaction.purpose, hash=transaction.hash)


def _without_receipt(transaction: Transaction, node: Node, *, tip: int, used: int) -> None:
    if transaction.state == State.MINED:
        # A node that is behind has no receipt either, but cannot have another block at that height.
        _reopen_if_lost(transaction, node, tip)
        return
    if transaction.nonce >= used:
        return
    # Something else was mined under this nonce. Believed only once that is final itself.
    depth = max(tip - settings.CHAIN_CONFIRMATIONS, 0)
    if node.transaction_count(transaction.sender, hex(depth)) > transaction.nonce:
        transaction.move(State.DROPPED, error="another transaction of this key took its nonce")
        transaction.heads.update(transaction=None)
        logger.error("transaction.dropped", purpose=transaction.purpose, nonce=transaction.nonce)


def _reopen_if_lost(transaction: Transaction, node: Node, tip: int) -> None:
    if transaction.block_number is None or tip < transaction.block_number:
        return
    block = node.block(transaction.block_number)
    if block is not None and block["hash"] != transaction.block_hash:
        logger.warning("transaction.reopened", purpose=transaction.purpose, block=transaction.block_number)
        transaction.leave_block()


def _note(transaction: Transaction, error: str) -> None:
    transaction.error = error
    transaction.save(update_fields=["error"])
