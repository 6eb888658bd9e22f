"""
A log's Merkle tree kept as tiles, in the layout of C2SP tlog-tiles (https://c2sp.org/tlog-tiles).

A tile is up to 256 hashes of the same height, side by side: at level 0 they are leaf hashes, at level 1 each
is the root of a full tile of level 0, and so on. A log of a million leaves has tiles on three levels, so a
root or a proof needs a handful of them, and a thousand new leaves change half a dozen.

A tile that is not full yet is stored under the same name and grows. Its bytes only ever gain hashes at the
end, so whoever asks for an older, narrower state of it gets the front part.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from chain.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    MAX_SIZE,
    consistency_ranges,
    inclusion_ranges,
    node_hash,
    root_of,
)

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

# 64-bit sizes divided by 8 levels a tile; the layout would allow 63.
MAX_LEVEL = 7

# Entries in a bundle carry a uint16 length.
MAX_ENTRY = 2**16 - 1


class TileId(NamedTuple):
    """Where a tile stands: its level, and its number from the left within the level."""

    level: int
    number: int


class TileMissing(Exception):
    """A tile that the tree must have is not stored, or lacks hashes it must have."""

    def __init__(self, tile: TileId, wanted: int, found: int) -> None:
        super().__init__(
            f"tile {tile.number} of level {tile.level} must hold {wanted} hashes, and holds {found}"
        )
        self.tile = tile


# Given the tiles wanted, returns those it has: one query, whatever the number.
ReadTiles = Callable[[Collection[TileId]], Mapping[TileId, bytes]]


class TiledTree:
    """
    The tree of the first `size` leaves of a log, over tiles that `read` fetches.

    Each method asks `read` at most once, for all the tiles that it will need and has not seen yet. Nothing
    is written: `append` returns the tiles to store, and remembers them, so that the root and the proofs of
    the longer tree can be had before they are stored.

    :param size: number of leaves; the tiles stored may hold more already, which are left alone
    """

    def __init__(self, size: int, read: ReadTiles) -> None:
        self.size = size
        self._read = read
        self._known: dict[TileId, bytes] = {}

    def append(self, leaf_hashes: Sequence[bytes]) -> dict[TileId, bytes]:
        """
        Add leaves behind the last one, and return every tile that is new or has grown, with all it holds.

        :raises TileMissing: if the tiles that grow are not stored as this tree left them
        """
        if any(len(value) != HASH_SIZE for value in leaf_hashes):
            raise ValueError(f"a leaf hash has {HASH_SIZE} bytes")
        if self.size + len(leaf_hashes) > MAX_SIZE:
            raise ValueError("the log is full")
        if not leaf_hashes:
            return {}

        growing = [
            TileId(level, self._count(level) // TILE_WIDTH)
            for level in range(MAX_LEVEL + 1)
            if self._count(level) % TILE_WIDTH
        ]
        self._fetch(growing)

        changed: dict[TileId, bytes] = {}
        new = list(leaf_hashes)
        for level in range(MAX_LEVEL + 1):
            tiles = list(self._grown(level, new))
            changed.update(tiles)
            # Only a full tile is hashed into the level above; a partial one there would change later.
            new = [root_of(_hashes_in(content)) for _, content in tiles if _width(content) == TILE_WIDTH]
            if not new:
                break

        self._known.update(changed)
        self.size += len(leaf_hashes)
        return changed

    def root(self, size: int | None = None) -> bytes:
        """
        Return the root of the tree's first `size` leaves, or of all of them.

        :raises TileMissing: if a tile that it needs is not stored
        """
        size = self.size if size is None else size
        self._check_size(size)
        if size == 0:
            return EMPTY_ROOT
        return self._hashes_of([(0, size)])[0]

    def inclusion_path(self, index: int, size: int | None = None) -> list[bytes]:
        """
        Return the audit path of leaf `index` in the tree of the first `size` leaves (RFC 9162, 2.1.3.1).

        :raises ValueError: if there is no such leaf
        :raises TileMissing: if a tile that it needs is not stored
        """
        size = self.size if size is None else size
        self._check_size(size)
        return self._hashes_of(inclusion_ranges(index, size))

    def consistency_proof(self, old_size: int, new_size: int | None = None) -> list[bytes]:
        """
        Return the proof that the first `new_size` leaves begin with the first `old_size` (RFC 9162, 2.1.4.1).

        :raises ValueError: if the new size is the smaller one
        :raises TileMissing: if a tile that it needs is not stored
        """
        new_size = self.size if new_size is None else new_size
        self._check_size(new_size)
        return self._hashes_of(consistency_ranges(old_size, new_size))

    def leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """
        Return the leaf hashes from `start` up to but not including `end`.

        :raises TileMissing: if a tile that it needs is not stored
        """
        self._check_size(end)
        if not 0 <= start <= end:
            raise ValueError(f"there is no range from {start} to {end}")
        nodes = [_Node(0, index) for index in range(start, end)]
        self._fetch({node.tile for node in nodes})
        return [self._hash_of(node) for node in nodes]

    def _count(self, level: int) -> int:
        """Return how many hashes this level has in the whole tree."""
        return self.size >> (TILE_HEIGHT * level)

    def _grown(self, level: int, new: list[bytes]) -> Iterator[tuple[TileId, bytes]]:
        count = self._count(level)
        position = 0
        while position < len(new):
            tile = TileId(level, (count + position) // TILE_WIDTH)
            offset = (count + position) % TILE_WIDTH
            room = TILE_WIDTH - offset
            content = self._content(tile, offset) if offset else b""
            yield tile, content + b"".join(new[position : position + room])
            position += room

    def _hashes_of(self, ranges: Iterable[tuple[int, int]]) -> list[bytes]:
        parts = [list(_complete_subtrees(start, end)) for start, end in ranges]
        self._fetch({node.tile for nodes in parts for node in nodes})
        return [self._joined(nodes) for nodes in parts]

    def _joined(self, nodes: list["_Node"]) -> bytes:
        """Hash complete subtrees of falling height into one: the smaller ones at the right come first."""
        *higher, lowest = nodes
        joined = self._hash_of(lowest)
        for node in reversed(higher):
            joined = node_hash(self._hash_of(node), joined)
        return joined

    def _hash_of(self, node: "_Node") -> bytes:
        content = self._content(node.tile, node.offset + node.width)
        return root_of(_hashes_in(content[node.offset * HASH_SIZE :]))

    def _content(self, tile: TileId, width: int) -> bytes:
        content = self._known.get(tile, b"")
        if _width(content) < width:
            raise TileMissing(tile, width, _width(content))
        return content[: width * HASH_SIZE]

    def _fetch(self, tiles: Iterable[TileId]) -> None:
        unknown = {tile for tile in tiles if tile not in self._known}
        if unknown:
            self._known.update(self._read(unknown))

    def _check_size(self, size: int) -> None:
        if not 0 <= size <= self.size:
            raise ValueError(f"this tree has {self.size} leaves, not {size}")


class _Node(NamedTuple):
    """A complete subtree: 2**height leaves, and its number among those of that height from the left."""

    height: int
    number: int

    @property
    def width(self) -> int:
        """How many hashes of its tile it spans."""
        return 1 << (self.height % TILE_HEIGHT)

    @property
    def tile(self) -> TileId:
        return TileId(self.height // TILE_HEIGHT, self.number * self.width // TILE_WIDTH)

    @property
    def offset(self) -> int:
        return self.number * self.width % TILE_WIDTH


def _complete_subtrees(start: int, end: int) -> Iterator[_Node]:
    """
    Split a range of leaves into complete subtrees, from the left and each as large as it can be.

    The ranges of RFC 9162 begin at a multiple of the largest power of two they could hold, so heights fall
    from left to right, and hashing them together from the right gives the range's own root.
    """
    while start < end:
        height = (end - start).bit_length() - 1
        yield _Node(height, start >> height)
        start += 1 << height


def _width(content: bytes) -> int:
    return len(content) // HASH_SIZE


def _hashes_in(content: bytes) -> list[bytes]:
    return [content[at : at + HASH_SIZE] for at in range(0, len(content), HASH_SIZE)]


def width_at(tile: TileId, size: int) -> int:
    """Return how many hashes this tile holds in a log of `size` leaves: 0 if it does not exist yet."""
    hashes = size >> (TILE_HEIGHT * tile.level)
    return max(0, min(TILE_WIDTH, hashes - tile.number * TILE_WIDTH))


def tile_path(tile: TileId, width: int = TILE_WIDTH) -> str:
    """Return where a tile is published, below the log's prefix: `tile/<L>/<N>[.p/<W>]`."""
    return f"tile/{tile.level}/{_number_path(tile.number)}{_width_suffix(width)}"


