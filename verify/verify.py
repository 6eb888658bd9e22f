#!/usr/bin/env python3
"""
Verify an ehrportal proof, or the evidence of a signed consent, with no part of ehrportal.

    python verify.py PROOF --rpc URL [--contract 0x...] [--json]
    python verify.py CONSENT [--rpc URL] [--contract 0x...] [--json]

PROOF or CONSENT is the file that a patient was given (or - for standard input), URL any node of the chain
that it names. A proof says nothing without the chain; of a consent, all but what became of it stands in the
file. Says in words what was proven, or why not. Needs Python 3.9 or newer and nothing else; the formats are
described in docs/formats/. Everything that is checked is checked here, so read on.

Ends with 0 if it holds, 1 if it does not, 2 if that could not be found out.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import re
import sys
import unicodedata
import urllib.error
import urllib.parse
import urllib.request
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any, Callable, NamedTuple, NoReturn

PROOF_FORMAT = "ehrportal-proof/1"
CONSENT_FORMAT = "ehrportal-consent/1"

# Bounds on what is read at all: files come from strangers, and so do a node's answers.
MAX_FILE = 160 * 1024 * 1024
MAX_ANSWER = 16 * 1024 * 1024
MAX_NUMBER = 2**53 - 1
MAX_SHOWN = 200
MAX_DOCUMENT_SHOWN = 2_000
MAX_CONSENT = 1024 * 1024
MAX_SAID = 10
TIMEOUT = 20

# First four bytes of the Keccak-256 of each signature.
REGISTRY = "7b103999"  # registry()
ROOT_AT = "ab485c16"  # rootAt(uint256,uint64)
INSTITUTION = "2eb78bf6"  # institution(uint256)
TERM_OF = "e06a875b"  # termOf(bytes32,bytes32)
IS_ACTIVE = "c8622953"  # isActive(bytes32,bytes32)
PATIENT_OF = "e2823ad3"  # patientOf(bytes32)
IS_SIGNER = "689ac79a"  # isSigner(bytes32,bytes32)
# Keccak-256 of HeadExtended(uint256,uint64,bytes32).
HEAD_EXTENDED = "0x391edface9dd686cedd6504f223fdb05d825facd3df1ffa8c8b2b26e12e830a8"
# Keccak-256 of Granted(bytes32,bytes32,bytes32,bytes32,bytes32,uint64).
GRANTED = "0xb1e166344cd0b95565ec0368253ebfebfd0d52514c6eead4d4b6d59f115232cf"

# Published builds of RecordLog and ConsentRegistry: SHA-256 of the code on the chain, with zeros in the
# places that the deployment filled in, such as the registry's address.
KNOWN_LOGS: dict[str, tuple[int, ...]] = {
    "cfc71750c48098dca387c1b701f8d8d7bf7c2bf7922d2015f948d3fd63200aa3": (181, 396),
}
KNOWN_CONSENTS: dict[str, tuple[int, ...]] = {
    "619ccc60efd4dc92c4725bc7b3065632bed0abd029af7baa2b711991a698876c": (
        *(1037, 2381, 6280, 8403, 8451),
        *(9437, 9479, 9521, 9602, 9642),
    ),
}

ACTIVE, SUSPENDED = 1, 2

# What keeps us from finding out, rather than being wrong with the proof.
COULD_NOT_RUN = {"unreadable", "no_node", "unreachable", "bad_answer"}

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Refused(Exception):
    """What the file says does not hold, or cannot be checked: `cause` for programs, `sentence` for people."""

    def __init__(self, cause: str, sentence: str, details: list[tuple[str, str]] | None = None) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.sentence = sentence
        self.details = details or []


def verify(data: bytes, *, rpc: str | None = None, contract: str | None = None) -> dict[str, Any]:
    """
    Return the verdict on a file: `ok`, `cause` (None if it holds), `sentence` and `details`.

    :param rpc: a node of the chain, without which a proof cannot be checked, and a consent only in part
    :param contract: the RecordLog, or of a consent the ConsentRegistry, that the reader trusts; without it,
        the one that the file names is believed
    """
    try:
        file = read(data)
        check = verify_proof if file["format"] == PROOF_FORMAT else verify_consent
        sentence, details = check(file, rpc, contract)
    except Refused as refused:
        return verdict(refused.cause, refused.sentence, refused.details)
    return verdict(None, sentence, details)


# A sentence, and what stands below it.
Words = tuple[str, list[tuple[str, str]]]


def verify_proof(proof: dict[str, Any], rpc: str | None, trusted: str | None) -> Words:
    check_elements(proof)
    check_header(proof)
    check_leaf(proof)
    if rpc is None:
        raise Refused(
            "no_node",
            "This file fits together, but only the chain can tell whether it proves anything: name one of "
            "its nodes with --rpc.",
        )
    found = ask_chain(proof, Node(rpc), trusted)
    return sentence_on(proof, found), details_on(proof, found, trusted)


def verify_consent(consent: dict[str, Any], rpc: str | None, trusted: str | None) -> Words:
    check_document(consent)
    check_grantee(consent)
    digest = digest_of(consent["form"])
    how = check_signature(unhexed(consent["signer"]), digest, unhexed(consent["signature"]))
    # Only what was committed to as a consent is one, whatever a document looks like.
    terms = terms_of(consent["elements"][0]["text"]) if consent["header"]["topic"] == "consent" else None
    check_terms(terms, consent)
    said = what_was_signed(consent, how, terms)
    details = details_on_consent(consent, how, terms, digest)
    if rpc is None:
        return on_paper_only(said, details)
    found = ask_consents(consent, digest, Node(rpc), trusted, (said, details))
    return on_chain(said, details, consent, found, trusted)


def verdict(cause: str | None, sentence: str, details: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "ok": cause is None,
        "cause": cause,
        "sentence": sentence,
        "details": [{"label": printable(label), "value": printable(value)} for label, value in details],
    }


# 1. Reading the file


def read(data: bytes) -> dict[str, Any]:
    """Return the proof or the consent in a file, every field in it being what it must be."""
    nothing = "This is neither a proof nor the evidence of a consent: "
    if len(data) > MAX_FILE:
        raise Refused("not_a_proof", nothing + "it is too large.")
    try:
        file = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=no_key_twice,
            parse_int=short_number,
            parse_float=not_json,
            parse_constant=not_json,
        )
    except (ValueError, RecursionError):
        raise Refused("not_a_proof", nothing + "it cannot be read as one.") from None
    if not isinstance(file, dict) or not isinstance(file.get("format"), str):
        raise Refused("not_a_proof", nothing + "it does not say that it is one.")
    if not file["format"].startswith(("ehrportal-proof/", "ehrportal-consent/")):
        raise Refused("not_a_proof", nothing + "it says that it is something else.")
    if file["format"] not in FILES:
        raise Refused(
            "unsupported_version",
            "This file is written in a newer format than this verifier knows. Use a newer verifier.",
        )
    FILES[file["format"]](file, "")
    return file


def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def short_number(text: str) -> int:
    # Too long for any field; -1 is refused by all of them.
    return int(text) if len(text) <= 20 else -1


def not_json(text: str) -> NoReturn:
    raise ValueError(f"no number of such a file is written {text}")


# What a field must be: a function that is given the value and where it stands.
Rule = Callable[[Any, str], None]


def damaged(where: str) -> Refused:
    return Refused("damaged_file", f"This file is damaged: its field {where} is not what it must be.")


def fields(**rules: Rule) -> Rule:
    def rule(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise damaged(where)
        # A field that we do not know could change what the others mean.
        for name in sorted(set(value) - set(rules)):
            raise damaged(f"{where}.{name}".lstrip("."))
        for name, inner in rules.items():
            inner(value.get(name, MISSING), f"{where}.{name}".lstrip("."))

    return rule


def items(inner: Rule, least: int, most: int) -> Rule:
    def rule(value: Any, where: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise damaged(where)
        for number, item in enumerate(value):
            inner(item, f"{where}[{number}]")

    return rule


def number(least: int, most: int) -> Rule:
    def rule(value: Any, where: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise damaged(where)

    return rule


def text(least: int, most: int) -> Rule:
    def rule(value: Any, where: str) -> None:
        try:
            is_right = isinstance(value, str) and least <= len(value.encode("utf-8")) <= most
        except UnicodeEncodeError:
            is_right = False
        if not is_right:
            raise damaged(where)

    return rule


def matching(pattern: str) -> Rule:
    def rule(value: Any, where: str) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise damaged(where)

    return rule


def or_null(inner: Rule) -> Rule:
    def rule(value: Any, where: str) -> None:
        if value is not None:
            inner(value, where)

    return rule


MISSING = object()
HASH = matching("0x[0-9a-f]{64}")
NAME = text(1, 255)
ADDRESS = matching("0x[0-9a-fA-F]{40}")
HEADER = fields(
    topic=NAME,
    resourceType=NAME,
    id=NAME,
    version=number(1, MAX_NUMBER),
    author=NAME,
    previous=or_null(HASH),
)
COMMITMENT = fields(value=HASH, root=HASH, count=number(1, 2**20))


def element(pointer: Rule, content: Rule) -> Rule:
    return fields(pointer=pointer, text=content, salt=HASH, index=number(0, 2**20), path=items(HASH, 0, 20))


FILES = {
    PROOF_FORMAT: fields(
        format=text(1, 255),
        header=HEADER,
        commitment=COMMITMENT,
        elements=items(element(text(0, 4096), text(1, 64 * 1024 * 1024)), 1, 10_000),
        leaf=fields(index=number(0, MAX_NUMBER), path=items(HASH, 0, 64)),
        head=fields(size=number(1, MAX_NUMBER), root=HASH),
        anchor=fields(
            chainId=number(1, MAX_NUMBER),
            contract=ADDRESS,
            institution=number(1, MAX_NUMBER),
            transaction=HASH,
        ),
    ),
    CONSENT_FORMAT: fields(
        format=text(1, 255),
        header=HEADER,
        commitment=COMMITMENT,
        # The consent as a whole, and nothing else of it.
        elements=items(element(text(0, 0), text(1, MAX_CONSENT)), 1, 1),
        grantee=fields(text=text(1, 1024), salt=HASH),
        form=fields(
            chainId=number(1, MAX_NUMBER),
            verifyingContract=ADDRESS,
            patient=HASH,
            grantee=HASH,
            scope=HASH,
            expiry=number(1, MAX_NUMBER),
            nonce=HASH,
            deadline=number(1, MAX_NUMBER),
        ),
        # A wallet's address; or a verifier's address, a key, the hash of an rpId and an origin.
        signer=matching("0x[0-9a-f]{40}(([0-9a-f]{2}){97,351})?"),
        signature=matching("0x([0-9a-f]{2}){1,4096}"),
        transaction=or_null(HASH),
    ),
}


# 2. What can be computed from a proof alone


def check_elements(proof: dict[str, Any]) -> None:
    """Each element shown must stand under the root of the record's elements (docs/formats/commitment.md)."""
    for element in proof["elements"]:
        if not stands_under(element, proof["commitment"]):
            raise Refused(
                "damaged_element",
                f"This proof is damaged or forged: {shown_pointer(element['pointer'])} does not match what "
                "was recorded.",
            )


