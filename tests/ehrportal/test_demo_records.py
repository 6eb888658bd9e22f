"""The files that the demo hospital is filled from."""

import io
import json

import pytest

from ehrportal import demo_records
from ehrportal.demo_records import ExamplesMissing, chosen, simulated, summaries
from records.fhir.reading import Entry, read
from records.fhir.validation import validate


class TestTheSummaries:
    def test_hold_only_what_the_gate_lets_in(self):
        found = [one for file in summaries() for one in read(io.BytesIO(file.content), name=file.name)]

        assert len(found) > 70
        assert all(isinstance(one, Entry) and not validate(one.raw) for one in found)

    def test_give_no_id_to_two_different_resources(self):
        """Else each start of the demo would make new versions, of one and then of the other."""
        seen = {}
        for file in summaries():
            for one in read(io.BytesIO(file.content), name=file.name):
                assert seen.setdefault((one.resource_type, one.id), one.raw) == one.raw

    def test_say_what_to_do_when_they_are_missing(self, monkeypatch, tmp_path):
        monkeypatch.setattr(demo_records, "SUMMARIES", tmp_path / "none")

        with pytest.raises(ExamplesMissing, match="npm ci"):
            list(summaries())


def line(kind, ident, **more):
    return json.dumps({"resourceType": kind, "id": ident, **more})


def result(ident, patient, month, **more):
    return line(
        "Observation",
        ident,
        status="final",
        category=[{"coding": [{"code": "laboratory"}]}],
        code={"coding": [{"system": "http://loinc.org", "code": "4548-4"}]},
        subject={"reference": f"Patient/{patient}"},
        effectiveDateTime=f"2024-{month:02}-01",
        **more,
    )


class TestChoosingAmongTheSimulated:
    @pytest.fixture
    def folder(self, tmp_path):
        patients = [line("Patient", f"p{number}") for number in range(5)]
        results = [
            result(f"r{number}-{month}", f"p{number}", month, performer=[{"reference": "Practitioner/d1"}])
            for number in range(5)
            for month in range(1, number + 2)
        ]
        results.append(result("wrong", "p4", 1, effectiveInstant="soon"))
        others = [line("Practitioner", "d1"), line("Practitioner", "d2")]
        for kind, lines in (("Patient", patients), ("Observation", results), ("Practitioner", others)):
            (tmp_path / f"{kind}.ndjson").write_text("\n".join(lines))
        return tmp_path

    def test_keeps_the_patients_with_the_longest_series(self, folder):
        assert sorted(chosen(folder)) == [
            "simulated-hospital.ndjson",
            "simulated-p2.ndjson",
            "simulated-p3.ndjson",
            "simulated-p4.ndjson",
        ]

    def test_puts_the_patient_before_the_records(self, folder):
        first = json.loads(chosen(folder)["simulated-p4.ndjson"][0])

        assert first["resourceType"] == "Patient"

    def test_leaves_out_what_the_gate_refuses_and_who_is_not_mentioned(self, folder):
        files = chosen(folder)

        assert len(files["simulated-p4.ndjson"]) == 1 + 5
        assert [json.loads(one)["id"] for one in files["simulated-hospital.ndjson"]] == ["d1"]


class TestTheSimulated:
    def test_are_made_once(self, tmp_path, monkeypatch):
        runs = []

        def simulate(made):
            runs.append(made)
            made.mkdir()
            (made / "a.ndjson").write_bytes(b"{}")

        monkeypatch.setattr(demo_records, "_simulate", simulate)

        assert [file.name for file in simulated(tmp_path)] == [file.name for file in simulated(tmp_path)]
        assert len(runs) == 1
