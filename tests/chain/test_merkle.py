from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain import merkle
from chain.merkle import (
    EMPTY_ROOT,
    ProofInvalid,
    consistency_proof,
    inclusion_path,
    inclusion_paths,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)
from tests.chain import merkle_by_definition as definition

# The eight entries that every implementation of RFC 6962 is tried on (they come with Certificate
# Transparency's own), and the roots of their first one to eight, known for over a decade.
ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]

entries_lists = st.lists(st.binary(max_size=8), min_size=1, max_size=70)


def letters(word):
    """Leaf hashes of the letters of a word, so that a tree can be drawn in a comment."""
    return [leaf_hash(letter.encode()) for letter in word]


class TestHashes:
    def test_of_a_leaf_begin_with_a_zero_byte(self):
        assert leaf_hash(b"L123456") == sha256(b"\x00L123456").digest()
        assert (
            leaf_hash(b"L123456").hex() == "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
        )

    def test_of_a_node_begin_with_a_one_byte(self):
        assert node_hash(b"N123", b"N456").hex() == (
            "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
        )


class TestRoot:
    def test_of_nothing_is_the_hash_of_nothing(self):
        assert root_of([]) == EMPTY_ROOT == sha256(b"").digest()

    @pytest.mark.parametrize("size", range(1, 9))
    def test_is_the_one_known_for_the_entries_of_certificate_transparency(self, size):
        assert root_of(LEAVES[:size]).hex() == ROOTS[size - 1]

    def test_of_five_leaves_is_the_one_drawn_by_hand(self):
        #        root
        #       /    \
        #     ab·cd   e
        #     /   \
        #   ab     cd
        a, b, c, d, e = letters("abcde")
        assert root_of([a, b, c, d, e]) == node_hash(node_hash(node_hash(a, b), node_hash(c, d)), e)

    @given(entries_lists)
    def test_is_the_one_of_the_definition(self, entries):
        assert root_of([leaf_hash(entry) for entry in entries]) == definition.mth(entries)

    @given(entries_lists, st.data())
    def test_changes_with_any_leaf(self, entries, data):
        index = data.draw(st.integers(0, len(entries) - 1))
        other = [*entries]
        other[index] += b"!"
        assert root_of([leaf_hash(e) for e in entries]) != root_of([leaf_hash(e) for e in other])


class TestInclusion:
    def test_of_the_seven_leaves_in_the_rfc_has_the_paths_it_prints(self):
        # RFC 9162, 2.1.5: d0 is proven by [b, h, l], d3 by [c, g, l], d4 by [f, j, k], d6 by [i, k].
        d = letters("0123456")
        a, b, c, dd, e, f, j = d
        g, h, i = node_hash(a, b), node_hash(c, dd), node_hash(e, f)
        k, m = node_hash(g, h), node_hash(i, j)

        assert inclusion_path(0, d) == [b, h, m]
        assert inclusion_path(3, d) == [c, g, m]
        assert inclusion_path(4, d) == [f, j, k]
        assert inclusion_path(6, d) == [i, k]

    @given(entries_lists, st.data())
    def test_paths_are_those_of_the_definition_and_hold(self, entries, data):
        leaves = [leaf_hash(entry) for entry in entries]
        index = data.draw(st.integers(0, len(entries) - 1))
        path = inclusion_path(index, leaves)

        assert path == definition.path(index, entries)
        assert path == inclusion_paths(leaves)[index]
        verify_inclusion(
            index=index, size=len(leaves), leaf=leaves[index], path=path, root=definition.mth(entries)
        )

    @given(entries_lists, st.data())
    def test_is_refused_when_anything_in_it_is_altered(self, entries, data):
        leaves = [leaf_hash(entry) for entry in entries]
        size = len(leaves)
        index = data.draw(st.integers(0, size - 1))
        good = {
            "index": index,
            "size": size,
            "leaf": leaves[index],
            "path": inclusion_path(index, leaves),
            "root": root_of(leaves),
        }
        other = {**good, **data.draw(damages(good))}

        with pytest.raises(ProofInvalid):
            verify_inclusion(**other)

    def test_says_what_is_wrong_with_the_length_of_a_path(self):
        path = inclusion_path(2, LEAVES)
        with pytest.raises(ProofInvalid, match="too short"):
            verify_inclusion(index=2, size=8, leaf=LEAVES[2], path=path[:-1], root=root_of(LEAVES))
        with pytest.raises(ProofInvalid, match="too long"):
            verify_inclusion(index=2, size=8, leaf=LEAVES[2], path=[*path, path[0]], root=root_of(LEAVES))

    @pytest.mark.parametrize("index", [-1, 8, 2**64])
    def test_refuses_an_index_outside_the_tree(self, index):
        with pytest.raises(ProofInvalid, match="no leaf"):
            verify_inclusion(index=index, size=8, leaf=LEAVES[0], path=[], root=root_of(LEAVES))
        with pytest.raises(ValueError, match="no leaf"):
            inclusion_path(index, LEAVES)

    def test_refuses_a_path_longer_than_any_before_it_hashes_it(self):
        with pytest.raises(ProofInvalid, match="more than"):
            verify_inclusion(index=0, size=8, leaf=LEAVES[0], path=[LEAVES[0]] * 66, root=LEAVES[0])

    def test_refuses_a_hash_of_the_wrong_length(self):
        with pytest.raises(ProofInvalid, match="32 bytes"):
            verify_inclusion(index=0, size=2, leaf=LEAVES[0], path=[b"short"], root=LEAVES[0])

    def test_does_not_take_a_node_for_a_leaf(self):
        # The attack that the two first bytes are there for: a tree of two leaves, of which the "entry" is
        # the two hashes below the root.
        forged = leaf_hash(LEAVES[0] + LEAVES[1])
        with pytest.raises(ProofInvalid):
            verify_inclusion(index=0, size=1, leaf=forged, path=[], root=root_of(LEAVES[:2]))


