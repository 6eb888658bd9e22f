from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chain.merkle import EMPTY_ROOT, consistency_proof, inclusion_path, leaf_hash, root_of, verify_inclusion
from chain.tiles import (
    TiledTree,
    TileId,
    TileMissing,
    entries_in,
    entries_path,
    entry_bundle,
    parse_path,
    tile_path,
    width_at,
)


def leaves_up_to(size):
    return [sha256(index.to_bytes(8, "big")).digest() for index in range(size)]


class Shelf:
    """Tiles in a dictionary, counting how often and how many of them are read."""

    def __init__(self):
        self.tiles = {}
        self.reads = []

    def read(self, wanted):
        self.reads.append(set(wanted))
        return {tile: self.tiles[tile] for tile in wanted if tile in self.tiles}

    def tree(self, size):
        return TiledTree(size, self.read)

    def grow(self, leaves, *, to, by):
        """Append the leaves in batches, as sealing does, starting from what is stored each time."""
        size = 0
        while size < to:
            batch = leaves[size : min(size + by, to)]
            self.tiles.update(self.tree(size).append(batch))
            size += len(batch)
        return self.tree(size)


@pytest.fixture(scope="module")
def leaves():
    return leaves_up_to(70_000)


@pytest.fixture(scope="module")
def million():
    """A log of a million leaves; its leaf hashes are cheap, as only their places matter here."""
    shelf = Shelf()
    leaves = leaves_up_to(1_000_000)
    shelf.tiles.update(shelf.tree(0).append(leaves))
    return shelf, leaves


