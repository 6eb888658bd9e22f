"""The pages in docs/formats are right: their examples and figures are computed anew."""

import json
import re
from pathlib import Path

import pytest
from eth_utils import keccak

from chain.commitment import Header, commit, disclose, element_hash, flatten, salt_of
from chain.merkle import inclusion_path, leaf_hash, root_of
from chain.proof import build_proof, leaf_entry, write_proof

FORMATS = Path(__file__).resolve().parents[2] / "docs/formats"

DOCUMENT = b'{"resourceType":"Observation","value":1.50 }'
SECRET = bytes(range(32))
HEADER = Header(
    topic="record",
    resource_type="Observation",
    id="potassium-1",
    version=2,
    author="https://north.example",
    previous=b"\xab" * 32,
)
SIGNATURES = {
    "extend": "extend(uint64,bytes32,bytes32[])",
    "rootAt": "rootAt(uint256,uint64)",
    "head": "head(uint256)",
    "registry": "registry()",
    "institution": "institution(uint256)",
}


def example():
    """Every value in the example of commitment.md, by its name."""
    elements = flatten(DOCUMENT)
    salts = [salt_of(SECRET, element.pointer) for element in elements]
    hashes = [element_hash(*element, salt) for element, salt in zip(elements, salts, strict=True)]
    commitment = commit(DOCUMENT, HEADER, SECRET)
    return {
        **{f"salt {number}": salt.hex() for number, salt in enumerate(salts)},
        **{f"element hash {number}": value.hex() for number, value in enumerate(hashes)},
        "root": root_of(hashes).hex(),
        "header": HEADER.encode().hex(),
        "commitment": commitment.hex(),
        "leaf hash": leaf_hash(leaf_entry(commitment)).hex(),
    }


def example_proof():
    disclosure = disclose(DOCUMENT, HEADER, SECRET, ["/value"])
    other = leaf_hash(b"\x01" * 33)
    leaves = [other, leaf_hash(leaf_entry(disclosure.commitment)), other]
    return build_proof(
        disclosure=disclosure,
        leaf_index=1,
        leaf_path=inclusion_path(1, leaves),
        size=3,
        root=root_of(leaves),
        chain_id=31337,
        contract="0x" + "12" * 20,
        institution=1,
        transaction="0x" + "34" * 32,
    )


class TestFormats:
    def test_have_an_example_of_a_commitment_that_is_right(self):
        page = (FORMATS / "commitment.md").read_text()
        [block] = re.findall(r"```example\n(.*?)```", page, re.DOTALL)
        written = {
            name.strip(): value for name, value in (line.rsplit(None, 1) for line in block.splitlines())
        }

        assert written == example()
        assert f"{len(DOCUMENT)} bytes `{DOCUMENT.decode()}`" in page

    def test_have_an_example_of_a_proof_that_is_right(self):
        page = (FORMATS / "proof.md").read_text()
        [block] = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
        assert block == write_proof(example_proof())

    @pytest.mark.parametrize(("name", "signature"), SIGNATURES.items())
    def test_give_the_selectors_of_the_contracts(self, name, signature):
        page = (FORMATS / "leaf.md").read_text()
        assert re.search(
            rf"^    {name}\(.*\n?.*selector 0x{keccak(text=signature)[:4].hex()}\b", page, re.MULTILINE
        )

    def test_give_the_topic_of_a_head(self):
        topic = keccak(text="HeadExtended(uint256,uint64,bytes32)").hex()
        assert f"topic 0x{topic}\n" in (FORMATS / "leaf.md").read_text()

    def test_name_every_cause_that_the_verifier_has(self):
        source = (FORMATS.parents[1] / "verify/verify.py").read_text()
        causes = set(re.findall(r'Refused\(\s*"(\w+)"', source))
        pages = (FORMATS / "proof.md").read_text() + (FORMATS / "consent-evidence.md").read_text()
        assert {cause for cause in causes if f"`{cause}`" not in pages} == set()

    def test_describe_every_field_of_a_proof(self):
        page = (FORMATS / "proof.md").read_text()
        for field in fields_in(json.loads(write_proof(example_proof()))):
            assert f"`{field}`" in page

    def test_describe_every_field_of_the_evidence_of_a_consent(self):
        page = (FORMATS / "consent-evidence.md").read_text()
        vectors = json.loads((FORMATS.parents[1] / "tests/vectors/evidence.json").read_text())
        fields = fields_in(json.loads(vectors["cases"][0]["evidence"]))
        assert {"grantee.salt", "form.nonce", "signer", "transaction"} <= set(fields)
        for field in fields:
            # These two are a proof's own, and described there.
            assert f"`{field.split('.')[0] if field.startswith(('header', 'commitment')) else field}`" in page


def fields_in(file):
    """Every field of a file, by the name under which its page describes it."""
    found = []
    for name, part in file.items():
        inside = part[0] if isinstance(part, list) else part
        prefix = f"{name}{'[]' if isinstance(part, list) else ''}"
        found += [f"{prefix}.{field}" for field in inside] if isinstance(inside, dict) else [name]
    return found
