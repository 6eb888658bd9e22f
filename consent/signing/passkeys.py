"""
Consent passkeys: how one is made, and how what it signed is judged before anybody pays to relay it.

An assertion is judged here as `ConsentWebAuthnVerifier` will judge it, under the same names, so that a person
can be told at once what was wrong. fido2 has the last word on the signature. Nothing here asks the chain.
"""

import secrets
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Protocol
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from django.conf import settings
from eth_abi import encode
from eth_utils import decode_hex
from fido2.cose import ES256
from fido2.server import Fido2Server
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from consent.signing.calls import Signed
from consent.signing.refusals import (
    AuthenticatorDataHasWrongLength,
    ClientDataHasWrongLength,
    ClientDataMalformed,
    CrossOrigin,
    KeyNotTaken,
    NotAnAssertion,
    SignatureInvalid,
    UnknownCredential,
    UserNotVerified,
    WrongChallenge,
    WrongOrigin,
    WrongRpId,
    WrongType,
)

# The order of P-256. Of a signature's two forms the contract takes the one with the lower s.
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

# What the contract takes, see docs/formats/consent.md.
MAX_ORIGIN = 255
MAX_CLIENT_DATA = 2048
LEAST_AUTHENTICATOR_DATA, MAX_AUTHENTICATOR_DATA = 37, 1024
MAX_CREDENTIAL_ID = 1023
TYPE_INDEX, CHALLENGE_INDEX = 1, 23
SIGNATURE_TYPES = ["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"]

# fido2 raises whatever its parsers do. What somebody sent is never worth a traceback.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError, IndexError, struct.error, RecursionError)
DEFAULT_PORTS = {"http": 80, "https": 443}


class HasKey(Protocol):
    """A passkey that may sign, such as a row of `Signer`."""

    @property
    def signer(self) -> Any: ...

    @property
    def credential(self) -> Any: ...


@dataclass(frozen=True)
class MadeKey:
    """A passkey that was just made."""

    credential_id: bytes
    # AttestedCredentialData, as fido2 reads it.
    credential: bytes
    signer: bytes


def consent_origin() -> str:
    """Return the origin of the consent page as browsers write it."""
    return origin_of(settings.CONSENT_URL)


def consent_rp_id() -> str:
    """Return the rpId of consent passkeys: the consent page's own host name and no other's."""
    return urlsplit(settings.CONSENT_URL).hostname or ""


def origin_of(url: str) -> str:
    """Return the origin of an address, without the port where it is the usual one."""
    parts = urlsplit(url)
    is_usual = parts.port in (None, DEFAULT_PORTS.get(parts.scheme))
    return f"{parts.scheme}://{parts.hostname}" + ("" if is_usual else f":{parts.port}")


def signer_of(credential: bytes, *, verifier: str, rp_id: str, origin: str) -> bytes:
    """
    Return a passkey as ERC-7913 writes it: the verifier's address, and the key that it judges by.

    :param credential: AttestedCredentialData
    :raises KeyNotTaken: if it is no key on P-256, or the origin cannot be part of one
    """
    numbers = _public_numbers(AttestedCredentialData(credential))
    is_plain = all("!" <= character <= "~" and character not in '"\\' for character in origin)
    if not is_plain or not 1 <= len(origin) <= MAX_ORIGIN:
        raise KeyNotTaken("the origin cannot be part of a key")
    return (
        decode_hex(verifier)
        + numbers.x.to_bytes(32, "big")
        + numbers.y.to_bytes(32, "big")
        + sha256(rp_id.encode()).digest()
        + origin.encode("ascii")
    )


# Making a passkey


