"""Look-ups over encrypted columns: keyed hashes that nobody can compute without our key."""

import base64
import hmac
import unicodedata
from functools import cache

from django.conf import settings


@cache
def _key(configured: str) -> bytes:
    return base64.b64decode(configured, validate=True)


def normalised(text: str) -> str:
    """Fold what people write differently for the same: case, accents, spaces."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).split())


def blind_index(purpose: str, text: str) -> bytes:
    """
    Return the 16-byte keyed hash under which `text` is looked up.

    Keyed, because names and numbers have few possible values: without the key anyone who reads the
    database could hash them all. `purpose` keeps a name from matching a number that looks the same.
    """
    message = f"{purpose}\x00{normalised(text)}".encode()
    return hmac.digest(_key(settings.BLIND_INDEX_KEY), message, "sha256")[:16]
