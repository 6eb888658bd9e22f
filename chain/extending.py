"""
Carries the log's newest head to the contract, with the proof that it extends the last one there.

One extension is under way at a time, and it always leads from what the contract holds, not from what we
believe it holds. Heads sealed meanwhile wait, and the next extension carries them all: the contract needs
only the newest, which covers every leaf before it.
"""

from datetime import datetime

from django.conf import settings

from chain.client import Node, NodeUnavailable, current_node
from chain.deployment import RECORD_LOG, Contracts, contracts, institution_number
from chain.log import stored_tree
from chain.models import Head, Transaction
from chain.transactions import drive, owning_nonces, send, submit

PURPOSE = "log.extend"


MINED = [Transaction.State.MINED, Transaction.State.FINAL]


class NodeBehind(NodeUnavailable):
    """The node has not yet seen blocks that we have. A proof made on its word would be refused."""


class HistoryDiffers(Exception):
    """The contract holds a head that our log does not extend. Nothing may be sent; somebody has to look."""


def carry(at: datetime) -> None:
    """
    Take what is under way a step further, and set out with the newest head if it can go.

    What is under way comes first: it must not wait for a new head that cannot be sent, and it frees the heads
    of what was refused or lost.

    :raises HistoryDiffers, Reverted, Busy: as `extend` does
    """
    drive(at)
    if extend(at) is not None:
        send(at)


def extend(at: datetime) -> Transaction | None:
    """
    Sign and store a transaction for the newest head, unless it has one, or another is under way.

    :raises HistoryDiffers: if the chain's head is not a head of our log
    :raises Reverted: if the contract would refuse it
    :raises Busy: if another worker is at it
    """
    newest = Head.objects.newest()
    if newest is None or newest.transaction_id is not None:
        return None

    node = current_node()
    where = contracts()
    with owning_nonces():
        extensions = Transaction.objects.filter(
            purpose=PURPOSE, chain_id=settings.CHAIN_ID, to=where.record_log
        )
        # One that is mined is in the contract's head already. Should its block vanish, it is sent again
        # under its own nonce, before the next.
        if extensions.filter(state__in=[Transaction.State.SIGNED, Transaction.State.SENT]).exists():
            return None

        # Read again under the lock: another worker may just have given it its transaction.
        newest = Head.objects.newest()
        if newest is None or newest.transaction_id is not None:
            return None
        size, root = head_on_chain(node, where)
        mined = Head.objects.filter(transaction__in=extensions.filter(state__in=MINED)).newest()
        if mined is not None and size < mined.size:
            raise NodeBehind(f"the node shows a head of {size} leaves, and {mined.size} were mined")
        check_history(newest, size, root)
        if size == newest.size:
            # Known to the chain already, by a transaction we lost. The follower will find it.
            return None

        tree = stored_tree(newest.size)
        proof = tree.consistency_proof(size) if size else []
        transaction = submit(
            purpose=PURPOSE,
            to=where.record_log,
            data=RECORD_LOG.calldata("extend", newest.size, bytes(newest.root), proof),
            at=at,
        )
        Head.objects.unsent().filter(size__lte=newest.size).update(transaction=transaction)
    return transaction


def head_on_chain(node: Node, where: Contracts) -> tuple[int, bytes]:
    """Return the last head that the contract holds for this hospital: size 0 if none."""
    size, root = node.call(RECORD_LOG, where.record_log, "head", institution_number(node, where))
    return int(size), bytes(root)


def check_history(newest: Head | None, size: int, root: bytes) -> None:
    """
    Make sure that the head on the chain is one that our log passed through.

    :raises HistoryDiffers: if it is not
    """
    known = newest.size if newest else 0
    if size > known:
        raise HistoryDiffers(
            f"the chain has a head of {size} leaves, and the log here only {known}: "
            "the database lost some, or another installation uses the operator's key"
        )
    if size and stored_tree(known).root(size) != root:
        raise HistoryDiffers(f"the chain's head of {size} leaves has another root than the log here")
