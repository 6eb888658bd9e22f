"""
Encryption of what is stored: a data key per patient, wrapped by a key-encryption key.

AES-256-GCM (NIST SP 800-38D) with a fresh 96-bit nonce. The associated data names the row, so a
ciphertext that is moved to another row, version or patient does not open.
"""

import base64
import os
import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

NONCE_BYTES = 12
KEY_BYTES = 32


class CannotDecrypt(Exception):
    """The stored bytes were changed, moved from another row, or belong to another key."""


def seal(key: bytes, plaintext: bytes, *, bound_to: str) -> bytes:
    """Return ``nonce || ciphertext || tag``; only the same key and the same `bound_to` open it."""
    nonce = os.urandom(NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plaintext, bound_to.encode())


def unseal(key: bytes, sealed: bytes | memoryview, *, bound_to: str) -> bytes:
    """
    Return what was sealed.

    :raises CannotDecrypt: if a single bit, the key, or the row it is bound to differs
    """
    sealed = bytes(sealed)
    try:
        return AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], bound_to.encode())
    except (InvalidTag, ValueError) as error:
        raise CannotDecrypt from error


def key_encryption_keys() -> Sequence[bytes]:
    """The configured key-encryption keys; the first wraps, every one of them unwraps."""
    return [base64.b64decode(key, validate=True) for key in settings.KEY_ENCRYPTION_KEYS]


def new_wrapped_key(*, bound_to: str) -> bytes:
    """Make a data key and return it wrapped by the first key-encryption key."""
    return seal(key_encryption_keys()[0], secrets.token_bytes(KEY_BYTES), bound_to=bound_to)


def unwrap_key(wrapped: bytes | memoryview, *, bound_to: str) -> bytes:
    """
    Return the data key that `wrapped` holds.

    :raises CannotDecrypt: if none of the configured key-encryption keys opens it
    """
    for key in key_encryption_keys():
        try:
            return unseal(key, wrapped, bound_to=bound_to)
        except CannotDecrypt:
            continue
    raise CannotDecrypt
