"""
JSON as strictly as a record deserves.

Python's reader lets through what PostgreSQL, JavaScript and a later reader of the same bytes would
each understand differently: a key given twice, NaN, a number too large to be one, a NUL character.
A record that two readers read differently can't be proven to say anything.
"""

import json
import re
from decimal import Decimal
from typing import Any

MAX_BYTES = 16 * 1024 * 1024  # one resource; an attachment within it included
MAX_DEPTH = 64  # FHIR's own deepest example has 21 levels
MAX_NUMBER = 64  # characters of one number; a FHIR decimal has 18 significant digits
MAX_EXPONENT = 64

NUL = "\\u0000"
UTF8_MARK = b"\xef\xbb\xbf"
OTHER_MARKS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

# A string as a whole, so that brackets within it do not count; or a bracket.
_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{}]', re.DOTALL)


class NotStrict(ValueError):
    """These bytes are not JSON that everybody reads alike. Its text is the reason."""


def parse(raw: bytes) -> Any:
    """
    The value these bytes say, with decimals as `Decimal` in their written precision.

    :raises NotStrict: with a reason that names the trouble and quotes no value
    """
    if len(raw) > MAX_BYTES:
        raise NotStrict(f"larger than {MAX_BYTES // 1024 // 1024} MB")
    return parse_text(decode(raw))


def decode(raw: bytes) -> str:
    """The text of these bytes, which must be UTF-8; a byte order mark is named for what it is."""
    if raw.startswith(UTF8_MARK):
        raise NotStrict("starts with a byte order mark")
    for mark, name in OTHER_MARKS.items():
        if raw.startswith(mark):
            raise NotStrict(f"is {name}; FHIR JSON is UTF-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotStrict(f"is not UTF-8 at byte {error.start}") from None


def parse_text(text: str) -> Any:
    """Like `parse`, for bytes already decoded."""
    check_depth(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise NotStrict(broken(error)) from None
    # Both are rare, so the text is searched first and the values only when it has such an escape.
    if NUL in text and any("\0" in string for string in strings_in(value)):
        raise NotStrict("has a NUL character (\\u0000), which no database keeps")
    if _ESCAPED_SURROGATE.search(text):
        for string in strings_in(value):
            try:
                string.encode()
            except UnicodeEncodeError:
                raise NotStrict("has half a character (a lone surrogate)") from None
    return value


def broken(error: json.JSONDecodeError) -> str:
    """A syntax error in words; Python's own, which quote nothing of the text."""
    return f"is not JSON at line {error.lineno}, column {error.colno}: {error.msg[:1].lower()}{error.msg[1:]}"


def check_depth(text: str, *, most: int = MAX_DEPTH) -> None:
    """
    Refuse nesting deeper than any record has, so that whoever reads or walks it later may recurse.

    Before it is parsed: `json` recurses in C, and a library of ours raises Python's limit so far that
    deep nesting would not be refused by it but end the process.

    :raises NotStrict: if it is too deep
    """
    if text.count("{") + text.count("[") <= most:
        return
    depth = 0
    for match in _STRUCTURE.finditer(text):
        if match[0] in "{[":
            depth += 1
            if depth > most:
                raise NotStrict("nested too deeply")
        elif match[0] in "}]":
            depth -= 1


def strings_in(value: Any) -> list[str]:
    """Every key and string of a value."""
    found, left = [], [value]
    while left:
        node = left.pop()
        if isinstance(node, str):
            found.append(node)
        elif isinstance(node, dict):
            left.extend(node.values())
            found.extend(node)
        elif isinstance(node, list):
            left.extend(node)
    return found


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise NotStrict(f"has the key {_shown(key)} twice in one object")
            seen.add(key)
    return members


def _shown(key: str) -> str:
    # A key is the sender's to choose, so only what looks like an element's name is repeated.
    return f"“{key}”" if re.fullmatch(r"_?[A-Za-z][A-Za-z0-9]{0,63}", key) else "of an element"


def _decimal(lexeme: str) -> Decimal:
    if len(lexeme) > MAX_NUMBER:
        raise NotStrict(f"has a number of more than {MAX_NUMBER} characters")
    value = Decimal(lexeme)
    if abs(value.adjusted()) > MAX_EXPONENT:
        raise NotStrict("has a number too large or too small to be a measurement")
    return value


def _integer(lexeme: str) -> int:
    if len(lexeme) > MAX_NUMBER:
        raise NotStrict(f"has a number of more than {MAX_NUMBER} characters")
    return int(lexeme)


def _constant(name: str) -> Any:
    raise NotStrict(f"has {name}, which is not a number in JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_members, parse_float=_decimal, parse_int=_integer, parse_constant=_constant
)
