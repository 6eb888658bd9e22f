"""Grants as rows: when they hold, and what the database refuses whoever tries."""

import secrets
from datetime import timedelta

import pytest
from django.db import IntegrityError, ProgrammingError, transaction
from django.utils import timezone

from accounts.models import Role
from chain.log import append_leaf
from consent.models import EndedBy, Grant, GranteeKind, Relay
from consent.models.grants import ONE_OCCASION
from consent.services.revoking import revoke_grant
from tests.consent.factories import (
    AccessRequestFactory,
    BreakGlassFactory,
    ClinicianFactory,
    DepartmentFactory,
    GrantFactory,
    staff,
)
from tests.records.factories import PatientFactory

HOUR = timedelta(hours=1)


@pytest.fixture
def grant(db, noon):
    return GrantFactory(starts_at=noon, days=1)


def change(rows, **columns):
    """Change columns as somebody with the database's password would."""
    with transaction.atomic():
        rows.update(**columns)


@pytest.mark.django_db
class TestGrant:
    def test_holds_from_its_first_moment_until_just_before_its_last(self, grant, noon):
        moments = [noon - HOUR / 60, noon, noon + 23.9 * HOUR, noon + 24 * HOUR]

        assert [grant.is_active(at) for at in moments] == [False, True, True, False]
        assert [grant in Grant.objects.active(at) for at in moments] == [False, True, True, False]
        assert [grant in Grant.objects.ended(at) for at in moments] == [False, False, False, True]

    def test_for_once_holds_for_an_hour_from_its_first_use(self, noon):
        grant = GrantFactory(starts_at=noon, days=9, is_once=True)
        used_at = noon + 50 * HOUR
        assert grant.is_active(used_at)

        grant.use(at=used_at)

        for at, is_active in ((used_at + 0.99 * ONE_OCCASION, True), (used_at + ONE_OCCASION, False)):
            assert grant.is_active(at) == is_active
            assert (grant in Grant.objects.active(at)) == is_active

    def test_for_once_is_begun_by_the_first_of_two_uses(self, noon):
        grant = GrantFactory(starts_at=noon, is_once=True)
        same = Grant.objects.get(pk=grant.pk)

        grant.use(at=noon)
        same.use(at=noon + 0.5 * HOUR)

        assert same.used_at == noon

    def test_that_was_used_and_is_not_for_once_goes_on(self, grant, noon):
        grant.use(at=noon)

        assert grant.is_active(noon + 20 * HOUR)

    def test_is_listed_for_the_patient_who_gave_it_alone(self, grant):
        other = PatientFactory()

        assert grant in Grant.objects.visible_to(grant.patient)
        assert not Grant.objects.visible_to(other)
        assert not Grant.objects.visible_to(None)


