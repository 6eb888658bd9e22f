import itertools
import json
import re

import pytest

from chain.commitment import Header, disclose, element_hash, flatten, salt_of
from chain.merkle import ProofInvalid, inclusion_path, leaf_hash, root_of
from chain.proof import build_proof, leaf_entry, write_proof
from chain.tiles import TiledTree

SECRET = bytes(range(32))
HEADER = Header(
    topic="record", resource_type="Observation", id="hba1c-7", version=1, author="https://north.example"
)
HBA1C = b"""{
  "resourceType": "Observation",
  "id": "hba1c-7",
  "status": "amended",
  "code": {"coding": [{"system": "http://loinc.org", "code": "4548-4", "display": "Haemoglobin A1c"}]},
  "subject": {"reference": "Patient/amina", "display": "Amina Diallo"},
  "effectiveDateTime": "2026-03-09",
  "issued": "2026-03-10T08:15:00+01:00",
  "performer": [{"display": "Dr Okafor"}],
  "valueQuantity": {"value": 48.0, "unit": "mmol/mol", "code": "mmol/mol"},
  "referenceRange": [{"low": {"value": 20}, "high": {"value": 42.5}}],
  "interpretation": []
}"""


@pytest.fixture
def disclosure():
    return disclose(HBA1C, HEADER, SECRET, ["/valueQuantity/value"])


@pytest.fixture
def parts(disclosure):
    leaves = [leaf_hash(bytes([number])) for number in range(6)]
    leaves.insert(3, leaf_hash(leaf_entry(disclosure.commitment)))
    return {
        "disclosure": disclosure,
        "leaf_index": 3,
        "leaf_path": inclusion_path(3, leaves),
        "size": 7,
        "root": root_of(leaves),
        "chain_id": 31337,
        "contract": "0x" + "12" * 20,
        "institution": 1,
        "transaction": "0x" + "AB" * 32,
    }


def hashes_in(text):
    return {bytes.fromhex(found) for found in re.findall("0x([0-9a-f]{64})", text)}


class TestBuildProof:
    def test_writes_the_header_the_element_and_where_both_stand(self, parts, disclosure):
        proof = build_proof(**parts)
        [element] = proof["elements"]

        assert proof["format"] == "ehrportal-proof/1"
        assert proof["header"] == {
            "topic": "record",
            "resourceType": "Observation",
            "id": "hba1c-7",
            "version": 1,
            "author": "https://north.example",
            "previous": None,
        }
        assert (element["pointer"], element["text"]) == ("/valueQuantity/value", "48.0")
        assert proof["commitment"]["value"] == "0x" + disclosure.commitment.hex()
        assert proof["anchor"]["transaction"] == "0x" + "ab" * 32

    @pytest.mark.parametrize(
        "change",
        [
            {"leaf_index": 2},
            {"leaf_path": []},
            {"size": 9},
            {"root": bytes(32)},
        ],
    )
    def test_does_not_hand_out_a_proof_that_would_be_refused(self, parts, change):
        with pytest.raises(ProofInvalid):
            build_proof(**{**parts, **change})

    def test_does_not_hand_out_elements_of_another_document(self, parts):
        other = disclose(HBA1C.replace(b"48.0", b"48.1"), HEADER, SECRET, ["/valueQuantity/value"])
        with pytest.raises(ProofInvalid):
            build_proof(**{**parts, "disclosure": other})

    @pytest.mark.parametrize(
        "change",
        [
            {"contract": "0x12"},
            {"contract": "12" * 20},
            {"transaction": "0x" + "zz" * 32},
            {"chain_id": 0},
            {"institution": 2**53},
        ],
    )
    def test_refuses_an_anchor_that_no_verifier_would_read(self, parts, change):
        with pytest.raises(ValueError, match=r"this is not|cannot stand in a proof"):
            build_proof(**{**parts, **change})

    def test_shows_at_least_one_element(self, parts):
        with pytest.raises(ValueError, match="at least one element"):
            build_proof(**{**parts, "disclosure": disclose(HBA1C, HEADER, SECRET, [])})

    def test_of_a_log_of_a_million_leaves_is_a_small_file(self, disclosure, parts):
        tiles = {}
        tree = TiledTree(0, lambda wanted: {tile: tiles[tile] for tile in wanted})
        leaves = [leaf_hash(number.to_bytes(4, "big")) for number in range(1_000_000)]
        leaves[777_777] = leaf_hash(leaf_entry(disclosure.commitment))
        tiles.update(tree.append(leaves))
        proof = build_proof(
            **{
                **parts,
                "leaf_index": 777_777,
                "leaf_path": tree.inclusion_path(777_777),
                "size": 1_000_000,
                "root": tree.root(),
            }
        )
        assert len(write_proof(proof)) < 4_000


class TestProofOfOneValue:
    @pytest.fixture
    def text(self, parts):
        return write_proof(build_proof(**parts))

    def hidden(self):
        # Type and id stand in the header, which every proof shows.
        shown = ("/valueQuantity/value", "/id", "/resourceType")
        return [element for element in flatten(HBA1C) if element.pointer not in shown]

    def test_is_plain_ascii(self, text):
        assert text.isascii()
        assert text.endswith("}\n")

    def test_holds_no_other_elements_text(self, text):
        for pointer, content in self.hidden():
            bare = json.loads(content) if content.startswith('"') else content
            # Two digits can stand in any hash; what is hidden must not stand there as itself.
            assert f'"{bare}"' not in text
            assert json.dumps(content) not in text
            if len(content) > 4:
                assert bare not in text
            assert f'"{pointer}"' not in text

    def test_holds_no_other_elements_salt_and_no_secret(self, text):
        assert salt_of(SECRET, "/valueQuantity/value").hex() in text
        for pointer, _ in self.hidden():
            assert salt_of(SECRET, pointer).hex() not in text
        assert SECRET.hex() not in text

    def test_cannot_be_searched_for_what_it_hides(self, text):
        # Every status FHIR knows, every date of a year and every value of this test, under each hash in the
        # file for a salt: none of them is in the file, though the hidden elements' own hashes are.
        in_file = hashes_in(text)
        own = {element_hash(*element, salt_of(SECRET, element.pointer)) for element in self.hidden()}
        assert own & in_file

        statuses = ["registered", "preliminary", "final", "amended", "corrected", "cancelled", "unknown"]
        guesses = [("/status", f'"{status}"') for status in statuses]
        guesses += [
            ("/effectiveDateTime", f'"2026-{month:02d}-{day:02d}"')
            for month, day in itertools.product(range(1, 13), range(1, 32))
        ]
        guesses += [("/valueQuantity/unit", f'"{unit}"') for unit in ("mmol/mol", "%", "mmol/L")]
        guesses += [("/referenceRange/0/high/value", f"{tenths / 10:.1f}") for tenths in range(1000)]
        assert set(guesses) & {tuple(element) for element in self.hidden()}
        for (pointer, content), salt in itertools.product(guesses, [bytes(32), b"", *in_file]):
            assert element_hash(pointer, content, salt) not in in_file
