"""Telling patients that something happened: a row at once, a mail that says nothing, and not too many."""

import uuid
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import translation

from chain.locks import Busy
from patients import notices
from patients.models import Notice, Patient
from patients.notices import MailNotSent, mark_seen, notify, notify_of_opening, patients_due, send_mail_to
from patients.tasks import send_notice
from tests.records.factories import PatientFactory

Kind = Notice.Kind
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def amina():
    return PatientFactory(given_names="Amina", family_name="Diallo", email="amina@mail.test")


@pytest.fixture
def watchful(amina):
    """Amina, who wants to be told of openings."""
    notices.tell_of_openings(amina, True)
    return amina


class TestNotify:
    def test_keeps_a_row(self, amina, noon):
        notify(amina.pk, Kind.REQUEST, noon)

        notice = Notice.objects.get()
        assert (notice.patient, notice.kind, notice.created_at) == (amina, Kind.REQUEST, noon)
        assert notice.sent_at is None

    def test_says_nothing_of_openings_unless_the_patient_wants_that(self, amina, noon):
        notify(amina.pk, Kind.OPENING, noon)

        assert not Notice.objects.exists()

    def test_gathers_the_openings_of_one_reading(self, watchful, noon):
        for seconds in range(5):
            notify(watchful.pk, Kind.OPENING, noon + timedelta(seconds=seconds))

        assert Notice.objects.count() == 1

    def test_tells_of_openings_again_after_a_mail(self, watchful, noon):
        notify(watchful.pk, Kind.OPENING, noon)
        send_mail_to(watchful.pk, at=noon)

        notify(watchful.pk, Kind.OPENING, noon + HOUR)

        assert Notice.objects.count() == 2

    @pytest.mark.parametrize("kind", Notice.AT_ONCE)
    def test_sends_at_once_what_cannot_wait(
        self, amina, noon, kind, monkeypatch, django_capture_on_commit_callbacks
    ):
        sent = []
        monkeypatch.setattr(
            "patients.notices.current_app.send_task", lambda name, kwargs: sent.append((name, kwargs))
        )
        with django_capture_on_commit_callbacks(execute=True):
            notify(amina.pk, kind, noon)

        assert sent == [("patients.tasks.send_notice", {"patient_id": str(amina.pk)})]

    def test_loses_nothing_with_the_broker(
        self, amina, noon, monkeypatch, django_capture_on_commit_callbacks
    ):
        def broker_is_gone(*args, **kwargs):
            raise OSError("no broker")

        monkeypatch.setattr("patients.notices.current_app.send_task", broker_is_gone)
        with django_capture_on_commit_callbacks(execute=True):
            notify(amina.pk, Kind.BREAK_GLASS, noon)

        assert [*patients_due(noon)] == [amina]


class TestOpenings:
    def test_by_somebody_else_are_told(self, watchful, doctor_account, noon):
        notify_of_opening(watchful, by=doctor_account, at=noon)

        assert Notice.objects.get().kind == Kind.OPENING

    def test_by_the_patient_are_not(self, watchful, noon):
        notify_of_opening(watchful, by=watchful.user, at=noon)

        assert not Notice.objects.exists()

    def test_cost_nothing_for_those_who_want_no_word(
        self, amina, doctor_account, noon, django_assert_num_queries
    ):
        with django_assert_num_queries(0):
            notify_of_opening(amina, by=doctor_account, at=noon)


