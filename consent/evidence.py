"""
The evidence of a signed consent: a file from which anybody sees what a patient signed, without this portal.

The format is written down in docs/formats/consent-evidence.md, and read by verify/verify.py and
verify/verify.js, which share no code with the portal. Here it is only written. A paper consent has none:
nobody's key signed it.
"""

import hmac
import json
import re
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from eth_utils import encode_hex

from chain.commitment import WHOLE, Header, disclose
from chain.proof import MAX_NUMBER, fields_of

FORMAT = "ehrportal-consent/1"
GRANTEE_LABEL = b"ehrportal/grantee/1\x00"

# Bounds of the format, which verifiers hold files from strangers against. A consent is a page or two; the
# lengths of signer and signature are those that the contracts take.
MAX_DOCUMENT = 1024 * 1024
MAX_GRANTEE = 1024
MAX_SIGNATURE = 4096
WALLET = 20
ORIGIN_IN_SIGNER = 20 + 96
MAX_ORIGIN = 255

_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")
_HASH = re.compile("0x[0-9a-fA-F]{64}")


class EvidenceInvalid(ValueError):
    """What was to be evidence does not belong together, and every verifier would refuse it."""


def grantee_salt(secret: bytes) -> bytes:
    """Return the salt of who may read, which can be shown to them without the secret."""
    return hmac.digest(secret, GRANTEE_LABEL, "sha256")


def grantee_commitment(salt: bytes, text: str) -> bytes:
    """
    Commit to who may read: what stands in the form and on the chain in the place of a name.

    :param salt: `grantee_salt` of the Consent's secret, so that one erasure makes both commitments void
    :param text: who may read, as one address, such as ``https://south.example``
    """
    return sha256(GRANTEE_LABEL + salt + text.encode()).digest()


def evidence_of(
    *,
    document: bytes,
    header: Header,
    secret: bytes,
    grantee_text: str,
    form: Mapping[str, Any],
    chain_id: int,
    registry: str,
    signer: bytes,
    signature: bytes,
    transaction: str | None,
) -> dict[str, Any]:
    """
    Return the evidence that a key signed this form over this document.

    What it says is checked first, but for the signature: that was verified before the form was relayed.

    :param document: the FHIR Consent that the patient was shown, byte for byte
    :param header: that of the document's commitment
    :param secret: that of the document's version; it stays out of the file, only two salts of it are shown
    :param grantee_text: who may read, as one address
    :param form: the Grant of docs/formats/consent.md: patient, grantee, scope, expiry, nonce, deadline; its
        hashes as bytes or as 0x and digits
    :param registry: address of the ConsentRegistry that the form was signed for
    :param signer: the ERC-7913 signer
    :param signature: as it was relayed
    :param transaction: hash of the transaction that relayed it, None while there is none
    :raises EvidenceInvalid: if document and grantee are not those of the form
    :raises ValueError: if a number, an address or a length cannot stand in such a file
    """
    disclosure = disclose(document, header, secret, [WHOLE])
    salt = grantee_salt(secret)
    given = {name: _hash_of(name, form[name]) for name in ("patient", "grantee", "scope")}
    if given["scope"] != encode_hex(disclosure.commitment):
        raise EvidenceInvalid("the form was made for another document than this one")
    if given["grantee"] != encode_hex(grantee_commitment(salt, grantee_text)):
        raise EvidenceInvalid("the form was made for another grantee than this one")
    _check_bounds(document, grantee_text, signer, signature)

    return {
        "format": FORMAT,
        **fields_of(disclosure),
        "grantee": {"text": grantee_text, "salt": encode_hex(salt)},
        "form": {
            "chainId": _number("chainId", chain_id),
            "verifyingContract": _matching("an address", _ADDRESS, registry),
            **given,
            "expiry": _number("expiry", form["expiry"]),
            "nonce": _nonce(form["nonce"]),
            "deadline": _number("deadline", form["deadline"]),
        },
        "signer": encode_hex(signer),
        "signature": encode_hex(signature),
        "transaction": None if transaction is None else _hash_of("transaction", transaction),
    }


def write_evidence(evidence: Mapping[str, Any]) -> bytes:
    """Return the evidence as a file, in plain ASCII so that no transport can hurt it."""
    return (json.dumps(evidence, indent=1) + "\n").encode("ascii")


def _check_bounds(document: bytes, grantee_text: str, signer: bytes, signature: bytes) -> None:
    is_passkey = ORIGIN_IN_SIGNER < len(signer) <= ORIGIN_IN_SIGNER + MAX_ORIGIN
    for what, length, is_right in (
        ("a consent", len(document), len(document) <= MAX_DOCUMENT),
        ("a grantee", len(grantee_text.encode()), 1 <= len(grantee_text.encode()) <= MAX_GRANTEE),
        ("a signer", len(signer), len(signer) == WALLET or is_passkey),
        ("a signature", len(signature), 1 <= len(signature) <= MAX_SIGNATURE),
    ):
        if not is_right:
            raise ValueError(f"{what} in evidence does not have {length} bytes")


def _number(name: str, value: int) -> int:
    if not 1 <= value <= MAX_NUMBER:
        raise ValueError(f"{name} {value} cannot stand in evidence")
    return value


def _nonce(value: int | str) -> str:
    # A number of 256 bits, which not every reader of JSON keeps exactly.
    return _hash_of("nonce", value) if isinstance(value, str) else encode_hex(value.to_bytes(32, "big"))


def _hash_of(name: str, value: bytes | str) -> str:
    return _matching(name, _HASH, value if isinstance(value, str) else encode_hex(value)).lower()


def _matching(what: str, pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(f"this is not {what}: {text!r}")
    return text
