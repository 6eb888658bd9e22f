"""Inviting, showing the code, and making an account of it, once."""

import threading
import uuid
from datetime import date, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection

from accounts.models import Role, User
from audit.models import Event
from patients import services
from patients.models import Invitation, Patient
from patients.services import BirthDateUnknown, InvitationRefused, accept, invite, verify

BORN = date(1980, 3, 31)


@pytest.fixture
def amina(db):
    return Patient.objects.create(given_names="Amina", family_name="Diallo", birth_date=BORN)


def accept_now(invitation, at, *, user_id=None):
    return accept(
        invitation.pk, user_id=user_id or uuid.uuid4(), passkey_name="phone", credential={"id": "x"}, at=at
    )


class TestInvite:
    def test_keeps_no_code(self, amina, records_officer, noon):
        invitation, code = invite(amina, by=records_officer, at=noon)

        stored = " ".join(str(value) for value in Invitation.objects.values().get().values())
        assert code not in stored
        assert code.replace("-", "") not in stored
        assert invitation.expires_at == noon + timedelta(days=14)

    def test_withdraws_the_one_before(self, amina, records_officer, noon):
        _first, old_code = invite(amina, by=records_officer, at=noon)
        invite(amina, by=records_officer, at=noon)

        with pytest.raises(InvitationRefused):
            verify(old_code, BORN, at=noon)
        assert Invitation.objects.open(noon).count() == 1

    def test_leaves_a_line_in_the_trail(self, amina, records_officer, noon):
        invite(amina, by=records_officer, at=noon)

        event = Event.objects.get(name="invitation.sent")
        assert (event.patient_id, event.actor_id) == (amina.pk, records_officer.pk)

    def test_needs_a_birth_date_to_ask_for(self, records_officer, noon):
        nobody = Patient.objects.create(family_name="Unknown")

        with pytest.raises(BirthDateUnknown):
            invite(nobody, by=records_officer, at=noon)


class TestVerify:
    def test_opens_with_code_and_birth_date(self, amina, noon):
        invitation, code = invite(amina, by=None, at=noon)

        assert verify(code.lower(), BORN, at=noon) == invitation

    def test_opens_more_than_once_until_it_is_accepted(self, amina, noon):
        """A browser closed half-way loses nothing."""
        _invitation, code = invite(amina, by=None, at=noon)

        verify(code, BORN, at=noon)
        verify(code, BORN, at=noon + timedelta(hours=1))

    @pytest.mark.parametrize("why", ["expired", "accepted", "withdrawn", "unknown", "birth date"])
    def test_refuses_everything_else(self, amina, noon, why):
        invitation, code = invite(amina, by=None, at=noon)
        at, born = noon, BORN
        match why:
            case "expired":
                at = invitation.expires_at
            case "accepted":
                invitation.accept(at=noon)
            case "withdrawn":
                invitation.withdraw(at=noon)
            case "unknown":
                code = "0000-0000-0000"
            case "birth date":
                born = date(1980, 3, 30)

        with pytest.raises(InvitationRefused):
            verify(code, born, at=at)

    def test_withdraws_the_invitation_after_five_wrong_birth_dates(self, amina, noon):
        invitation, code = invite(amina, by=None, at=noon)

        for day in range(1, 6):
            with pytest.raises(InvitationRefused):
                verify(code, date(1980, 1, day), at=noon)

        invitation.refresh_from_db()
        assert invitation.withdrawn_at == noon
        assert Event.objects.filter(name="invitation.withdrawn", patient_id=amina.pk).exists()
        with pytest.raises(InvitationRefused):
            verify(code, BORN, at=noon)

    def test_does_the_same_work_whatever_is_wrong(self, amina, noon, django_assert_num_queries):
        """A guesser with a stopwatch learns no more than one who reads."""
        _invitation, code = invite(amina, by=None, at=noon)

        for guess in (code, "0000-0000-0000"):
            # Savepoint, invitation, birth date, the count, release.
            with django_assert_num_queries(5), pytest.raises(InvitationRefused):
                verify(guess, date(1980, 3, 30), at=noon)

    def test_decrypts_a_birth_date_even_when_there_is_none(self, amina, noon, monkeypatch):
        decrypted = []
        field = Patient._meta.get_field("birth_date")
        load = field._load
        monkeypatch.setattr(field, "_load", lambda value: decrypted.append(1) or load(value))

        with pytest.raises(InvitationRefused):
            verify("0000-0000-0000", BORN, at=noon)

        assert decrypted == [1]


