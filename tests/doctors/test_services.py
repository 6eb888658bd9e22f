"""Starting and ending care."""

from datetime import timedelta

import pytest

from audit.models import Event
from doctors.models import CareRelationship, Clinician, Institution
from doctors.services import AlreadyTreats, CareHasEnded, end_care, start_care
from patients.models import Patient


@pytest.fixture
def clinician(doctor_account):
    hospital = Institution.objects.create(name="North Hospital", portal_url="http://a", is_this_hospital=True)
    return Clinician.objects.create(user=doctor_account, institution=hospital, name="Dr Ada Okafor")


@pytest.fixture
def patient(db):
    return Patient.objects.create(family_name="Diallo")


@pytest.mark.django_db
class TestCare:
    def test_starts_with_a_line_in_the_trail(self, clinician, patient, records_officer, noon):
        care = start_care(clinician=clinician, patient=patient, reason="ward", by=records_officer, at=noon)

        assert care.is_active(noon)
        event = Event.objects.get(name="care.started")
        assert event.patient_id == patient.pk
        assert event.facts["clinician"] == "Dr Ada Okafor"

    def test_is_one_at_a_time(self, clinician, patient, records_officer, noon):
        start_care(clinician=clinician, patient=patient, reason="ward", by=records_officer, at=noon)

        with pytest.raises(AlreadyTreats):
            start_care(clinician=clinician, patient=patient, reason="ward", by=records_officer, at=noon)

        assert Event.objects.filter(name="care.started").count() == 1

    def test_ends_at_once_and_once(self, clinician, patient, records_officer, noon):
        care = start_care(clinician=clinician, patient=patient, reason="ward", by=records_officer, at=noon)
        later = noon + timedelta(hours=1)

        end_care(care=care, by=records_officer, at=later)

        assert not CareRelationship.objects.get().is_active(later)
        with pytest.raises(CareHasEnded):
            end_care(care=care, by=records_officer, at=later)

    def test_can_start_again_after_it_ended(self, clinician, patient, records_officer, noon):
        care = start_care(clinician=clinician, patient=patient, reason="ward", by=records_officer, at=noon)
        end_care(care=care, by=records_officer, at=noon + timedelta(hours=1))

        again = start_care(
            clinician=clinician,
            patient=patient,
            reason="ward",
            by=records_officer,
            at=noon + timedelta(hours=2),
        )

        assert again.pk != care.pk

    def test_leaves_nothing_when_the_trail_cannot_be_written(
        self, clinician, patient, records_officer, noon, monkeypatch
    ):
        def disk_full(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr("doctors.services.audit.record", disk_full)

        with pytest.raises(OSError, match="disk full"):
            start_care(clinician=clinician, patient=patient, reason="ward", by=records_officer, at=noon)

        assert not CareRelationship.objects.exists()
