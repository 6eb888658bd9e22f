"""
Encryption of single columns: names, numbers, addresses, second factors, the sealed part of events.

Fernet (AES-128-CBC with HMAC-SHA-256) through `django_cryptography` for model fields. The first of
COLUMN_KEYS encrypts, every one of them decrypts, so that `manage.py rotate_keys` can run beside the portal.
It stands in `audit` because that is the lowest app that has something to hide.
"""

import base64
from functools import cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import models
from django_cryptography.fields import encrypt


class ColumnDamaged(Exception):
    """The stored bytes are not those that were written, or their key is gone."""


@cache
def _fernet(key: str) -> Fernet:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"ehrportal columns 1")
    return Fernet(base64.urlsafe_b64encode(derivation.derive(key.encode())))


def seal(plaintext: bytes) -> bytes:
    """Encrypt under the first of the configured keys."""
    return _fernet(settings.COLUMN_KEYS[0]).encrypt(plaintext)


def unseal(sealed: bytes | memoryview) -> bytes:
    """
    Decrypt with whichever configured key fits.

    :raises ColumnDamaged: if none does
    """
    try:
        return MultiFernet([_fernet(key) for key in settings.COLUMN_KEYS]).decrypt(bytes(sealed))
    except InvalidToken as error:
        raise ColumnDamaged from error


def is_under_first_key(sealed: bytes | memoryview) -> bool:
    """Tell whether nothing is left to do for these bytes when keys rotate."""
    try:
        _fernet(settings.COLUMN_KEYS[0]).decrypt(bytes(sealed))
    except InvalidToken:
        return False
    return True


class Cipher:
    """What `django_cryptography` asks of a cipher, with our keys instead of one derived from SECRET_KEY."""

    def encrypt(self, data: bytes) -> bytes:
        return seal(data)

    def decrypt(self, data: bytes, ttl: int | None = None) -> bytes:
        return unseal(data)


def encrypted(field: "models.Field[Any, Any]") -> Any:
    """Return the field as an encrypted one, for model classes: `encrypted(models.CharField(...))`."""
    column: Any = encrypt(field)
    column._fernet = Cipher()
    return column
