"""
The Merkle tree of RFC 9162 (and of RFC 6962 before it) over SHA-256.

Every function here is a plain calculation over bytes: nothing is stored, nothing is looked up. Roots and
proofs of a list held in memory are made here; `chain/tiles.py` makes the same ones for a log too large for
that. The ranges a proof is made of are worked out once, in `inclusion_ranges` and `consistency_ranges`, and
both use them.

Inputs of the two `verify_` functions come from strangers. They raise `ProofInvalid`, with words that name
what disagreed, and nothing else.
"""

from collections.abc import Sequence
from hashlib import sha256

HASH_SIZE = 32

# RFC 9162, 2.1.1: MTH({}) = HASH(). A log without leaves still has a root.
EMPTY_ROOT = sha256(b"").digest()

# Sizes are uint64 in the contract and in tree heads of RFC 9162 (4.10), so no tree is higher than this.
MAX_SIZE = 2**64 - 1

# An audit path has a hash a level (2.1.3); a consistency proof has at most one more (2.1.4).
MAX_PATH = 64
MAX_CONSISTENCY_PROOF = 65


class ProofInvalid(Exception):
    """A Merkle proof does not prove what it says. The message names what disagreed."""


def leaf_hash(entry: bytes) -> bytes:
    """
    Hash one entry of a log: `SHA-256(0x00 || entry)` (RFC 9162, 2.1.1).

    The first byte keeps leaves and nodes apart, without which a node could be passed off as a leaf.
    """
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees into the one above them: `SHA-256(0x01 || left || right)` (RFC 9162, 2.1.1)."""
    return sha256(b"\x01" + left + right).digest()


def root_of(leaf_hashes: Sequence[bytes]) -> bytes:
    """
    Return the Merkle Tree Hash of these leaf hashes, in their order (RFC 9162, 2.1.1).

    Level by level instead of by the definition's recursion, which gives the same tree: pairs are hashed
    from the left, and a last one without a partner rises unchanged.
    """
    if not leaf_hashes:
        return EMPTY_ROOT

    level = list(leaf_hashes)
    while len(level) > 1:
        odd = level[-1:] if len(level) % 2 else []
        level = [
            sha256(b"\x01" + left + right).digest()
            for left, right in zip(level[::2], level[1::2], strict=False)
        ]
        level += odd
    return level[0]


def largest_power_of_two_below(size: int) -> int:
    """Return the k of RFC 9162, 2.1.1, where a tree of `size` > 1 leaves is split: k < size <= 2k."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """
    Return the leaf ranges whose hashes are the audit path of leaf `index` (RFC 9162, 2.1.3.1), lowest first.

    :raises ValueError: if a tree of `size` leaves has no such leaf
    """
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} among {size}")

    ranges = []
    start, end = 0, size
    while end - start > 1:
        split = start + largest_power_of_two_below(end - start)
        if index < split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start = split
    return ranges[::-1]


def consistency_ranges(old_size: int, new_size: int) -> list[tuple[int, int]]:
    """
    Return the leaf ranges whose hashes prove that one tree extends the other (RFC 9162, 2.1.4.1).

    Nothing has to be shown when the old tree is empty, or is the new one: the list is empty then.

    :raises ValueError: if the new tree is the smaller one
    """
    if not 0 <= old_size <= new_size:
        raise ValueError(f"a tree of {new_size} leaves does not extend one of {old_size}")
    if old_size in (0, new_size):
        return []

    ranges = []
    start, end = 0, new_size
    # The flag `b` of the definition: whoever checks the proof has the old root already, so the subtree that
    # is the whole old tree is left out.
    old_root_known = True
    while end > old_size:
        split = start + largest_power_of_two_below(end - start)
        if old_size <= split:
            ranges.append((split, end))
            end = split
        else:
            ranges.append((start, split))
            start = split
            old_root_known = False
    if not old_root_known:
        ranges.append((start, end))
    return ranges[::-1]


def inclusion_path(index: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """
    Return the audit path of leaf `index` (RFC 9162, 2.1.3.1), from its neighbour up to the root's child.

    :raises ValueError: if there is no such leaf
    """
    return [root_of(leaf_hashes[start:end]) for start, end in inclusion_ranges(index, len(leaf_hashes))]


def inclusion_paths(leaf_hashes: Sequence[bytes]) -> list[list[bytes]]:
    """Return the audit path of every leaf, each level of the tree being hashed once for all of them."""
    paths: list[list[bytes]] = [[] for _ in leaf_hashes]
    level = list(leaf_hashes)
    height = 0
    while len(level) > 1:
        for index, path in enumerate(paths):
            neighbour = (index >> height) ^ 1
            if neighbour < len(level):
                path.append(level[neighbour])
        odd = level[-1:] if len(level) % 2 else []
        level = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=False)] + odd
        height += 1
    return paths


def consistency_proof(old_size: int, leaf_hashes: Sequence[bytes]) -> list[bytes]:
    """
    Return the proof that these leaves extend the tree of their first `old_size` (RFC 9162, 2.1.4.1).

    :raises ValueError: if there are fewer leaves than `old_size`
    """
    return [root_of(leaf_hashes[start:end]) for start, end in consistency_ranges(old_size, len(leaf_hashes))]


def verify_inclusion(*, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> None:
    """
    Check that the leaf hash `leaf` stands at `index` in the tree of `size` leaves under `root`.

    The steps are those of RFC 9162, 2.1.3.2.

    :raises ProofInvalid: if it does not, or if the path is longer or shorter than such a tree's
    """
    if root_from_inclusion(index=index, size=size, leaf=leaf, path=path) != root:
        raise ProofInvalid(f"leaf {index} is not in the tree of {size} leaves that has this root")


def root_from_inclusion(*, index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """
    Return the root that a tree of `size` leaves must have if `path` belongs to `leaf` (RFC 9162, 2.1.3.2).

    :raises ProofInvalid: if the path is longer or shorter than such a tree's
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise ProofInvalid(f"there is no leaf {index} in a tree of {size} leaves")
    _check_hashes([leaf, *path], limit=MAX_PATH + 1)

    fn, sn = index, size - 1
    root = leaf
    for neighbour in path:
        if sn == 0:
            raise ProofInvalid(f"the path of leaf {index} is too long for a tree of {size} leaves")
        if fn & 1 or fn == sn:
            root = node_hash(neighbour, root)
            # A last leaf without a partner has risen some levels unchanged: they are skipped here.
            while fn and not fn & 1:
                fn >>= 1
                sn >>= 1
        else:
            root = node_hash(root, neighbour)
        fn >>= 1
        sn >>= 1
    if sn != 0:
        raise ProofInvalid(f"the path of leaf {index} is too short for a tree of {size} leaves")
    return root