@pytest.mark.django_db
class TestTheDatabase:
    """Holds what was signed against everybody, also against our own code."""

    def changes(self, grant):
        noon = grant.starts_at
        return {
            "patient": PatientFactory(),
            "basis": "attested",
            "grantee_kind": "institution",
            "institution": None,
            "clinician": ClinicianFactory(),
            "covers": "summary",
            "kinds": ["result"],
            "record_ids": [secrets.token_hex(16)],
            "sensitivities": [b"t" * 16],
            "purpose": "HRESCH",
            "starts_at": noon - HOUR,
            "expires_at": noon + 999 * HOUR,
            "is_once": True,
            "created_at": noon - HOUR,
            "by": staff(Role.RECORDS_OFFICER),
            "sealed_document": b"another",
            "sealed_secret": b"another",
            "request": AccessRequestFactory(patient=grant.patient),
            "renews": GrantFactory(patient=grant.patient),
            "leaf": GrantFactory().leaf,
            "digest": b"d" * 32,
        }

    @pytest.mark.parametrize(
        "column",
        [
            "patient", "basis", "grantee_kind", "institution", "clinician", "covers", "kinds", "record_ids",
            "sensitivities", "purpose", "starts_at", "expires_at", "is_once", "created_at", "by",
            "sealed_document", "sealed_secret", "request", "renews", "leaf", "digest",
        ],
    )  # fmt: skip
    def test_refuses_a_change_to_what_was_signed(self, grant, column):
        with pytest.raises((ProgrammingError, IntegrityError)) as refusal:
            change(Grant.objects.filter(pk=grant.pk), **{column: self.changes(grant)[column]})

        assert "Cannot update" in str(refusal.value)

    def test_keeps_every_grant(self):
        grant = GrantFactory(attested=True)

        with pytest.raises(ProgrammingError, match=r"Cannot .*delete rows"), transaction.atomic():
            Grant.objects.filter(pk=grant.pk).delete()

    @pytest.mark.parametrize(
        "columns",
        [
            {"revoked_at": None, "revoked_by": None, "ended_by": ""},
            {"revoked_at": timezone.now()},
            {"revoked_by": None},
            {"ended_by": EndedBy.HOSPITAL},
        ],
    )
    def test_keeps_a_revocation_as_it_was(self, grant, noon, columns):
        revoke_grant(grant=grant, by=grant.patient.user, at=noon)

        with pytest.raises(ProgrammingError, match="Cannot update"):
            change(Grant.objects.filter(pk=grant.pk), **columns)

    @pytest.mark.parametrize("later", [None, HOUR])
    def test_keeps_the_moment_of_the_first_use(self, noon, later):
        grant = GrantFactory(starts_at=noon, is_once=True)
        grant.use(at=noon)

        with pytest.raises(ProgrammingError, match="Cannot update"):
            change(Grant.objects.filter(pk=grant.pk), used_at=later and noon + later)

    @pytest.mark.parametrize(
        "columns",
        [
            {"revoked_at": timezone.now()},
            {"ended_by": EndedBy.PATIENT},
        ],
    )
    def test_wants_to_know_who_ended_a_grant(self, grant, columns):
        with pytest.raises(IntegrityError, match="grant_is_revoked_by_somebody"):
            change(Grant.objects.filter(pk=grant.pk), **columns)

    @pytest.mark.parametrize(
        ("columns", "constraint"),
        [
            ({"clinician": None}, "grant_has_one_grantee"),
            ({"department": DepartmentFactory}, "grant_has_one_grantee"),
            ({"grantee_kind": GranteeKind.PROXY}, "grant_has_one_grantee"),
            (
                {"clinician": None, "institution": None, "grantee_kind": "institution"},
                "grant_has_one_grantee",
            ),
            ({"digest": None}, "signed_grant_has_a_digest"),
            ({"basis": "attested"}, "signed_grant_has_a_digest"),
            ({"starts_at": timezone.now() + timedelta(days=9_999)}, "grant_expires_after_it_starts"),
            ({"kinds": []}, "grant_covers_something"),
        ],
    )
    def test_takes_no_grant_that_says_nothing_or_two_things(self, grant, columns, constraint):
        values = {field.attname: getattr(grant, field.attname) for field in Grant._meta.local_concrete_fields}
        other = Grant(**values | {"id": None, "digest": b"x" * 32})
        other.id = secrets.token_hex(16)
        other.leaf = append_leaf(topic="consent", commitment=secrets.token_bytes(32), at=grant.created_at)
        for name, value in columns.items():
            setattr(other, name, value() if callable(value) else value)
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            other.save(force_insert=True)

    def test_keeps_every_relay_as_it_was_signed(self, grant):
        relay = Relay.objects.filter(grant=grant)

        for columns in ({"call": ["0x00"]}, {"digest": b"d" * 32}, {"kind": "revoke"}):
            with pytest.raises(ProgrammingError, match="Cannot update"):
                change(relay, **columns)
        with pytest.raises(ProgrammingError, match=r"Cannot .*delete rows"), transaction.atomic():
            relay.delete()

    def test_keeps_every_emergency(self, noon):
        broken = BreakGlassFactory(at=noon)

        with pytest.raises(ProgrammingError, match="Cannot update"):
            change(type(broken).objects.all(), expires_at=noon + 999 * HOUR)
        with pytest.raises(ProgrammingError, match=r"Cannot .*delete rows"), transaction.atomic():
            broken.delete()

    def test_takes_one_answer_to_a_request(self, noon):
        request = AccessRequestFactory(at=noon)
        rows = type(request).objects.filter(pk=request.pk)

        for columns in ({"answered_at": noon}, {"is_accepted": True}):
            with pytest.raises(IntegrityError, match="answered_with_yes_or_no"):
                change(rows, **columns)
        with pytest.raises(IntegrityError, match="answered_or_withdrawn"):
            change(rows, answered_at=noon, is_accepted=True, withdrawn_at=noon)
