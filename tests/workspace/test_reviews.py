"""The privacy officer's queue: everything in it, its evidence, and that nothing leaves it unclosed."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, User
from audit.models import Event, Review
from audit.reviews import open_review
from chain.findings import Finding, note
from chain.models import Mismatch
from consent.services.emergencies import break_glass
from doctors.models import Clinician
from patients.models import Notice
from patients.numbers import new_number, number_of
from patients.registration import add_identifier
from records.services.opening import open_record
from tests.records.factories import PatientFactory
from tests.workspace.test_worklist import queries_of

QUEUE = "/workspace/privacy/reviews/"
TODAY = "/workspace/privacy/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def stranger(hospital):
    """A doctor who treats none of these patients."""
    user = User.objects.create_user("zoe", role=Role.DOCTOR, display_name="Dr Zoe Adler")
    Clinician.objects.create(user=user, institution=hospital, name="Dr Zoe Adler")
    return user


@pytest.fixture
def emergency(amina, haemoglobin, stranger):
    """The review of Amina's record having been opened in an emergency, a result in it."""
    add_identifier(amina, new_number())
    at = timezone.now()
    broken = break_glass(
        patient=amina, reason="Unconscious after a fall", by=stranger, at=at, address="192.0.2.9"
    )
    version = haemoglobin.versions.get()
    open_record(version, by=stranger, at=at + timedelta(minutes=1), address="192.0.2.9")
    return Review.objects.get(subject=broken.pk)


@pytest.fixture
def failed():
    note(
        Finding(Mismatch.Kind.HEAD, "head of 500 leaves", "its root is not that of its leaves"),
        at=timezone.now(),
    )
    return Review.objects.get(kind="failed_verification")


@pytest.fixture
def question(as_doctor, amina, haemoglobin):
    """What Amina asks about her doctor having opened her chart."""
    as_doctor.get(f"/workspace/patients/{amina.pk}/chart/")
    return open_review(
        kind=Review.Kind.QUESTION,
        at=timezone.now(),
        patient_id=amina.pk,
        event=Event.objects.get(name="chart.opened"),
        details="I was abroad that day.",
    )


def page_of(review):
    return reverse("workspace:review", args=[review.pk])


def shown(browser, address, **asked):
    return browser.get(address, asked).content.decode()


class TestTheQueue:
    def test_shows_each_kind_and_counts_what_waits(self, as_privacy_officer, emergency, failed, question):
        page = as_privacy_officer.get(QUEUE)

        text = page.content.decode()
        for words in ("Emergency opening", "Failed verification", "Question from a patient"):
            assert words in text
        assert page.context["counts"]["total"] == 3

    def test_has_the_oldest_first_and_closed_ones_last(
        self, as_privacy_officer, amina, emergency, failed, question
    ):
        close_with(as_privacy_officer, emergency)

        order = [row["review"] for row in as_privacy_officer.get(QUEUE).context["rows"]]

        assert order == [failed, question, emergency]

    @pytest.mark.parametrize(
        ("asked", "count"),
        [
            ({"kind": "question"}, 1),
            ({"kind": "break_glass", "state": "closed"}, 0),
            ({"state": "open"}, 3),
            ({"state": "closed"}, 0),
        ],
    )
    def test_is_filtered(self, as_privacy_officer, emergency, failed, question, asked, count):
        assert len(as_privacy_officer.get(QUEUE, asked).context["rows"]) == count

    def test_calls_patients_by_number(self, as_privacy_officer, emergency, amina):
        text = shown(as_privacy_officer, QUEUE)

        assert number_of(amina) in text
        assert "Diallo" not in text

    def test_writes_a_line_for_each_patient_shown(self, as_privacy_officer, emergency, failed, amina):
        as_privacy_officer.get(QUEUE)

        event = Event.objects.get(name="patient.listed")
        assert event.patient_id == amina.pk
        assert event.facts["listing"] == "reviews"

    def test_says_what_will_appear_while_nothing_waits(self, as_privacy_officer):
        assert "Nothing waits for you" in shown(as_privacy_officer, QUEUE)
        assert "Nothing fits this filter" in shown(as_privacy_officer, QUEUE, kind="question")

    def test_stands_first_on_todays_page(self, as_privacy_officer, emergency):
        text = shown(as_privacy_officer, TODAY)

        assert "1 thing waits for your finding" in text
        assert page_of(emergency) in text
        assert text.index("waits for your finding") < text.index("Openings of records")

    def test_makes_as_many_queries_for_twenty_as_for_one(self, as_privacy_officer, emergency, stranger):
        queries_of(as_privacy_officer, QUEUE)
        one = queries_of(as_privacy_officer, QUEUE)
        for _number in range(19):
            break_glass(
                patient=PatientFactory(with_account=False),
                reason="Unconscious after a fall",
                by=stranger,
                at=timezone.now(),
            )

        assert queries_of(as_privacy_officer, QUEUE) == one