class TestTiledTree:
    def test_of_seventy_thousand_leaves_has_the_tiles_that_the_specification_counts(self, leaves):
        shelf = Shelf()
        shelf.grow(leaves, to=70_000, by=70_000)
        widths = {tile: len(content) // 32 for tile, content in shelf.tiles.items()}

        assert [widths[TileId(0, index)] for index in range(274)] == [256] * 273 + [112]
        assert [widths[TileId(1, index)] for index in range(2)] == [256, 17]
        assert widths[TileId(2, 0)] == 1
        assert len(widths) == 274 + 2 + 1

    def test_holds_at_each_level_the_roots_of_the_full_tiles_below(self, leaves):
        shelf = Shelf()
        shelf.grow(leaves, to=70_000, by=1000)

        assert shelf.tiles[TileId(0, 1)] == b"".join(leaves[256:512])
        assert shelf.tiles[TileId(1, 0)][32:64] == root_of(leaves[256:512])
        assert shelf.tiles[TileId(2, 0)] == root_of(leaves[: 256 * 256])

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.integers(1, 700), min_size=1, max_size=6), st.data())
    def test_has_the_roots_and_proofs_of_the_plain_tree_however_it_grew(self, batches, data):
        leaves = leaves_up_to(sum(batches))
        shelf = Shelf()
        size = 0
        for batch in batches:
            tree = shelf.tree(size)
            shelf.tiles.update(tree.append(leaves[size : size + batch]))
            size += batch
            assert tree.root() == root_of(leaves[:size])

        new = data.draw(st.integers(1, size))
        old = data.draw(st.integers(0, new))
        index = data.draw(st.integers(0, new - 1))
        tree = shelf.tree(size)
        assert tree.root(new) == root_of(leaves[:new])
        assert tree.inclusion_path(index, new) == inclusion_path(index, leaves[:new])
        assert tree.consistency_proof(old, new) == consistency_proof(old, leaves[:new])

    @pytest.mark.parametrize("size", [255, 256, 257, 511, 512, 65_535, 65_536, 65_537])
    def test_is_right_beside_the_edges_of_its_tiles(self, leaves, size):
        shelf = Shelf()
        tree = shelf.grow(leaves, to=size, by=4096)

        assert tree.root() == root_of(leaves[:size])
        assert tree.consistency_proof(size - 1) == consistency_proof(size - 1, leaves[:size])
        assert tree.inclusion_path(size - 1) == inclusion_path(size - 1, leaves[:size])

    def test_leaves_older_trees_provable_while_it_grows(self, leaves):
        shelf = Shelf()
        shelf.grow(leaves, to=1_000, by=300)
        # The tree of 300 is asked for its root while its last tile already holds leaves of later ones.
        assert shelf.tree(300).root() == root_of(leaves[:300])

    def test_answers_from_what_it_appended_before_that_is_stored(self, leaves):
        shelf = Shelf()
        tree = shelf.tree(0)
        tree.append(leaves[:600])

        assert tree.root() == root_of(leaves[:600])
        assert shelf.reads == []

    def test_without_leaves_has_the_root_of_nothing(self):
        assert Shelf().tree(0).root() == EMPTY_ROOT

    def test_changes_nothing_when_nothing_is_appended(self):
        assert Shelf().tree(0).append([]) == {}

    def test_names_the_tile_that_is_missing(self, leaves):
        shelf = Shelf()
        shelf.grow(leaves, to=1_000, by=1_000)
        del shelf.tiles[TileId(0, 3)]

        with pytest.raises(
            TileMissing, match="tile 3 of level 0 must hold 232 hashes, and holds 0"
        ) as caught:
            shelf.tree(1_000).root()
        assert caught.value.tile == TileId(0, 3)
        with pytest.raises(TileMissing, match="tile 3 of level 0"):
            shelf.tree(1_000).append(leaves[:1])

    def test_names_the_tile_that_was_cut(self, leaves):
        shelf = Shelf()
        shelf.grow(leaves, to=1_000, by=1_000)
        shelf.tiles[TileId(0, 3)] = shelf.tiles[TileId(0, 3)][:-32]

        with pytest.raises(TileMissing, match="must hold 232 hashes, and holds 231"):
            shelf.tree(1_000).root()

    @pytest.mark.parametrize("ask", [lambda t: t.root(11), lambda t: t.inclusion_path(0, 11)])
    def test_refuses_to_speak_for_leaves_it_does_not_have(self, leaves, ask):
        shelf = Shelf()
        tree = shelf.grow(leaves, to=10, by=10)
        with pytest.raises(ValueError, match="this tree has 10 leaves"):
            ask(tree)

    def test_refuses_a_leaf_hash_of_the_wrong_length(self):
        with pytest.raises(ValueError, match="32 bytes"):
            Shelf().tree(0).append([b"short"])

    def test_returns_the_leaf_hashes_of_a_range(self, leaves):
        shelf = Shelf()
        tree = shelf.grow(leaves, to=1_000, by=1_000)
        assert tree.leaf_hashes(250, 600) == leaves[250:600]


class TestTiledTreeOfAMillionLeaves:
    def test_takes_a_thousand_more_by_changing_a_handful_of_tiles(self, million):
        shelf, leaves = million
        shelf.reads.clear()
        tree = shelf.tree(1_000_000)
        more = leaves_up_to(1_001_000)[1_000_000:]
        changed = tree.append(more)

        assert len(shelf.reads) == 1
        assert len(shelf.reads[0]) <= 3
        assert len(changed) <= 8
        assert tree.root() == root_of(leaves + more)

    @pytest.mark.parametrize("index", [0, 499_999, 999_999])
    def test_proves_a_leaf_with_one_read_of_few_tiles(self, million, index):
        shelf, leaves = million
        shelf.reads.clear()
        tree = shelf.tree(1_000_000)
        path = tree.inclusion_path(index)

        assert len(shelf.reads) == 1
        assert len(shelf.reads[0]) <= 6
        assert len(path) <= 20
        verify_inclusion(index=index, size=1_000_000, leaf=leaves[index], path=path, root=tree.root())

    @pytest.mark.parametrize("old", [1, 1_000, 524_288, 999_999])
    def test_proves_its_history_with_one_read_of_few_tiles(self, million, old):
        shelf, leaves = million
        shelf.reads.clear()
        proof = shelf.tree(1_000_000).consistency_proof(old)

        assert len(shelf.reads) == 1
        assert len(shelf.reads[0]) <= 6
        assert proof == consistency_proof(old, leaves)


