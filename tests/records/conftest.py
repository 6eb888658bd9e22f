"""A patient with records, brought in through the real import."""

import pytest

from accounts.models import Role, User
from doctors.models import CareRelationship, Clinician, Institution
from patients.models import Patient
from records.models import RecordVersion
from records.services.importing import import_records
from tests.records.bundles import PATIENT, bundle, found_in, observation
from tests.records.factories import SPRING, PatientFactory, RecordFactory


@pytest.fixture
def amina(db, noon):
    """A patient with two results of one series, and an account."""
    text = bundle(PATIENT, observation("hb", "13.50"), observation("hb-2", "12.9", day="2026-04-02"))
    import_records(found_in(text), source="lab", at=noon)
    patient = Patient.objects.get()
    patient.user = User.objects.create_user("random-name", role=Role.PATIENT)
    patient.save()
    return patient


@pytest.fixture
def haemoglobin(amina):
    return RecordVersion.objects.get(record__fhir_id="hb")


@pytest.fixture
def her_doctor(amina, doctor_account, noon):
    hospital = Institution.objects.create(
        name="North Hospital", portal_url="http://portal.localhost", is_this_hospital=True
    )
    clinician = Clinician.objects.create(user=doctor_account, institution=hospital, name="Dr Ada Okafor")
    CareRelationship.objects.create(clinician=clinician, patient=amina, reason="Clinic", started_at=noon)
    return doctor_account


@pytest.fixture
def maria(db):
    return PatientFactory(given_names="Maria", family_name="Rossi")


@pytest.fixture
def hers(client, maria):
    """A browser in which Maria is signed in."""
    client.force_login(maria.user)
    return client


@pytest.fixture
def haemoglobin_record(maria):
    return RecordFactory(patient=maria)


@pytest.fixture
def doctor(doctor_account, monkeypatch):
    """A doctor whose second factor is not what is tested here."""
    monkeypatch.setattr("accounts.middleware.has_passed_second_factor", lambda request: True)
    return doctor_account


@pytest.fixture
def treating(doctor, maria, noon):
    """The doctor, who treats Maria."""
    hospital = Institution.objects.create(
        name="North Hospital", portal_url="http://portal.localhost", is_this_hospital=True
    )
    clinician = Clinician.objects.create(user=doctor, institution=hospital, name="Dr Ada Okafor")
    CareRelationship.objects.create(clinician=clinician, patient=maria, reason="Clinic", started_at=SPRING)
    return doctor