class TestAnEmergency:
    def test_has_its_evidence_on_one_page(self, as_privacy_officer, emergency, amina):
        text = shown(as_privacy_officer, page_of(emergency))

        for words in (
            "Dr Zoe Adler",
            "Unconscious after a fall",
            number_of(amina),
            "1 opening under this emergency",
            "Opened a record",
            "192.0.2.9",
            "Results, 2 March 2026, version 1",
        ):
            assert words in text
        assert "Diallo" not in text
        assert "Haemoglobin" not in text

    def test_leaves_out_what_was_opened_before_or_by_others(
        self, as_doctor, as_privacy_officer, emergency, amina
    ):
        as_doctor.get(f"/workspace/patients/{amina.pk}/chart/")

        text = shown(as_privacy_officer, page_of(emergency))

        assert "1 opening under this emergency" in text
        assert "Opened the chart" not in text

    def test_says_that_a_patient_without_an_account_needs_a_letter(self, as_privacy_officer, emergency):
        assert "Tell them by letter." in shown(as_privacy_officer, page_of(emergency))

    def test_says_when_the_patient_was_mailed(self, as_privacy_officer, emergency):
        Notice.objects.update(sent_at=timezone.now())

        assert "By e-mail, " in shown(as_privacy_officer, page_of(emergency))

    def test_leaves_a_line_that_its_log_was_read(self, as_privacy_officer, emergency, amina):
        as_privacy_officer.get(page_of(emergency))

        event = Event.objects.get(name="log.read")
        assert event.patient_id == amina.pk
        assert event.facts["review"] == str(emergency.pk)


class TestAFailedVerification:
    def test_says_what_differs_and_what_to_do(self, as_privacy_officer, failed):
        text = shown(as_privacy_officer, page_of(failed))

        assert "head of 500 leaves" in text
        assert "its root is not that of its leaves" in text
        assert "Keep the database and its backups as they are" in text

    def test_that_healed_still_waits(self, as_privacy_officer, failed):
        Mismatch.objects.update(resolved_at=timezone.now())

        text = shown(as_privacy_officer, page_of(failed))

        assert "Holds again since" in text
        assert "Close with this finding" in text
        assert "1 thing waits for your finding" in shown(as_privacy_officer, TODAY)

    def test_leads_here_from_the_list_of_them(self, as_privacy_officer, failed):
        assert page_of(failed) in shown(as_privacy_officer, "/workspace/chain/mismatch/")


class TestAQuestion:
    def test_shows_the_patients_words_and_the_opening(self, as_privacy_officer, question):
        text = shown(as_privacy_officer, page_of(question))

        for words in (
            "I was abroad that day.",
            "Dr Ada Okafor",
            "Opened the chart",
            "Treats the patient",
            "cardiology clinic",
            "At that moment",
            "0 other openings by this person",
        ):
            assert words in text

    def test_shows_what_else_that_person_opened(self, as_doctor, as_privacy_officer, question, amina):
        as_doctor.get(f"/workspace/patients/{amina.pk}/chart/")

        assert "1 other opening by this person" in shown(as_privacy_officer, page_of(question))


def close_with(browser, review, **said):
    return browser.post(
        page_of(review), {"outcome": "justified", "finding": "The doctor was on call.", **said}
    )


class TestClosing:
    def test_keeps_the_finding_and_tells_the_patient(
        self, as_privacy_officer, emergency, privacy_officer, amina
    ):
        response = close_with(as_privacy_officer, emergency)

        emergency.refresh_from_db()
        assert response.url == QUEUE
        assert emergency.finding == "The doctor was on call."
        assert emergency.closed_by_id == privacy_officer.pk
        assert Notice.objects.filter(patient=amina, kind="question_answered").count() == 1
        text = shown(as_privacy_officer, page_of(emergency))
        assert "The doctor was on call." in text
        assert "Petra Novak" in text
        assert "Close with this finding" not in text

    @pytest.mark.parametrize(
        ("said", "error"),
        [
            ({"finding": ""}, "Write what you found."),
            ({"finding": "   "}, "Write what you found."),
            ({"outcome": ""}, "Choose what it comes to."),
            ({"outcome": "put_right"}, "Choose one of these."),
            ({"finding": "x" * 4001}, "Write at most 4,000 characters."),
        ],
    )
    def test_says_what_is_wrong_beside_the_field_and_keeps_the_rest(
        self, as_privacy_officer, emergency, said, error
    ):
        response = close_with(as_privacy_officer, emergency, **said)

        assert response.status_code == 422
        assert error in response.content.decode()
        assert "Error: Emergency opening" in response.content.decode()
        emergency.refresh_from_db()
        assert emergency.is_open

    def test_happens_once(self, as_privacy_officer, emergency):
        close_with(as_privacy_officer, emergency)

        response = close_with(as_privacy_officer, emergency, finding="Something else")

        emergency.refresh_from_db()
        assert response.url == page_of(emergency)
        assert emergency.finding == "The doctor was on call."

    def test_of_a_failed_verification_tells_no_patient(self, as_privacy_officer, failed):
        close_with(as_privacy_officer, failed, outcome="put_right", finding="A disk was restored.")

        assert not Review.objects.open().exists()
        assert not Notice.objects.exists()

    def test_offers_what_fits_the_kind(self, as_privacy_officer, emergency, failed):
        assert "There was no good reason" not in shown(as_privacy_officer, page_of(failed))
        assert "there was no good reason" in shown(as_privacy_officer, page_of(emergency))

    @pytest.mark.parametrize("who", ["as_doctor", "as_officer", "as_clerk"])
    def test_is_the_privacy_officers_alone(self, request, emergency, who):
        browser = request.getfixturevalue(who)

        assert browser.get(page_of(emergency)).status_code == 403
        assert close_with(browser, emergency).status_code == 403
        emergency.refresh_from_db()
        assert emergency.is_open
