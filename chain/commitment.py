"""
Commitments to documents, from which single elements can be shown and the rest kept.

A JSON document is flattened to elements: each scalar, and each empty object or array, under its JSON Pointer
(RFC 6901), in the very characters in which it was written, so that `1.50` stays `1.50`. The element with the
empty pointer is the whole document, byte for byte. Each element is hashed with a salt of its own, which
follows from a secret kept for this version alone; the root of the Merkle tree over these hashes, and the
document's header, make the commitment. The format is written down in docs/formats/commitment.md.

Destroying the secret leaves a commitment that fits every document, and so says nothing about any.
"""

import hmac
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import NamedTuple

from chain.merkle import HASH_SIZE, inclusion_paths, root_of

VERSION = b"\x01"
DOMAIN = b"ehrportal/commitment"
SALT_DOMAIN = b"ehrportal/salt/1\x00"

SECRET_SIZE = 32
WHOLE = ""

# Bounds of the format, which verifiers hold files from strangers against.
MAX_DOCUMENT = 64 * 1024 * 1024
MAX_POINTER = 4096
MAX_ELEMENTS = 2**20
MAX_DEPTH = 128
MAX_FIELD = 255
MAX_VERSION = 2**53 - 1


class DocumentInvalid(ValueError):
    """A document cannot be committed to: it is not the JSON that the format asks for."""


class UnknownElement(ValueError):
    """Nothing stands in the document under a pointer that was asked for."""


@dataclass(frozen=True, kw_only=True)
class Header:
    """
    What a commitment binds besides the document, in clear in every proof.

    :param topic: what kind of thing this is: record, access, consent...
    :param author: the institution that made this version, by the address of its portal
    :param previous: commitment of the version before this one, None for the first
    """

    topic: str
    resource_type: str
    id: str
    version: int
    author: str
    previous: bytes | None = None

    def encode(self) -> bytes:
        """
        Return the header as it is hashed: version byte and domain first, each field behind its length.

        :raises ValueError: if a field is longer than the format allows, or empty where it may not be
        """
        if not 1 <= self.version <= MAX_VERSION:
            raise ValueError(f"a version is a number from 1 to {MAX_VERSION}, not {self.version}")
        if self.previous is not None and len(self.previous) != HASH_SIZE:
            raise ValueError(f"a commitment has {HASH_SIZE} bytes")
        return b"".join(
            [
                VERSION,
                _behind_length(DOMAIN),
                _field("topic", self.topic),
                _field("resource type", self.resource_type),
                _field("id", self.id),
                self.version.to_bytes(8, "big"),
                _field("author", self.author),
                b"\x00" if self.previous is None else b"\x01" + self.previous,
            ]
        )


class Element(NamedTuple):
    """One element of a document: where it stands, and its text as written."""

    pointer: str
    text: str


@dataclass(frozen=True, kw_only=True)
class DisclosedElement:
    """An element with what proves it, and nothing about any other. `text` and `salt` stay out of logs."""

    pointer: str
    text: str = field(repr=False)
    salt: bytes = field(repr=False)
    index: int
    path: list[bytes]


@dataclass(frozen=True, kw_only=True)
class Disclosure:
    """Some elements of a document, and the commitment under which they stand."""

    header: Header
    count: int
    root: bytes
    commitment: bytes
    elements: list[DisclosedElement]


def commit(document: bytes, header: Header, secret: bytes) -> bytes:
    """
    Return the 32-byte commitment to a document under its header.

    :param secret: 32 random bytes of this version alone; whoever has them can guess at hidden elements
    :raises DocumentInvalid: if the document is not JSON as `flatten` takes it
    """
    hashes = _hashes_of(flatten(document), secret)
    return commitment_of(header, len(hashes), root_of(hashes))


def commitment_of(header: Header, count: int, root: bytes) -> bytes:
    """Return the commitment to `count` elements under this root: `SHA-256(header || count || root)`."""
    return sha256(header.encode() + count.to_bytes(4, "big") + root).digest()


