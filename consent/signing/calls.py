"""
What was signed, as the arguments of a call of `ConsentRegistry`.

The outbox keeps them as JSON: bytes as hex, numbers as text, a form's `Signed` as a list of two. The call is
encoded from that when it is sent, by the types that the contract itself has.
"""

from typing import Any, NamedTuple

from eth_utils import decode_hex

from chain.deployment import CONSENT_REGISTRY
from consent.signing.forms import (
    Enrolment,
    Form,
    Grant,
    Recovery,
    Revocation,
    SignerAddition,
    SignerRemoval,
    Veto,
    as_json,
)


class Signed(NamedTuple):
    """A key's yes to a form: who signed, as ERC-7913 writes it, and the signature."""

    signer: bytes
    signature: bytes


class CallMalformed(ValueError):
    """What the outbox holds are not the arguments of this call."""


def call_of(form: Form, *signed: Signed) -> list[Any]:
    """
    Return the arguments of the call that carries a signed form, as `Relay.call` holds them.

    :param signed: by each of its keys for an enrolment and a recovery, in the order of the form's signers;
        by the new key and then an old one for an addition; by one key for everything else
    """
    if isinstance(form, Enrolment | Recovery):
        return as_json([form.patient, signed, form.deadline])
    if isinstance(form, Grant):
        return as_json([form.values, *signed])
    if isinstance(form, SignerAddition):
        return as_json([form.patient, form.nonce, form.deadline, *signed])
    if isinstance(form, Revocation | SignerRemoval | Veto):
        return as_json([*form.values, *signed])
    raise TypeError(f"nothing carries a {type(form).__name__}")


def arguments_of(function: str, call: list[Any]) -> list[Any]:
    """
    Return a stored call's arguments as they are encoded.

    :raises CallMalformed: if they are not this function's
    """
    inputs = CONSENT_REGISTRY.inputs(function)
    try:
        return [_of_type(part, value) for part, value in zip(inputs, call, strict=True)]
    except (ValueError, TypeError, AttributeError) as error:
        raise CallMalformed(f"these are not the arguments of {function}") from error


def _of_type(part: dict[str, Any], value: Any) -> Any:
    kind = part["type"]
    if kind.endswith("[]"):
        one = part | {"type": kind.removesuffix("[]")}
        return [_of_type(one, each) for each in value]
    if kind == "tuple":
        return tuple(_of_type(inner, each) for inner, each in zip(part["components"], value, strict=True))
    if kind.startswith("bytes"):
        return _bytes_of(value, kind)
    return int(value)


def _bytes_of(value: str, kind: str) -> bytes:
    found = decode_hex(value)
    size = kind.removeprefix("bytes")
    if size and len(found) != int(size):
        raise ValueError(f"{len(found)} bytes are no {kind}")
    return found
