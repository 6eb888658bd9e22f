"""The way from the portal to the consent host."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils.translation import override

from accounts.models import Role, User
from consent.models import Ticket
from consent.services import tickets
from consent.services.tickets import NotTheirRecord, TicketClosed, TicketRefused
from tests.records.factories import PatientFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def amina(db):
    patient = PatientFactory()
    patient.user = User.objects.create_user("amina", role=Role.PATIENT)
    patient.save()
    return patient


def issue(patient, at, *, kind=Ticket.Kind.GRANT, **content):
    address = tickets.issue(kind=kind, patient=patient, content=content, by=patient.user, at=at)
    return address.rstrip("/").rpartition("/")[2]


@transaction.atomic
def finish_and_fail(ticket, at):
    tickets.finish(ticket, at=at)
    raise OSError("disk full")


def at_once(act, times=2):
    """Do the same in so many connections at one moment, and return what came of each."""
    together = Barrier(times)

    def run(_number):
        try:
            together.wait(timeout=10)
            return act()
        except (TicketRefused, TicketClosed) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(times) as threads:
        return list(threads.map(run, range(times)))


class TestIssue:
    def test_leads_to_the_consent_host(self, amina, noon, settings):
        address = tickets.issue(kind=Ticket.Kind.ENROL, patient=amina, content={}, by=amina.user, at=noon)

        assert address.startswith(f"{settings.CONSENT_URL}/enter/")
        assert len(address.rstrip("/").rpartition("/")[2]) == 43

    def test_keeps_only_the_hash_of_the_token(self, amina, noon):
        token = issue(amina, noon)
        ticket = Ticket.objects.get()

        assert bytes(ticket.token_hash) == sha256(token.encode()).digest()
        assert token.encode() not in bytes(ticket.sealed_content)

    def test_seals_what_is_to_be_signed(self, amina, noon):
        issue(amina, noon, document="haemoglobin")
        ticket = Ticket.objects.get()

        assert b"haemoglobin" not in bytes(ticket.sealed_content)
        assert ticket.content["document"] == "haemoglobin"

    def test_takes_the_language_along(self, amina, noon):
        with override("ar"):
            issue(amina, noon)

        assert Ticket.objects.get().content["language"] == "ar"

    def test_is_for_the_patient_alone(self, amina, noon, records_officer):
        with pytest.raises(NotTheirRecord):
            tickets.issue(kind=Ticket.Kind.GRANT, patient=amina, content={}, by=records_officer, at=noon)

        assert not Ticket.objects.exists()

    def test_sweeps_away_what_is_long_over(self, amina, noon):
        issue(amina, noon - timedelta(days=2))
        issue(amina, noon)

        assert Ticket.objects.count() == 1


class TestEnter:
    def test_gives_half_an_hour(self, amina, noon):
        ticket = tickets.enter(issue(amina, noon), at=noon + timedelta(minutes=4))

        assert ticket.patient == amina
        assert ticket.expires_at == noon + timedelta(minutes=34)

    @pytest.mark.parametrize("minutes", [5, 60])
    def test_refuses_who_comes_late(self, amina, noon, minutes):
        token = issue(amina, noon)

        with pytest.raises(TicketRefused):
            tickets.enter(token, at=noon + timedelta(minutes=minutes))

    def test_refuses_a_token_that_was_used(self, amina, noon):
        token = issue(amina, noon)
        tickets.enter(token, at=noon)

        with pytest.raises(TicketRefused):
            tickets.enter(token, at=noon)

    @pytest.mark.parametrize("token", ["", "x" * 43, "../admin", "\u0000"])
    def test_refuses_what_was_never_issued(self, amina, noon, token):
        issue(amina, noon)

        with pytest.raises(TicketRefused):
            tickets.enter(token, at=noon)

    @pytest.mark.django_db(transaction=True)
    def test_lets_one_of_two_browsers_in(self, amina, noon):
        token = issue(amina, noon)

        came_of_it = at_once(lambda: tickets.enter(token, at=noon), times=4)

        assert sum(isinstance(one, Ticket) for one in came_of_it) == 1


class TestRemember:
    def test_keeps_the_form_that_was_offered_first(self, amina, noon):
        ticket = tickets.enter(issue(amina, noon), at=noon)

        tickets.remember(ticket, form={"nonce": "1"})
        again = tickets.remember(Ticket.objects.get(), form={"nonce": "2"})

        assert again["form"] == {"nonce": "1"}
        assert ticket.content["form"] == {"nonce": "1"}

    def test_adds_nothing_to_what_is_finished(self, amina, noon):
        ticket = tickets.enter(issue(amina, noon), at=noon)
        tickets.finish(ticket, at=noon)

        with pytest.raises(TicketClosed):
            tickets.remember(ticket, form={})


class TestFinish:
    def test_forgets_what_was_to_be_signed(self, amina, noon):
        ticket = tickets.enter(issue(amina, noon, secret="abc"), at=noon)

        tickets.finish(ticket, at=noon, until="later")

        assert set(Ticket.objects.get().content) == {"language", "until"}

    def test_happens_once(self, amina, noon):
        ticket = tickets.enter(issue(amina, noon), at=noon)
        tickets.finish(ticket, at=noon)

        with pytest.raises(TicketClosed):
            tickets.finish(ticket, at=noon)

    def test_refuses_who_is_late(self, amina, noon):
        ticket = tickets.enter(issue(amina, noon), at=noon)

        with pytest.raises(TicketClosed):
            tickets.finish(ticket, at=noon + timedelta(minutes=30))

    def test_refuses_a_ticket_that_nobody_entered(self, amina, noon):
        issue(amina, noon)

        with pytest.raises(TicketClosed):
            tickets.finish(Ticket.objects.get(), at=noon)

    def test_leaves_the_ticket_open_when_the_act_fails(self, amina, noon):
        ticket = tickets.enter(issue(amina, noon, secret="abc"), at=noon)

        with pytest.raises(OSError, match="disk"):
            finish_and_fail(ticket, noon)

        again = Ticket.objects.get()
        assert again.finished_at is None
        assert again.content["secret"] == "abc"

    @pytest.mark.django_db(transaction=True)
    def test_lets_one_of_two_answers_count(self, amina, noon):
        ticket = tickets.enter(issue(amina, noon), at=noon)

        def act():
            with transaction.atomic():
                tickets.finish(Ticket.objects.get(pk=ticket.pk), at=noon)
            return "done"

        assert at_once(act, times=4).count("done") == 1
