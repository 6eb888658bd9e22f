"""The records officer's register: entering people once, inviting them, and saying who treats them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Event
from doctors.models import CareRelationship
from patients.models import Invitation, Patient
from patients.numbers import hospital_system, number_of
from patients.registration import Identifier, add_identifier
from patients.services import verify
from tests.records.factories import PatientFactory

REGISTER = "/workspace/patients/register/"
PERSON = {"given_names": "Amina", "family_name": "Diallo", "birth_date": "1980-03-04", "sex": "female"}


@pytest.mark.django_db
class TestRegister:
    def test_enters_a_patient_with_a_number_of_the_hospital(self, as_officer, records_officer):
        answer = as_officer.post(REGISTER, PERSON)

        patient = Patient.objects.get()
        assert answer.url == f"/workspace/patients/{patient.pk}/"
        assert patient.full_name == "Amina Diallo"
        assert patient.identifiers.get().system == hospital_system()
        assert len(number_of(patient)) == 8
        assert Event.objects.get(name="patient.registered").actor_id == records_officer.pk

    def test_shows_who_has_the_same_name_and_birth_date_first(self, as_officer, amina):
        answer = as_officer.post(REGISTER, PERSON)

        assert answer.status_code == 409
        assert "may be registered already" in answer.content.decode()
        assert f"/workspace/patients/{amina.pk}/" in answer.content.decode()
        assert Patient.objects.count() == 1

    def test_enters_them_once_a_person_says_it_is_somebody_else(self, as_officer, amina):
        as_officer.post(REGISTER, {**PERSON, "is_somebody_else": "on"})

        assert Patient.objects.count() == 2

    def test_refuses_a_number_that_is_somebodys_whatever_is_said(self, as_officer, boris):
        add_identifier(boris, Identifier("urn:oid:1.2.3", "4711"))
        person = {**PERSON, "national_number": "4711", "national_system": "urn:oid:1.2.3"}

        answer = as_officer.post(REGISTER, {**person, "is_somebody_else": "on"})

        assert answer.status_code == 409
        assert "Boris Ivanov" in answer.content.decode()
        assert Patient.objects.count() == 1

    @pytest.mark.parametrize(
        ("field", "value", "words"),
        [
            ("birth_date", "2100-01-01", "in the future"),
            ("birth_date", "1650-01-01", "too long ago"),
            ("birth_date", "", "required"),
            ("family_name", "", "required"),
            ("national_number", "4711", "who issued the number"),
        ],
    )
    def test_says_what_is_wrong(self, as_officer, field, value, words):
        answer = as_officer.post(REGISTER, {**PERSON, field: value})

        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert not Patient.objects.exists()


@pytest.mark.django_db
class TestPatientsPage:
    def test_shows_the_person_and_nothing_clinical(self, as_officer, amina, haemoglobin):
        page = as_officer.get(f"/workspace/patients/{amina.pk}/").content.decode()

        assert "4 March 1980" in page
        assert "Haemoglobin" not in page

    def test_leaves_a_line_in_the_trail(self, as_officer, amina, records_officer):
        as_officer.get(f"/workspace/patients/{amina.pk}/")

        event = Event.objects.of_patient(amina.pk).get(name="patient.opened")
        assert event.actor_id == records_officer.pk
        assert event.ground == "staff_duty"


@pytest.mark.django_db
class TestPatientsList:
    LIST = "/workspace/patients/patient/"

    def test_finds_by_whole_words_only(self, as_officer, amina, boris):
        assert "Amina Diallo" in as_officer.get(self.LIST, {"q": "diallo"}).content.decode()
        assert "Nothing matches" in as_officer.get(self.LIST, {"q": "Dial"}).content.decode()

    def test_filters_by_account_and_by_doctor(self, as_officer, amina, boris, care):
        def names(**asked):
            return [
                patient.given_names for patient in as_officer.get(self.LIST, asked).context["cl"].result_list
            ]

        assert names(treated="yes") == ["Amina"]
        assert names(treated="no") == ["Boris"]
        assert names(account="invited") == []
        as_officer.post(f"{self.LIST}../{boris.pk}/invite/".replace("patient/../", ""))
        assert names(account="invited") == ["Boris"]
        assert names(account="no") == ["Amina"]

    def test_makes_as_many_queries_for_twenty_as_for_one(self, as_officer, amina):
        def queries():
            with CaptureQueriesContext(connection) as made:
                as_officer.get(self.LIST)
            return len(made)

        queries()  # the first visit of a session writes it down
        one = queries()
        for _number in range(19):
            PatientFactory(with_account=False)

        assert queries() == one


@pytest.mark.django_db
class TestInvite:
    def test_shows_a_code_that_works_once_and_never_again(self, as_officer, amina):
        address = f"/workspace/patients/{amina.pk}/invite/"

        answer = as_officer.post(address)

        code = answer.context["code"]
        assert code in answer.content.decode()
        assert "http://portal.localhost:8000/invitation/" in answer.content.decode()
        assert verify(code, amina.birth_date, at=Invitation.objects.get().created_at).patient == amina
        assert code not in as_officer.get(address).content.decode()
        assert code not in as_officer.get(f"/workspace/patients/{amina.pk}/").content.decode()

    def test_makes_no_invitation_by_looking(self, as_officer, amina):
        as_officer.get(f"/workspace/patients/{amina.pk}/invite/")

        assert not Invitation.objects.exists()

    def test_invites_nobody_whose_birth_date_is_unknown(self, as_officer):
        patient = PatientFactory(birth_date=None, with_account=False)

        page = as_officer.get(f"/workspace/patients/{patient.pk}/invite/").content.decode()
        as_officer.post(f"/workspace/patients/{patient.pk}/invite/")

        assert "We don't know this patient's birth date" in page
        assert not Invitation.objects.exists()


@pytest.mark.django_db
class TestCare:
    def start(self, as_officer, patient, clinician, reason="eye clinic"):
        return as_officer.post(
            f"/workspace/patients/{patient.pk}/care/", {"clinician": clinician.pk, "reason": reason}
        )

    def test_opens_the_record_to_a_doctor_and_closes_it_again(self, as_officer, as_doctor, boris, clinician):
        chart = f"/workspace/patients/{boris.pk}/chart/"
        assert as_doctor.get(chart).status_code == 404

        self.start(as_officer, boris, clinician)
        assert as_doctor.get(chart).status_code == 200

        care = CareRelationship.objects.get(patient=boris)
        as_officer.post(f"/workspace/care/{care.pk}/end/")
        assert as_doctor.get(chart).status_code == 404

    def test_says_when_the_doctor_treats_them_already(self, as_officer, amina, care, clinician):
        answer = self.start(as_officer, amina, clinician)

        assert "treats the patient already" in answer.content.decode()
        assert CareRelationship.objects.count() == 1

    def test_owes_a_reason_for_the_patient(self, as_officer, boris, clinician):
        assert self.start(as_officer, boris, clinician, reason="").status_code == 422
        assert not CareRelationship.objects.exists()

    def test_ends_care_once(self, as_officer, care):
        as_officer.post(f"/workspace/care/{care.pk}/end/")
        ended_at = CareRelationship.objects.get().ended_at

        page = as_officer.post(f"/workspace/care/{care.pk}/end/", follow=True).content.decode()

        assert "had ended already" in page
        assert CareRelationship.objects.get().ended_at == ended_at
