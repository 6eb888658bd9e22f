"""How a consent comes to be: prepared, signed or attested; on paper, here, and towards the chain."""

import secrets
from datetime import timedelta

import pytest
from django.db import IntegrityError

from audit.models import Event
from chain.commitment import commit
from consent.models import Covers, EndedBy, Grant, Relay
from consent.services import granting
from consent.services.granting import (
    Draft,
    NothingCovered,
    OfAnotherPatient,
    PeriodInvalid,
    prepare_grant,
    sign_grant,
)
from consent.services.revoking import revoke_grant
from tests.consent.factories import AccessRequestFactory, GrantFactory, TermsFactory, staff
from tests.records.factories import PatientFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
Kind, State = Relay.Kind, Relay.State


@pytest.fixture
def amina(db):
    return PatientFactory(given_names="Amina")


def sign(draft, patient, noon, **more):
    asked = {"digest": secrets.token_bytes(32), "call": [], "after": None, "by": patient.user, "at": noon}
    return sign_grant(draft, patient=patient, **asked | more)


def relays(grant, **chosen):
    return [(relay.kind, relay.state) for relay in grant.relays.filter(**chosen).order_by("pk")]


class TestPrepareGrant:
    def test_stores_nothing(self, amina, noon):
        prepare_grant(amina, TermsFactory(starts_at=noon), at=noon)

        assert not Grant.objects.exists()
        assert not Relay.objects.exists()

    def test_is_the_same_after_its_way_to_the_consent_host(self, amina, noon):
        draft = prepare_grant(amina, TermsFactory(starts_at=noon), at=noon)

        assert Draft.from_content(draft.as_content()) == draft
        assert Draft.from_content(draft.as_content()).scope == draft.scope

    @pytest.mark.parametrize(
        ("starts", "ends", "at"),
        [(0, 0, 0), (0, -1, -2), (-2, -1, 0), (-1, 0, 0), (0, 0.0001, 0)],
    )
    def test_refuses_a_period_that_is_over_or_none(self, amina, noon, starts, ends, at):
        terms = TermsFactory(starts_at=noon + starts * HOUR, expires_at=noon + ends * HOUR)

        with pytest.raises(PeriodInvalid):
            prepare_grant(amina, terms, at=noon + at * HOUR)

    @pytest.mark.parametrize("covers", [Covers.CATEGORIES, Covers.DOCUMENTS])
    def test_refuses_to_say_nothing(self, amina, noon, covers):
        with pytest.raises(NothingCovered):
            prepare_grant(amina, TermsFactory(covers=covers, starts_at=noon), at=noon)

    @pytest.mark.parametrize("what", ["request", "renews"])
    def test_refuses_what_belongs_to_another_patient(self, amina, noon, what):
        other = {"request": AccessRequestFactory(), "renews": GrantFactory()}[what]

        with pytest.raises(OfAnotherPatient):
            prepare_grant(amina, TermsFactory(starts_at=noon), at=noon, **{what: other})


class TestSignGrant:
    def test_keeps_document_leaf_relay_and_line(self, amina, noon):
        draft = prepare_grant(amina, TermsFactory(starts_at=noon), at=noon)

        grant = sign(draft, amina, noon, call=["0x01"])

        stored = Grant.objects.get(pk=grant.pk)
        assert stored.document == draft.document
        assert bytes(stored.leaf.commitment) == commit(
            stored.document, granting.header_of(stored), stored.secret
        )
        assert relays(stored) == [(Kind.GRANT, State.WAITING)]
        assert stored.relays.get().call == ["0x01"]
        event = Event.objects.get(name="consent.granted")
        assert (event.patient_id, event.ground, event.facts["grant"]) == (
            amina.pk,
            "own_record",
            str(grant.pk),
        )

    def test_takes_a_digest_once(self, amina, noon):
        digest = secrets.token_bytes(32)
        sign(prepare_grant(amina, TermsFactory(starts_at=noon), at=noon), amina, noon, digest=digest)

        with pytest.raises(IntegrityError):
            sign(prepare_grant(amina, TermsFactory(starts_at=noon), at=noon), amina, noon, digest=digest)

    def test_takes_a_draft_once(self, amina, noon):
        draft = prepare_grant(amina, TermsFactory(starts_at=noon), at=noon)
        sign(draft, amina, noon)

        with pytest.raises(IntegrityError):
            sign(draft, amina, noon)

    def test_refuses_a_draft_that_was_written_for_somebody_else(self, amina, noon):
        draft = prepare_grant(PatientFactory(), TermsFactory(starts_at=noon), at=noon)

        with pytest.raises(OfAnotherPatient):
            sign(draft, amina, noon)
        assert not Grant.objects.exists()

    def test_refuses_a_draft_that_ran_out_while_it_waited(self, amina, noon):
        terms = TermsFactory(starts_at=noon, expires_at=noon + HOUR)

        with pytest.raises(PeriodInvalid):
            sign(prepare_grant(amina, terms, at=noon), amina, noon + HOUR)

    def test_answers_the_request_that_it_came_from(self, amina, noon):
        request = AccessRequestFactory(patient=amina, at=noon)

        GrantFactory(patient=amina, request=request, starts_at=noon)

        request.refresh_from_db()
        assert request.is_accepted
        assert request.answered_at == noon

    def test_leaves_nothing_when_the_line_cannot_be_written(self, amina, noon, monkeypatch):
        def raise_disk_full(*args, **kwargs):
            raise OSError("disk full")

        draft = prepare_grant(amina, TermsFactory(starts_at=noon), at=noon)
        monkeypatch.setattr("consent.services.granting.audit.record", raise_disk_full)

        with pytest.raises(OSError, match="disk full"):
            sign(draft, amina, noon)
        assert not Grant.objects.exists()
        assert not Relay.objects.exists()


class TestAttestGrant:
    def test_is_the_hospitals_word_and_goes_to_no_chain(self, amina, noon):
        grant = GrantFactory(patient=amina, attested=True, starts_at=noon)

        assert not grant.is_signed
        assert relays(grant) == []
        event = Event.objects.get(name="consent.attested")
        assert event.ground == "staff_duty"

    def test_ends_at_once_when_it_is_revoked(self, amina, noon):
        grant = GrantFactory(patient=amina, attested=True, starts_at=noon)

        revoke_grant(grant=grant, by=staff("records_officer"), at=noon + HOUR)

        grant.refresh_from_db()
        assert not grant.is_active(noon + HOUR)
        assert grant.ended_by == EndedBy.HOSPITAL