class TestMail:
    def test_says_only_that_something_happened_and_where_to_see(self, amina, noon, settings):
        notify(amina.pk, Kind.BREAK_GLASS, noon)

        assert send_mail_to(amina.pk, at=noon)

        (sent,) = mail.outbox
        assert sent.to == ["amina@mail.test"]
        assert settings.HOSPITAL_NAME in sent.subject
        assert settings.PORTAL_URL in sent.body
        for word in ("Amina", "Diallo", str(amina.pk), "emergency", "doctor", "glass"):
            assert word not in sent.subject + sent.body

    def test_says_the_same_whatever_happened(self, amina, noon):
        for hours, kind in enumerate((Kind.GRANT, Kind.RECOVERY, Kind.QUESTION_ANSWERED)):
            notify(amina.pk, kind, noon + 2 * hours * HOUR)
            send_mail_to(amina.pk, at=noon + 2 * hours * HOUR)

        assert len({(sent.subject, sent.body) for sent in mail.outbox}) == 1
        assert len(mail.outbox) == 3

    def test_is_in_the_patients_language_and_leaves_ours_alone(self, amina, noon, monkeypatch):
        amina.user.language = "ar"
        amina.user.save()
        spoken = []
        monkeypatch.setattr(
            "patients.notices.send_mail", lambda **mail: spoken.append(translation.get_language())
        )
        notify(amina.pk, Kind.GRANT, noon)

        send_mail_to(amina.pk, at=noon)

        assert spoken == ["ar"]
        assert translation.get_language() != "ar"

    def test_comes_once_an_hour_at_most(self, amina, noon):
        notify(amina.pk, Kind.GRANT, noon)
        send_mail_to(amina.pk, at=noon)
        notify(amina.pk, Kind.REQUEST, noon + HOUR / 2)

        assert not send_mail_to(amina.pk, at=noon + HOUR / 2)
        assert not patients_due(noon + HOUR / 2).exists()

        assert send_mail_to(amina.pk, at=noon + HOUR)
        assert len(mail.outbox) == 2

    @pytest.mark.parametrize("kind", Notice.AT_ONCE)
    def test_does_not_wait_for_the_hour_when_it_cannot(self, amina, noon, kind):
        notify(amina.pk, Kind.GRANT, noon)
        send_mail_to(amina.pk, at=noon)
        notify(amina.pk, kind, noon)

        assert send_mail_to(amina.pk, at=noon)

    def test_is_one_for_all_that_has_gathered(self, amina, noon):
        for kind in (Kind.GRANT, Kind.REQUEST, Kind.RECOVERY):
            notify(amina.pk, kind, noon)

        assert send_mail_to(amina.pk, at=noon)
        assert not send_mail_to(amina.pk, at=noon)
        assert len(mail.outbox) == 1

    def test_is_not_sent_for_what_was_seen_meanwhile(self, amina, noon):
        notify(amina.pk, Kind.GRANT, noon)
        mark_seen([*notices.unseen_by(amina)], at=noon)

        assert not send_mail_to(amina.pk, at=noon)

    @pytest.mark.parametrize("patient", [{"email": ""}, {"email": "a@mail.test", "with_account": False}])
    def test_is_left_out_for_those_it_could_not_help(self, patient, noon):
        patient = PatientFactory(**patient)
        notify(patient.pk, Kind.BREAK_GLASS, noon)

        assert not send_mail_to(patient.pk, at=noon)
        assert not mail.outbox
        assert notices.unseen_by(patient).count() == 1

    def test_is_left_to_the_worker_that_is_at_it(self, amina, noon, monkeypatch):
        def somebody_is_at_it(name):
            raise Busy(name)

        monkeypatch.setattr("patients.notices.only_one", somebody_is_at_it)
        notify(amina.pk, Kind.GRANT, noon)

        send_notice(patient_id=str(amina.pk))

        assert not mail.outbox


class TestAMailServerThatRefuses:
    @pytest.fixture(autouse=True)
    def _refusing(self, settings):
        settings.EMAIL_BACKEND = "tests.patients.mail_servers.Refusing"

    def test_leaves_the_mail_owed_and_says_nobodys_address(self, amina, noon):
        notify(amina.pk, Kind.GRANT, noon)

        with pytest.raises(MailNotSent) as failed:
            send_mail_to(amina.pk, at=noon)

        assert "amina" not in f"{failed.value!r} {failed.value.__cause__!r}"
        assert failed.value.__suppress_context__
        assert [*patients_due(noon)] == [amina]

    def test_is_taken_at_its_word_after_three_days(self, amina, noon):
        notify(amina.pk, Kind.GRANT, noon)

        assert patients_due(noon + timedelta(days=2)).exists()
        assert not patients_due(noon + timedelta(days=4)).exists()


class TestPatientsDue:
    def test_are_found_in_one_query(self, noon, django_assert_num_queries):
        for _number in range(5):
            notify(PatientFactory(email="a@mail.test").pk, Kind.GRANT, noon)

        with django_assert_num_queries(1):
            assert len(patients_due(noon)) == 5

    def test_leaves_out_those_without_news(self, amina, noon):
        assert not patients_due(noon).exists()
        assert Patient.objects.filter(pk=amina.pk).exists()


def test_a_patient_who_is_gone_is_no_failure(noon):
    assert not send_mail_to(uuid.uuid4(), at=noon)
