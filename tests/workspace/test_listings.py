"""Lists and searches of staff: each patient on the page has a line in their access log, and nobody else."""

import pytest
from django.utils import timezone

from audit.models import Event
from consent.models import Recovery
from doctors.models import CareRelationship
from patients.listing import Listing
from records.access_log import LISTS
from tests.consent.factories import AccessRequestFactory, GrantFactory
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


class TestTheListOfWhoTreatsWhom:
    def test_writes_a_line_for_each_patient_on_the_page(self, as_officer, care, amina, boris):
        as_officer.get("/workspace/doctors/carerelationship/")

        event = listings().get()
        assert event.patient_id == amina.pk
        assert event.ground == "staff_duty"
        assert event.facts["listing"] == Listing.CARE
        assert event.facts["address"]

    def test_makes_as_many_queries_for_twenty_as_for_one(self, as_officer, care, clinician):
        address = "/workspace/doctors/carerelationship/"
        queries_of(as_officer, address)
        one = queries_of(as_officer, address)
        for _number in range(19):
            CareRelationship.objects.create(
                clinician=clinician,
                patient=PatientFactory(with_account=False),
                reason="cardiology clinic",
                started_at=timezone.now(),
            )

        assert queries_of(as_officer, address) == one


class TestPagesAboutOnePatient:
    """They show a name to whoever has the address, so the patient reads of each time that they were shown."""

    @pytest.mark.parametrize("page", ["ask", "emergency"])
    def test_a_doctor_leaves_a_line(self, as_doctor, boris, page, doctor_account):
        address = f"/workspace/patients/{boris.pk}/{page}/"
        as_doctor.get(address)
        assert listings().of_patient(boris.pk).count() == 1
        # A form sent back shows the name, too, whether or not the page was looked at before.
        as_doctor.post(address, {})
        assert listings().of_patient(boris.pk).count() == 2

        event = listings().of_patient(boris.pk).newest_first()[0]
        assert event.actor_id == doctor_account.pk
        assert event.ground == "staff_duty"
        assert event.facts["listing"] == Listing.DOCTORS_PAGE
        assert event.facts["address"]

    def test_a_doctor_who_withdraws_a_request_leaves_a_line(self, as_doctor, boris, clinician):
        asked = AccessRequestFactory(patient=boris, clinician=clinician)
        as_doctor.get(f"/workspace/requests/{asked.pk}/withdraw/")

        assert listings().of_patient(boris.pk).get().facts["listing"] == Listing.REQUESTS

    def test_a_doctor_who_writes_a_note_leaves_a_line(self, as_doctor, amina):
        as_doctor.get(f"/workspace/patients/{amina.pk}/notes/write/")

        event = listings().get()
        assert (event.patient_id, event.ground) == (amina.pk, "treatment")
        assert event.facts["listing"] == Listing.NOTE

    @pytest.mark.parametrize("page", ["care", "invite", "recovery", "paper-consent"])
    def test_the_desk_leaves_a_line(self, as_officer, boris, page, records_officer):
        as_officer.get(f"/workspace/patients/{boris.pk}/{page}/")

        event = listings().of_patient(boris.pk).get()
        assert event.actor_id == records_officer.pk
        assert event.facts["listing"] == Listing.DESK

    def test_the_desk_leaves_a_line_where_it_ends_something(self, as_officer, amina, care, records_officer):
        consent = GrantFactory(patient=amina, attested=True)
        recovery = Recovery.objects.create(
            patient=amina, checked="Passport with photo", created_at=timezone.now(), by=records_officer
        )
        for address in (
            f"/workspace/care/{care.pk}/end/",
            f"/workspace/paper-consents/{consent.pk}/end/",
            f"/workspace/recoveries/{recovery.pk}/withdraw/",
        ):
            before = listings().of_patient(amina.pk).count()
            assert "Amina Diallo" in as_officer.get(address).content.decode()
            assert listings().of_patient(amina.pk).count() == before + 1

    def test_the_register_leaves_its_own_line_and_no_second_one(self, as_officer, boris):
        as_officer.get(f"/workspace/patients/{boris.pk}/")

        assert Event.objects.of_patient(boris.pk).filter(name="patient.opened").count() == 1
        assert not listings().of_patient(boris.pk).exists()

    def test_each_list_has_words_for_the_patient(self):
        assert {one.value for one in Listing} == set(LISTS)
