"""The privacy officer's queue: what comes in, what keeps it there, and the one way out."""

import uuid
from datetime import timedelta

import pgtrigger
import pytest
from django.core import mail
from django.db import IntegrityError, ProgrammingError, transaction

from audit import reviews
from audit import services as audit
from audit.models import Event, Review
from audit.reviews import AlreadyClosed, FindingMissing, OutcomeNotOfKind, close, open_review
from audit.tasks import MailNotSent, tell_privacy_office
from chain.findings import Finding, note, record_findings
from chain.models import Mismatch
from tests.records.factories import PatientFactory

Kind, Outcome = Review.Kind, Review.Outcome

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient():
    return PatientFactory()


@pytest.fixture
def emergency(patient, doctor_account, noon):
    return open_review(
        kind=Kind.BREAK_GLASS, at=noon, by=doctor_account, patient_id=patient.pk, subject=uuid.uuid4()
    )


@pytest.fixture
def opening(patient, doctor_account, noon):
    return audit.record("chart.opened", at=noon, by=doctor_account, patient_id=patient.pk)


def mismatch(noon, subject="head of 500 leaves"):
    return Mismatch.objects.create(kind=Mismatch.Kind.HEAD, subject=subject, cause="differs", found_at=noon)


class TestOpenReview:
    def test_leaves_a_line_in_the_trail(self, emergency, doctor_account, patient):
        event = Event.objects.get(name="review.opened")

        assert event.patient_id == patient.pk
        assert event.actor_id == doctor_account.pk
        assert event.facts["review"] == str(emergency.pk)
        assert event.leaf.topic == "access"

    def test_makes_one_review_an_emergency_however_often_it_is_called(self, emergency, patient, noon):
        again = open_review(kind=Kind.BREAK_GLASS, at=noon, patient_id=patient.pk, subject=emergency.subject)

        assert again == emergency
        assert Event.objects.filter(name="review.opened").count() == 1

    def test_makes_one_review_a_mismatch(self, noon):
        differing = mismatch(noon)

        first = open_review(kind=Kind.FAILED_VERIFICATION, at=noon, mismatch=differing)

        assert open_review(kind=Kind.FAILED_VERIFICATION, at=noon, mismatch=differing) == first

    def test_keeps_what_the_patient_wrote_encrypted(self, patient, opening, noon):
        open_review(
            kind=Kind.QUESTION,
            at=noon,
            by=patient.user,
            patient_id=patient.pk,
            event=opening,
            details="I was on holiday",
        )

        assert Review.objects.get().details == "I was on holiday"
        assert Event.objects.get(name="review.opened").facts["details"] == "I was on holiday"
        stored = Review.objects.raw("SELECT id, details::text AS stored FROM audit_review")[0].stored
        assert b"holiday" not in bytes.fromhex(stored.removeprefix("\\x"))

    def test_lets_a_patient_ask_again_once_the_first_question_is_answered(
        self, patient, opening, privacy_officer, noon
    ):
        asked = {"kind": Kind.QUESTION, "patient_id": patient.pk, "event": opening, "at": noon}
        first = open_review(**asked, details="Who is this?")
        assert open_review(**asked, details="Hello?") == first

        close(first, finding="Your new doctor", outcome=Outcome.EXPLAINED, by=privacy_officer, at=noon)

        assert open_review(**asked, details="I have no new doctor") != first

    @pytest.mark.parametrize("kind", Kind)
    def test_refuses_a_review_about_nothing(self, kind, patient, noon):
        with pytest.raises(IntegrityError), transaction.atomic():
            Review.objects.create(kind=kind, patient_id=patient.pk, opened_at=noon)


