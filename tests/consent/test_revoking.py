"""What ends a consent: the patient's word, signed or not, the hospital's, and the contract's refusal."""

import secrets
from datetime import timedelta

import pytest

from audit.models import Event
from consent.models import EndedBy, Grant, Pseudonym, Relay
from consent.services.revoking import (
    TO_SIGN_REVOCATION,
    GrantNotActive,
    end_refused,
    revoke_grant,
    sign_revocation,
)
from patients.models import Notice
from tests.consent.factories import GrantFactory
from tests.records.factories import PatientFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
Kind, State = Relay.Kind, Relay.State


@pytest.fixture
def amina(db):
    return PatientFactory(given_names="Amina")


@pytest.fixture
def grant(amina, noon):
    return GrantFactory(patient=amina, starts_at=noon)


def relays(grant, **chosen):
    return [(relay.kind, relay.state) for relay in grant.relays.filter(**chosen).order_by("pk")]


def sent(grant, state=State.SENT):
    grant.relays.filter(kind=Kind.GRANT).update(state=state)


class TestRevokeGrant:
    def test_ends_it_at_once_and_says_by_whom(self, amina, grant, noon):
        revoke_grant(grant=grant, by=amina.user, at=noon)

        grant.refresh_from_db()
        assert (grant.revoked_at, grant.revoked_by, grant.ended_by) == (noon, amina.user, EndedBy.PATIENT)
        assert not Grant.objects.active(noon).exists()
        assert Event.objects.get(name="consent.revoked").ground == "own_record"

    def test_by_somebody_else_is_never_said_to_be_the_patients(self, grant, noon):
        revoke_grant(grant=grant, by=PatientFactory().user, at=noon)

        grant.refresh_from_db()
        assert grant.ended_by == EndedBy.HOSPITAL
        assert Event.objects.get(name="consent.revoked").ground == "staff_duty"

    def test_tells_the_chain_nothing_of_what_it_never_heard_of(self, amina, grant, noon):
        revoke_grant(grant=grant, by=amina.user, at=noon)

        assert relays(grant) == [(Kind.GRANT, State.CANCELLED)]

    @pytest.mark.parametrize("state", [State.SENT, State.DONE])
    @pytest.mark.parametrize(("will_sign", "wait"), [(False, 0 * HOUR), (True, TO_SIGN_REVOCATION)])
    def test_has_the_hospital_tell_the_chain(self, amina, grant, noon, state, will_sign, wait):
        sent(grant, state)
        Pseudonym.objects.create(patient=amina, created_at=noon)

        revoke_grant(grant=grant, by=amina.user, at=noon, will_sign=will_sign)

        relay = grant.relays.get(kind=Kind.REVOKE_BY_INSTITUTION)
        assert (relay.state, relay.not_before, relay.after.kind) == (State.WAITING, noon + wait, Kind.GRANT)
        assert relay.call[1] == "0x" + bytes(grant.digest).hex()

    def test_of_what_has_ended_is_refused(self, amina, grant, noon):
        revoke_grant(grant=grant, by=amina.user, at=noon)

        with pytest.raises(GrantNotActive):
            revoke_grant(grant=grant, by=amina.user, at=noon)
        with pytest.raises(GrantNotActive):
            revoke_grant(grant=GrantFactory(starts_at=noon, days=1), by=amina.user, at=noon + 24 * HOUR)


class TestSignRevocation:
    def revoke(self, grant, noon):
        sign_revocation(
            grant=grant,
            digest=secrets.token_bytes(32),
            call=["0x02"],
            by=grant.patient.user,
            at=noon,
        )

    @pytest.fixture
    def on_chain(self, amina, grant, noon):
        Pseudonym.objects.create(patient=amina, created_at=noon)
        sent(grant, State.DONE)
        return grant

    def test_ends_what_was_still_active(self, on_chain, noon):
        self.revoke(on_chain, noon)

        on_chain.refresh_from_db()
        assert on_chain.ended_by == EndedBy.PATIENT
        assert relays(on_chain, kind=Kind.REVOKE) == [(Kind.REVOKE, State.WAITING)]

    def test_takes_the_place_of_the_hospitals_word_while_that_waits(self, on_chain, noon):
        revoke_grant(grant=on_chain, by=on_chain.patient.user, at=noon, will_sign=True)

        self.revoke(on_chain, noon + HOUR / 10)

        assert relays(on_chain)[1:] == [
            (Kind.REVOKE_BY_INSTITUTION, State.CANCELLED),
            (Kind.REVOKE, State.WAITING),
        ]

    @pytest.mark.parametrize("state", [State.SENT, State.DONE])
    def test_sends_nothing_more_when_the_hospitals_word_has_gone_out(self, on_chain, noon, state):
        revoke_grant(grant=on_chain, by=on_chain.patient.user, at=noon)
        on_chain.relays.filter(kind=Kind.REVOKE_BY_INSTITUTION).update(state=state)

        self.revoke(on_chain, noon + HOUR)

        assert relays(on_chain)[1:] == [(Kind.REVOKE_BY_INSTITUTION, state)]

    def test_is_sent_once(self, on_chain, noon):
        self.revoke(on_chain, noon)
        self.revoke(on_chain, noon)

        assert relays(on_chain, kind=Kind.REVOKE) == [(Kind.REVOKE, State.WAITING)]

    def test_of_what_the_chain_never_heard_of_sends_nothing(self, grant, noon):
        self.revoke(grant, noon)

        assert relays(grant) == [(Kind.GRANT, State.CANCELLED)]

    def test_of_what_ran_out_or_was_never_signed_is_refused(self, on_chain, noon):
        attested = GrantFactory(patient=on_chain.patient, attested=True, starts_at=noon)

        for grant, at in ((on_chain, on_chain.expires_at), (attested, noon)):
            with pytest.raises(GrantNotActive):
                self.revoke(grant, at)
        assert relays(on_chain) == [(Kind.GRANT, State.DONE)]


class TestEndRefused:
    def test_ends_what_the_contract_did_not_take(self, grant, noon):
        end_refused(grant.relays.get(), "GrantExpired", at=noon)

        grant.refresh_from_db()
        assert (grant.revoked_at, grant.revoked_by, grant.ended_by) == (noon, None, EndedBy.CONTRACT)
        event = Event.objects.get(name="consent.refused")
        assert (event.actor_id, event.facts["cause"]) == (None, "GrantExpired")
        assert Notice.objects.filter(patient=grant.patient_id, kind=Notice.Kind.GRANT).exists()

    def test_leaves_what_had_ended_as_it_was(self, amina, grant, noon):
        revoke_grant(grant=grant, by=amina.user, at=noon)

        end_refused(grant.relays.get(), "GrantExpired", at=noon + HOUR)

        grant.refresh_from_db()
        assert grant.ended_by == EndedBy.PATIENT

    def test_of_another_kind_of_relay_ends_nothing(self, amina, grant, noon):
        sent(grant)
        # Not stored, as a trigger would refuse.
        relay = grant.relays.get()
        relay.kind = Kind.REVOKE

        end_refused(relay, "WrongNonce", at=noon)

        grant.refresh_from_db()
        assert grant.is_active(noon)
