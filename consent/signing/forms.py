"""
The forms that a patient signs: typed data of EIP-712, as `ConsentRegistry` reads them.

A form's digest is what a passkey gets as its challenge; that of a grant is the grant's name from then on.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar

from django.conf import settings
from eth_account.messages import encode_typed_data
from eth_utils import encode_hex, keccak

from chain.deployment import contracts

NAME = "ehrportal consent"
VERSION = "1"

HASH_SIZE = 32
# Bits of a nonce: the key in front, and how many forms were relayed under it.
KEY_BITS, SEQUENCE_BITS = 192, 64
RANGES = {"uint64": 2**64, "uint256": 2**256}


class FormInvalid(ValueError):
    """A value cannot stand in such a form. A mistake of ours, for no patient writes one by hand."""


@dataclass(frozen=True, kw_only=True)
class Domain:
    """For which registry, on which chain, a form is signed. It is void everywhere else."""

    chain_id: int
    registry: str

    @property
    def content(self) -> dict[str, Any]:
        return {
            "name": NAME,
            "version": VERSION,
            "chainId": self.chain_id,
            "verifyingContract": self.registry,
        }


def domain() -> Domain:
    """
    Return the domain of this hospital's consents.

    :raises NotDeployed: if nobody knows where the registry is
    """
    return Domain(chain_id=settings.CHAIN_ID, registry=contracts().consent_registry)


def new_nonce() -> int:
    """
    Return a nonce under a key of its own.

    Forms under different keys do not wait for each other: two pages open at once both pass, and nobody need
    ask the chain for the next number.
    """
    return secrets.randbits(KEY_BITS) << SEQUENCE_BITS


def seconds(moment: datetime) -> int:
    """Return a moment as the registry counts, in whole seconds since 1970."""
    return int(moment.timestamp())


@dataclass(frozen=True, kw_only=True)
class Form:
    """What all forms have in common. The fields of each stand in the order of its type."""

    TYPES: ClassVar[dict[str, str]]

    def __post_init__(self) -> None:
        for name, kind in self.TYPES.items():
            if not _can_be(kind, getattr(self, name)):
                raise FormInvalid(f"{type(self).__name__}.{name} is no {kind}")

    @property
    def values(self) -> tuple[Any, ...]:
        """Return its fields in their order, as the registry's functions take them."""
        return tuple(getattr(self, field.name) for field in fields(self))

    def digest(self, where: Domain) -> bytes:
        """Return what is signed: keccak256 of 0x1901, the domain and the form."""
        types = {type(self).__name__: [{"name": name, "type": kind} for name, kind in self.TYPES.items()]}
        message = {name: getattr(self, name) for name in self.TYPES}
        signable = encode_typed_data(where.content, types, message)
        return keccak(b"\x19" + signable.version + signable.header + signable.body)


@dataclass(frozen=True, kw_only=True)
class Enrolment(Form):
    """Makes a patient known with the keys that alone can grant in their name; each of them signs it."""

    TYPES: ClassVar[dict[str, str]] = {
        "patient": "bytes32",
        "institution": "uint256",
        "signers": "bytes32[]",
        "deadline": "uint64",
    }

    patient: bytes
    institution: int
    # Hashes of the signers, rising.
    signers: Sequence[bytes]
    deadline: int


@dataclass(frozen=True, kw_only=True)
class Grant(Form):
    """Allows a grantee a scope until it expires."""

    TYPES: ClassVar[dict[str, str]] = {
        "patient": "bytes32",
        "grantee": "bytes32",
        "scope": "bytes32",
        "expiry": "uint64",
        "nonce": "uint256",
        "deadline": "uint64",
    }

    patient: bytes
    grantee: bytes
    scope: bytes
    expiry: int
    nonce: int
    deadline: int


@dataclass(frozen=True, kw_only=True)
class Revocation(Form):
    """Ends a grant. It has no deadline: a patient's no is never late."""

    TYPES: ClassVar[dict[str, str]] = {"patient": "bytes32", "grant": "bytes32"}

    patient: bytes
    grant: bytes


@dataclass(frozen=True, kw_only=True)
class SignerAddition(Form):
    """Lets one more key in; it and a key of before sign this."""

    TYPES: ClassVar[dict[str, str]] = {
        "patient": "bytes32",
        "signer": "bytes32",
        "nonce": "uint256",
        "deadline": "uint64",
    }

    patient: bytes
    signer: bytes
    nonce: int
    deadline: int


@dataclass(frozen=True, kw_only=True)
class SignerRemoval(Form):
    """Takes a key away; any key of the patient signs this."""

    TYPES: ClassVar[dict[str, str]] = SignerAddition.TYPES

    patient: bytes
    signer: bytes
    nonce: int
    deadline: int


@dataclass(frozen=True, kw_only=True)
class Recovery(Form):
    """Puts new keys in the place of all that were lost; each of the new ones signs it."""

    TYPES: ClassVar[dict[str, str]] = {
        "patient": "bytes32",
        "institution": "uint256",
        "number": "uint256",
        "signers": "bytes32[]",
        "deadline": "uint64",
    }

    patient: bytes
    institution: int
    number: int
    # Hashes of the signers, rising.
    signers: Sequence[bytes]
    deadline: int


@dataclass(frozen=True, kw_only=True)
class Veto(Form):
    """Stops a recovery, by any key that the patient still has."""

    TYPES: ClassVar[dict[str, str]] = {"patient": "bytes32", "number": "uint256"}

    patient: bytes
    number: int


def _can_be(kind: str, value: Any) -> bool:
    if kind == "bytes32[]":
        return _rises(value)
    if kind == "bytes32":
        return isinstance(value, bytes) and len(value) == HASH_SIZE
    return isinstance(value, int) and 0 <= value < RANGES[kind]


def _rises(hashes: Iterable[bytes]) -> bool:
    """Signers must rise, so that none stands twice."""
    given = [*hashes]
    return bool(given) and all(map(_is_hash, given)) and given == sorted(set(given))


def _is_hash(value: Any) -> bool:
    return _can_be("bytes32", value)


def as_json(value: Any) -> Any:
    """Return values as JSON holds them: bytes as hex, and numbers as text, which JavaScript would round."""
    if isinstance(value, bytes):
        return encode_hex(value)
    if isinstance(value, int):
        return str(value)
    return [as_json(each) for each in value]
