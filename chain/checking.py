"""
Checks the whole log against what it commits to, against itself, and against the chain.

Everything is computed again from the bottom: commitments from the things themselves, tiles and roots from the
leaves. When something differs, the row that does is named, and what only differs because of it is not: a leaf
that was found wrong enters the further computation by the hash that its tile remembers.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from chain import checking_chain
from chain.checkpoint import NoteInvalid, open_note, parse_checkpoint
from chain.findings import Finding, record_findings
from chain.log import read_tiles
from chain.merkle import HASH_SIZE, leaf_hash
from chain.models import Head, Leaf, Mismatch
from chain.proof import leaf_entry
from chain.sealing import signing_key
from chain.tiles import TILE_WIDTH, ReadTiles, TiledTree, TileId
from chain.topics import Recomputed, recompute_for

Kind = Mismatch.Kind

# Leaves looked at together: a few megabytes of records at once.
CHUNK = 2000

# Tiles compared together: half a megabyte.
TILES_AT_ONCE = 64


@dataclass
class Report:
    """What was looked at, and what did not hold."""

    leaves: int = 0
    waiting: int = 0
    erased: int = 0
    heads: int = 0
    anchored_heads: int = 0
    findings: list[Finding] = field(default_factory=list)
    # Why the chain could not be asked, if it could not.
    chain_unread: str = ""
    _named: set[tuple[Mismatch.Kind, str]] = field(default_factory=set)

    @property
    def is_clean(self) -> bool:
        return not self.findings

    def name_once(self, finding: Finding) -> None:
        """Add a finding unless its subject was named before."""
        key = (finding.kind, finding.subject)
        if key not in self._named:
            self._named.add(key)
            self.findings.append(finding)


class Row(NamedTuple):
    """What is read of a leaf."""

    pk: int
    place: int | None
    topic: str
    commitment: bytes


def check_log(at: datetime, *, with_chain: bool = True) -> Report:
    """
    Recompute every leaf, tile and head, compare with what is stored and what the chain holds, and note it.

    What is sealed while this runs is left for the next time.
    """
    report = Report()
    newest = Head.objects.newest()
    _check_waiting(report)
    if newest is not None:
        _check_tree(newest, report)
    if with_chain:
        checking_chain.check_chain(newest, report)
    unread = () if with_chain and not report.chain_unread else Mismatch.OF_THE_CHAIN
    record_findings(report.findings, at=at, kinds=[kind for kind in Kind if kind not in unread])
    return report


def _check_waiting(report: Report) -> None:
    """Leaves without a place yet are promises too."""
    rows = Leaf.objects.pending().order_by("id").values_list("id", "index", "topic", "commitment")
    for chunk in _chunks(rows.iterator(chunk_size=CHUNK)):
        report.waiting += len(chunk)
        recomputed = _recompute(chunk, report)
        for row in chunk:
            _check_leaf(row, recomputed.get(row.pk), None, report)


def _check_tree(newest: Head, report: Report) -> None:
    """Walk through the log from its first leaf, from head to head."""
    key = signing_key().public_key()
    hashes = _checked_hashes(newest.size, report)
    edges: dict[TileId, bytes] = {}
    unchecked: dict[TileId, bytes] = {}
    size = 0
    for head in Head.objects.filter(size__lte=newest.size).order_by("size").iterator():
        root = b""
        while size < head.size:
            tree = TiledTree(size, _reading(edges))
            take = min(head.size - size, CHUNK)
            changed = tree.append([next(hashes) for _ in range(take)])
            edges = _right_edge(edges | changed)
            size += take
            root = tree.root()
            # A head of one leaf changes a few tiles, which the next one changes again: their last state says
            # it all, and many heads share a query.
            unchecked |= changed
            if len(unchecked) > TILES_AT_ONCE:
                _check_tiles(unchecked, report)
                unchecked = {}
        _check_head(head, root, key, report)
        report.heads += 1
    _check_tiles(unchecked, report)

    beyond = Leaf.objects.filter(index__gte=newest.size, head__size__lte=newest.size)
    for pk, index in beyond.values_list("id", "index"):
        report.findings.append(
            Finding(Kind.LEAF, f"leaf {pk}", f"it has index {index}, which no head covers", leaf_id=pk)
        )


def _checked_hashes(size: int, report: Report) -> Iterator[bytes]:
    """Yield the hash of every leaf below `size` in order, having checked each; gaps are filled from tiles."""
    expected = 0
    rows = (
        Leaf.objects.filter(index__lt=size)
        .order_by("index")
        .values_list("id", "index", "topic", "commitment")
        .iterator(chunk_size=CHUNK)
    )
    for chunk in _chunks(rows):
        last = chunk[-1].place or 0
        stored = _stored_hashes(expected, last + 1)
        recomputed = _recompute(chunk, report)
        for row in chunk:
            index = row.place or 0
            if index > expected:
                yield from _gap(expected, index, stored, report)
            report.leaves += 1
            yield _check_leaf(row, recomputed.get(row.pk), stored.get(index), report)
            expected = index + 1
    if expected < size:
        yield from _gap(expected, size, _stored_hashes(expected, size), report)


def _gap(start: int, end: int, stored: Mapping[int, bytes], report: Report) -> Iterator[bytes]:
    which = f"leaf at index {start}" if end == start + 1 else f"leaves at index {start} to {end - 1}"
    report.findings.append(Finding(Kind.GAP, which, "gone from the database, though a head covers it"))
    for index in range(start, end):
        yield stored.get(index, bytes(HASH_SIZE))


def _check_leaf(row: Row, recomputed: Recomputed | None, stored: bytes | None, report: Report) -> bytes:
    """Compare a leaf with what it commits to, and return the hash that stands for it from here on."""
    own = leaf_hash(leaf_entry(row.commitment))
    cause = _cause(row, recomputed, own, stored)
    if not cause:
        if recomputed is not None and recomputed.is_erased:
            report.erased += 1
        return own
    label = recomputed.label if recomputed is not None and recomputed.label else row.topic
    place = "waiting" if row.place is None else f"index {row.place}"
    report.findings.append(Finding(Kind.LEAF, f"{label} (leaf {row.pk}, {place})", cause, leaf_id=row.pk))
    return own if stored is None else stored


def _cause(row: Row, recomputed: Recomputed | None, own: bytes, stored: bytes | None) -> str:
    if recomputed is None:
        return f"there is nothing left of the {row.topic} that this leaf commits to"
    if recomputed.is_erased or recompute_for(row.topic) is None:
        # Nothing can be said about its content; the row itself must still be the one that was sealed.
        return "" if stored in (None, own) else "the leaf itself was changed after it was sealed"
    if recomputed.commitment is None:
        return recomputed.cause or "its commitment cannot be computed"
    if recomputed.commitment == row.commitment:
        return ""
    if stored is not None and leaf_hash(leaf_entry(recomputed.commitment)) == stored:
        return "the leaf itself was changed after it was sealed; what it commits to was not"
    return recomputed.cause or "what it commits to was changed after it was written"


def _recompute(rows: Sequence[Row], report: Report) -> dict[int, Recomputed]:
    found: dict[int, Recomputed] = {}
    for topic, group in groupby(sorted(rows, key=lambda row: row.topic), key=lambda row: row.topic):
        pks = [row.pk for row in group]
        recompute = recompute_for(topic)
        if recompute is not None:
            found |= {each.leaf_id: each for each in recompute(pks)}
            continue
        found |= {pk: Recomputed(leaf_id=pk, commitment=None, label=topic) for pk in pks}
        report.name_once(
            Finding(Kind.LEAF, f"topic {topic}", "no app of this release can say what its leaves commit to")
        )
    return found


def _stored_hashes(start: int, end: int) -> dict[int, bytes]:
    """Read leaf hashes from the tiles, leaving out what is not there."""
    numbers = range(start // TILE_WIDTH, (end - 1) // TILE_WIDTH + 1)
    return {
        tile.number * TILE_WIDTH + position // HASH_SIZE: data[position : position + HASH_SIZE]
        for tile, data in read_tiles([TileId(0, number) for number in numbers]).items()
        for position in range(0, len(data), HASH_SIZE)
    }


def _check_tiles(computed: Mapping[TileId, bytes], report: Report) -> None:
    stored = read_tiles(computed)
    for tile, content in computed.items():
        found = stored.get(tile)
        subject = f"tile {tile.number} of level {tile.level}"
        if found is None:
            cause = "it is missing"
        elif found[: len(content)] != content:
            first = _first_difference(found, content)
            cause = f"it does not match the leaves, first at its hash {first}"
        else:
            continue
        # A tile that grows may be compared more than once.
        report.name_once(Finding(Kind.TILE, subject, cause))


def _first_difference(one: bytes, other: bytes) -> int:
    pairs = zip(one, other, strict=False)
    differing = (position for position, (left, right) in enumerate(pairs) if left != right)
    return next(differing, min(len(one), len(other))) // HASH_SIZE


def _reading(tiles: Mapping[TileId, bytes]) -> ReadTiles:
    return lambda wanted: {tile: tiles[tile] for tile in wanted if tile in tiles}


def _right_edge(tiles: Mapping[TileId, bytes]) -> dict[TileId, bytes]:
    """Keep the last tile of each level, which is all that a root and the next leaves need."""
    last: dict[int, TileId] = {}
    for tile in tiles:
        if tile.level not in last or last[tile.level].number < tile.number:
            last[tile.level] = tile
    return {tile: tiles[tile] for tile in last.values()}


def _check_head(head: Head, root: bytes, key: Ed25519PublicKey, report: Report) -> None:
    if bytes(head.root) != root:
        report.findings.append(Finding(Kind.HEAD, str(head), "its root is not that of its leaves"))
    try:
        name = head.checkpoint.split("\n", 1)[0]
        checkpoint = parse_checkpoint(open_note(head.checkpoint, name=name, key=key))
    except NoteInvalid as error:
        report.findings.append(Finding(Kind.CHECKPOINT, f"checkpoint of the {head}", str(error)))
        return
    if (checkpoint.size, checkpoint.root) != (head.size, root):
        report.findings.append(
            Finding(Kind.CHECKPOINT, f"checkpoint of the {head}", "it says something else than the leaves")
        )


def _chunks(rows: Iterable[tuple[Any, ...]]) -> Iterator[list[Row]]:
    chunk: list[Row] = []
    for pk, place, topic, commitment in rows:
        chunk.append(Row(pk, place, topic, bytes(commitment)))
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
