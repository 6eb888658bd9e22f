"""
What patients sign, and how it is judged before it is relayed (docs/formats/consent.md).

`forms` are the typed data of EIP-712, `passkeys` make and check the keys that sign them, and `calls` turn
what was signed into the arguments of `ConsentRegistry`, as the outbox keeps them.
"""

from consent.signing.calls import Signed, arguments_of, call_of
from consent.signing.forms import (
    Domain,
    Enrolment,
    Form,
    Grant,
    Recovery,
    Revocation,
    SignerAddition,
    SignerRemoval,
    Veto,
    domain,
    new_nonce,
    seconds,
)

__all__ = [
    "Domain",
    "Enrolment",
    "Form",
    "Grant",
    "Recovery",
    "Revocation",
    "Signed",
    "SignerAddition",
    "SignerRemoval",
    "Veto",
    "arguments_of",
    "call_of",
    "domain",
    "new_nonce",
    "seconds",
]
