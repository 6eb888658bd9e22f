"""Lists and searches of staff: each patient on the page has a line in their access log, and nobody else."""

import pytest

from audit.models import Event
from tests.records.factories import PatientFactory
from tests.workspace.test_worklist import queries_of

REGISTER = "/workspace/patients/patient/"
WORKLIST = "/workspace/patients/"

pytestmark = pytest.mark.django_db


def listings():
    return Event.objects.filter(name="patient.listed")


class TestTheRegister:
    def test_writes_a_line_for_each_patient_on_the_page(self, as_officer, amina, boris, records_officer):
        as_officer.get(REGISTER)

        assert {event.patient_id for event in listings()} == {amina.pk, boris.pk}
        event = listings().of_patient(amina.pk).get()
        assert event.actor_id == records_officer.pk
        assert event.ground == "staff_duty"
        assert event.facts["listing"] == "register"
        assert event.facts["isSearch"] is False
        assert event.facts["address"]

    def test_writes_none_for_whom_a_search_leaves_out_and_keeps_no_words_of_it(
        self, as_officer, amina, boris
    ):
        as_officer.get(REGISTER, {"q": "Diallo"})

        event = listings().get()
        assert event.patient_id == amina.pk
        assert event.facts["isSearch"] is True
        assert "Diallo" not in event.document().decode()

    def test_makes_as_many_queries_for_twenty_as_for_one(self, as_officer, amina):
        queries_of(as_officer, REGISTER)
        one = queries_of(as_officer, REGISTER)
        for _number in range(19):
            PatientFactory(with_account=False)

        assert queries_of(as_officer, REGISTER) == one

    def test_answers_nothing_when_the_line_cannot_be_written(self, as_officer, amina, monkeypatch):
        def raise_disk_full(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr("patients.listing.audit.record_all", raise_disk_full)

        with pytest.raises(OSError, match="disk full"):
            as_officer.get(REGISTER)

    def test_writes_a_line_for_those_who_look_like_a_new_patient(self, as_officer, amina):
        amina.refresh_tokens()
        amina.save()
        asked = {
            "given_names": "Amina",
            "family_name": "Diallo",
            "birth_date": "1980-03-04",
            "sex": "female",
        }

        assert as_officer.post("/workspace/patients/register/", asked).status_code == 409
        event = listings().get()
        assert event.patient_id == amina.pk
        assert event.facts["listing"] == "lookalikes"


class TestTheWorklist:
    def test_writes_a_line_for_each_patient_on_the_page(self, as_doctor, amina, boris):
        as_doctor.get(WORKLIST)

        event = listings().get()
        assert event.patient_id == amina.pk
        assert event.ground == "treatment"
        assert event.facts["listing"] == "worklist"

    def test_says_that_it_was_a_search(self, as_doctor, amina):
        amina.refresh_tokens()
        amina.save()

        as_doctor.get(WORKLIST, {"q": "Diallo"})

        assert listings().get().facts["isSearch"] is True

    def test_writes_nothing_when_nobody_is_found(self, as_doctor, amina):
        as_doctor.get(WORKLIST, {"q": "Nobody"})

        assert not listings().exists()
