"""
A log's signed head, as monitors of transparency logs read it.

The text is a C2SP checkpoint (https://c2sp.org/tlog-checkpoint), signed with Ed25519 as a C2SP note
(https://c2sp.org/signed-note). The chain is what binds the hospital; the checkpoint lets existing monitors
follow the log without knowing anything about chains.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chain.merkle import HASH_SIZE, MAX_SIZE

# The signature type of Ed25519 in C2SP signed-note.
ED25519 = b"\x01"

# The specification asks to bound a note, and to accept sixteen signatures of up to five kilobytes.
MAX_NOTE = 128 * 1024


class NoteInvalid(Exception):
    """A note or checkpoint is not well formed, or not signed by the key that was asked for."""


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """The head of a log: whose log, how many leaves, under which root."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """Return the three lines that are signed."""
        if not self.origin or not _is_note_text(self.origin) or "\n" in self.origin:
            raise ValueError("an origin is one line of printable text")
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def parse_checkpoint(text: str) -> Checkpoint:
    """
    Read the text of a checkpoint, leaving out extension lines, which nobody can audit.

    :raises NoteInvalid: if it is not exactly what `Checkpoint.text` writes, extension lines apart
    """
    lines = text.split("\n")
    if len(lines) < 4 or lines[-1] != "" or "" in lines[:-1]:
        raise NoteInvalid("a checkpoint has at least three lines, none of them empty")
    origin, size, root, *_ = lines
    if not re.fullmatch("0|[1-9][0-9]{0,19}", size) or int(size) > MAX_SIZE:
        raise NoteInvalid("the second line of a checkpoint is its size")
    decoded = _from_base64(root)
    if len(decoded) != HASH_SIZE:
        raise NoteInvalid("the third line of a checkpoint is its root")
    return Checkpoint(origin=origin, size=int(size), root=decoded)


def sign_note(text: str, *, name: str, key: Ed25519PrivateKey) -> str:
    """
    Sign a note's text under the key's name.

    :raises ValueError: if the text does not end with its line, or the name could be misread
    """
    if not text.endswith("\n") or not _is_note_text(text):
        raise ValueError("a note's text ends with a newline and has no other control characters")
    _check_name(name)
    signature = base64.b64encode(key_id(name, key.public_key()) + key.sign(text.encode())).decode()
    return f"{text}\n\N{EM DASH} {name} {signature}\n"


def open_note(note: str, *, name: str, key: Ed25519PublicKey) -> str:
    """
    Return a note's text, once the signature by this key has been checked; others are ignored.

    :raises NoteInvalid: if there is no such signature, or it does not fit
    """
    if len(note) > MAX_NOTE or not _is_note_text(note):
        raise NoteInvalid("not a note")
    text, separator, signatures = note.rpartition("\n\n")
    if not separator or not signatures.endswith("\n"):
        raise NoteInvalid("a note has signatures behind its last empty line")
    text += "\n"

    expected = key_id(name, key)
    is_signed = False
    for line in signatures[:-1].split("\n"):
        signer, signature = _signature_in(line)
        if signer != name or signature[:4] != expected:
            continue
        try:
            key.verify(signature[4:], text.encode())
        except InvalidSignature:
            raise NoteInvalid(f"the signature by {name} does not fit the note") from None
        is_signed = True
    if not is_signed:
        raise NoteInvalid(f"the note is not signed by {name}")
    return text


def key_id(name: str, key: Ed25519PublicKey) -> bytes:
    """Return the four bytes that, with the name, tell keys apart in a note's signature lines."""
    return sha256(name.encode() + b"\n" + ED25519 + _raw(key)).digest()[:4]


def verifier_key(name: str, key: Ed25519PublicKey) -> str:
    """Return the key as monitors take it: `name+id+base64(type || key)`."""
    _check_name(name)
    return f"{name}+{key_id(name, key).hex()}+{base64.b64encode(ED25519 + _raw(key)).decode()}"


def _raw(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _check_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name) or not _is_note_text(name):
        raise ValueError("the name of a key has neither spaces nor a plus")


def _is_note_text(text: str) -> bool:
    return not re.search(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]", text)


def _signature_in(line: str) -> tuple[str, bytes]:
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "\N{EM DASH}" or not parts[1]:
        raise NoteInvalid("a signature line is a dash, a name and a signature")
    signature = _from_base64(parts[2])
    if len(signature) < 5:
        raise NoteInvalid("a signature line is a dash, a name and a signature")
    return parts[1], signature


def _from_base64(text: str) -> bytes:
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteInvalid("not base64") from None
    if base64.b64encode(decoded).decode() != text:
        raise NoteInvalid("not base64 as it is always written")
    return decoded
