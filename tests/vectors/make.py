"""
Writes the proofs that Python, Solidity and JavaScript are all tried on: `python -m tests.vectors.make`.

Trees and proofs come from the slow twin, `tests/chain/merkle_by_definition.py`, not from the code under
test; only the million leaves for the price of a head do not, for the twin would need a quarter of an hour.
The files are committed, and a test makes them anew and compares.
"""

import json
from hashlib import sha256
from pathlib import Path

from chain.merkle import consistency_proof, root_of
from tests.chain.merkle_by_definition import mth, path, proof

HERE = Path(__file__).parent

ENTRIES = [b"", b"\x00", b"\x10", b" !", b"01", b"@ABC", b"PQRSTUVW", b"`abcdefghijklmno"]
ENTRIES += [b"\x01" + sha256(b"entry %d" % number).digest() for number in range(8, 40)]

CONSISTENT = [
    (1, 2),
    (1, 8),
    (2, 3),
    (3, 7),
    (4, 7),
    (6, 7),
    (6, 8),
    (7, 8),
    (8, 9),
    (13, 40),
    (31, 33),
    (32, 40),
]
INCLUDED = [(0, 1), (0, 2), (0, 7), (3, 7), (4, 7), (6, 7), (5, 8), (8, 9), (0, 40), (38, 40), (39, 40)]


def hexed(value):
    return "0x" + value.hex()


def flipped(value, bit=0):
    return (int.from_bytes(value, "big") ^ (1 << bit)).to_bytes(32, "big")


def consistency():
    """Good proofs, each with what a forger or a bad disk would make of it, and the error it must end in."""
    cases = []

    def case(name, old, new, hashes, *, old_root=None, new_root=None, refusal=""):
        cases.append(
            {
                "name": name,
                "oldSize": old,
                "oldRoot": hexed(old_root or mth(ENTRIES[:old])),
                "newSize": new,
                "newRoot": hexed(new_root or mth(ENTRIES[:new])),
                "proof": [hexed(value) for value in hashes],
                "refusal": refusal,
            }
        )

    for old, new in CONSISTENT:
        way = f"{old} to {new}"
        good = proof(old, ENTRIES[:new])
        is_complete = old & (old - 1) == 0
        case(f"{way}: good", old, new, good)
        case(f"{way}: nothing", old, new, [], refusal="WrongProofLength")
        case(f"{way}: one hash short", old, new, good[:-1], refusal="WrongProofLength")
        case(f"{way}: one hash long", old, new, [*good, good[-1]], refusal="WrongProofLength")
        case(
            f"{way}: old root as a first hash",
            old,
            new,
            [mth(ENTRIES[:old]), *good],
            refusal="WrongProofLength",
        )
        case(f"{way}: sixty-six hashes", old, new, good[:1] * 66, refusal="WrongProofLength")
        case(
            f"{way}: another old root",
            old,
            new,
            good,
            old_root=flipped(mth(ENTRIES[:old])),
            refusal="RootNotProven" if is_complete else "HistoryRewritten",
        )
        case(
            f"{way}: another new root",
            old,
            new,
            good,
            new_root=flipped(mth(ENTRIES[:new])),
            refusal="RootNotProven",
        )
        for at in (0, len(good) - 1):
            other = [*good]
            other[at] = flipped(other[at], bit=255 if at else 0)
            try_old = is_complete or not _touches_old_root(old, new, at)
            case(
                f"{way}: one bit of hash {at}",
                old,
                new,
                other,
                refusal="RootNotProven" if try_old else "HistoryRewritten",
            )
        rewritten = [ENTRIES[0] + b"!", *ENTRIES[1:new]]
        case(
            f"{way}: first entry rewritten",
            old,
            new,
            proof(old, rewritten),
            new_root=mth(rewritten),
            refusal="RootNotProven" if is_complete else "HistoryRewritten",
        )
        case(f"{way}: the wrong way round", new, old, good, refusal="NotLonger")
        case(f"{way}: not a leaf more", new, new, good, refusal="NotLonger")
    return {"count": len(cases), "cases": cases}


def _touches_old_root(old, new, at):
    """Whether the old root is computed from this hash, found by trying rather than by theory."""
    marked = proof(old, ENTRIES[:new])[at]
    old_hashes = {mth(ENTRIES[start:end]) for start in range(old) for end in range(start + 1, old + 1)}
    return marked in old_hashes


def inclusion():
    """Good paths and damaged ones; Solidity has no use for these."""
    cases = []

    def case(name, index, size, hashes, *, leaf=None, root=None, is_valid=False):
        cases.append(
            {
                "name": name,
                "index": index,
                "size": size,
                "leaf": hexed(leaf or mth([ENTRIES[index]])),
                "root": hexed(root or mth(ENTRIES[:size])),
                "path": [hexed(value) for value in hashes],
                "isValid": is_valid,
            }
        )

    for index, size in INCLUDED:
        what = f"{index} of {size}"
        good = path(index, ENTRIES[:size])
        case(f"{what}: good", index, size, good, is_valid=True)
        case(f"{what}: another leaf", index, size, good, leaf=flipped(mth([ENTRIES[index]])))
        case(f"{what}: another root", index, size, good, root=flipped(mth(ENTRIES[:size])))
        case(f"{what}: one hash long", index, size, [*good, mth(ENTRIES)])
        case(f"{what}: sixty-six hashes", index, size, [mth(ENTRIES)] * 66)
        case(f"{what}: behind the last leaf", size, size, good, leaf=mth([ENTRIES[index]]))
        if good:
            case(f"{what}: one hash short", index, size, good[:-1])
            case(f"{what}: one bit of the first hash", index, size, [flipped(good[0]), *good[1:]])
            case(f"{what}: one bit of the last hash", index, size, [*good[:-1], flipped(good[-1], 255)])
        if len(good) > 1:
            case(f"{what}: upside down", index, size, good[::-1])
    return {"count": len(cases), "cases": cases}


def gas():
    """
    Return heads of two logs of a million leaves, in the order in which they are sent.

    The north's are those that people ask about. The south's are the dearest there is below a million: one
    leaf less than a power of two, and its whole right edge is hashed twice.
    """
    leaves = [sha256(b"\x00" + index.to_bytes(8, "big")).digest() for index in range(1_000_000)]
    heads = []
    for is_north, sizes in ((True, (100, 1_000, 100_000, 1_000_000)), (False, (524_287, 1_000_000))):
        old = 0
        for size in sizes:
            heads.append(
                {
                    "name": f"from {old} to {size} leaves" if old else f"first head, {size} leaves",
                    "isNorth": is_north,
                    "size": size,
                    "root": hexed(root_of(leaves[:size])),
                    "proof": [hexed(value) for value in consistency_proof(old, leaves[:size])],
                }
            )
            old = size
    return {"count": len(heads), "heads": heads}


FILES = {"consistency.json": consistency, "inclusion.json": inclusion, "gas.json": gas}


def main():
    for name, make in FILES.items():
        (HERE / name).write_text(json.dumps(make(), indent=1) + "\n")


if __name__ == "__main__":
    main()