def stands_under(element: dict[str, Any], commitment: dict[str, Any]) -> bool:
    pointer, content = element["pointer"].encode(), element["text"].encode()
    leaf = hashed(
        b"\x00\x01",
        unhexed(element["salt"]),
        len(pointer).to_bytes(2, "big"),
        pointer,
        len(content).to_bytes(4, "big"),
        content,
    )
    root = root_over(leaf, element["index"], commitment["count"], element["path"])
    return root == unhexed(commitment["root"])


def check_header(proof: dict[str, Any]) -> None:
    """The record's name, version and author must be those of the commitment (docs/formats/commitment.md)."""
    if commitment_over(proof["header"], proof["commitment"]) != unhexed(proof["commitment"]["value"]):
        raise Refused(
            "damaged_header",
            "This proof is damaged or forged: which record, version or author it is about was altered.",
        )


def commitment_over(header: dict[str, Any], commitment: dict[str, Any]) -> bytes:
    previous = header["previous"]
    return hashed(
        b"\x01",
        behind_length("ehrportal/commitment"),
        behind_length(header["topic"]),
        behind_length(header["resourceType"]),
        behind_length(header["id"]),
        header["version"].to_bytes(8, "big"),
        behind_length(header["author"]),
        b"\x00" if previous is None else b"\x01" + unhexed(previous),
        commitment["count"].to_bytes(4, "big"),
        unhexed(commitment["root"]),
    )


def check_leaf(proof: dict[str, Any]) -> None:
    """The commitment must be a leaf of the log under the head (docs/formats/leaf.md; RFC 9162, 2.1.3.2)."""
    leaf = hashed(b"\x00\x01", unhexed(proof["commitment"]["value"]))
    size = proof["head"]["size"]
    if root_over(leaf, proof["leaf"]["index"], size, proof["leaf"]["path"]) != unhexed(proof["head"]["root"]):
        raise Refused(
            "damaged_leaf",
            "This proof is damaged or forged: the record is not in the log at the head that the proof names.",
        )


