"""
Sealing: the leaves that wait get their places in the tree, and the tree a new head.

All of it is one database transaction, so there is never a head without its tiles, nor a leaf with an index
that no head covers. Nothing here speaks to the chain.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db import connection

from chain.checkpoint import Checkpoint, sign_note
from chain.locks import only_one
from chain.log import stored_tree
from chain.merkle import leaf_hash
from chain.models import Head, Leaf, Tile
from chain.proof import leaf_entry
from chain.tiles import TileId

logger = structlog.get_logger(__name__)

LOCK = "chain.sealing"

# What one head takes at most: a second or two of work, and memory that does not matter.
MAX_LEAVES = 100_000


class SealingFailed(Exception):
    """The leaves changed under the sealer's hands. Nothing was written."""


def should_seal(at: datetime) -> bool:
    """Say whether enough leaves wait, or one has waited long enough."""
    waiting = Leaf.objects.pending().order_by("id")
    oldest = waiting.first()
    if oldest is None:
        return False
    if oldest.created_at <= at - timedelta(seconds=settings.LOG_SEAL_SECONDS):
        return True
    # Only asks whether that many are there; counting them all would read them all.
    return waiting[settings.LOG_SEAL_SIZE - 1 : settings.LOG_SEAL_SIZE].exists()


def seal(at: datetime) -> Head | None:
    """
    Seal the leaves that wait under a new head, or do nothing if none waits.

    A leaf whose transaction commits while this runs is not seen, and waits for the next head, even if its
    primary key is lower than others sealed here: order among leaves begins with their index.

    :raises Busy: if another worker is sealing
    """
    with only_one(LOCK):
        waiting = list(
            Leaf.objects.pending()
            # No one but the sealer changes a leaf. Should a row be locked by hand, it waits a while longer.
            .select_for_update(skip_locked=True)
            .order_by("id")
            .values_list("id", "commitment")[:MAX_LEAVES]
        )
        if not waiting:
            return None

        newest = Head.objects.newest()
        tree = stored_tree(newest.size if newest else 0)
        start = tree.size
        changed = tree.append([leaf_hash(leaf_entry(bytes(commitment))) for _, commitment in waiting])
        root = tree.root()
        head = Head.objects.create(
            size=tree.size, root=root, checkpoint=_signed_checkpoint(tree.size, root), created_at=at
        )
        _store_tiles(changed)
        _place([pk for pk, _ in waiting], start, head)

    logger.info("log.sealed", size=head.size, leaves=len(waiting))
    return head


def signing_key() -> Ed25519PrivateKey:
    """Return the key that signs checkpoints."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(settings.LOG_SIGNING_KEY.removeprefix("0x")))


def _signed_checkpoint(size: int, root: bytes) -> str:
    text = Checkpoint(origin=settings.LOG_ORIGIN, size=size, root=root).text()
    return sign_note(text, name=settings.LOG_ORIGIN, key=signing_key())


def _store_tiles(changed: dict[TileId, bytes]) -> None:
    Tile.objects.bulk_create(
        [Tile(level=tile.level, index=tile.number, data=data) for tile, data in changed.items()],
        batch_size=1000,
        update_conflicts=True,
        unique_fields=["level", "index"],
        update_fields=["data"],
    )


def _place(pks: Sequence[int], start: int, head: Head) -> None:
    """Give each leaf its index, in one statement: a hundred thousand of them are sealed in a breath."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE chain_leaf SET index = %s + place.n - 1, head_id = %s"
            " FROM unnest(%s::bigint[]) WITH ORDINALITY AS place(id, n)"
            " WHERE chain_leaf.id = place.id AND chain_leaf.index IS NULL",
            [start, head.pk, list(pks)],
        )
        if cursor.rowcount != len(pks):
            raise SealingFailed(f"{len(pks)} leaves waited, {cursor.rowcount} could be placed")
