"""Exchanging keys: everything opens with the new one alone, and an interruption loses nothing."""

import io

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.core.management import CommandError, call_command

from audit.models import Event
from patients.models import Patient
from records.models import RecordVersion
from records.verification import recompute
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
