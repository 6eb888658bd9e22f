"""Recovery of consent keys at the desk: started in person, and withdrawn."""

import secrets
from datetime import timedelta

import pytest
from django.utils import timezone

from audit.models import Event
from consent.models import Pseudonym, Recovery, Signer
from patients.models import Notice

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(boris):
    """Boris made a consent key on 1 March."""
    made_at = timezone.now() - timedelta(days=30)
    pseudonym = Pseudonym.objects.create(patient=boris, created_at=made_at)
    return Signer.objects.create(
        pseudonym=pseudonym,
        name="Phone",
        signer=b"\0" * 84,
        hash=secrets.token_bytes(32),
        credential_id=secrets.token_bytes(32),
        credential=b"",
        created_at=made_at,
        accepted_at=made_at,
    )


@pytest.fixture
def recovery(boris, keys, records_officer):
    return Recovery.objects.create(
        patient=boris, checked="passport", by=records_officer, created_at=timezone.now()
    )


def page_of(patient):
    return f"/workspace/patients/{patient.pk}/recovery/"


def register_page(browser, patient):
    return browser.get(f"/workspace/patients/{patient.pk}/").content.decode()


class TestOnThePatientsPage:
    def test_says_that_there_is_no_key_yet(self, as_officer, boris):
        page = register_page(as_officer, boris)

        assert "The patient has no key yet." in page
        assert "Start a recovery" not in page

    def test_says_since_when_there_are_keys(self, as_officer, boris, keys):
        page = register_page(as_officer, boris)

        assert f"since {timezone.localtime(keys.accepted_at):%-d %B %Y}" in page
        assert "Start a recovery" in page

    def test_says_what_a_recovery_waits_for(self, as_officer, boris, recovery):
        assert "It waits for the patient" in register_page(as_officer, boris)

        Recovery.objects.update(proposed_at=timezone.now())
        assert "The three days begin" in register_page(as_officer, boris)

        Recovery.objects.update(recoverable_at=timezone.now() + timedelta(days=3))
        page = register_page(as_officer, boris)
        assert "It counts from" in page
        assert "Start a recovery" not in page


class TestStartRecovery:
    def test_explains_three_days_and_the_veto(self, as_officer, boris, keys):
        page = as_officer.get(page_of(boris)).content.decode()

        assert "counts three days later" in page
        assert "can say no" in page
        assert not Recovery.objects.exists()

    def test_starts_it_with_what_was_checked(self, as_officer, boris, keys, records_officer):
        as_officer.post(page_of(boris), {"checked": "Passport with photo"})

        recovery = Recovery.objects.open().get()
        assert (recovery.patient, recovery.by, recovery.checked) == (
            boris,
            records_officer,
            "Passport with photo",
        )
        assert Notice.objects.get(patient=boris).kind == Notice.Kind.RECOVERY
        assert Event.objects.filter(name="consent.recovery_started", patient_id=boris.pk).exists()

    def test_owes_what_was_checked(self, as_officer, boris, keys):
        assert as_officer.post(page_of(boris), {"checked": " "}).status_code == 422
        assert not Recovery.objects.exists()

    def test_starts_no_second_one(self, as_officer, boris, recovery):
        page = as_officer.post(page_of(boris), {"checked": "Passport"}, follow=True).content.decode()

        assert "under way already" in page
        assert Recovery.objects.count() == 1
        assert "Recovery under way" in as_officer.get(page_of(boris)).content.decode()

    def test_starts_none_without_keys(self, as_officer, boris):
        page = as_officer.post(page_of(boris), {"checked": "Passport"}, follow=True).content.decode()

        assert "has no consent keys yet" in page
        assert not Recovery.objects.exists()
        assert 'name="checked"' not in as_officer.get(page_of(boris)).content.decode()

    @pytest.mark.parametrize("role", ["as_doctor", "as_privacy_officer", "as_clerk"])
    def test_is_for_records_officers_only(self, boris, keys, role, request):
        browser = request.getfixturevalue(role)

        assert browser.get(page_of(boris)).status_code == 403
        assert browser.post(page_of(boris), {"checked": "Passport"}).status_code == 403
        assert not Recovery.objects.exists()


class TestWithdrawRecovery:
    def page(self, recovery):
        return f"/workspace/recoveries/{recovery.pk}/withdraw/"

    def test_asks_once_and_does_it(self, as_officer, recovery, boris):
        assert "passport" in as_officer.get(self.page(recovery)).content.decode()
        assert Recovery.objects.open().exists()

        as_officer.post(self.page(recovery))

        assert not Recovery.objects.open().exists()
        assert "Recovery under way" not in register_page(as_officer, boris)

    def test_says_when_it_had_ended(self, as_officer, recovery):
        Recovery.objects.update(vetoed_at=timezone.now())

        page = as_officer.post(self.page(recovery), follow=True).content.decode()

        assert "Nothing has changed" in page
        assert "This recovery has ended." in as_officer.get(self.page(recovery)).content.decode()

    @pytest.mark.parametrize("role", ["as_doctor", "as_privacy_officer", "as_clerk"])
    def test_is_for_records_officers_only(self, recovery, role, request):
        assert request.getfixturevalue(role).post(self.page(recovery)).status_code == 403
        assert Recovery.objects.open().exists()
