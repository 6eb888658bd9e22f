"""How the log and the chain are doing, for /readyz and for the staff's first page."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from chain.client import Node, NodeError
from chain.models import Cursor, Head, Leaf, Mismatch, Transaction

# Seconds.
PATIENCE = 2


@dataclass(frozen=True, kw_only=True)
class LogStatus:
    """What waits, how far the log is, and how far behind it the chain is."""

    waiting_leaves: int
    oldest_waiting_seconds: int | None
    size: int
    anchored_size: int
    open_transactions: int
    # Why the oldest open transaction is not moving, if the sender knows.
    trouble: str
    open_mismatches: int
    followed_block: int | None
    node_block: int | None
    node_error: str

    @property
    def behind(self) -> int:
        """How many sealed leaves are not final on the chain yet."""
        return self.size - self.anchored_size

    @property
    def follower_lag(self) -> int | None:
        """How many blocks the follower could read now and has not."""
        if self.node_block is None:
            return None
        readable = max(self.node_block - settings.CHAIN_CONFIRMATIONS, 0)
        return readable if self.followed_block is None else max(readable - self.followed_block, 0)

    @property
    def is_node_reachable(self) -> bool:
        return not self.node_error

    def as_dict(self) -> dict[str, Any]:
        derived = {"behind": self.behind, "follower_lag": self.follower_lag}
        return asdict(self) | derived | {"is_node_reachable": self.is_node_reachable}


def log_status(at: datetime | None = None) -> LogStatus:
    """Say how things stand, in a handful of queries and one question to the node."""
    at = at or timezone.now()
    waiting = Leaf.objects.pending()
    oldest = waiting.order_by("id").first()
    newest = Head.objects.newest()
    anchored = Head.objects.final().newest()
    transactions = Transaction.objects.open().filter(chain_id=settings.CHAIN_ID).in_order()
    cursor = Cursor.objects.filter(tip__isnull=False).first()
    node_block, node_error = _ask_node()
    return LogStatus(
        waiting_leaves=waiting.count(),
        oldest_waiting_seconds=int((at - oldest.created_at).total_seconds()) if oldest else None,
        size=newest.size if newest else 0,
        anchored_size=anchored.size if anchored else 0,
        open_transactions=transactions.count(),
        trouble=next((each.error for each in transactions if each.error), ""),
        open_mismatches=Mismatch.objects.open().count(),
        followed_block=cursor.block_number if cursor else None,
        node_block=node_block,
        node_error=node_error,
    )


def _ask_node() -> tuple[int | None, str]:
    # A connection of its own: whoever asks how we are will not wait as long as a worker does.
    node = Node(settings.CHAIN_RPC_URL, chain_id=settings.CHAIN_ID, timeout=PATIENCE)
    try:
        return node.block_number(), ""
    except NodeError as error:
        return None, str(error)
    finally:
        node.close()
