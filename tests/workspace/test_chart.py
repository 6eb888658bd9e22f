"""The chart: what a doctor sees of a patient they treat, and the line that each opening leaves."""

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from tests.records.factories import RecordFactory, allergy, many_records, medicine, result
from tests.records.tampering import change_in_database, one_byte_changed


def chart_of(patient, rest="chart/"):
    return f"/workspace/patients/{patient.pk}/{rest}"


def without_tokens(answer):
    """The page but for the address that was asked for, and the token against forged forms."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", answer.content.decode())
    return re.sub(r"/workspace/patients/[^/]*/", "", page)


@pytest.mark.django_db
class TestChart:
    def test_says_who_this_is_and_why_it_is_shown(self, as_doctor, amina, haemoglobin):
        page = as_doctor.get(chart_of(amina)).content.decode()

        assert "Amina Diallo" in page
        assert "You see this because you treat this patient: cardiology clinic." in page

    def test_shows_allergies_in_the_head_and_says_when_none_are_recorded(self, as_doctor, amina):
        assert (
            "None recorded. That does not mean there are none"
            in as_doctor.get(chart_of(amina)).content.decode()
        )

        RecordFactory(patient=amina, fhir_id="a", content=allergy("Penicillin"))

        head = as_doctor.get(chart_of(amina)).content.decode().split('class="ws-ground"')[0]
        assert "Penicillin" in head

    def test_sorts_medicines_into_now_and_over(self, as_doctor, amina):
        RecordFactory(patient=amina, fhir_id="m1", content=medicine("Metformin", "active"))
        RecordFactory(patient=amina, fhir_id="m2", content=medicine("Warfarin", "stopped"))

        summary = as_doctor.get(chart_of(amina)).context["summary"]["medicine"]

        assert [one.presented.title for one in summary["now"]] == ["Metformin"]
        assert [one.presented.title for one in summary["over"]] == ["Warfarin"]

    def test_never_shows_in_red_that_there_is_no_allergy(self, as_doctor, amina):
        nothing = {
            **allergy("No known food allergy"),
            "code": {
                "coding": [{"system": "http://snomed.info/sct", "code": "429625007"}],
                "text": "None to food",
            },
        }
        RecordFactory(patient=amina, fhir_id="a", content=nothing)

        page = as_doctor.get(chart_of(amina))

        assert page.context["summary"]["allergy"]["now"] == []
        assert "ws-allergies-none" in page.content.decode()
        assert "None to food" in page.content.decode()

    def test_keeps_two_doses_of_one_medicine_apart(self, as_doctor, amina):
        for name in ("500 mg", "1000 mg"):
            dose = {**medicine("Metformin", "active"), "dosage": [{"text": name}]}
            RecordFactory(patient=amina, fhir_id=name.replace(" ", ""), content=dose)

        assert len(as_doctor.get(chart_of(amina)).context["summary"]["medicine"]["now"]) == 2

    def test_says_the_same_thing_once(self, as_doctor, amina):
        RecordFactory(patient=amina, fhir_id="m1", content=medicine("Metformin", "active"))
        RecordFactory(patient=amina, fhir_id="m2", content=medicine("metformin", "active"))
        RecordFactory(patient=amina, fhir_id="m3", content=medicine("Metformin", "stopped"))

        summary = as_doctor.get(chart_of(amina)).context["summary"]["medicine"]

        assert len(summary["now"]) == 1
        assert summary["over"] == []

    @pytest.mark.parametrize(
        "rest", ["chart/", "chart/?view=results", "chart/?view=documents", "notes/write/"]
    )
    def test_is_not_found_for_a_patient_of_others(self, as_doctor, boris, rest):
        assert as_doctor.get(chart_of(boris, rest)).status_code == 404
        assert not Event.objects.of_patient(boris.pk).openings().exists()

    def test_answers_alike_for_a_patient_of_others_and_for_nobody(self, as_doctor, boris):
        theirs = as_doctor.get(chart_of(boris))
        nobodys = as_doctor.get(f"/workspace/patients/{uuid.uuid4()}/chart/")

        assert theirs.status_code == nobodys.status_code == 404
        assert without_tokens(theirs) == without_tokens(nobodys)

    def test_leaves_one_line_that_names_what_was_shown(self, as_doctor, amina, haemoglobin, doctor_account):
        as_doctor.get(chart_of(amina))

        event = Event.objects.of_patient(amina.pk).get(name="chart.opened")
        assert event.actor_id == doctor_account.pk
        assert event.ground == "treatment"
        assert event.facts["versions"] == [str(haemoglobin.versions.get().pk)]

    def test_makes_as_many_queries_for_a_hundred_records_as_for_one(self, as_doctor, amina, haemoglobin):
        def queries():
            with CaptureQueriesContext(connection) as made:
                as_doctor.get(chart_of(amina))
            return len(made)

        queries()  # the first visit of a session writes it down
        few = queries()
        many_records(amina, 100)

        assert queries() == few

    def test_filters_the_timeline(self, as_doctor, amina, haemoglobin):
        RecordFactory(patient=amina, fhir_id="m", content=medicine("Metformin", "active"), source="Clinic")

        def titles(**asked):
            return [one["presented"].title for one in as_doctor.get(chart_of(amina), asked).context["shown"]]

        assert titles(kind="medicine") == ["Metformin"]
        assert titles(source="Clinic") == ["Metformin"]
        assert titles(latest="2026-02-01") == ["Metformin"]
        assert titles(earliest="2026-02-01") == ["Haemoglobin"]
        assert titles(earliest="nonsense") == []

    def test_says_which_system_a_record_came_from(self, as_doctor, amina, haemoglobin):
        assert "North Hospital Laboratory" in as_doctor.get(chart_of(amina)).content.decode()


@pytest.mark.django_db
class TestResults:
    def test_lays_values_out_by_day_with_their_course(self, as_doctor, amina):
        RecordFactory(patient=amina, fhir_id="r1", content=result(13.5, day="2026-03-02"))
        RecordFactory(patient=amina, fhir_id="r2", content=result(11.0, day="2026-04-02"))

        grid = as_doctor.get(chart_of(amina), {"view": "results"}).context["grid"]

        assert [day.isoformat() for day in grid.days] == ["2026-04-02", "2026-03-02"]
        (row,) = grid.rows
        assert row.name == "Haemoglobin"
        assert [[cell.text for cell in cells] for cells in row.cells] == [["11.0 g/dL"], ["13.5 g/dL"]]
        assert row.newest.text == "11.0 g/dL"
        assert row.sparkline.points.count(",") == 2


@pytest.mark.django_db
class TestRecordInChart:
    def test_shows_a_value_its_source_and_its_mark(self, as_doctor, amina, haemoglobin):
        page = as_doctor.get(chart_of(amina, f"records/{haemoglobin.pk}/")).content.decode()

        assert "13.5 g/dL" in page
        assert "North Hospital Laboratory" in page
        assert "Recorded, waiting to be anchored" in page

    def test_is_not_found_under_another_patient(self, as_doctor, amina, boris, haemoglobin):
        others = RecordFactory(patient=boris, fhir_id="others")

        assert as_doctor.get(chart_of(boris, f"records/{others.pk}/")).status_code == 404
        assert as_doctor.get(chart_of(amina, f"records/{others.pk}/")).status_code == 404
        assert as_doctor.get(chart_of(amina, f"records/{others.pk}/correct/")).status_code == 404

    def test_says_in_red_when_the_row_was_tampered_with(self, as_doctor, amina, haemoglobin):
        row = haemoglobin.versions.get().pk
        change_in_database("records_recordversion", "data", row, one_byte_changed)

        page = as_doctor.get(chart_of(amina, f"records/{haemoglobin.pk}/")).content.decode()

        assert "does not match what was anchored" in page
        assert "13.5 g/dL" not in page
        assert "Correct this record" not in page

    def test_says_what_a_version_changed_and_by_whom(self, as_doctor, amina, doctor_account):
        record = RecordFactory(
            patient=amina,
            fhir_id="twice",
            versions=[{}, {"valueQuantity": {"value": 7.1, "unit": "mmol/L"}}],
            reason="unit was wrong",
            by=doctor_account,
        )

        page = as_doctor.get(chart_of(amina, f"records/{record.pk}/")).content.decode()

        assert "unit was wrong" in page
        assert "<del>g/dL</del>" in page
        assert "<ins>mmol/L</ins>" in page

    def test_keeps_an_old_version_apart(self, as_doctor, amina):
        record = RecordFactory(patient=amina, fhir_id="twice", versions=[{"status": "preliminary"}, {}])

        page = as_doctor.get(chart_of(amina, f"records/{record.pk}/versions/1/")).content.decode()

        assert "This is version 1, which was replaced." in page
        assert as_doctor.get(chart_of(amina, f"records/{record.pk}/versions/3/")).status_code == 404