class TestAccept:
    def test_makes_an_account_that_tells_nothing(self, amina, noon):
        invitation, _code = invite(amina, by=None, at=noon)

        authenticator = accept_now(invitation, noon)

        amina.refresh_from_db()
        user = amina.user
        assert authenticator.user == user
        assert user.role == Role.PATIENT
        assert user.display_name == ""
        assert uuid.UUID(user.username)
        assert not user.has_usable_password()
        assert Event.objects.get(name="account.created").actor_id == user.pk

    def test_uses_the_code_up(self, amina, noon):
        invitation, code = invite(amina, by=None, at=noon)
        accept_now(invitation, noon)

        with pytest.raises(InvitationRefused):
            verify(code, BORN, at=noon)
        with pytest.raises(InvitationRefused):
            accept_now(invitation, noon)

    def test_gives_a_patient_who_has_an_account_one_more_passkey(self, amina, noon):
        first, _code = invite(amina, by=None, at=noon)
        account = accept_now(first, noon).user
        second, _code = invite(amina, by=None, at=noon)

        accept_now(second, noon, user_id=account.pk)

        assert Authenticator.objects.filter(user=account).count() == 2
        assert User.objects.filter(role=Role.PATIENT).count() == 1
        assert Event.objects.filter(name="passkey.added", actor_id=account.pk).exists()

    def test_refuses_a_passkey_made_for_another_account(self, amina, noon):
        first, _code = invite(amina, by=None, at=noon)
        accept_now(first, noon)
        second, _code = invite(amina, by=None, at=noon)

        with pytest.raises(InvitationRefused):
            accept_now(second, noon, user_id=uuid.uuid4())

    def test_refuses_an_account_that_was_closed(self, amina, noon):
        first, _code = invite(amina, by=None, at=noon)
        account = accept_now(first, noon).user
        User.objects.filter(pk=account.pk).update(is_active=False)
        second, _code = invite(amina, by=None, at=noon)

        with pytest.raises(InvitationRefused):
            accept_now(second, noon, user_id=account.pk)

    def test_changes_nothing_when_the_trail_cannot_be_written(self, amina, noon, monkeypatch):
        invitation, code = invite(amina, by=None, at=noon)

        def raise_disk_full(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr(services.audit, "record", raise_disk_full)
        with pytest.raises(OSError, match="disk full"):
            accept_now(invitation, noon)

        assert not User.objects.exists()
        assert not Authenticator.objects.exists()
        assert verify(code, BORN, at=noon) == invitation


@pytest.mark.django_db(transaction=True)
class TestTwoBrowsersAtOnce:
    def run_both(self, act):
        barrier, outcomes = threading.Barrier(2), []

        def one():
            barrier.wait()
            try:
                outcomes.append(act())
            except InvitationRefused as refused:
                outcomes.append(refused)
            finally:
                connection.close()

        threads = [threading.Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return outcomes

    def test_make_one_account_between_them(self, noon):
        amina = Patient.objects.create(birth_date=BORN)
        invitation, _code = invite(amina, by=None, at=noon)

        outcomes = self.run_both(lambda: accept_now(invitation, noon))

        assert sum(isinstance(outcome, InvitationRefused) for outcome in outcomes) == 1
        assert User.objects.count() == Authenticator.objects.count() == 1

    def test_count_each_wrong_birth_date(self, noon):
        amina = Patient.objects.create(birth_date=BORN)
        invitation, code = invite(amina, by=None, at=noon)

        self.run_both(lambda: verify(code, date(1970, 1, 1), at=noon))

        invitation.refresh_from_db()
        assert invitation.failed_attempts == 2

    def test_are_invited_once(self, noon):
        amina = Patient.objects.create(birth_date=BORN)

        self.run_both(lambda: invite(amina, by=None, at=noon))

        assert Invitation.objects.open(noon).count() == 1
