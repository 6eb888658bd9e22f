"""Encryption: what opens, and what must not."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records import encryption
from records.encryption import CannotDecrypt, seal, unseal
from records.models import DataKey
from tests.records.tampering import change_in_database

KEY = b"k" * 32


class TestSeal:
    @given(st.binary(max_size=300))
    def test_opens_to_the_same_bytes(self, plaintext):
        assert unseal(KEY, seal(KEY, plaintext, bound_to="row"), bound_to="row") == plaintext

    def test_differs_each_time(self):
        assert seal(KEY, b"same", bound_to="row") != seal(KEY, b"same", bound_to="row")

    @given(st.integers(min_value=0, max_value=8 * (12 + 5 + 16) - 1))
    def test_does_not_open_with_one_bit_changed(self, bit):
        sealed = bytearray(seal(KEY, b"hello", bound_to="row"))
        sealed[bit // 8] ^= 1 << bit % 8

        with pytest.raises(CannotDecrypt):
            unseal(KEY, bytes(sealed), bound_to="row")

    def test_does_not_open_in_another_row(self):
        with pytest.raises(CannotDecrypt):
            unseal(KEY, seal(KEY, b"hello", bound_to="row 1"), bound_to="row 2")

    def test_does_not_open_from_too_few_bytes(self):
        with pytest.raises(CannotDecrypt):
            unseal(KEY, b"short", bound_to="row")


class TestDataKey:
    def test_is_one_a_patient(self, amina):
        assert DataKey.objects.for_patient(amina) == DataKey.objects.for_patient(amina)

    def test_is_never_stored_as_it_is(self, amina):
        key = DataKey.objects.for_patient(amina)

        assert key.unwrapped not in bytes(key.wrapped)

    def test_keeps_opening_records_after_the_key_encryption_key_is_exchanged(self, haemoglobin, settings):
        document = haemoglobin.document
        new = "bmV3LWtleS1lbmNyeXB0aW9uLWtleS0zMi1ieXRlcyE="
        settings.KEY_ENCRYPTION_KEYS = [new, *settings.KEY_ENCRYPTION_KEYS]
        DataKey.objects.get(pk=haemoglobin.data_key_id).rewrap()
        settings.KEY_ENCRYPTION_KEYS = [new]

        again = type(haemoglobin).objects.get(pk=haemoglobin.pk)
        assert again.document == document

    def test_of_another_patient_opens_nothing(self, haemoglobin):
        stranger = DataKey(wrapped=b"")
        stranger.unwrapped = os.urandom(32)
        version = type(haemoglobin).objects.get(pk=haemoglobin.pk)
        version.data_key = stranger

        with pytest.raises(CannotDecrypt):
            _ = version.document


class TestRecordVersion:
    def test_does_not_open_with_the_bytes_of_another_version(self, haemoglobin):
        other = type(haemoglobin).objects.get(record__fhir_id="hb-2")
        change_in_database("records_recordversion", "data", haemoglobin.pk, lambda _own: bytes(other.data))

        with pytest.raises(CannotDecrypt):
            _ = type(haemoglobin).objects.get(pk=haemoglobin.pk).document

    @pytest.mark.parametrize(
        "statement", ["UPDATE records_recordversion SET number = 7", "DELETE FROM records_recordversion"]
    )
    def test_refuses_every_change(self, haemoglobin, statement):
        from django.db import DatabaseError, connection

        with pytest.raises(DatabaseError, match="Cannot"), connection.cursor() as cursor:
            cursor.execute(statement)


def test_an_unknown_key_encryption_key_opens_nothing(settings):
    wrapped = encryption.new_wrapped_key(bound_to="x")
    settings.KEY_ENCRYPTION_KEYS = ["b3RoZXIta2V5LWVuY3J5cHRpb24ta2V5LTMyLWJ5dGU="]

    with pytest.raises(CannotDecrypt):
        encryption.unwrap_key(wrapped, bound_to="x")