def begin_registration(*, rp_id: str, known: Iterable[HasKey] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """
    Return the options for `navigator.credentials.create`, and the state for `complete_registration`.

    The entry in a phone's list names the hospital and never the patient: others may see that list, and its
    maker may copy it to a cloud.

    :param known: the passkeys that the patient has, of which no device makes a second
    """
    user = PublicKeyCredentialUserEntity(
        id=secrets.token_bytes(32),
        name=settings.HOSPITAL_NAME,
        display_name=settings.HOSPITAL_NAME,
    )
    options, state = _server(rp_id).register_begin(
        user,
        credentials=[AttestedCredentialData(bytes(key.credential)) for key in known],
        resident_key_requirement=ResidentKeyRequirement.PREFERRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(options), {"challenge": str(state["challenge"])}


def complete_registration(
    response: Mapping[str, Any], state: Mapping[str, Any], *, verifier: str, rp_id: str, origin: str
) -> MadeKey:
    """
    Take in what `navigator.credentials.create` answered. Whether the new key signs is still to be seen.

    :raises PasskeyRefused: of the kind that says why
    """
    parsed = _parsed(RegistrationResponse, response)
    challenge = websafe_decode(state["challenge"])
    _check_client_data(
        parsed.response.client_data, kind=CollectedClientData.TYPE.CREATE, challenge=challenge, origin=origin
    )
    data = parsed.response.attestation_object.auth_data
    _check_authenticator(data, rp_id=rp_id)
    made = data.credential_data
    if made is None or made.credential_id != parsed.raw_id or len(made.credential_id) > MAX_CREDENTIAL_ID:
        raise KeyNotTaken("the answer holds no key")
    _public_numbers(made)
    try:
        _server(rp_id, origin).register_complete(_fido2_state(challenge), parsed)
    except UNREADABLE as error:
        raise KeyNotTaken(str(error)) from error
    credential = bytes(made)
    return MadeKey(
        credential_id=bytes(made.credential_id),
        credential=credential,
        signer=signer_of(credential, verifier=verifier, rp_id=rp_id, origin=origin),
    )


# Signing with it


def check_assertion(
    response: Mapping[str, Any], *, digest: bytes, keys: Sequence[HasKey], rp_id: str, origin: str
) -> Signed:
    """
    Make sure that one of these passkeys signed this form on this page, by somebody whom the device knows.

    :param digest: of the form, which the passkey got as its challenge
    :return: what `ConsentRegistry` takes
    :raises PasskeyRefused: of the kind that says why; the contract's own names where it has them
    """
    parsed = _parsed(AuthenticationResponse, response)
    client_data, data = parsed.response.client_data, parsed.response.authenticator_data
    _check_client_data(client_data, kind=CollectedClientData.TYPE.GET, challenge=digest, origin=origin)
    _check_authenticator(data, rp_id=rp_id)
    _check_layout(client_data, digest=digest, origin=origin)

    credentials = {bytes(key.signer): AttestedCredentialData(bytes(key.credential)) for key in keys}
    signer = next((each for each, its in credentials.items() if its.credential_id == parsed.raw_id), None)
    if signer is None:
        raise UnknownCredential("this passkey is none of the patient's")
    try:
        _server(rp_id, origin).authenticate_complete(_fido2_state(digest), [credentials[signer]], parsed)
    except UNREADABLE as error:
        raise SignatureInvalid("the signature is not this passkey's") from error
    return Signed(signer, signature_of(data, client_data, parsed.response.signature))


def signature_of(authenticator_data: bytes, client_data: bytes, der: bytes) -> bytes:
    """Lay an assertion out as the contract decodes it."""
    r, s = decode_dss_signature(der)
    return encode(
        SIGNATURE_TYPES,
        [
            r.to_bytes(32, "big"),
            # Authenticators make either form; both are of the same key over the same bytes.
            min(s, N - s).to_bytes(32, "big"),
            CHALLENGE_INDEX,
            TYPE_INDEX,
            authenticator_data,
            client_data.decode(),
        ],
    )


def _parsed(kind: Any, response: Mapping[str, Any]) -> Any:
    """Read what a browser sent, its lengths first: nobody needs to parse what the contract would not."""
    try:
        inner = response["response"]
        client_data = websafe_decode(inner["clientDataJSON"])
        authenticator_data = websafe_decode(inner.get("authenticatorData", ""))
    except UNREADABLE as error:
        raise NotAnAssertion("this is no answer of a passkey") from error
    if len(client_data) > MAX_CLIENT_DATA:
        raise ClientDataHasWrongLength(f"{len(client_data)} bytes of client data")
    is_right = LEAST_AUTHENTICATOR_DATA <= len(authenticator_data) <= MAX_AUTHENTICATOR_DATA
    if kind is AuthenticationResponse and not is_right:
        raise AuthenticatorDataHasWrongLength(f"{len(authenticator_data)} bytes of authenticator data")
    try:
        CollectedClientData(client_data)
    except UNREADABLE as error:
        raise ClientDataMalformed("the client data cannot be read") from error
    try:
        return kind.from_dict(response)
    except UNREADABLE as error:
        raise NotAnAssertion("this is no answer of a passkey") from error


def _check_client_data(
    client_data: CollectedClientData, *, kind: CollectedClientData.TYPE, challenge: bytes, origin: str
) -> None:
    if client_data.type != kind:
        raise WrongType(f"this is not {kind}")
    if client_data.origin != origin:
        raise WrongOrigin("signed on another page")
    if client_data.cross_origin is not False:
        raise CrossOrigin("signed in a frame")
    if not secrets.compare_digest(client_data.challenge, challenge):
        raise WrongChallenge("another form was signed")


def _check_authenticator(data: AuthenticatorData, *, rp_id: str) -> None:
    if data.rp_id_hash != sha256(rp_id.encode()).digest():
        raise WrongRpId("signed with a passkey of another site")
    is_contradictory = data.is_backed_up() and not data.is_backup_eligible()
    if not data.is_user_present() or not data.is_user_verified() or is_contradictory:
        raise UserNotVerified("the device did not check who it was")


def _check_layout(client_data: bytes, *, digest: bytes, origin: str) -> None:
    """Hold the client data against the limited verification algorithm of WebAuthn, as the contract does."""
    start = f'{{"type":"webauthn.get","challenge":"{websafe_encode(digest)}","origin":"{origin}"'.encode()
    if not client_data.startswith(start):
        raise ClientDataMalformed("the client data has another order than browsers write")
    rest = client_data.removeprefix(start)
    # Safari leaves crossOrigin out where it is false.
    is_own_page = rest in (b"}", b',"crossOrigin":false}') or rest.startswith(b',"crossOrigin":false,')
    if not is_own_page:
        raise CrossOrigin("signed in a frame")


def _public_numbers(credential: AttestedCredentialData) -> ec.EllipticCurvePublicNumbers:
    key = credential.public_key
    try:
        x, y = (int.from_bytes(key[coordinate], "big") for coordinate in (-2, -3))
        numbers = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1())
        numbers.public_key()
    except UNREADABLE as error:
        raise KeyNotTaken("the key is not on P-256") from error
    if key.get(3) != ES256.ALGORITHM or key.get(-1) != 1:
        raise KeyNotTaken("only keys on P-256 can sign consents")
    return numbers


def _server(rp_id: str, origin: str = "") -> Fido2Server:
    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=rp_id, name=settings.HOSPITAL_NAME),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda given: given == origin,
    )
    server.allowed_algorithms = [
        PublicKeyCredentialParameters(type=PublicKeyCredentialType.PUBLIC_KEY, alg=ES256.ALGORITHM)
    ]
    return server


def _fido2_state(challenge: bytes) -> dict[str, Any]:
    return {
        "challenge": websafe_encode(challenge),
        "user_verification": UserVerificationRequirement.REQUIRED,
    }
