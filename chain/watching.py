"""
Watches the heads that the contract announces in our name.

Each must be one that we sealed. One that is not means that the database lost part of the log, or that
somebody else holds the operator's key; either way a person has to know. One that is ours, and came by a
transaction of which we know nothing (restored from before it was signed), is taken in.
"""

from datetime import datetime

import structlog
from django.conf import settings
from eth_utils import to_checksum_address

from chain.abi import NotOurContract
from chain.client import current_node
from chain.deployment import NotAMember, contracts, institution_number
from chain.extending import PURPOSE
from chain.findings import Finding, heal, note
from chain.models import Attempt, Event, Head, Mismatch, Transaction
from chain.transactions import owning_nonces

logger = structlog.get_logger(__name__)


def head_announced(event: Event, at: datetime) -> None:
    """Compare a head on the chain with our own."""
    if not is_ours(event):
        return
    size = event.arguments["size"]
    cause = foreign_head(event)
    if cause:
        note(Finding(Mismatch.Kind.CHAIN, subject_of(event), cause), at=at)
        logger.error("log.foreign_head", size=size)
        return

    uncovered = Head.objects.unsent().filter(size__lte=size)
    if uncovered.exists():
        # The sender gives heads their transactions too.
        with owning_nonces(wait=True):
            uncovered.update(transaction=_transaction_behind(event, at))


def head_withdrawn(event: Event, at: datetime) -> None:
    """Forget a complaint whose head has left the chain. The follower reopens transactions by itself."""
    if is_ours(event):
        heal(Finding(Mismatch.Kind.CHAIN, subject_of(event), ""), at=at)


def foreign_head(event: Event) -> str:
    """Say why a head that the contract announced in our name is none of ours; nothing if it is."""
    head = Head.objects.filter(size=event.arguments["size"]).first()
    told = f"the chain announced it in block {event.block.number}"
    if head is None:
        return f"{told}, and no such head was sealed here"
    if "0x" + bytes(head.root).hex() != event.arguments["root"]:
        return f"{told}, and the head sealed here has another root"
    return ""


def subject_of(event: Event) -> str:
    return f"head of {event.arguments['size']} leaves on the chain"


def is_ours(event: Event) -> bool:
    """Say whether what a contract announced bears the number of this hospital."""
    try:
        return bool(event.arguments["institution"] == institution_number(current_node(), contracts()))
    except NotAMember:
        return False
    except NotOurContract:
        # The whole chain was lost, and what it said is being taken back.
        return True


def _transaction_behind(event: Event, at: datetime) -> Transaction:
    attempt = Attempt.objects.filter(hash=event.transaction_hash).select_related("transaction").first()
    if attempt is not None:
        return attempt.transaction
    known = Transaction.objects.filter(hash=event.transaction_hash).first()
    if known is not None:
        return known

    found = current_node().ask("eth_getTransactionByHash", event.transaction_hash)
    logger.warning("transaction.found", hash=event.transaction_hash)
    return Transaction.objects.create(
        chain_id=settings.CHAIN_ID,
        sender=to_checksum_address(found["from"]),
        nonce=int(found["nonce"], 16),
        to=to_checksum_address(found["to"]),
        data=bytes.fromhex(found["input"][2:]),
        gas_limit=int(found["gas"], 16),
        purpose=PURPOSE,
        # The follower reads only what is deep enough.
        state=Transaction.State.FINAL,
        created_at=at,
        hash=event.transaction_hash,
        block_number=event.block.number,
        block_hash=event.block.hash,
        block_at=event.block.at,
        final_at=at,
    )
