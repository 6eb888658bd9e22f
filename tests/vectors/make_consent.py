"""
Writes signed consents, good and damaged, to try forge and Python on: `python -m tests.vectors.make_consent`.

`assertions` are what passkeys hand out, for `ConsentWebAuthnVerifier`; `calls` are a story told to
`ConsentRegistry`, one transaction after the other, each with the moment of its block and the error that it
must end in. Keys are fixed and signatures deterministic (RFC 6979), so everybody gets the same bytes. The
digests are made here by the definition of EIP-712 and the client data by hand; the tests hold eth-account
and fido2 against them.
"""

import hmac
import json
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from eth_abi import encode
from eth_account import Account
from eth_utils import keccak, to_checksum_address

HERE = Path(__file__).parent
FILE = "consent.json"

N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

NOON = 1_778_580_000  # 12 May 2026, 10:00 UTC
DAY = 86_400
SOON = NOON + 7 * DAY
NEXT_YEAR = NOON + 365 * DAY

VERIFIER = to_checksum_address("0x" + "c0" * 19 + "01")
REGISTRY = to_checksum_address("0x" + "c0" * 19 + "02")
# Operators of the institutions 1 and 2, and somebody who only relays.
NORTH, SOUTH, RELAY = (to_checksum_address("0x" + "00" * 19 + end) for end in ("a1", "b2", "c3"))

DOMAIN = {"name": "ehrportal consent", "version": "1", "chainId": 31337, "verifyingContract": REGISTRY}
DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
FORMS = {
    "Enrolment": "bytes32 patient,uint256 institution,bytes32[] signers,uint64 deadline",
    "Grant": "bytes32 patient,bytes32 grantee,bytes32 scope,uint64 expiry,uint256 nonce,uint64 deadline",
    "Revocation": "bytes32 patient,bytes32 grant",
    "SignerAddition": "bytes32 patient,bytes32 signer,uint256 nonce,uint64 deadline",
    "SignerRemoval": "bytes32 patient,bytes32 signer,uint256 nonce,uint64 deadline",
    "Recovery": "bytes32 patient,uint256 institution,uint256 number,bytes32[] signers,uint64 deadline",
    "Veto": "bytes32 patient,uint256 number",
}

SIGNED = "(bytes,bytes)"
FUNCTIONS = {
    "enrol": ["bytes32", f"{SIGNED}[]", "uint64"],
    "grant": ["(bytes32,bytes32,bytes32,uint64,uint256,uint64)", SIGNED],
    "revoke": ["bytes32", "bytes32", SIGNED],
    "revokeByInstitution": ["bytes32", "bytes32"],
    "addSigner": ["bytes32", "uint256", "uint64", SIGNED, SIGNED],
    "removeSigner": ["bytes32", "bytes32", "uint256", "uint64", SIGNED],
    "proposeRecovery": ["bytes32", f"{SIGNED}[]", "uint64"],
    "vetoRecovery": ["bytes32", "uint256", SIGNED],
    "withdrawRecovery": ["bytes32"],
    "recover": ["bytes32"],
}
ERRORS = {
    "AlreadyRevoked": "bytes32,bytes32,uint64",
    "ClientDataMalformed": "string",
    "CrossOrigin": "string",
    "HighS": "bytes32,bytes32",
    "LastSigner": "bytes32,bytes32",
    "NotASigner": "bytes32,bytes32",
    "NotAnAssertion": "uint256",
    "NotTheirInstitution": "bytes32,uint256,uint256",
    "SignatureInvalid": "bytes32,bytes32",
    "SignatureNotOfKey": "bytes32,bytes32",
    "TooEarly": "uint64,uint256",
    "TooLate": "uint64,uint256",
    "UserNotVerified": "bytes1",
    "WrongChallenge": "string,string",
    "WrongIndex": "uint256,uint256",
    "WrongNonce": "bytes32,uint256,uint256",
    "WrongOrigin": "string,string",
    "WrongRpId": "bytes32,bytes32",
    "WrongType": "string",
}


def hexed(value):
    return "0x" + value.hex()


def selector(signature):
    return keccak(text=signature)[:4]


def refusal_of(error):
    """The selector that a refusal begins with; nothing where there is none."""
    return hexed(selector(f"{error}({ERRORS[error]})")) if error else "0x"


