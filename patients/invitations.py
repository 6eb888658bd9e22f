"""The code on an invitation: how it is made, written, read and looked up."""

import secrets

from patients.blind_index import blind_index

# Crockford's alphabet: no I, L, O or U, so that no letter can be taken for a digit. 32 signs are
# 5 bits each, and twelve of them 60 bits.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 12
GROUP = 4
TAKEN_FOR = str.maketrans({"O": "0", "I": "1", "L": "1"})


def new_code() -> str:
    """Make a code as it stands in the letter: XXXX-XXXX-XXXX."""
    signs = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
    return "-".join(signs[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def plain_code(typed: str) -> str:
    """Fold what people type for the same code: small letters, spaces, dashes, an O for a zero."""
    return "".join(sign for sign in typed.upper().translate(TAKEN_FOR) if sign.isalnum())


def code_token(typed: str) -> bytes:
    """Return the keyed hash under which a code is kept; the code itself is nowhere but in the letter."""
    return blind_index("invitation", plain_code(typed))