def disclose(document: bytes, header: Header, secret: bytes, pointers: Iterable[str]) -> Disclosure:
    """
    Return what proves the elements under these pointers.

    A pointer to an object or array stands for everything in it, and the empty pointer for the document as a
    whole, byte for byte.

    :raises UnknownElement: if nothing stands under one of them
    :raises DocumentInvalid: if the document is not JSON as `flatten` takes it
    """
    elements = flatten(document)
    wanted = _indexes_under(elements, pointers)
    hashes = _hashes_of(elements, secret)
    paths = inclusion_paths(hashes)
    root = root_of(hashes)
    return Disclosure(
        header=header,
        count=len(elements),
        root=root,
        commitment=commitment_of(header, len(elements), root),
        elements=[
            DisclosedElement(
                pointer=elements[index].pointer,
                text=elements[index].text,
                salt=salt_of(secret, elements[index].pointer),
                index=index,
                path=paths[index],
            )
            for index in wanted
        ],
    )


def salt_of(secret: bytes, pointer: str) -> bytes:
    """Return the salt of one element, from which neither the secret nor another salt can be learnt."""
    if len(secret) != SECRET_SIZE:
        raise ValueError(f"a secret has {SECRET_SIZE} bytes")
    return hmac.digest(secret, SALT_DOMAIN + pointer.encode(), "sha256")


def element_hash(pointer: str, text: str, salt: bytes) -> bytes:
    """
    Return the leaf hash of one element (RFC 9162, 2.1.1), over salt, pointer and text, each length bound.

    Salted, because a laboratory value has few possible ones: without the salt anyone could hash them all.
    """
    where, what = pointer.encode(), text.encode()
    return sha256(
        b"\x00\x01" + salt + len(where).to_bytes(2, "big") + where + len(what).to_bytes(4, "big") + what
    ).digest()


def flatten(document: bytes) -> list[Element]:
    """
    Return the elements of a JSON document in the order of their pointers, byte by byte in UTF-8.

    The document must be an object in UTF-8 that every reader reads alike: no key twice in an object, no
    number that JSON does not know, no text that is not Unicode, nothing behind its end.

    :raises DocumentInvalid: if it is not, naming where
    """
    if len(document) > MAX_DOCUMENT:
        raise DocumentInvalid(f"a document has at most {MAX_DOCUMENT} bytes, not {len(document)}")
    try:
        text = document.decode()
    except UnicodeDecodeError as error:
        raise DocumentInvalid(f"not UTF-8 at byte {error.start}") from None

    elements = _Reader(text).elements()
    # Python orders text by code points, which is the order of the bytes in UTF-8.
    elements.sort()
    return elements


def _hashes_of(elements: Sequence[Element], secret: bytes) -> list[bytes]:
    return [element_hash(pointer, text, salt_of(secret, pointer)) for pointer, text in elements]


def _indexes_under(elements: Sequence[Element], pointers: Iterable[str]) -> list[int]:
    wanted: set[int] = set()
    for pointer in pointers:
        found = {
            index
            for index, element in enumerate(elements)
            if element.pointer == pointer or (pointer and element.pointer.startswith(pointer + "/"))
        }
        if not found:
            raise UnknownElement(f"nothing stands under {pointer!r}")
        wanted |= found
    return sorted(wanted)


