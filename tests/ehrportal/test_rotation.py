"""Exchanging keys: everything opens with the new one alone, and an interruption loses nothing."""

import io
import re

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg import sql

from audit.columns import is_under_first_key
from audit.models import Event, Review
from audit.reviews import close, open_review
from consent.models import Grant, Pseudonym, Recovery, Signer, Ticket
from consent.services.granting import answer
from ehrportal.rotation import encrypted_columns
from patients.models import Patient
from records.models import RecordVersion
from records.verification import recompute
from tests.consent.factories import (
    AccessRequestFactory,
    BreakGlassFactory,
    ClinicianFactory,
    GrantFactory,
)
from tests.records.conftest import amina, haemoglobin

__all__ = ["amina", "haemoglobin"]

NEW_COLUMN_KEY = "n" * 40
NEW_WRAPPING_KEY = "bmV3LWtleS1lbmNyeXB0aW9uLWtleS0zMi1ieXRlcyE="


def rotate():
    out = io.StringIO()
    call_command("rotate_keys", stdout=out)
    return out.getvalue()


@pytest.fixture
def with_new_keys_first(settings):
    settings.COLUMN_KEYS = [NEW_COLUMN_KEY, *settings.COLUMN_KEYS]
    settings.KEY_ENCRYPTION_KEYS = [NEW_WRAPPING_KEY, *settings.KEY_ENCRYPTION_KEYS]


@pytest.fixture
def one_of_everything(amina, haemoglobin, noon, privacy_officer, doctor_account):
    """A row in every table that has something encrypted, as the portal writes it."""
    amina.identifiers.get_or_create(
        token=b"n" * 16, defaults={"system": "urn:example:mrn", "value": "MRN-17", "label": "Number"}
    )
    clinician = ClinicianFactory(user=doctor_account)
    request = AccessRequestFactory(patient=amina, clinician=clinician, at=noon)
    grant = GrantFactory(patient=amina, to=clinician, request=request, starts_at=noon)
    GrantFactory(patient=amina, to=clinician, attested=True, starts_at=noon)
    declined = AccessRequestFactory(patient=amina, clinician=clinician, at=noon)
    answer(declined, is_accepted=False, words="Please ask my daughter", by=amina.user, at=noon)
    BreakGlassFactory(patient=amina, by=doctor_account, at=noon)
    pseudonym = Pseudonym.objects.create(patient=amina, created_at=noon)
    recovery = Recovery.objects.create(patient=amina, checked="Passport", by=privacy_officer, created_at=noon)
    Signer.objects.create(
        pseudonym=pseudonym,
        name="Phone",
        signer=b"s",
        hash=b"h" * 32,
        credential_id=b"c",
        credential=b"c",
        created_at=noon,
        recovery=recovery,
    )
    ticket = Ticket(
        token_hash=b"t" * 32, kind="grant", patient=amina, by=amina.user, created_at=noon, expires_at=noon
    )
    ticket.content = {"document": "the consent"}
    ticket.save()
    question = open_review(
        kind=Review.Kind.QUESTION,
        patient_id=amina.pk,
        event=Event.objects.first(),
        details="Who is this?",
        by=amina.user,
        at=noon,
    )
    close(question, finding="A colleague", outcome=Review.Outcome.EXPLAINED, by=privacy_officer, at=noon)
    TOTP.activate(doctor_account, "JBSWY3DPEHPK3PXP")
    return grant


# How Fernet's tokens begin.
TOKEN = re.compile(rb"gAAAA[-\w=]+")


def tokens_in_database():
    """Find everything that looks encrypted by column key, wherever it stands, with its table and column."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type IN ('bytea', 'text', 'character varying', 'json', 'jsonb')"
        )
        for table, column in cursor.fetchall():
            cursor.execute(
                sql.SQL("SELECT {} FROM {} WHERE {} IS NOT NULL").format(
                    sql.Identifier(column), sql.Identifier(table), sql.Identifier(column)
                )
            )
            for (value,) in cursor.fetchall():
                text = value if isinstance(value, bytes | memoryview) else str(value).encode()
                for token in TOKEN.findall(bytes(text)):
                    yield f"{table}.{column}", token


class TestEveryEncryptedColumn:
    """Those that a later release adds are held to this by the database itself, and by no list here."""

    def test_has_a_row_in_this_test(self, one_of_everything):
        empty = [
            f"{model._meta.label}.{column}"
            for model, column in encrypted_columns()
            if f"{model._meta.db_table}.{column}" not in {place for place, _token in tokens_in_database()}
        ]

        assert not empty, "give each of them a row in one_of_everything"

    def test_is_one_that_is_rotated(self, one_of_everything):
        found = {place for place, _token in tokens_in_database()}

        # Second factors lie encrypted within the JSON of another package's table.
        assert found == {f"{model._meta.db_table}.{column}" for model, column in encrypted_columns()} | {
            "mfa_authenticator.data"
        }

    def test_opens_without_the_old_key_afterwards(self, one_of_everything, with_new_keys_first, settings):
        before = len([*tokens_in_database()])

        rotate()

        settings.COLUMN_KEYS = [NEW_COLUMN_KEY]
        after = [*tokens_in_database()]
        assert len(after) == before
        assert not [place for place, token in after if not is_under_first_key(token)]
        assert b"Consent" in Grant.objects.get(pk=one_of_everything.pk).document


class TestRotateKeys:
    def test_leaves_nothing_that_needs_the_old_keys(
        self, amina, haemoglobin, doctor_account, with_new_keys_first, settings
    ):
        TOTP.activate(doctor_account, "JBSWY3DPEHPK3PXP")

        rotate()

        settings.COLUMN_KEYS = [NEW_COLUMN_KEY]
        settings.KEY_ENCRYPTION_KEYS = [NEW_WRAPPING_KEY]
        assert Patient.objects.get().full_name == "Amina Diallo"
        assert b"13.50" in RecordVersion.objects.get(pk=haemoglobin.pk).document
        assert all(event.facts is not None and event.secret for event in Event.objects.all())
        assert get_adapter().decrypt(Authenticator.objects.get().data["secret"]) == "JBSWY3DPEHPK3PXP"

    def test_changes_no_commitment(self, haemoglobin, with_new_keys_first):
        rotate()

        (found,) = recompute([haemoglobin.leaf_id])
        assert found.commitment == bytes(haemoglobin.leaf.commitment)

    def test_does_nothing_the_second_time(self, amina, with_new_keys_first):
        rotate()

        assert rotate().startswith("0 data keys wrapped anew, 0 values encrypted anew")

    def test_says_so_when_the_old_key_is_gone_too_early(self, amina, settings):
        settings.COLUMN_KEYS = [NEW_COLUMN_KEY]

        with pytest.raises(CommandError, match="none of the configured keys"):
            rotate()