class TestConsistency:
    def test_of_the_seven_leaves_in_the_rfc_has_the_proofs_it_prints(self):
        # RFC 9162, 2.1.5: from 3 leaves [c, d, g, l], from 4 [l], from 6 [i, j, k].
        leaves = letters("0123456")
        a, b, c, d, e, f, j = leaves
        g, h, i = node_hash(a, b), node_hash(c, d), node_hash(e, f)
        k, m = node_hash(g, h), node_hash(i, j)

        assert consistency_proof(3, leaves) == [c, d, g, m]
        assert consistency_proof(4, leaves) == [m]
        assert consistency_proof(6, leaves) == [i, j, k]

    @given(entries_lists, st.data())
    def test_proofs_are_those_of_the_definition_and_hold(self, entries, data):
        leaves = [leaf_hash(entry) for entry in entries]
        old = data.draw(st.integers(1, len(entries)))
        proof = consistency_proof(old, leaves)

        assert proof == definition.proof(old, entries)
        verify_consistency(
            old_size=old,
            old_root=definition.mth(entries[:old]),
            new_size=len(entries),
            new_root=definition.mth(entries),
            proof=proof,
        )

    @given(entries_lists, st.data())
    def test_is_refused_when_anything_in_it_is_altered(self, entries, data):
        leaves = [leaf_hash(entry) for entry in [*entries, b"one more"]]
        old = data.draw(st.integers(1, len(leaves) - 1))
        good = {
            "old_size": old,
            "old_root": root_of(leaves[:old]),
            "new_size": len(leaves),
            "new_root": root_of(leaves),
            "proof": consistency_proof(old, leaves),
        }
        other = {**good, **data.draw(damages(good))}

        with pytest.raises(ProofInvalid):
            verify_consistency(**other)

    @given(entries_lists, st.data())
    def test_cannot_be_made_for_a_rewritten_history(self, entries, data):
        index = data.draw(st.integers(0, len(entries) - 1))
        leaves = [leaf_hash(entry) for entry in [*entries, b"one more"]]
        rewritten = [*leaves]
        rewritten[index] = leaf_hash(entries[index] + b"!")

        with pytest.raises(ProofInvalid):
            verify_consistency(
                old_size=len(entries),
                old_root=root_of(leaves[:-1]),
                new_size=len(leaves),
                new_root=root_of(rewritten),
                proof=consistency_proof(len(entries), rewritten),
            )

    def test_of_a_tree_with_itself_is_empty_and_asks_for_equal_roots(self):
        root = root_of(LEAVES)
        verify_consistency(old_size=8, old_root=root, new_size=8, new_root=root, proof=[])
        with pytest.raises(ProofInvalid, match="different roots"):
            verify_consistency(old_size=8, old_root=root, new_size=8, new_root=LEAVES[0], proof=[])

    def test_from_nothing_is_empty(self):
        assert consistency_proof(0, LEAVES) == []
        verify_consistency(old_size=0, old_root=EMPTY_ROOT, new_size=8, new_root=root_of(LEAVES), proof=[])
        with pytest.raises(ProofInvalid, match="empty tree"):
            verify_consistency(old_size=0, old_root=LEAVES[0], new_size=8, new_root=root_of(LEAVES), proof=[])

    def test_never_shrinks(self):
        with pytest.raises(ProofInvalid, match="does not extend"):
            verify_consistency(old_size=8, old_root=LEAVES[0], new_size=7, new_root=LEAVES[0], proof=[])
        with pytest.raises(ValueError, match="does not extend"):
            consistency_proof(9, LEAVES)

    def test_asks_for_a_proof_where_one_is_needed(self):
        with pytest.raises(ProofInvalid, match="none was given"):
            verify_consistency(old_size=7, old_root=LEAVES[0], new_size=8, new_root=LEAVES[0], proof=[])

    def test_refuses_sizes_that_no_contract_could_hold(self):
        with pytest.raises(ProofInvalid, match="does not extend"):
            verify_consistency(old_size=8, old_root=LEAVES[0], new_size=2**64, new_root=LEAVES[0], proof=[])


class TestSplit:
    @pytest.mark.parametrize(
        ("size", "split"), [(2, 1), (3, 2), (4, 2), (5, 4), (8, 4), (9, 8), (2**63, 2**62)]
    )
    def test_is_the_largest_power_of_two_below(self, size, split):
        assert merkle.largest_power_of_two_below(size) == split


@st.composite
def damages(draw, good):
    """One thing altered in a good proof: a hash, a flipped bit, a hash too many or too few."""
    hashes_key = "path" if "path" in good else "proof"
    roots = [key for key in good if key == "leaf" or key.endswith("root")]
    choices = [*roots, "longer"]
    if good[hashes_key]:
        choices += ["hash", "shorter"]
    kind = draw(st.sampled_from(choices))
    if kind in roots:
        return {kind: flipped(good[kind], draw(st.integers(0, 255)))}
    if kind == "longer":
        at = draw(st.integers(0, len(good[hashes_key])))
        longer = [*good[hashes_key]]
        longer.insert(at, draw(st.binary(min_size=32, max_size=32)))
        return {hashes_key: longer}
    at = draw(st.integers(0, len(good[hashes_key]) - 1))
    other = [*good[hashes_key]]
    if kind == "shorter":
        del other[at]
    else:
        other[at] = flipped(other[at], draw(st.integers(0, 255)))
    return {hashes_key: other}


def flipped(value, bit):
    return (int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(len(value), "big")