class TestPaths:
    @pytest.mark.parametrize(
        ("tile", "width", "path"),
        [
            (TileId(0, 0), 256, "tile/0/000"),
            (TileId(0, 1_234_067), 256, "tile/0/x001/x234/067"),
            (TileId(0, 273), 112, "tile/0/273.p/112"),
            (TileId(1, 1), 17, "tile/1/001.p/17"),
            (TileId(2, 1_000), 1, "tile/2/x001/000.p/1"),
        ],
    )
    def test_are_those_of_the_specification(self, tile, width, path):
        assert tile_path(tile, width) == path
        assert parse_path(path) == (tile, tile.number, width)

    def test_of_bundles_stand_beside_those_of_tiles(self):
        assert entries_path(1_234_067) == "tile/entries/x001/x234/067"
        assert parse_path("tile/entries/x001/x234/067.p/3") == (None, 1_234_067, 3)

    @given(st.integers(0, 7), st.integers(0, 2**56), st.integers(1, 256))
    def test_read_back_as_they_were_written(self, level, index, width):
        assert parse_path(tile_path(TileId(level, index), width)) == (TileId(level, index), index, width)

    @pytest.mark.parametrize(
        "path",
        [
            "tile/0/0",
            "tile/00/000",
            "tile/0/x000/000",
            "tile/0/001/000",
            "tile/0/000.p/256",
            "tile/0/000.p/0",
            "tile/0/000.p/07",
            "tile/0/000/",
            "tile/0/../000",
            "tile/0/٠٠٠",
            "tile/data/000",
            "checkpoint",
        ],
    )
    def test_that_the_specification_does_not_know_are_refused(self, path):
        with pytest.raises(ValueError, match=r"not the path of a tile|holds 1 to 256"):
            parse_path(path)

    @pytest.mark.parametrize(
        ("tile", "width"),
        [
            (TileId(0, 272), 256),
            (TileId(0, 273), 112),
            (TileId(0, 274), 0),
            (TileId(1, 1), 17),
            (TileId(2, 0), 1),
            (TileId(3, 0), 0),
        ],
    )
    def test_know_the_width_of_a_tile_in_a_log_of_seventy_thousand(self, tile, width):
        assert width_at(tile, 70_000) == width


class TestEntryBundle:
    def test_puts_its_length_before_each_entry(self):
        assert entry_bundle([b"", b"abc"]) == b"\x00\x00" + b"\x00\x03abc"

    @given(st.lists(st.binary(max_size=300), min_size=1, max_size=20))
    def test_reads_back_as_it_was_written(self, entries):
        assert entries_in(entry_bundle(entries)) == entries

    def test_hashes_entry_by_entry_to_its_tile(self):
        entries = [b"\x01" + bytes([index]) * 32 for index in range(5)]
        tree = Shelf().tree(0)
        tile = tree.append([leaf_hash(entry) for entry in entries])[TileId(0, 0)]

        assert b"".join(leaf_hash(entry) for entry in entries_in(entry_bundle(entries))) == tile

    @pytest.mark.parametrize("bundle", [b"\x00", b"\x00\x03ab", b"\x00\x00" * 257])
    def test_is_refused_when_it_is_cut_or_too_long(self, bundle):
        with pytest.raises(ValueError, match="not a bundle"):
            entries_in(bundle)

    @pytest.mark.parametrize("entries", [[], [b""] * 257, [b"x" * 65_536]])
    def test_is_not_made_of_more_than_it_may_hold(self, entries):
        with pytest.raises(ValueError, match=r"a bundle holds|an entry has"):
            entry_bundle(entries)