def root_over(leaf: bytes, index: int, size: int, path: list[str]) -> bytes | None:
    """Return the root that this path leads to (RFC 9162, 2.1.3.2), None if it has not the right length."""
    if index >= size:
        return None
    place, last, root = index, size - 1, leaf
    for neighbour in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            root = hashed(b"\x01", unhexed(neighbour), root)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            root = hashed(b"\x01", root, unhexed(neighbour))
        place >>= 1
        last >>= 1
    return root if last == 0 else None


def hashed(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def unhexed(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def behind_length(value: str) -> bytes:
    encoded = value.encode()
    return bytes([len(encoded)]) + encoded


# 3. What can be computed from the evidence of a consent alone


def check_document(consent: dict[str, Any]) -> None:
    """The consent must be the one that the form was made for (docs/formats/consent-evidence.md)."""
    commitment = consent["commitment"]
    if not stands_under(consent["elements"][0], commitment):
        raise Refused("document_changed", "The consent in this file was changed after it was committed to.")
    if commitment_over(consent["header"], commitment) != unhexed(commitment["value"]):
        raise Refused(
            "header_changed",
            "This file was changed: which consent, version or author it is about was altered.",
        )
    if commitment["value"] != consent["form"]["scope"]:
        raise Refused(
            "other_document", "The form in this file was made for another consent than the one in it."
        )


def check_grantee(consent: dict[str, Any]) -> None:
    """Who may read must be the one whom the form was made for."""
    grantee = consent["grantee"]
    made = hashed(b"ehrportal/grantee/1\x00", unhexed(grantee["salt"]), grantee["text"].encode())
    if made != unhexed(consent["form"]["grantee"]):
        raise Refused(
            "grantee_changed",
            printable(f"The form in this file was made for another reader than {grantee['text']}."),
        )


def digest_of(form: dict[str, Any]) -> bytes:
    """Return what is signed: the digest of a Grant by EIP-712, from then on the name of the grant."""
    domain = keccak256(
        keccak256(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
        keccak256(b"ehrportal consent"),
        keccak256(b"1"),
        form["chainId"].to_bytes(32, "big"),
        bytes(12),
        unhexed(form["verifyingContract"]),
    )
    given = keccak256(
        keccak256(
            b"Grant(bytes32 patient,bytes32 grantee,bytes32 scope,uint64 expiry,uint256 nonce,"
            b"uint64 deadline)"
        ),
        unhexed(form["patient"]),
        unhexed(form["grantee"]),
        unhexed(form["scope"]),
        form["expiry"].to_bytes(32, "big"),
        unhexed(form["nonce"]),
        form["deadline"].to_bytes(32, "big"),
    )
    return keccak256(b"\x19\x01", domain, given)


def check_signature(signer: bytes, digest: bytes, signature: bytes) -> dict[str, str]:
    """Return with what and where it was signed; the signature must be this signer's, of this digest."""
    if len(signer) == 20:
        check_wallet(signer, digest, signature)
        return {"wallet": "0x" + signer.hex()}
    check_passkey(signer[20:], digest, signature)
    return {"page": signer[20 + 96 :].decode("ascii")}


def check_wallet(address: bytes, digest: bytes, signature: bytes) -> None:
    """The key that made this signature (r, s, v) must be the one of the address."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        raise Refused(
            "not_a_wallet_signature",
            "The signature in this file is not one that a wallet makes with a key.",
        )
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
    check_low(SECP256K1, s)
    key = key_behind(SECP256K1, int.from_bytes(digest, "big"), r, s, signature[64] - 27)
    if key is None or keccak256(bytes_of(key))[12:] != address:
        raise not_of_key("wallet")


def check_passkey(key: bytes, digest: bytes, signature: bytes) -> None:
    """
    The assertion must be this passkey's, over this digest, on the page that is part of the key.

    The same steps in the same order as ConsentWebAuthnVerifier takes, so that both name the same cause. The
    client data is read by the limited verification algorithm of WebAuthn (5.8.1.2): what stands where is
    fixed, and nothing is searched.
    """
    rp_id_hash, origin = key[64:96], key[96:]
    r, s, authenticator_data, client_data = assertion_in(signature)
    if authenticator_data[:32] != rp_id_hash:
        raise Refused("wrong_rp_id", "The signature in this file was made with a passkey of another site.")
    check_page(client_data, origin)
    if client_data[1:22] != b'"type":"webauthn.get"':
        raise Refused("wrong_type", "The signature in this file was not made by signing with a passkey.")
    challenge = urlsafe_b64encode(digest).rstrip(b"=")
    if client_data[23:80] != b'"challenge":"' + challenge + b'"':
        raise Refused(
            "wrong_challenge",
            "The signature in this file is of another form, or this form was changed after it was signed.",
        )
    # Present, verified, and not backed up where it cannot be.
    flags = authenticator_data[32]
    if flags & 0x05 != 0x05 or flags & 0x18 == 0x10:
        raise Refused(
            "user_not_verified",
            "The signature in this file was made without checking the person by PIN, finger or face.",
        )
    check_low(P256, s)
    point = (int.from_bytes(key[:32], "big"), int.from_bytes(key[32:64], "big"))
    signed = hashed(authenticator_data, hashed(client_data))
    if not is_signed(P256, point, int.from_bytes(signed, "big"), r, s):
        raise not_of_key("passkey")


def assertion_in(signature: bytes) -> tuple[int, int, bytes, bytes]:
    """Return r, s, authenticator data and client data, which must stand as abi.encode writes them."""
    words = [int.from_bytes(signature[at : at + 32], "big") for at in range(0, 6 * 32, 32)]
    authenticator_data = bytes_at(signature, words[4])
    client_data = bytes_at(signature, words[5])
    if (
        not 37 <= len(authenticator_data) <= 1024
        or len(client_data) > 2048
        # Written in any other way it would be another file with the same meaning.
        or signature
        != signature[:128]
        + big(192)
        + big(224 + padded(authenticator_data))
        + in_abi(authenticator_data)
        + in_abi(client_data)
    ):
        raise Refused("not_an_assertion", "The signature in this file is not one that a passkey makes.")
    if words[2:4] != [23, 1]:
        raise Refused(
            "wrong_index", "The signature in this file says that its parts stand where they cannot."
        )
    return words[0], words[1], authenticator_data, client_data


def check_page(client_data: bytes, origin: bytes) -> None:
    """The assertion must have been made on the page that is part of the key, in no other page's frame."""
    if any(not 0x21 <= character <= 0x7E or character in b'"\\' for character in origin):
        raise Refused(
            "origin_not_plain", "The signer in this file does not name a page where consents are signed."
        )
    member = b',"origin":"' + origin + b'"'
    end = 80 + len(member)
    if (
        len(client_data) < end
        or client_data[:1] != b"{"
        or client_data[22:23] != b","
        or client_data[79:91] != b'","origin":"'
    ):
        raise Refused(
            "client_data_malformed",
            "The signature in this file does not say as browsers do where it was made.",
        )
    if client_data[80:end] != member:
        there = plain(client_data[91:].split(b'"')[0][:255])
        raise Refused(
            "wrong_origin",
            f"The signature in this file was made on {there}, and not on {plain(origin)}, where this key "
            "signs consents.",
        )
    rest = client_data[end:]
    if rest != b"}" and not (
        rest[:20] == b',"crossOrigin":false' and (rest[20:21] == b"," or rest[20:] == b"}")
    ):
        raise Refused("cross_origin", "The signature in this file was made in a frame of another page.")


def check_low(curve: Curve, s: int) -> None:
    # Of each signature there are two, s and n - s. The contracts take the low one, so that there is one.
    if s > curve.n // 2:
        raise Refused(
            "high_s", "The signature in this file has an s that is too large: the contract takes the low one."
        )


def not_of_key(kind: str) -> Refused:
    return Refused(
        "signature_not_of_key",
        f"The signature in this file is not of the {kind} in it: another one signed, or it was changed.",
    )


def bytes_at(encoded: bytes, offset: int) -> bytes:
    length = int.from_bytes(encoded[offset : offset + 32], "big") if offset < len(encoded) else 0
    return encoded[offset + 32 : offset + 32 + length] if length < len(encoded) else b""


def padded(content: bytes) -> int:
    return -(-len(content) // 32) * 32


def in_abi(content: bytes) -> bytes:
    return big(len(content)) + content + bytes(padded(content) - len(content))


def big(value: int) -> bytes:
    return value.to_bytes(32, "big")


def plain(value: bytes) -> str:
    return "".join(chr(byte) if 0x20 <= byte <= 0x7E else "\N{REPLACEMENT CHARACTER}" for byte in value)


# Keccak-256 as chains use it: the sponge of SHA-3 with the padding of before (keccak.team, FIPS 202).

ROUNDS = (
    *(0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000, 0x000000000000808B),
    *(0x0000000080000001, 0x8000000080008081, 0x8000000000008009, 0x000000000000008A, 0x0000000000000088),
    *(0x0000000080008009, 0x000000008000000A, 0x000000008000808B, 0x800000000000008B, 0x8000000000008089),
    *(0x8000000000008003, 0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A),
    *(0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008),
)
RATE = 136


def keccak256(*parts: bytes) -> bytes:
    message = bytearray(b"".join(parts) + b"\x01")
    message += bytes(-len(message) % RATE)
    message[-1] |= 0x80
    lanes = [0] * 25
    for start in range(0, len(message), RATE):
        for at in range(RATE // 8):
            lanes[at] ^= int.from_bytes(message[start + 8 * at : start + 8 * at + 8], "little")
        lanes = permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def permuted(lanes: list[int]) -> list[int]:
    """Keccak-f[1600]; the lane of column x and row y stands at x + 5y."""
    for constant in ROUNDS:
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixed = [columns[(x - 1) % 5] ^ turned(columns[(x + 1) % 5], 1) for x in range(5)]
        lanes = [lane ^ mixed[at % 5] for at, lane in enumerate(lanes)]
        x, y, lane = 1, 0, lanes[1]
        for step in range(1, 25):
            x, y = y, (2 * x + 3 * y) % 5
            lanes[x + 5 * y], lane = turned(lane, step * (step + 1) // 2), lanes[x + 5 * y]
        lanes = [
            lanes[at] ^ (~lanes[at - at % 5 + (at + 1) % 5] & lanes[at - at % 5 + (at + 2) % 5])
            for at in range(25)
        ]
        lanes[0] ^= constant
    return lanes


def turned(lane: int, by: int) -> int:
    by %= 64
    return (lane << by | lane >> (64 - by)) & (2**64 - 1)


# ECDSA (FIPS 186-5, SEC 1), only to verify: nothing here is secret, so nothing hides how long it takes.

Point = tuple[int, int]


class Curve(NamedTuple):
    """y^2 = x^3 + ax + b over the field of p, and a point g of order n."""

    p: int
    a: int
    b: int
    n: int
    g: Point


P256 = Curve(
    p=0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    a=-3,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    n=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    g=(
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
)
SECP256K1 = Curve(
    p=2**256 - 2**32 - 977,
    a=0,
    b=7,
    n=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    g=(
        0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
    ),
)


def is_signed(curve: Curve, key: Point, digest: int, r: int, s: int) -> bool:
    """Whether this key, which must be a point of the curve, made this signature of a digest."""
    x, y = key
    if not (0 <= x < curve.p and 0 <= y < curve.p) or (y * y - x**3 - curve.a * x - curve.b) % curve.p:
        return False
    if not (0 < r < curve.n and 0 < s < curve.n):
        return False
    inverse = pow(s, -1, curve.n)
    point = plus(curve, times(curve, digest * inverse, curve.g), times(curve, r * inverse, key))
    return point is not None and point[0] % curve.n == r


def key_behind(curve: Curve, digest: int, r: int, s: int, parity: int) -> Point | None:
    """Return the key that made this signature, whose point has a y of this parity; None if there is none."""
    if not (0 < r < curve.n and 0 < s < curve.n):
        return None
    square = (r**3 + curve.a * r + curve.b) % curve.p
    # A root, as p leaves 3 when divided by 4.
    y = pow(square, (curve.p + 1) // 4, curve.p)
    if (y * y - square) % curve.p:
        return None
    inverse = pow(r, -1, curve.n)
    made_with = (r, y if y % 2 == parity else curve.p - y)
    return plus(curve, times(curve, s * inverse, made_with), times(curve, -digest * inverse, curve.g))


def times(curve: Curve, factor: int, point: Point) -> Point | None:
    total: Point | None = None
    power: Point | None = point
    factor %= curve.n
    while factor:
        if factor & 1:
            total = plus(curve, total, power)
        power = plus(curve, power, power)
        factor >>= 1
    return total


def plus(curve: Curve, one: Point | None, other: Point | None) -> Point | None:
    """Return the sum of two points of the curve; None is its zero."""
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0]:
        if (one[1] + other[1]) % curve.p == 0:
            return None
        slope = (3 * one[0] ** 2 + curve.a) * pow(2 * one[1], -1, curve.p)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, curve.p)
    x = (slope**2 - one[0] - other[0]) % curve.p
    return x, (slope * (one[0] - x) - one[1]) % curve.p


def bytes_of(point: Point) -> bytes:
    return big(point[0]) + big(point[1])


# What the consent says: a FHIR Consent (R4). One that says more than is known here is not put into words.

PROVISION = {"type", "period", "actor", "action", "purpose", "securityLabel", "class", "data", "id"}
ONCE = "urn:ehrportal:consent:once"


def terms_of(document: str) -> dict[str, Any] | None:
    """Return who may read what, for what and when; None if that cannot be told."""
    try:
        consent = json.loads(
            document, object_pairs_hook=no_key_twice, parse_int=short_number, parse_constant=not_json
        )
    except (ValueError, RecursionError):
        return None
    provision = part(consent, "provision")
    modifiers = all_of(consent, "modifierExtension")
    actors = all_of(provision, "actor")
    actions = [coding for action in all_of(provision, "action") for coding in all_of(action, "coding")]
    if (
        part(consent, "resourceType") != "Consent"
        or part(consent, "status") != "active"
        or part(provision, "type") != "permit"
        or not set(provision) <= PROVISION
        or len(actors) != 1
        or any(part(action, "code") != "access" for action in actions)
        or any(part(modifier, "url") != ONCE for modifier in modifiers)
    ):
        return None
    reader = part(actors[0], "reference")
    return {
        "reader": name_of(reader, "reference"),
        "address": part(reader, "reference"),
        "kinds": [name_of(kind, "code") for kind in all_of(provision, "class")],
        "records": [name_of(part(record, "reference"), "reference") for record in all_of(provision, "data")],
        "labels": [name_of(label, "code") for label in all_of(provision, "securityLabel")],
        "purposes": [name_of(purpose, "code") for purpose in all_of(provision, "purpose")],
        "is_once": any(part(modifier, "valueBoolean") is True for modifier in modifiers),
        "start": seconds(part(part(provision, "period"), "start")),
        "end": seconds(part(part(provision, "period"), "end")),
        "written": seconds(part(consent, "dateTime")),
    }


def part(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def all_of(value: Any, name: str) -> list[Any]:
    found = part(value, name)
    return found if isinstance(found, list) else []


def name_of(value: Any, otherwise: str) -> str:
    """Return what people call it, or else its code or address."""
    for name in ("display", otherwise):
        found = part(value, name)
        if isinstance(found, str) and found:
            return found
    return "?"


def seconds(value: Any) -> int | None:
    """Return a moment of FHIR in seconds since 1970; None if it is none, or only a day."""
    found = re.fullmatch(
        r"([1-9][0-9]{3})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]{1,9})?"
        r"(?:Z|([+-])([0-9]{2}):([0-9]{2}))",
        value if isinstance(value, str) else "",
    )
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[place]) for place in range(1, 7))
    try:
        there = datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc)
    except ValueError:
        return None
    ahead = (3600 * int(found[8] or 0) + 60 * int(found[9] or 0)) * (-1 if found[7] == "-" else 1)
    return (there - datetime(1970, 1, 1, tzinfo=timezone.utc)) // timedelta(seconds=1) - ahead


def check_terms(terms: dict[str, Any] | None, consent: dict[str, Any]) -> None:
    """What people read must be what the contract goes by."""
    if terms is None:
        return
    grantee, expiry = consent["grantee"]["text"], consent["form"]["expiry"]
    if terms["address"] != grantee:
        raise Refused(
            "other_grantee",
            printable(f"The consent in this file does not name {grantee}, for whom the form was made."),
        )
    if terms["end"] is not None and terms["end"] != expiry:
        raise Refused(
            "other_expiry",
            f"The consent in this file ends on {moment(terms['end'])}, and the form that was signed ends on "
            f"{moment(expiry)}.",
        )


# 4. What only the chain can tell


class Node:
    """A node of the chain, asked over JSON-RPC."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Refused("unreachable", "The address of the node must begin with http:// or https://.")
        self.url = url
        # Addresses of nodes often hold a key or a password, which nobody needs to read over our shoulder.
        self.name = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"

    def ask(self, method: str, *params: Any) -> Any:
        """Return the node's answer, None if it knows of nothing such."""
        answer = self._answer_to(method, list(params))
        if "error" in answer:
            message = error_message(answer["error"])
            if method == "eth_call" and is_revert(answer["error"]):
                raise Reverted
            raise self.garbage(f"{method} was refused: {message}")
        if "result" not in answer:
            raise self.garbage(f"{method} was answered without a result")
        return answer["result"]

    def garbage(self, what: str) -> Refused:
        return Refused(
            "bad_answer",
            f"The node at {self.name} gave an answer that makes no sense. Try another one.",
            [("Answer", what)],
        )

    def _answer_to(self, method: str, params: list[Any]) -> dict[str, Any]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, data=body, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                text = response.read(MAX_ANSWER + 1)
                if response.length and len(text) <= MAX_ANSWER:
                    raise http.client.IncompleteRead(text)
        except urllib.error.HTTPError as error:
            raise self.garbage(f"{method} was answered with HTTP status {error.code}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Refused(
                "unreachable", f"The node at {self.name} cannot be reached.", [("Reason", str(error)[:200])]
            ) from None
        try:
            answer = json.loads(text) if len(text) <= MAX_ANSWER else None
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self.garbage(f"{method} was not answered in JSON-RPC")
        return answer


class Reverted(Exception):
    """The contract refused a question, so it is not the one it should be."""


def error_message(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else None
    return message[:200] if isinstance(message, str) else "no reason given"


def is_revert(error: Any) -> bool:
    # Geth and others give code 3 to a revert; some only say so.
    return isinstance(error, dict) and (error.get("code") == 3 or "revert" in error_message(error).lower())


def ask_chain(proof: dict[str, Any], node: Node, trusted: str | None) -> dict[str, Any]:
    """Return what the chain says about the head: whose it is, and since when it stands there."""
    anchor, head = proof["anchor"], proof["head"]
    contract = anchor["contract"].lower()
    code = ask_code(node, anchor["chainId"], anchor["contract"], trusted)
    try:
        found = ask_contracts(node, contract, anchor["institution"], head["size"])
    except Reverted:
        raise Refused(
            "not_a_log",
            f"The contract at {anchor['contract']} is not a log of records: it does not answer as one.",
        ) from None

    if found["status"] not in (ACTIVE, SUSPENDED):
        raise Refused(
            "unknown_hospital",
            f"The contract's registry knows no hospital with the number {anchor['institution']}.",
        )
    if found["root"] == bytes(32):
        raise Refused(
            "not_anchored",
            f"The head that this proof rests on, of {head['size']} leaves, is not on the chain yet. "
            "Try again once the hospital has anchored it.",
        )
    if found["root"] != unhexed(head["root"]):
        raise Refused(
            "other_root",
            f"The chain says otherwise: for {head['size']} leaves of this hospital it holds another root. "
            "The proof is forged, or of another chain with the same number.",
        )
    return {**found, "is_known": is_known(code, KNOWN_LOGS), **ask_when(proof, node, contract)}


def ask_code(node: Node, chain_id: int, contract: str, trusted: str | None) -> bytes:
    """Return the code of the contract that a file names, which must be the one that the reader trusts."""
    if trusted is not None and trusted.lower() != contract.lower():
        raise Refused(
            "other_contract",
            f"This file relies on the contract {contract}, and not on the one that you trust.",
        )
    chain = quantity(node, "eth_chainId", node.ask("eth_chainId"))
    if chain != chain_id:
        raise Refused(
            "wrong_chain",
            f"This file is about chain {chain_id}, and the node at {node.name} is of chain {chain}. Ask a "
            "node of the right chain.",
        )
    code = hex_data(node, "eth_getCode", node.ask("eth_getCode", contract.lower(), "latest"))
    if len(code) == 0:
        raise Refused(
            "no_contract",
            f"There is no contract at {contract} on chain {chain}, so nothing is recorded there.",
        )
    return code


def is_known(code: bytes, builds: dict[str, tuple[int, ...]]) -> bool:
    """Whether this is one of the published builds, of which it is known what they refuse."""
    for known, places in builds.items():
        blanked = bytearray(code)
        for start in places:
            blanked[start : start + 32] = bytes(32)
        if sha256(blanked).hexdigest() == known:
            return True
    return False


def ask_contracts(node: Node, contract: str, institution: int, size: int) -> dict[str, Any]:
    found = ask_hospital(node, contract, institution)
    root = call(node, contract, ROOT_AT + word(institution) + word(size))
    if len(root) != 32:
        raise Reverted
    return {**found, "root": root}


def ask_hospital(node: Node, contract: str, institution: int) -> dict[str, Any]:
    """Return what the contract's registry says about a hospital: its name, its portal and its standing."""
    answer = call(node, contract, REGISTRY)
    if len(answer) != 32 or any(answer[:12]):
        raise Reverted
    registry = "0x" + answer[12:].hex()
    hospital = call(node, registry, INSTITUTION + word(institution))
    # Five words: operator, where the name is, where the portal's address is, thumbprint, status.
    if len(hospital) < 5 * 32:
        raise Reverted
    return {
        "hospital": string_at(hospital, 1),
        "portal": string_at(hospital, 2),
        "status": int.from_bytes(hospital[4 * 32 : 5 * 32], "big"),
    }


def ask_when(proof: dict[str, Any], node: Node, contract: str) -> dict[str, Any]:
    """Return the block of the transaction that brought the head, having found the head in it."""
    anchor, head = proof["anchor"], proof["head"]
    receipt = node.ask("eth_getTransactionReceipt", anchor["transaction"])
    if receipt is not None and not isinstance(receipt, dict):
        raise node.garbage("eth_getTransactionReceipt was not answered with a receipt")
    if receipt is None or not has_head(receipt, contract, anchor["institution"], head):
        raise Refused(
            "wrong_transaction",
            "The head is on the chain, but not by the transaction that this proof names, so since when "
            "cannot be told. Ask the hospital for a new proof.",
        )
    return ask_block(node, receipt)


def ask_block(node: Node, receipt: dict[str, Any]) -> dict[str, Any]:
    """Return when the block of a transaction was made, and how deep it lies."""
    block = node.ask("eth_getBlockByHash", receipt.get("blockHash"), False)
    if not isinstance(block, dict):
        raise node.garbage("eth_getBlockByHash was not answered with a block")
    height = quantity(node, "eth_getBlockByHash", block.get("number"))
    latest = quantity(node, "eth_blockNumber", node.ask("eth_blockNumber"))
    return {
        "time": quantity(node, "eth_getBlockByHash", block.get("timestamp")),
        "block": height,
        "depth": max(0, latest - height) + 1,
    }


def has_head(receipt: dict[str, Any], contract: str, institution: int, head: dict[str, Any]) -> bool:
    """Whether this transaction went through, and the contract announced exactly this head in it."""
    wanted = [HEAD_EXTENDED, "0x" + word(institution), "0x" + word(head["size"])]
    return has_event(receipt, contract, wanted, head["root"])


def has_event(receipt: dict[str, Any], contract: str, topics: list[str], data: str) -> bool:
    """Whether this transaction went through, and the contract announced exactly this in it."""
    logs = receipt.get("logs")
    return (
        receipt.get("status") == "0x1"
        and isinstance(logs, list)
        and any(
            isinstance(log, dict)
            and isinstance(log.get("address"), str)
            and log["address"].lower() == contract
            and log.get("topics") == topics
            and log.get("data") == data
            for log in logs
        )
    )


def ask_consents(
    consent: dict[str, Any], digest: bytes, node: Node, trusted: str | None, signed: Words
) -> dict[str, Any]:
    """Return what the chain says about a grant: since when it holds, and under a key of whose patient."""
    form = consent["form"]
    contract = form["verifyingContract"].lower()
    code = ask_code(node, form["chainId"], form["verifyingContract"], trusted)
    signer = keccak256(unhexed(consent["signer"]))
    try:
        found = ask_grant(node, contract, form["patient"][2:], digest.hex(), signer.hex())
        # The digest binds the expiry, so a registry that knows the one knows the other.
        if found["granted"] and found["expiry"] != form["expiry"]:
            raise Reverted
    except Reverted:
        raise Refused(
            "not_a_registry",
            f"The contract at {form['verifyingContract']} is not a registry of consents: it does not answer "
            "as one.",
        ) from None
    said, details = signed
    if not found["granted"]:
        raise Refused(
            "not_granted",
            f"Signed, but not on the chain: {said} The contract does not know this grant, so it has not been "
            "accepted there (yet).",
            details,
        )
    found["is_known"] = is_known(code, KNOWN_CONSENTS)
    found.update(ask_granted(consent, digest, node, contract, found["is_signer"]))
    if found["revoked"] or not found["is_active"]:
        sentence, more = on_chain(said, details, consent, found, trusted)
        raise Refused("revoked" if found["revoked"] else "expired", sentence, more)
    return found


def ask_grant(node: Node, contract: str, patient: str, grant: str, signer: str) -> dict[str, Any]:
    term = words_in(call(node, contract, TERM_OF + patient + grant), 3)
    [active] = words_in(call(node, contract, IS_ACTIVE + patient + grant), 1)
    [is_signer] = words_in(call(node, contract, IS_SIGNER + patient + signer), 1)
    institution = words_in(call(node, contract, PATIENT_OF + patient), 2)[0]
    return {
        "granted": term[0],
        "expiry": term[1],
        "revoked": term[2],
        "is_active": active == 1,
        "is_signer": is_signer == 1,
        "institution": institution,
        **ask_hospital(node, contract, institution),
    }


def words_in(answer: bytes, count: int) -> list[int]:
    if len(answer) != 32 * count:
        raise Reverted
    return [int.from_bytes(answer[at : at + 32], "big") for at in range(0, len(answer), 32)]


def ask_granted(
    consent: dict[str, Any], digest: bytes, node: Node, contract: str, is_signer: bool
) -> dict[str, Any]:
    """Return the block of the transaction that brought the grant, having found there grant and key."""
    form, transaction = consent["form"], consent["transaction"]
    if transaction is None:
        if not is_signer:
            raise Refused(
                "not_a_signer",
                "The chain knows this grant, but the key in this file is not one of the patient's today. Ask "
                "the hospital for a file that names the transaction, which tells whether it was one then.",
            )
        return {}
    receipt = node.ask("eth_getTransactionReceipt", transaction)
    if receipt is not None and not isinstance(receipt, dict):
        raise node.garbage("eth_getTransactionReceipt was not answered with a receipt")
    topics = [
        GRANTED,
        form["patient"],
        "0x" + digest.hex(),
        "0x" + keccak256(unhexed(consent["signer"])).hex(),
    ]
    data = form["grantee"] + form["scope"][2:] + word(form["expiry"])
    if receipt is None or not has_event(receipt, contract, topics, data):
        raise Refused(
            "wrong_transaction",
            "The grant is on the chain, but not by the transaction that this file names, or not under the "
            "key in it. Ask the hospital for a new file.",
        )
    return ask_block(node, receipt)


def call(node: Node, contract: str, data: str) -> bytes:
    return hex_data(node, "eth_call", node.ask("eth_call", {"to": contract, "data": "0x" + data}, "latest"))


def word(value: int) -> str:
    return f"{value:064x}"


def quantity(node: Node, method: str, value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch("0x[0-9a-fA-F]{1,13}", value):
        raise node.garbage(f"{method} was not answered with a number")
    return int(value, 16)


def hex_data(node: Node, method: str, value: Any) -> bytes:
    if not isinstance(value, str) or not re.fullmatch("0x([0-9a-fA-F]{2})*", value):
        raise node.garbage(f"{method} was not answered with bytes")
    return unhexed(value)


def string_at(answer: bytes, place: int) -> str:
    """Return the string whose offset stands in this word of an ABI-encoded answer."""
    offset = int.from_bytes(answer[place * 32 : place * 32 + 32], "big")
    length = int.from_bytes(answer[offset : offset + 32], "big")
    content = answer[offset + 32 : offset + 32 + length]
    if offset + 32 > len(answer) or len(content) != length or length > 1024:
        raise Reverted
    return content.decode("utf-8", "replace")


# 5. Saying it in words


TO_BE_COMPARED = (
    "To be compared",
    "This relies on the contract above, which the file itself names. Compare it with the one that the "
    "hospital publishes.",
)


def sentence_on(proof: dict[str, Any], found: dict[str, Any]) -> str:
    header, elements = proof["header"], proof["elements"]
    record = f"version {header['version']} of {header['resourceType']} {header['id']}"
    if any(element["pointer"] == "" for element in elements):
        what = f"this is, byte for byte, {record}"
    elif len(elements) == 1:
        what = f"{elements[0]['pointer']} is {shown_value(elements[0]['text'])} in {record}"
    else:
        what = f"the {len(elements)} values below stand in {record}"
    # What it anchored stands: the contract took that while the hospital was a member.
    return printable(
        f"Proven: {what}, which {found['hospital']} has had on record since {moment(found['time'])}."
        + standing(found)
    )


def details_on(proof: dict[str, Any], found: dict[str, Any], trusted: str | None) -> list[tuple[str, str]]:
    header, anchor, head = proof["header"], proof["anchor"], proof["head"]
    details = [
        ("Record", f"{header['resourceType']} {header['id']}, version {header['version']}"),
        ("Kind", header["topic"]),
        ("Author", header["author"]),
        ("Version before", header["previous"] or "none"),
    ]
    for element in proof["elements"][:MAX_SHOWN]:
        if element["pointer"] == "":
            content = element["text"].encode()
            details.append(("Whole document", f"{len(content)} bytes, SHA-256 {sha256(content).hexdigest()}"))
            details.append(("It reads", shown_document(element["text"])))
        else:
            details.append((element["pointer"], shown_value(element["text"])))
    if len(proof["elements"]) > MAX_SHOWN:
        details.append(("More values", str(len(proof["elements"]) - MAX_SHOWN)))
    details += [
        ("Hospital", shown_hospital(found, anchor["institution"])),
        ("On the chain since", f"{moment(found['time'])}, block {found['block']}, {found['depth']} deep"),
        ("Place in the log", f"leaf {proof['leaf']['index']} of {head['size']}"),
        ("Chain", str(anchor["chainId"])),
        ("Contract", anchor["contract"]),
        (
            "Its code",
            "the published one, which refuses a head that rewrites the log"
            if found["is_known"]
            else "not one that this verifier knows, so nothing says here that it refuses a rewritten log",
        ),
        ("Transaction", anchor["transaction"]),
    ]
    if trusted is None:
        details.append(TO_BE_COMPARED)
    return details


def what_was_signed(consent: dict[str, Any], how: dict[str, str], terms: dict[str, Any] | None) -> str:
    """Return who signed what, as one sentence."""
    signed = (
        f"on {how['page']} the holder of a passkey, checked by PIN, finger or face, signed"
        if "page" in how
        else f"the wallet {how['wallet']} signed"
    )
    until = moment(consent["form"]["expiry"])
    if terms is None:
        return f"{signed} the consent below, which this verifier cannot put into words, until {until}."
    what = listed(terms["kinds"] + terms["records"]) if terms["kinds"] or terms["records"] else "everything"
    labels = f", with what is marked {listed(terms['labels'])}" if terms["labels"] else ""
    purposes = listed(terms["purposes"]) if terms["purposes"] else "any purpose"
    start = "" if terms["start"] is None else f"from {moment(terms['start'])} "
    once = ", on one occasion" if terms["is_once"] else ""
    return printable(
        f"{signed} that {listed([terms['reader']])} may read {what}{labels}, for {purposes}, {start}until "
        f"{until}{once}."
    )


def on_paper_only(said: str, details: list[tuple[str, str]]) -> Words:
    return (
        f"Proven: {said} The chain was not asked, so whose key this is, whether the grant was accepted there "
        "and whether it has been revoked since is not known.",
        [*details, ("On the chain", "not asked: name one of its nodes with --rpc")],
    )


def on_chain(
    said: str,
    details: list[tuple[str, str]],
    consent: dict[str, Any],
    found: dict[str, Any],
    trusted: str | None,
) -> Words:
    """Return what was signed, and what became of it on the chain."""
    since = moment(found["granted"])
    whose = f"under a key of a patient whom {found['hospital']} enrolled"
    if found["revoked"]:
        sentence = (
            f"Revoked: {said} The chain accepted this grant on {since}, {whose}, and it was revoked on "
            f"{moment(found['revoked'])}: from then on nobody may read under it."
        )
    elif not found["is_active"]:
        sentence = f"Expired: {said} The chain accepted this grant on {since}, {whose}, and it has ended."
    else:
        sentence = f"Proven: {said} The chain has held it since {since}, {whose}, and it is not revoked."
    block = f", block {found['block']}, {found['depth']} deep" if "block" in found else ""
    more = [
        *details,
        ("On the chain since", since + block),
        ("Revoked", moment(found["revoked"]) if found["revoked"] else "no"),
        ("Enrolled by", shown_hospital(found, found["institution"])),
        ("Key today", "one of the patient's" if found["is_signer"] else "not one of the patient's any more"),
        (
            "Its code",
            "the published one, which takes a grant only with a signature of the patient's key"
            if found["is_known"]
            else "not one that this verifier knows, so nothing says here that it refuses what nobody signed",
        ),
        ("Transaction", consent["transaction"] or "not named"),
    ]
    if trusted is None:
        more.append(TO_BE_COMPARED)
    return printable(sentence + standing(found)), more


def details_on_consent(
    consent: dict[str, Any], how: dict[str, str], terms: dict[str, Any] | None, digest: bytes
) -> list[tuple[str, str]]:
    header, form, content = consent["header"], consent["form"], consent["elements"][0]["text"]
    details = []
    if terms is not None:
        for label, names in (
            ("May read", [terms["reader"]]),
            ("What", terms["kinds"]),
            ("Record", terms["records"]),
            ("With what is marked", terms["labels"]),
            ("For", terms["purposes"]),
        ):
            details += [(label, shown_value(name)) for name in names[:MAX_SHOWN]]
            if len(names) > MAX_SHOWN:
                details.append((f"{label}, more", str(len(names) - MAX_SHOWN)))
        details.append(("From", "not said" if terms["start"] is None else moment(terms["start"])))
    written = None if terms is None else terms["written"]
    encoded = content.encode()
    return [
        *details,
        ("Until", moment(form["expiry"])),
        ("Address of the reader", consent["grantee"]["text"]),
        ("Signed with", f"the wallet {how['wallet']}" if "wallet" in how else "a passkey"),
        ("Signed on", how.get("page", "not known: a wallet's signature does not name the page")),
        ("Signed at", "not known: a signature carries no time"),
        ("Consent written", "not said" if written is None else moment(written)),
        ("Consent", f"{header['resourceType']} {header['id']}, version {header['version']}"),
        ("Kind", header["topic"]),
        ("Author", header["author"]),
        ("Version before", header["previous"] or "none"),
        ("Whole document", f"{len(encoded)} bytes, SHA-256 {sha256(encoded).hexdigest()}"),
        ("It reads", shown_document(content)),
        ("Grant", "0x" + digest.hex()),
        ("Patient", form["patient"]),
        ("Chain", str(form["chainId"])),
        ("Contract", form["verifyingContract"]),
    ]


def listed(names: list[str]) -> str:
    """Return names as part of a sentence, which none of them can end."""
    quoted = ['"' + shown_value(name).replace('"', "'") + '"' for name in names[:MAX_SAID]]
    if len(names) > MAX_SAID:
        quoted.append(f"{len(names) - MAX_SAID} more")
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def standing(found: dict[str, Any]) -> str:
    return " The hospital is suspended from the registry today." if found["status"] == SUSPENDED else ""


def shown_hospital(found: dict[str, Any], institution: int) -> str:
    today = ", suspended from the registry today" if found["status"] == SUSPENDED else ""
    return f"{found['hospital']} (number {institution}, {found['portal']}){today}"


def shown_pointer(pointer: str) -> str:
    return printable(pointer) if pointer else "the whole document"


def shown_value(value: str) -> str:
    """Return a value as it was written, cut if it is long."""
    return value if len(value) <= 300 else value[:300] + "..."


def shown_document(document: str) -> str:
    """Return a document in one line, cut if it is long."""
    line = re.sub("[ \t\n\r]+", " ", document[: 10 * MAX_DOCUMENT_SHOWN]).strip(" ")
    return line if len(line) <= MAX_DOCUMENT_SHOWN else line[:MAX_DOCUMENT_SHOWN] + "..."


def moment(timestamp: int) -> str:
    # Not fromtimestamp, which knows fewer years than a block may claim.
    try:
        at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=timestamp)
    except OverflowError:
        return "a time that no calendar knows"
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M:%S} UTC"


def printable(text_: str) -> str:
    """Return text without the characters that would steer a terminal or turn its lines around."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character
        for character in text_
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description="Verify an ehrportal proof or consent, with no part of ehrportal."
    )
    parser.add_argument("file", metavar="FILE", help="the proof or the consent, or - for standard input")
    parser.add_argument(
        "--rpc",
        metavar="URL",
        help="a node of the chain that the file names; of a consent it may be left out",
    )
    parser.add_argument(
        "--contract",
        metavar="0x...",
        help="the RecordLog, or of a consent the ConsentRegistry, that you trust",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    if options.contract is not None and not re.fullmatch("0x[0-9a-fA-F]{40}", options.contract):
        parser.error("--contract is an address: 0x and forty digits")

    try:
        if options.file == "-":
            data = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with open(options.file, "rb") as file:
                data = file.read(MAX_FILE + 1)
    except OSError as error:
        reached = verdict("unreadable", f"The file cannot be read: {error.strerror}.", [])
    else:
        reached = verify(data, rpc=options.rpc, contract=options.contract)

    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a letter of somebody's name must not cost the verdict.
        sys.stdout.reconfigure(errors="backslashreplace")
    if options.json:
        print(json.dumps(reached))
    else:
        print(reached["sentence"])
        for detail in reached["details"]:
            print(f"  {detail['label']}: {detail['value']}")
    if reached["ok"]:
        return 0
    return 2 if reached["cause"] in COULD_NOT_RUN else 1


if __name__ == "__main__":
    sys.exit(main())
