"""The proofs in tests/vectors, which forge tries on the contract too."""

import json
from pathlib import Path

import pytest

from chain.merkle import ProofInvalid, verify_consistency, verify_inclusion
from tests.vectors import make

VECTORS = Path(make.__file__).parent
CONSISTENCY = json.loads((VECTORS / "consistency.json").read_text())["cases"]
INCLUSION = json.loads((VECTORS / "inclusion.json").read_text())["cases"]

# What the contract's errors are called in words.
WORDS = {
    "NotLonger": r"does not extend|has to be empty",
    "WrongProofLength": r"none was given|too short|too long|more than",
    "HistoryRewritten": r"does not lead to the old root",
    "RootNotProven": r"does not lead to the new root",
}


def named(cases):
    return [pytest.param(case, id=case["name"]) for case in cases]


def unhexed(value):
    return bytes.fromhex(value.removeprefix("0x"))


class TestVectors:
    @pytest.mark.parametrize("name", make.FILES)
    def test_are_what_the_definition_makes(self, name):
        assert json.loads((VECTORS / name).read_text()) == make.FILES[name](), (
            "run python -m tests.vectors.make"
        )

    @pytest.mark.parametrize("case", named(CONSISTENCY))
    def test_of_consistency_are_judged_as_the_contract_judges_them(self, case):
        def verify():
            verify_consistency(
                old_size=case["oldSize"],
                old_root=unhexed(case["oldRoot"]),
                new_size=case["newSize"],
                new_root=unhexed(case["newRoot"]),
                proof=[unhexed(value) for value in case["proof"]],
            )

        if case["refusal"]:
            with pytest.raises(ProofInvalid, match=WORDS[case["refusal"]]):
                verify()
        else:
            verify()

    @pytest.mark.parametrize("case", named(INCLUSION))
    def test_of_inclusion_are_judged_rightly(self, case):
        def verify():
            verify_inclusion(
                index=case["index"],
                size=case["size"],
                leaf=unhexed(case["leaf"]),
                path=[unhexed(value) for value in case["path"]],
                root=unhexed(case["root"]),
            )

        if case["isValid"]:
            verify()
        else:
            with pytest.raises(ProofInvalid):
                verify()