def entries_path(number: int, width: int = TILE_WIDTH) -> str:
    """Return where a bundle of entries is published, below the log's prefix: `tile/entries/<N>[.p/<W>]`."""
    return f"tile/entries/{_number_path(number)}{_width_suffix(width)}"


def parse_path(path: str) -> tuple[TileId | None, int, int]:
    """
    Read what `tile_path` and `entries_path` write, and nothing that they would not.

    :returns: the tile (None for a bundle of entries), the number within the level, and the width
    :raises ValueError: if the path names no tile
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise ValueError("not the path of a tile")
    number = int(match["number"].replace("/", "").replace("x", ""))
    width = int(match["width"] or TILE_WIDTH)
    if match["level"] == "entries":
        found: TileId | None = None
        canonical = entries_path(number, width)
    else:
        found = TileId(int(match["level"]), number)
        canonical = tile_path(found, width)
    if canonical != path:
        raise ValueError("not the path of a tile")
    return found, number, width


# Seven groups of digits hold every index of a 64-bit log.
_PATH = re.compile(
    r"tile/(?P<level>entries|[0-9]{1,2})/(?P<number>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[0-9]{1,3}))?"
)


def _number_path(number: int) -> str:
    digits = f"{number:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def _width_suffix(width: int) -> str:
    if not 1 <= width <= TILE_WIDTH:
        raise ValueError(f"a tile holds 1 to {TILE_WIDTH} hashes, not {width}")
    return "" if width == TILE_WIDTH else f".p/{width}"


def entry_bundle(entries: Sequence[bytes]) -> bytes:
    """Put up to 256 entries into one bundle, each behind its length as a big-endian uint16."""
    if not 1 <= len(entries) <= TILE_WIDTH:
        raise ValueError(f"a bundle holds 1 to {TILE_WIDTH} entries, not {len(entries)}")
    if any(len(entry) > MAX_ENTRY for entry in entries):
        raise ValueError(f"an entry has at most {MAX_ENTRY} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def entries_in(bundle: bytes) -> list[bytes]:
    """
    Take a bundle apart again.

    :raises ValueError: if it ends inside an entry, or holds more than a bundle may
    """
    entries: list[bytes] = []
    at = 0
    while at < len(bundle):
        length = int.from_bytes(bundle[at : at + 2], "big")
        entry = bundle[at + 2 : at + 2 + length]
        if at + 2 + length > len(bundle) or len(entries) == TILE_WIDTH:
            raise ValueError("this is not a bundle of entries")
        entries.append(entry)
        at += 2 + length
    return entries
