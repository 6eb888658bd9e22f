"""The tables are what HL7's definitions say, and small enough to be read at each start."""

import subprocess
import sys
from pathlib import Path

from records.fhir import tables

ROOT = Path(__file__).resolve().parents[3]


class TestTheTables:
    def test_are_what_the_definitions_say(self):
        check = subprocess.run(
            [sys.executable, ROOT / "script" / "fhir-tables", "--check"],
            capture_output=True,
            text=True,
            check=False,
        )

        assert check.returncode == 0, check.stderr

    def test_stay_small(self):
        assert (ROOT / "records" / "fhir" / "tables.json").stat().st_size < 300_000

    def test_know_the_shape_of_elements(self):
        known = tables.elements("Observation")

        assert known["status"].codes["http://hl7.org/fhir/observation-status"] >= {"final", "amended"}
        assert known["subject"].targets == {"Patient", "Group", "Device", "Location"}
        assert known["component"].type == "Observation.component"
        assert known["valueQuantity"].is_choice
        assert known["extension"].is_list
        assert tables.elements("Observation.component")["referenceRange"].type == "Observation.referenceRange"

    def test_name_the_patient_before_who_wrote_it(self):
        assert tables.PATIENT_COMPARTMENT["AllergyIntolerance"][0] == "patient"
        assert tables.PATIENT_COMPARTMENT["Observation"][0] == "subject"


class TestLookingAtAPath:
    def test_enters_lists_and_choices_and_says_where(self):
        resource = {"participant": [{"actor": {"reference": "a"}}, {}, {"actor": {"reference": "b"}}]}

        assert tables.at(resource, "participant.actor") == [
            ("/participant/0/actor", {"reference": "a"}),
            ("/participant/2/actor", {"reference": "b"}),
        ]
        assert tables.at({"performedPeriod": 1}, "performed") == [("/performedPeriod", 1)]
        assert tables.at({"performer": 1}, "perform") == []
