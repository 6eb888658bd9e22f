"""Breaking the glass: what opens, for how long, and who learns of it."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import Role, User
from audit.models import Event, Ground, Review
from consent.models import BreakGlass
from consent.rules import Action, decide
from consent.services import emergencies
from consent.services.emergencies import GlassIsBroken, GlassNotNeeded, ReasonTooShort, break_glass
from doctors.models import CareRelationship, Clinician, Institution
from patients.models import Notice
from tests.records.factories import PatientFactory

pytestmark = pytest.mark.django_db
REASON = "Unconscious, no history known"


@pytest.fixture
def amina(db):
    return PatientFactory(given_names="Amina", family_name="Diallo")


@pytest.fixture(autouse=True)
def clinician(doctor_account):
    hospital = Institution.objects.create(name="North", portal_url="http://north.test", is_this_hospital=True)
    return Clinician.objects.create(user=doctor_account, institution=hospital, name="Dr Okafor")


@pytest.fixture
def opened(amina, doctor_account, noon):
    return break_glass(patient=amina, reason=REASON, by=doctor_account, at=noon, address="10.0.0.7")


def decision(patient, doctor, at, action=Action.READ):
    return decide(actor=doctor, action=action, patient=patient, at=at)


class TestBreakGlass:
    def test_opens_one_record_for_sixty_minutes(self, opened, amina, doctor_account, noon):
        last = noon + timedelta(minutes=59, seconds=59)

        assert decision(amina, doctor_account, last).ground is Ground.BREAK_GLASS
        assert not decision(amina, doctor_account, noon + timedelta(minutes=60)).allowed
        assert not decision(PatientFactory(), doctor_account, noon).allowed

    def test_opens_it_to_nobody_else_and_to_reading_only(self, opened, amina, doctor_account, noon):
        colleague = User.objects.create_user("colleague", role=Role.DOCTOR)

        assert not decision(amina, colleague, noon).allowed
        assert not decision(amina, doctor_account, noon, Action.WRITE).allowed

    def test_leaves_a_line_with_the_reason_sealed_in_it(self, opened, amina, doctor_account):
        event = Event.objects.get(name="glass.broken")

        assert event.patient_id == amina.pk
        assert event.actor_id == doctor_account.pk
        assert event.ground == Ground.BREAK_GLASS
        assert event.facts["reason"] == REASON
        assert event.facts["breakGlass"] == str(opened.pk)
        assert event.facts["address"] == "10.0.0.7"
        assert REASON.encode() not in bytes(event.sealed_detail)

    def test_waits_in_the_privacy_officers_queue(self, opened, amina):
        review = Review.objects.open().get()

        assert (review.kind, review.subject, review.patient_id) == ("break_glass", opened.pk, amina.pk)

    def test_tells_the_patient(self, opened, amina):
        assert Notice.objects.get(patient=amina).kind == Notice.Kind.BREAK_GLASS

    @pytest.mark.parametrize("reason", ["", "   ", "x", "emergency", "an emergency"])
    def test_owes_a_reason_that_says_something(self, amina, doctor_account, noon, reason):
        with pytest.raises(ReasonTooShort):
            break_glass(patient=amina, reason=reason, by=doctor_account, at=noon)

        assert not BreakGlass.objects.exists()

    @pytest.mark.parametrize("who", ["records_officer", "privacy_officer", "billing_clerk"])
    def test_is_for_doctors_only(self, amina, noon, who, request):
        with pytest.raises(PermissionDenied):
            break_glass(patient=amina, reason=REASON, by=request.getfixturevalue(who), at=noon)

    def test_is_for_doctors_of_this_hospital_only(self, amina, doctor_account, clinician, noon):
        clinician.institution = Institution.objects.create(name="South", portal_url="http://south.test")
        clinician.save()

        with pytest.raises(PermissionDenied):
            break_glass(patient=amina, reason=REASON, by=doctor_account, at=noon)

    def test_is_not_needed_by_those_who_treat_the_patient(self, amina, doctor_account, clinician, noon):
        CareRelationship.objects.create(
            clinician=clinician, patient=amina, reason="clinic", started_at=noon - timedelta(days=1)
        )

        with pytest.raises(GlassNotNeeded):
            break_glass(patient=amina, reason=REASON, by=doctor_account, at=noon)

    def test_is_not_broken_again_while_it_is(self, opened, amina, doctor_account, noon):
        with pytest.raises(GlassIsBroken) as raised:
            break_glass(patient=amina, reason=REASON, by=doctor_account, at=noon + timedelta(minutes=5))

        assert raised.value.break_glass == opened
        assert Review.objects.count() == 1

    def test_can_be_broken_again_once_it_has_closed(self, opened, amina, doctor_account, noon):
        later = noon + timedelta(minutes=60)

        again = break_glass(patient=amina, reason=REASON, by=doctor_account, at=later)

        assert again.pk != opened.pk
        assert Review.objects.open().count() == 2

    @pytest.mark.parametrize("step", ["open_review", "notify"])
    def test_opens_nothing_if_those_concerned_cannot_be_told(
        self, amina, doctor_account, noon, monkeypatch, step
    ):
        def fail(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr(emergencies, step, fail)

        with pytest.raises(OSError, match="disk full"):
            break_glass(patient=amina, reason=REASON, by=doctor_account, at=noon)

        assert not BreakGlass.objects.exists()
        assert not decision(amina, doctor_account, noon).allowed
