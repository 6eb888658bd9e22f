"""The chart: what a doctor sees of a patient they treat, and the line that each opening leaves."""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Event
from consent.models import Grant
from consent.services.revoking import revoke_grant
from records.models import Record
from tests.consent.factories import AccessRequestFactory, BreakGlassFactory, GrantFactory
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
class TestGrounds:
    """Boris, whom nobody treats, lets the doctor see his allergies; or there is an emergency."""

    VIEWS = ("", "?view=results", "?view=documents", "?kind=result", "?paperwork=on")
    OTHERS = "Other parts of the record may exist that were not shared."

    @pytest.fixture
    def grant(self, boris, clinician):
        return GrantFactory(patient=boris, to=clinician, kinds=["allergy"], starts_at=timezone.now())

    def test_says_what_the_patient_allowed_and_until_when(self, as_doctor, boris, grant):
        page = as_doctor.get(chart_of(boris)).content.decode()

        assert "You see this because the patient allowed it:" in page
        assert f"allergies, until {timezone.localtime(grant.expires_at):%-d %B %Y}" in page
        assert "to treat the patient" in page
        assert self.OTHERS in page

    @pytest.mark.parametrize("view", VIEWS)
    def test_answers_alike_whether_or_not_there_is_more(self, as_doctor, boris, grant, view):
        RecordFactory(patient=boris, fhir_id="a", content=allergy("Penicillin"))
        Record.objects.update(sensitivities=[])
        as_doctor.get(chart_of(boris))
        before = without_tokens(as_doctor.get(chart_of(boris, f"chart/{view}")))

        RecordFactory(patient=boris, fhir_id="hidden", source="Clinic")
        RecordFactory(patient=boris, fhir_id="m", content=medicine("Warfarin", "active"))
        RecordFactory(patient=boris, fhir_id="b", content=allergy("Latex"))
        Record.objects.filter(fhir_id="b").update(sensitivities=[b"0" * 16])

        assert without_tokens(as_doctor.get(chart_of(boris, f"chart/{view}"))) == before

    def test_never_says_that_there_is_no_allergy_where_it_may_not_look(self, as_doctor, boris, clinician):
        GrantFactory(patient=boris, to=clinician, kinds=["result"], starts_at=timezone.now())

        page = as_doctor.get(chart_of(boris)).content.decode()

        assert "None that you may see. That does not mean there are none" in page
        assert "None recorded" not in page
        assert "The record is empty" not in page

    def test_shows_the_whole_record_where_that_was_allowed(self, as_doctor, boris, clinician):
        RecordFactory(patient=boris)
        Record.objects.update(sensitivities=[])
        GrantFactory(patient=boris, to=clinician, starts_at=timezone.now())

        page = as_doctor.get(chart_of(boris)).content.decode()

        assert "the whole record, until" in page
        assert "Haemoglobin" in page
        assert self.OTHERS in page

    def test_leaves_a_line_although_there_is_nothing_in_it(self, as_doctor, boris, grant, doctor_account):
        assert "Boris Ivanov" in as_doctor.get(chart_of(boris)).content.decode()

        event = Event.objects.of_patient(boris.pk).get(name="chart.opened")
        assert (event.actor_id, event.ground, event.purpose) == (doctor_account.pk, "grant", grant.purpose)
        assert event.facts["grants"] == [str(grant.pk)]
        assert event.facts["versions"] == []

    def test_marks_a_paper_consent_as_weaker(self, as_doctor, boris, clinician):
        GrantFactory(patient=boris, to=clinician, attested=True, starts_at=timezone.now())

        page = as_doctor.get(chart_of(boris)).content.decode()

        assert "On paper: attested by the hospital, not signed by the patient" in page

    def test_offers_to_ask_and_an_emergency_and_no_writing(self, as_doctor, boris, grant):
        record = RecordFactory(patient=boris, content=allergy("Penicillin"))
        Record.objects.update(sensitivities=[])

        page = as_doctor.get(chart_of(boris)).content.decode()
        shown = as_doctor.get(chart_of(boris, f"records/{record.pk}/")).content.decode()

        assert chart_of(boris, "ask/") in page
        assert chart_of(boris, "emergency/") in page
        assert "Write a note" not in page
        assert "Penicillin" in shown
        assert "Correct this record" not in shown

    @pytest.mark.parametrize("rest", ["notes/write/", "records/{record}/correct/"])
    def test_refuses_what_would_be_written(self, as_doctor, boris, grant, rest):
        record = RecordFactory(patient=boris, content=allergy("Penicillin"))
        Record.objects.update(sensitivities=[])
        address = chart_of(boris, rest.format(record=record.pk))

        assert as_doctor.get(address).status_code == 403
        assert as_doctor.post(address, {"title": "a", "text": "b"}).status_code == 403
        assert record.versions.count() == 1

    def test_is_gone_when_the_patient_stops_it(self, as_doctor, boris, grant):
        assert as_doctor.get(chart_of(boris)).status_code == 200

        revoke_grant(grant=grant, by=grant.by, at=timezone.now())

        assert as_doctor.get(chart_of(boris)).status_code == 404

    def test_is_there_for_an_hour_where_it_was_allowed_once(self, as_doctor, boris, clinician):
        RecordFactory(patient=boris)
        Record.objects.update(sensitivities=[])
        grant = GrantFactory(
            patient=boris, to=clinician, is_once=True, starts_at=timezone.now() - timedelta(days=1)
        )
        assert "for once: an hour from when you first open it" in as_doctor.get("/workspace/shared/").text

        page = as_doctor.get(chart_of(boris)).text

        grant.refresh_from_db()
        closes = timezone.localtime(grant.used_at + timedelta(hours=1))
        assert f"until {closes:%H:%M}, for once" in page
        assert not Grant.objects.active(grant.used_at + timedelta(hours=1)).exists()

    def test_says_in_an_emergency_until_when_it_stands_open(self, as_doctor, boris, doctor_account):
        RecordFactory(patient=boris)
        broken = BreakGlassFactory(
            patient=boris, by=doctor_account, at=timezone.now(), reason="Unconscious after a fall"
        )

        page = as_doctor.get(chart_of(boris)).content.decode()

        opened, closes = (f"{timezone.localtime(at):%H:%M}" for at in (broken.at, broken.expires_at))
        assert f"You opened this in an emergency at {opened}; it closes at {closes}." in page
        assert "Reason: Unconscious after a fall" in page
        assert "Haemoglobin" in page
        assert self.OTHERS not in page
        assert "Write a note" not in page

    def test_says_to_the_treating_doctor_what_the_patient_allowed_besides(self, as_doctor, amina, clinician):
        GrantFactory(patient=amina, to=clinician, kinds=["allergy"], starts_at=timezone.now())
        AccessRequestFactory(patient=amina, clinician=clinician, at=timezone.now())

        page = as_doctor.get(chart_of(amina)).content.decode()

        assert "You see this because you treat this patient: cardiology clinic." in page
        assert "The patient has also allowed you:" in page
        assert "waits for the patient" in page
        assert chart_of(amina, "emergency/") not in page


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
