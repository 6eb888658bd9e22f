"""A patient with records, brought in through the real import."""

import pytest

from accounts.models import Role, User
from doctors.models import CareRelationship, Clinician, Institution
from patients.models import Patient
from records.models import RecordVersion
from records.services.importing import import_records
from tests.records.bundles import PATIENT, bundle, found_in, observation


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