class TestMismatches:
    def test_come_into_the_queue_when_a_check_finds_them(self, noon):
        finding = Finding(Mismatch.Kind.HEAD, "head of 5 leaves", "its root is not that of its leaves")

        record_findings([finding], at=noon, kinds=Mismatch.Kind.values)
        record_findings([finding], at=noon + timedelta(days=1), kinds=Mismatch.Kind.values)

        review = Review.objects.get()
        assert review.mismatch.subject == "head of 5 leaves"
        assert review.opened_at == noon

    def test_come_into_the_queue_when_they_are_met_outside_a_check(self, noon):
        for _twice in range(2):
            note(Finding(Mismatch.Kind.CHAIN, "newest head", "the chain has another"), at=noon)

        assert Review.objects.get().kind == Kind.FAILED_VERIFICATION

    def test_stay_in_the_queue_when_they_heal(self, noon):
        record_findings(
            [Finding(Mismatch.Kind.HEAD, "head of 5 leaves", "it differs")],
            at=noon,
            kinds=Mismatch.Kind.values,
        )
        record_findings([], at=noon + timedelta(days=1), kinds=Mismatch.Kind.values)

        review = Review.objects.get()
        assert review.mismatch.resolved_at is not None
        assert review.is_open

    def test_are_not_remembered_without_their_review(self, noon, monkeypatch):
        def raise_disk_full(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr("audit.services.append_leaves", raise_disk_full)

        with pytest.raises(OSError, match="disk full"):
            record_findings(
                [Finding(Mismatch.Kind.HEAD, "head of 5 leaves", "it differs")],
                at=noon,
                kinds=Mismatch.Kind.values,
            )
        assert not Mismatch.objects.exists()

    @pytest.mark.parametrize("count", [1, 50])
    def test_cost_as_many_queries_for_many_as_for_one(self, noon, count, django_assert_num_queries):
        many = [mismatch(noon, f"head of {size} leaves") for size in range(count)]

        # Reviews, leaves and events, and the savepoint around them.
        with django_assert_num_queries(5):
            reviews.open_reviews_of(many, noon)

        assert Event.objects.filter(name="review.opened").count() == count


class TestClose:
    def test_keeps_finding_outcome_who_and_when(self, emergency, privacy_officer, noon):
        close(
            emergency,
            finding=" The patient was unconscious. ",
            outcome=Outcome.JUSTIFIED,
            by=privacy_officer,
            at=noon,
        )

        emergency.refresh_from_db()
        assert emergency.finding == "The patient was unconscious."
        assert emergency.outcome == Outcome.JUSTIFIED
        assert emergency.closed_by_id == privacy_officer.pk
        facts = Event.objects.get(name="review.closed").facts
        assert facts["finding"] == "The patient was unconscious."

    def test_happens_once(self, emergency, privacy_officer, noon):
        said = {"finding": "Fine", "outcome": Outcome.JUSTIFIED, "by": privacy_officer, "at": noon}
        close(emergency, **said)

        with pytest.raises(AlreadyClosed):
            close(emergency, **said)
        assert Event.objects.filter(name="review.closed").count() == 1

    @pytest.mark.parametrize("finding", ["", "  \n"])
    def test_needs_a_finding(self, emergency, privacy_officer, noon, finding):
        with pytest.raises(FindingMissing):
            close(emergency, finding=finding, outcome=Outcome.JUSTIFIED, by=privacy_officer, at=noon)

    def test_refuses_an_outcome_of_another_kind(self, emergency, privacy_officer, noon):
        with pytest.raises(OutcomeNotOfKind):
            close(emergency, finding="Fine", outcome=Outcome.PUT_RIGHT, by=privacy_officer, at=noon)

    def test_changes_nothing_when_the_trail_cannot_be_written(
        self, emergency, privacy_officer, noon, monkeypatch
    ):
        def raise_disk_full(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr("audit.reviews.audit.record", raise_disk_full)

        with pytest.raises(OSError, match="disk full"):
            close(emergency, finding="Fine", outcome=Outcome.JUSTIFIED, by=privacy_officer, at=noon)
        emergency.refresh_from_db()
        assert emergency.is_open


class TestTheDatabase:
    @pytest.fixture
    def closed(self, emergency, privacy_officer, noon):
        return close(emergency, finding="Fine", outcome=Outcome.JUSTIFIED, by=privacy_officer, at=noon)

    def test_deletes_no_review(self, emergency):
        with pytest.raises(ProgrammingError, match="Cannot delete"), transaction.atomic():
            emergency.delete()

    @pytest.mark.parametrize("change", [{"finding": "Other"}, {"closed_at": None}, {"outcome": "handed_on"}])
    def test_changes_none_that_is_closed(self, closed, change):
        with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
            Review.objects.filter(pk=closed.pk).update(**change)

    @pytest.mark.parametrize("change", [{"details": "Other"}, {"kind": "question"}, {"patient_id": None}])
    def test_keeps_an_open_one_as_it_came(self, emergency, change):
        with pytest.raises(ProgrammingError, match="Cannot update"), transaction.atomic():
            Review.objects.filter(pk=emergency.pk).update(**change)

    @pytest.mark.parametrize("missing", ["finding", "closed_by_id", "closed_at", "outcome"])
    def test_closes_none_without_who_when_and_what(self, emergency, privacy_officer, noon, missing):
        facts = {
            "finding": "Fine",
            "closed_by_id": privacy_officer.pk,
            "closed_at": noon,
            "outcome": Outcome.JUSTIFIED,
        }
        facts[missing] = "" if missing == "outcome" else None

        with pytest.raises(IntegrityError), transaction.atomic():
            Review.objects.filter(pk=emergency.pk).update(**facts)

    def test_gives_way_to_the_rotation_of_keys(self, closed):
        with pgtrigger.ignore():
            Review.objects.filter(pk=closed.pk).update(finding="Fine")


class TestTellingThePrivacyOffice:
    @pytest.fixture(autouse=True)
    def _with_an_address(self, settings):
        settings.PRIVACY_OFFICE_EMAIL = "privacy@north.test"

    def test_says_only_that_something_waits(self, emergency, patient):
        tell_privacy_office()

        (sent,) = mail.outbox
        assert sent.to == ["privacy@north.test"]
        assert "/workspace/" in sent.body
        assert str(patient.pk) not in sent.body
        assert patient.family_name not in sent.body + sent.subject

    def test_is_done_once_for_all_that_waits(self, emergency, noon):
        reviews.open_reviews_of([mismatch(noon)], noon)

        tell_privacy_office()
        tell_privacy_office()

        assert len(mail.outbox) == 1

    def test_is_tried_again_when_the_mail_server_fails(self, emergency, settings):
        settings.EMAIL_BACKEND = "tests.patients.mail_servers.Refusing"
        with pytest.raises(MailNotSent):
            tell_privacy_office()

        settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
        tell_privacy_office()

        assert len(mail.outbox) == 1

    def test_is_left_out_without_an_address(self, emergency, settings):
        settings.PRIVACY_OFFICE_EMAIL = ""

        tell_privacy_office()

        assert not mail.outbox
        assert Review.objects.get().told_at is None