def verify_consistency(
    *, old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """
    Check that the tree under `new_root` begins with all leaves of the tree under `old_root`.

    The steps are those of RFC 9162, 2.1.4.2. A tree of no leaves is extended by every tree and every tree by
    itself: both need an empty proof, and the second one equal roots. (The contract refuses both; whoever
    only compares two heads meets them.)

    :raises ProofInvalid: if it does not, or if the proof is longer or shorter than it must be
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise ProofInvalid(f"a tree of {new_size} leaves does not extend one of {old_size}")
    _check_hashes([old_root, new_root, *proof], limit=MAX_CONSISTENCY_PROOF + 2)

    if old_size in (0, new_size):
        if proof:
            raise ProofInvalid(f"from {old_size} to {new_size} leaves the proof has to be empty")
        if old_size == new_size and old_root != new_root:
            raise ProofInvalid(f"two trees of {new_size} leaves have different roots")
        if old_size == 0 and old_root != EMPTY_ROOT:
            raise ProofInvalid("the old root is not that of an empty tree")
        return

    path = list(proof)
    if old_size & (old_size - 1) == 0:
        # A complete old tree is one subtree of the new one, and its hash is already known.
        path.insert(0, old_root)
    if not path:
        raise ProofInvalid(f"from {old_size} to {new_size} leaves a proof is needed, and none was given")

    fn, sn = old_size - 1, new_size - 1
    while fn & 1:
        fn >>= 1
        sn >>= 1
    old = new = path[0]
    for neighbour in path[1:]:
        if sn == 0:
            raise ProofInvalid(f"the proof is too long to lead from {old_size} to {new_size} leaves")
        if fn & 1 or fn == sn:
            old = node_hash(neighbour, old)
            new = node_hash(neighbour, new)
            while fn and not fn & 1:
                fn >>= 1
                sn >>= 1
        else:
            new = node_hash(new, neighbour)
        fn >>= 1
        sn >>= 1
    if sn != 0:
        raise ProofInvalid(f"the proof is too short to lead from {old_size} to {new_size} leaves")
    if old != old_root:
        raise ProofInvalid(f"the proof does not lead to the old root, of {old_size} leaves")
    if new != new_root:
        raise ProofInvalid(f"the proof does not lead to the new root, of {new_size} leaves")


def _check_hashes(hashes: Sequence[bytes], *, limit: int) -> None:
    if len(hashes) > limit:
        raise ProofInvalid(f"no tree needs a proof of more than {limit} hashes")
    for value in hashes:
        if len(value) != HASH_SIZE:
            raise ProofInvalid(f"a hash has {HASH_SIZE} bytes, and one here has {len(value)}")