def digest_of(form, message, domain=DOMAIN):
    """The digest of a form, by the definition of EIP-712."""
    fields = [field.split(" ") for field in FORMS[form].split(",")]
    types, values = ["bytes32"], [keccak(text=f"{form}({FORMS[form]})")]
    for kind, name in fields:
        if kind == "bytes32[]":
            kind, value = "bytes32", keccak(b"".join(message[name]))
        else:
            value = message[name]
        types.append(kind)
        values.append(value)
    separator = encode(
        ["bytes32", "bytes32", "bytes32", "uint256", "address"],
        [
            keccak(text=DOMAIN_TYPE),
            keccak(text=domain["name"]),
            keccak(text=domain["version"]),
            domain["chainId"],
            domain["verifyingContract"],
        ],
    )
    return keccak(b"\x19\x01" + keccak(separator) + keccak(encode(types, values)))


def nonce(key, sequence=0):
    return key << 64 | sequence


class Wallet:
    """A key of the chain's own curve, as wallets keep them."""

    def __init__(self, name):
        self.account = Account.from_key(sha256(name.encode()).digest())
        self.signer = bytes.fromhex(self.account.address[2:])

    def sign(self, digest):
        return bytes(self.account.unsafe_sign_hash(digest).signature)


class Passkey:
    """A passkey, with the browser that writes its client data and the authenticator that signs it."""

    def __init__(self, name, *, origin="https://consent.north.example", rp_id="consent.north.example"):
        scalar = int.from_bytes(sha256(name.encode()).digest(), "big") % (N - 1) + 1
        self.private = ec.derive_private_key(scalar, ec.SECP256R1())
        numbers = self.private.public_key().public_numbers()
        self.origin, self.rp_id = origin, rp_id
        self.key = (
            numbers.x.to_bytes(32, "big")
            + numbers.y.to_bytes(32, "big")
            + sha256(rp_id.encode()).digest()
            + origin.encode()
        )
        self.signer = bytes.fromhex(VERIFIER[2:]) + self.key

    def sign(
        self,
        digest,
        *,
        origin=None,
        rp_id=None,
        kind="webauthn.get",
        rest=',"crossOrigin":false}',
        flags=0x05,
        counter=0,
        extensions=b"",
        high_s=False,
        indexes=(23, 1),
    ):
        challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
        client_data = (
            f'{{"type":"{kind}","challenge":"{challenge}","origin":"{origin or self.origin}"{rest}'.encode()
        )
        rp_id_hash = sha256((rp_id or self.rp_id).encode()).digest()
        authenticator_data = rp_id_hash + bytes([flags]) + counter.to_bytes(4, "big") + extensions
        der = self.private.sign(
            authenticator_data + sha256(client_data).digest(), ec.ECDSA(SHA256(), deterministic_signing=True)
        )
        r, s = decode_dss_signature(der)
        if (s > N // 2) != high_s:
            s = N - s
        return encode(
            ["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"],
            [
                r.to_bytes(32, "big"),
                s.to_bytes(32, "big"),
                *indexes,
                authenticator_data,
                client_data.decode(),
            ],
        )


PHONE, TABLET, LATER, STRANGERS = (Passkey(name) for name in ("phone", "tablet", "later", "stranger's"))
WALLET, NEW_WALLET = Wallet("wallet"), Wallet("new wallet")

CHROMIUM = (
    ',"crossOrigin":false,"other_keys_can_be_added_here":"do not compare clientDataJSON against a template. '
    'See https://goo.gl/yabPex"}'
)
HMAC_SECRET_OUTPUT = bytes.fromhex("a16b686d61632d736563726574") + b"\x58\x20" + bytes(range(32))


def assertions():
    cases = []
    digest = sha256(b"a form").digest()

    def case(name, signature, refusal="", *, key=PHONE.key, hash=digest):
        cases.append(
            {
                "name": name,
                "key": hexed(key),
                "hash": hexed(hash),
                "signature": hexed(signature),
                "refusal": refusal,
                "selector": refusal_of(refusal),
            }
        )

    case("good: a security key", PHONE.sign(digest, counter=41))
    case("good: a passkey that is kept in a cloud", PHONE.sign(digest, flags=0x1D))
    case("good: Chromium adds a member", PHONE.sign(digest, rest=CHROMIUM))
    case("good: Safari leaves crossOrigin out", PHONE.sign(digest, rest="}"))
    case("good: extension data", PHONE.sign(digest, flags=0x85, extensions=HMAC_SECRET_OUTPUT))
    case("good: another passkey", TABLET.sign(digest), key=TABLET.key)
    local = Passkey("local", origin="http://consent.localhost:8000", rp_id="consent.localhost")
    case("good: on one machine", local.sign(digest), key=local.key)

    case("high s", PHONE.sign(digest, high_s=True), "HighS")
    case("signed with another passkey", TABLET.sign(digest), "SignatureNotOfKey")
    case("of another form", PHONE.sign(sha256(b"another form").digest()), "WrongChallenge")
    case("hash changed by a bit", PHONE.sign(digest), "WrongChallenge", hash=digest[:-1] + b"\x00")
    case("at the portal's sign-in", PHONE.sign(digest, origin="https://portal.north.example"), "WrongOrigin")
    case(
        "origin that begins alike",
        PHONE.sign(digest, origin="https://consent.north.example.evil.example"),
        "WrongOrigin",
    )
    case("no TLS", PHONE.sign(digest, origin="http://consent.north.example"), "WrongOrigin")
    case("another rpId", PHONE.sign(digest, rp_id="north.example"), "WrongRpId")
    case("in a frame", PHONE.sign(digest, rest=',"crossOrigin":true}'), "CrossOrigin")
    case(
        "in a frame, denied afterwards",
        PHONE.sign(digest, rest=',"crossOrigin":true,"crossOrigin":false}'),
        "CrossOrigin",
    )
    case("user not verified", PHONE.sign(digest, flags=0x01), "UserNotVerified")
    case("user not present", PHONE.sign(digest, flags=0x04), "UserNotVerified")
    case("backed up where it cannot be", PHONE.sign(digest, flags=0x15), "UserNotVerified")
    case("a registration", PHONE.sign(digest, kind="webauthn.create"), "ClientDataMalformed")
    case("type that is none", PHONE.sign(digest, kind="webauthn.got"), "WrongType")
    case("a huge challengeIndex", PHONE.sign(digest, indexes=(2**256 - 1, 1)), "WrongIndex")
    case("a huge typeIndex", PHONE.sign(digest, indexes=(23, 2**255)), "WrongIndex")
    case("cut off", PHONE.sign(digest)[:-64], "NotAnAssertion")
    good = PHONE.sign(digest)
    case("r changed by a bit", good[:31] + bytes([good[31] ^ 1]) + good[32:], "SignatureNotOfKey")
    return cases


class Story:
    """What is sent to the registry, and the forms that were signed for it."""

    def __init__(self):
        self.calls = []
        self.forms = []

    def sign(self, form, message, *keys, digest=None, **how):
        """Have a form signed, by several keys in the order of their signers' hashes, as an enrolment is."""
        made = digest_of(form, message)
        self.forms.append(
            {
                "form": form,
                "message": {
                    name: hexed(value)
                    if isinstance(value, bytes)
                    else [hexed(each) for each in value]
                    if isinstance(value, list)
                    else value
                    for name, value in message.items()
                },
                "digest": hexed(made),
            }
        )
        return [(key.signer, key.sign(digest or made, **how)) for key in in_order(keys)]

    def call(self, name, function, *arguments, at=NOON, sender=RELAY, refusal="", active=(), inactive=()):
        types = FUNCTIONS[function]
        self.calls.append(
            {
                "name": name,
                "at": at,
                "sender": sender,
                "data": hexed(selector(f"{function}({','.join(types)})") + encode(types, list(arguments))),
                "refusal": refusal,
                "selector": refusal_of(refusal),
                "active": [hexed(grant) for grant in active],
                "inactive": [hexed(grant) for grant in inactive],
            }
        )


def in_order(keys):
    return sorted(keys, key=lambda key: keccak(key.signer))


def signers_of(*keys):
    return [keccak(key.signer) for key in in_order(keys)]


PATIENT, OTHER_PATIENT = (sha256(name).digest() for name in (b"pseudonym", b"another pseudonym"))

# How the portal commits to who may read: docs/formats/consent.md.
SECRET = sha256(b"secret of this consent's version").digest()
GRANTEE_TEXT = "https://south.example/Organization/cardiology"
GRANTEE_LABEL = b"ehrportal/grantee/1\x00"
GRANTEE_SALT = hmac.digest(SECRET, GRANTEE_LABEL, "sha256")
GRANTEE = sha256(GRANTEE_LABEL + GRANTEE_SALT + GRANTEE_TEXT.encode()).digest()
SCOPE = sha256(b"commitment to a Consent").digest()


def grant_of(nonce, *, patient=PATIENT, scope=SCOPE, expiry=NEXT_YEAR, deadline=SOON):
    return {
        "patient": patient,
        "grantee": GRANTEE,
        "scope": scope,
        "expiry": expiry,
        "nonce": nonce,
        "deadline": deadline,
    }


def story():
    """A patient from enrolment to recovery, with everything that must not work on the way."""
    told = Story()

    def enrolment(keys, *, patient=PATIENT, institution=1, **how):
        message = {
            "patient": patient,
            "institution": institution,
            "signers": signers_of(*keys),
            "deadline": SOON,
        }
        return [patient, told.sign("Enrolment", message, *keys, **how), SOON]

    def grant(given, key, **how):
        return [tuple(given.values()), told.sign("Grant", given, key, **how)[0]]

    def digest(given):
        return digest_of("Grant", given)

    both = enrolment([PHONE, TABLET])
    by_the_phone = next(signature for signer, signature in both[1] if signer == PHONE.signer)
    told.call(
        "enrolled without the tablet's own signature",
        "enrol",
        PATIENT,
        [(signer, by_the_phone) for signer, signature in both[1]],
        SOON,
        sender=NORTH,
        refusal="SignatureNotOfKey",
    )
    told.call("enrolled with two passkeys", "enrol", *both, sender=NORTH)
    told.call(
        "a stranger, at another hospital",
        "enrol",
        *enrolment([STRANGERS], patient=OTHER_PATIENT, institution=2),
        sender=SOUTH,
    )

    first = grant_of(nonce(11))
    tampered = {**first, "scope": sha256(b"all of it").digest()}
    told.call(
        "a grant changed on its way",
        "grant",
        *grant(tampered, PHONE, digest=digest(first)),
        refusal="WrongChallenge",
    )
    told.call(
        "signed with another patient's passkey", "grant", *grant(first, STRANGERS), refusal="NotASigner"
    )
    told.call(
        "planted in the portal's sign-in",
        "grant",
        *grant(first, PHONE, origin="https://portal.north.example"),
        refusal="WrongOrigin",
    )
    told.call(
        "signed without verifying the user", "grant", *grant(first, PHONE, flags=1), refusal="UserNotVerified"
    )
    told.call("signed with a high s", "grant", *grant(first, PHONE, high_s=True), refusal="HighS")
    told.call("relayed too late", "grant", *grant(first, PHONE), at=SOON + 1, refusal="TooLate")
    told.call(
        "granted with the phone",
        "grant",
        *grant(first, PHONE, rest=CHROMIUM),
        at=SOON,
        active=[digest(first)],
    )
    told.call("relayed again", "grant", *grant(first, PHONE), at=SOON, refusal="WrongNonce")
    second, third = grant_of(nonce(12)), grant_of(nonce(13))
    told.call(
        "granted in parallel, the later one first",
        "grant",
        *grant(third, TABLET, rest="}"),
        active=[digest(third)],
    )
    told.call("and then the earlier one", "grant", *grant(second, PHONE), active=[digest(second)])
    told.call(
        "a number left out",
        "grant",
        *grant(grant_of(nonce(11, 2)), PHONE),
        refusal="WrongNonce",
    )

    addition = {
        "patient": PATIENT,
        "signer": keccak(WALLET.signer),
        "nonce": nonce(14),
        "deadline": SOON,
    }
    told.call(
        "a wallet added by a passkey",
        "addSigner",
        PATIENT,
        nonce(14),
        SOON,
        told.sign("SignerAddition", addition, WALLET)[0],
        told.sign("SignerAddition", addition, PHONE)[0],
    )
    fourth = grant_of(nonce(15), expiry=NOON + DAY)
    told.call("granted with the wallet for a day", "grant", *grant(fourth, WALLET), active=[digest(fourth)])
    wrong = grant_of(nonce(16))
    told.call(
        "a grant changed after the wallet signed",
        "grant",
        *grant(wrong, WALLET, digest=digest(fourth)),
        refusal="SignatureInvalid",
    )

    def revocation(given, key):
        message = {"patient": PATIENT, "grant": digest(given)}
        return [PATIENT, digest(given), told.sign("Revocation", message, key)[0]]

    told.call(
        "revoked with another passkey than granted",
        "revoke",
        *revocation(first, TABLET),
        at=SOON + 99 * DAY,
        active=[digest(second)],
        inactive=[digest(first), digest(fourth)],
    )
    told.call(
        "revoked twice",
        "revoke",
        *revocation(first, TABLET),
        at=SOON + 99 * DAY,
        refusal="AlreadyRevoked",
    )
    told.call(
        "revoked by another hospital",
        "revokeByInstitution",
        PATIENT,
        digest(second),
        sender=SOUTH,
        refusal="NotTheirInstitution",
    )
    told.call(
        "revoked by the hospital",
        "revokeByInstitution",
        PATIENT,
        digest(second),
        sender=NORTH,
        inactive=[digest(second)],
    )

    def removal(removed, number, key):
        message = {
            "patient": PATIENT,
            "signer": keccak(removed.signer),
            "nonce": nonce(17, number),
            "deadline": SOON,
        }
        return [*message.values(), told.sign("SignerRemoval", message, key)[0]]

    told.call("the phone removed by the wallet", "removeSigner", *removal(PHONE, 0, WALLET))
    told.call("granted with the phone removed", "grant", *grant(wrong, PHONE), refusal="NotASigner")
    told.call("the wallet removed by itself", "removeSigner", *removal(WALLET, 1, WALLET))
    told.call("the last one", "removeSigner", *removal(TABLET, 2, TABLET), refusal="LastSigner")

    def recovery(number, *keys):
        message = {
            "patient": PATIENT,
            "institution": 1,
            "number": number,
            "signers": signers_of(*keys),
            "deadline": SOON,
        }
        return [PATIENT, told.sign("Recovery", message, *keys), SOON]

    told.call("recovery proposed", "proposeRecovery", *recovery(1, LATER), sender=NORTH)
    veto = {"patient": PATIENT, "number": 1}
    told.call(
        "vetoed by the key that is left",
        "vetoRecovery",
        PATIENT,
        1,
        told.sign("Veto", veto, TABLET)[0],
        at=NOON + DAY,
    )
    told.call(
        "proposed again",
        "proposeRecovery",
        *recovery(2, LATER, NEW_WALLET),
        sender=NORTH,
        at=NOON + DAY,
    )
    told.call(
        "carried out early", "recover", PATIENT, sender=NORTH, at=NOON + 4 * DAY - 1, refusal="TooEarly"
    )
    told.call("carried out", "recover", PATIENT, sender=NORTH, at=NOON + 4 * DAY, active=[digest(third)])
    fifth = grant_of(nonce(18))
    told.call("granted with a key of before", "grant", *grant(fifth, TABLET), refusal="NotASigner")
    told.call("granted with a new key", "grant", *grant(fifth, LATER), active=[digest(fifth)])
    return told


def consent():
    """Everything, as the file has it. Forge wants to be told how many."""
    told, judged = story(), assertions()
    return {
        "domain": DOMAIN,
        "types": FORMS,
        "verifier": VERIFIER,
        "institutions": [NORTH, SOUTH],
        "patient": hexed(PATIENT),
        "grantee": {
            "secret": hexed(SECRET),
            "salt": hexed(GRANTEE_SALT),
            "text": GRANTEE_TEXT,
            "commitment": hexed(GRANTEE),
        },
        "assertionCount": len(judged),
        "assertions": judged,
        "callCount": len(told.calls),
        "calls": told.calls,
        "forms": told.forms,
    }


def main():
    (HERE / FILE).write_text(json.dumps(consent(), indent=1) + "\n")


if __name__ == "__main__":
    main()
