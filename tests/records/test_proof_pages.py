"""Proofs for patients to take away, over a chain of their own; a stranger's verifier has the last word."""

import json
import subprocess
import sys

import pytest

from audit.models import Event
from chain.models import Leaf
from chain.sealing import seal
from tests.chain.conftest import make_hospital
from tests.chain.nodes import Anvil
from tests.conftest import CHECKOUT
from tests.records.factories import PatientFactory, RecordFactory
from tests.records.pages import page, words


@pytest.fixture(scope="module")
def anvil(tmp_path_factory):
    node = Anvil(tmp_path_factory.mktemp("anvil")).start()
    yield node
    node.stop()


@pytest.fixture
def anchored(anvil, settings, maria, noon):
    """Maria's result, final on the chain."""
    record = RecordFactory(patient=maria)
    hospital = make_hospital(anvil, settings, noon)
    seal(noon)
    hospital.step()
    anvil.mine(2)
    hospital.step()
    assert not Leaf.objects.pending().exists()
    return record


def says_the_verifier(anvil, proof, tmp_path):
    file = tmp_path / "proof.json"
    file.write_bytes(proof)
    return subprocess.run(
        [sys.executable, CHECKOUT / "verify" / "verify.py", file, "--rpc", anvil.url],
        capture_output=True,
        text=True,
        timeout=60,
    )


class TestTheProofOfAnAnchoredRecord:
    def test_says_since_when_and_what_it_does_not_show(self, hers, anchored):
        shown = words(page(hers, "proof", anchored.pk, 1))

        assert "held exactly this version of this record by" in shown
        assert "It does not show that what is written there is right" in shown
        assert "Anyone can check it" in shown
        assert "Anchored" in words(page(hers, "record", anchored.pk))

    def test_convinces_a_stranger(self, hers, anchored, anvil, tmp_path):
        response = page(hers, "download-proof", anchored.pk, 1)

        assert response["Content-Disposition"].startswith('attachment; filename="proof-result-2026-03-02')
        verdict = says_the_verifier(anvil, response.content, tmp_path)
        assert verdict.returncode == 0, verdict.stdout + verdict.stderr
        assert "byte for byte" in verdict.stdout

    def test_of_one_value_shows_that_value_and_nothing_else(self, hers, maria, anchored, anvil, tmp_path):
        response = page(hers, "download-proof", anchored.pk, 1, element="/valueQuantity/value")

        assert says_the_verifier(anvil, response.content, tmp_path).returncode == 0
        proof = response.content.decode()
        assert "13.5" in proof
        for hidden in ("g/dL", "Haemoglobin", "718-7", "15.5", str(maria.pk)):
            assert hidden not in proof

    def test_of_the_ticked_parts_shows_just_those(self, hers, anchored):
        asked = ["/code/text", "/valueQuantity/value"]

        response = page(hers, "download-proof", anchored.pk, 1, only="parts", element=asked)

        shown = json.loads(response.content)["elements"]
        assert sorted(element["pointer"] for element in shown) == asked

    def test_leaves_a_line_that_says_what_was_taken(self, hers, maria, anchored):
        page(hers, "download-proof", anchored.pk, 1)

        event = Event.objects.of_patient(maria.pk).get(name="record.proved")
        assert event.facts["versions"] == [str(anchored.versions.get().pk)]

    def test_is_not_found_by_another_patient(self, client, anchored):
        client.force_login(PatientFactory().user)

        assert page(client, "download-proof", anchored.pk, 1).status_code == 404


class TestTheProofOfARecordThatWaits:
    def test_is_not_handed_out_yet_and_says_so(self, hers, haemoglobin_record):
        response = page(hers, "download-proof", haemoglobin_record.pk, 1)

        assert response.status_code == 409
        assert "waits to be anchored" in words(response)
