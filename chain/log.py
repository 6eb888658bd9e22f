"""The door to the log: whoever has something to commit to adds a leaf here, and reads proofs from here."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from django.db import connection

from chain.anchoring import Anchoring
from chain.models import Head, Leaf, Tile
from chain.tiles import TiledTree, TileId


class NotInTransaction(Exception):
    """A leaf was to be added outside the database transaction of the thing it commits to."""


class NotAnchored(Exception):
    """A leaf is not covered by any head that is final on the chain."""


def append_leaf(*, topic: str, commitment: bytes, at: datetime) -> Leaf:
    """
    Add a leaf to the log, as part of the caller's transaction: both happen, or neither.

    It is sealed into a head and anchored afterwards, by the workers.

    :raises NotInTransaction: if the caller has not opened a transaction
    """
    return append_leaves(topic=topic, commitments=[commitment], at=at)[0]


def append_leaves(*, topic: str, commitments: Iterable[bytes], at: datetime) -> list[Leaf]:
    """
    Add many leaves at once, in their order.

    :raises NotInTransaction: if the caller has not opened a transaction
    """
    if not connection.in_atomic_block:
        raise NotInTransaction(f"a leaf of {topic} belongs in the transaction of what it commits to")
    values = list(commitments)
    # One array instead of five parameters a row: a bulk import adds leaves by the thousand.
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO chain_leaf (topic, commitment, created_at)"
            " SELECT %s, item.commitment, %s FROM unnest(%s::bytea[]) WITH ORDINALITY AS item(commitment, n)"
            " ORDER BY item.n RETURNING commitment, id",
            [topic, at, values],
        )
        pks = {bytes(commitment): pk for commitment, pk in cursor.fetchall()}
    return [
        Leaf.from_db(
            connection.alias,
            ["id", "topic", "commitment", "index", "head_id", "created_at"],
            [pks[value], topic, value, None, None, at],
        )
        for value in values
    ]


def anchoring_of(leaf: Leaf) -> Anchoring:
    """Say where a leaf stands between the database and the chain."""
    return leaf.anchoring


def covering_head(leaf: Leaf) -> Head:
    """
    Return the head by which this leaf is proven on the chain.

    That is not always the head that sealed it: of several heads sent together the contract keeps the last.

    :raises NotAnchored: if there is none yet that is final
    """
    head: Head | None = None
    if leaf.head_id is not None:
        head = (
            Head.objects.final()
            .filter(transaction__heads=leaf.head_id)
            .select_related("transaction")
            .order_by("-size")
            .first()
        )
    if head is None:
        raise NotAnchored(f"{leaf} is not in a head that is final on the chain")
    return head


def inclusion_path(leaf: Leaf, head: Head) -> list[bytes]:
    """Return the hashes that prove that the tree under `head` holds this leaf."""
    if leaf.index is None:
        raise NotAnchored(f"{leaf} waits to be sealed")
    return stored_tree(head.size).inclusion_path(leaf.index)


def stored_tree(size: int) -> TiledTree:
    """Return the tree of the first `size` leaves, read from the stored tiles as they are needed."""
    return TiledTree(size, read_tiles)


def read_tiles(tiles: Collection[TileId]) -> Mapping[TileId, bytes]:
    """Fetch tiles, in one query a level."""
    found: dict[TileId, bytes] = {}
    for level in {tile.level for tile in tiles}:
        numbers = [tile.number for tile in tiles if tile.level == level]
        rows = Tile.objects.filter(level=level, index__in=numbers).values_list("index", "data")
        found |= {TileId(level, number): bytes(data) for number, data in rows}
    return found
