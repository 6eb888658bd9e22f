"""“My patients”: whom the doctor treats, found by exact words, and nobody else's trace."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from doctors.models import CareRelationship
from tests.records.factories import PatientFactory, RecordFactory

LIST = "/workspace/patients/"


def queries_of(browser, address):
    with CaptureQueriesContext(connection) as queries:
        assert browser.get(address).status_code == 200
    return len(queries)


@pytest.mark.django_db
class TestMyPatients:
    def test_says_who_why_and_what_is_next(self, as_doctor, haemoglobin):
        page = as_doctor.get(LIST).content.decode()

        assert "Amina Diallo" in page
        assert "4 March 1980" in page
        assert "cardiology clinic" in page
        assert "Read the chart for the first time" in page

    def test_counts_what_is_new_since_the_chart_was_opened(self, as_doctor, amina, haemoglobin):
        as_doctor.get(f"{LIST}{amina.pk}/chart/")
        assert "Nothing new" in as_doctor.get(LIST).content.decode()

        RecordFactory(patient=amina, fhir_id="later", at=timezone.now())

        assert "Read 1 new record" in as_doctor.get(LIST).content.decode()

    def test_lists_nobody_whom_the_doctor_does_not_treat(self, as_doctor, boris):
        page = as_doctor.get(LIST)

        assert "Ivanov" not in page.content.decode()
        assert page.context["total"] == 1

    def test_changes_by_nothing_when_a_patient_of_others_is_added(self, as_doctor):
        def shown():
            context = as_doctor.get(LIST).context
            return context["total"], context["page"].paginator.num_pages, len(context["rows"])

        before = shown()
        for number in range(30):
            PatientFactory(family_name=f"Hidden{number}", with_account=False)

        assert shown() == before

    def test_drops_a_patient_when_care_ends(self, as_doctor, care, amina):
        CareRelationship.objects.update(ended_at=timezone.now())

        page = as_doctor.get(LIST)

        assert page.context["total"] == 0
        assert "You treat nobody yet" in page.content.decode()
        assert as_doctor.get(f"{LIST}{amina.pk}/chart/").status_code == 404

    def test_makes_as_many_queries_for_twenty_patients_as_for_one(self, as_doctor, clinician):
        queries_of(as_doctor, LIST)  # the first visit of a session writes it down
        one = queries_of(as_doctor, LIST)
        for _number in range(19):
            patient = PatientFactory(with_account=False)
            CareRelationship.objects.create(
                clinician=clinician, patient=patient, reason="ward", started_at=timezone.now()
            )

        assert queries_of(as_doctor, LIST) == one


@pytest.mark.django_db
class TestSearch:
    @pytest.mark.parametrize("text", ["Diallo", "diallo AMINA", "1980-03-04", "04/03/1980", "Amina 4.3.1980"])
    def test_finds_by_whole_words_and_birth_date(self, as_doctor, text):
        assert len(as_doctor.get(LIST, {"q": text}).context["rows"]) == 1

    @pytest.mark.parametrize("text", ["Dial", "Diallo Boris", "%", "1980", "4 March"])
    def test_finds_nobody_by_less(self, as_doctor, text):
        page = as_doctor.get(LIST, {"q": text})

        assert page.context["rows"] == []
        assert "None of your patients match" in page.content.decode()

    def test_does_not_find_a_patient_of_others(self, as_doctor, boris):
        assert as_doctor.get(LIST, {"q": "Ivanov"}).context["rows"] == []

    def test_offers_only_the_reasons_of_my_own_patients(self, as_doctor):
        assert as_doctor.get(LIST, {"reason": "somebody else’s ward"}).context["rows"] == []
        assert len(as_doctor.get(LIST, {"reason": "cardiology clinic"}).context["rows"]) == 1