def _behind_length(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def _field(name: str, value: str) -> bytes:
    encoded = value.encode()
    if not 1 <= len(encoded) <= MAX_FIELD:
        raise ValueError(f"the {name} of a header has 1 to {MAX_FIELD} bytes, not {len(encoded)}")
    return _behind_length(encoded)


# JSON as RFC 8259 has it, no more. Possessive repeats: a long text that never ends is read once, not
# once for each of its characters.
_SPACE = r"[ \t\n\r]*+"
_STRING = r'"[^"\\\x00-\x1f]*+(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[^"\\\x00-\x1f]*+)*+"'
_NUMBER = r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?"

_KEY = re.compile(rf"{_SPACE}({_STRING}){_SPACE}:{_SPACE}")
_SCALAR = re.compile(rf"{_STRING}|{_NUMBER}|true|false|null")
_DELIMITER = re.compile(rf"{_SPACE}([,\]}}]){_SPACE}")
_BLANK = re.compile(_SPACE)
_EMPTY = {"{": re.compile(rf"\{{{_SPACE}\}}"), "[": re.compile(rf"\[{_SPACE}\]")}


class _Reader:
    """
    Reads a document once, from front to back, keeping each scalar as it is written.

    Python's own reader gives values, not text: it would turn `1.50` into `1.5`.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: list[Element] = []

    def elements(self) -> list[Element]:
        start = self._skip_blank(0)
        if not self.text.startswith("{", start):
            raise DocumentInvalid("a document is a JSON object")
        self.found.append(Element(WHOLE, self.text))
        empty = _EMPTY["{"].match(self.text, start)
        # Of an empty object there is nothing to say that the whole document does not.
        end = empty.end() if empty else self._object(start + 1, WHOLE, 1)
        if self._skip_blank(end) != len(self.text):
            raise DocumentInvalid(f"something stands behind the end of the document, at character {end}")
        return self.found

    def _value(self, at: int, pointer: str, depth: int) -> int:
        text = self.text
        opening = text[at : at + 1]
        if opening in _EMPTY:
            match = _EMPTY[opening].match(text, at)
            if match:
                # An empty object or array is something that was written, though no scalar stands in it.
                self._keep(pointer, "{}" if opening == "{" else "[]")
                return match.end()
            if depth == MAX_DEPTH:
                raise DocumentInvalid(f"objects and arrays are nested deeper than {MAX_DEPTH}")
            if opening == "{":
                return self._object(at + 1, pointer, depth + 1)
            return self._array(at + 1, pointer, depth + 1)
        match = _SCALAR.match(text, at)
        if match is None:
            raise DocumentInvalid(f"no JSON value at character {at}")
        self._keep(pointer, match[0])
        return match.end()

    def _object(self, at: int, pointer: str, depth: int) -> int:
        text = self.text
        seen: set[str] = set()
        while True:
            match = _KEY.match(text, at)
            if match is None:
                raise DocumentInvalid(f"no key of an object at character {at}")
            key = match[1][1:-1]
            if "\\" in key:
                key = json.loads(match[1])
            if key in seen:
                raise DocumentInvalid(f"a key stands twice in one object, at character {match.start(1)}")
            seen.add(key)
            if "~" in key or "/" in key:
                key = key.replace("~", "~0").replace("/", "~1")
            at = self._value(match.end(), f"{pointer}/{key}", depth)
            is_last, at = self._delimiter(at, "}")
            if is_last:
                return at

    def _array(self, at: int, pointer: str, depth: int) -> int:
        at = self._skip_blank(at)
        number = 0
        while True:
            at = self._value(at, f"{pointer}/{number}", depth)
            is_last, at = self._delimiter(at, "]")
            if is_last:
                return at
            number += 1

    def _delimiter(self, at: int, closing: str) -> tuple[bool, int]:
        match = _DELIMITER.match(self.text, at)
        if match is None or match[1] not in (",", closing):
            raise DocumentInvalid(f"neither a comma nor {closing} at character {at}")
        return match[1] == closing, match.end()

    def _skip_blank(self, at: int) -> int:
        match = _BLANK.match(self.text, at)
        return match.end() if match else at

    def _keep(self, pointer: str, text: str) -> None:
        if len(pointer) > MAX_POINTER // 4 and len(pointer.encode(errors="replace")) > MAX_POINTER:
            raise DocumentInvalid(f"a pointer has at most {MAX_POINTER} bytes")
        if len(self.found) == MAX_ELEMENTS:
            raise DocumentInvalid(f"a document has at most {MAX_ELEMENTS} elements")
        if not pointer.isascii() and re.search("[\ud800-\udfff]", pointer):
            raise DocumentInvalid("a key holds half a character")
        self.found.append(Element(pointer, text))
