"""
Where each resource of a Bundle begins and ends in its text.

The bytes we keep are the bytes that came: number lexemes, key order and spaces included. Reading a
Bundle into values and writing its entries out again would lose them, so the entries are found in the
text and cut out. A first pass, at the speed of Python's C reader, notes spans and identities; each
entry is then read strictly on its own, and a broken one costs only itself.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from records.fhir.strict import broken

# Finding where a broken entry ends costs a look over the text; a file made of them is given up.
MAX_BROKEN = 1000

_SPACE = re.compile(r"[ \t\n\r]*")
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
# Numbers stay text here: this pass looks for places, the strict one for meaning.
_SKIP = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


class Misshapen(ValueError):
    """The text isn't JSON from this position on. Its text is the reason."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(reason)
        self.at = at


@dataclass(slots=True)
class Member:
    """One key of an object, with the place of its value."""

    key: str
    start: int
    end: int
    value: Any


@dataclass(slots=True)
class Slot:
    """One element of `Bundle.entry`: where it is, what it says of itself, or why it can't be read."""

    index: int
    start: int
    end: int
    members: dict[str, Member] = field(default_factory=dict)
    reason: str = ""

    @property
    def resource(self) -> dict[str, Any] | None:
        member = self.members.get("resource")
        return member.value if member is not None and isinstance(member.value, dict) else None

    def text_of(self, key: str) -> str:
        member = self.members.get(key)
        return member.value if member is not None and isinstance(member.value, str) else ""

    def inner_text(self, key: str, inner: str) -> str:
        """Such as `request.method`, where it is a string."""
        member = self.members.get(key)
        value = member.value.get(inner) if member is not None and isinstance(member.value, dict) else None
        return value if isinstance(value, str) else ""


@dataclass(slots=True)
class Outline:
    """A document's own members, and the slots of its `entry` where it has that list."""

    members: dict[str, Any]
    slots: list[Slot]
    end: int
    reason: str = ""

    @property
    def is_bundle(self) -> bool:
        return self.members.get("resourceType") == "Bundle"


def outline(text: str) -> Outline:
    """
    The outline of a document; what is wrong with it as a whole is its `reason`, and what could be
    read before that point is kept.
    """
    found = Outline(members={}, slots=[], end=len(text))
    position = _after_space(text, 0)
    if not text[position:].strip():
        found.reason = "is empty"
        return found
    if text[position] != "{":
        found.reason = "is not a FHIR resource: it does not begin with {"
        return found
    try:
        found.end = _read_object(text, position, found)
    except Misshapen as error:
        found.reason = str(error)
        return found
    if text[_after_space(text, found.end) :].strip():
        found.reason = "goes on after its end"
    return found


def _read_object(text: str, position: int, found: Outline) -> int:
    position = _after_space(text, position + 1)
    while text[position : position + 1] != "}":
        key, position = _key(text, position)
        if key in found.members:
            raise Misshapen(f"has the key “{key[:64]}” twice in one object", position)
        if key == "entry" and text[position : position + 1] == "[":
            found.members[key] = None
            position = _read_slots(text, position, found.slots)
        else:
            found.members[key], position = _value(text, position)
        position = _next(text, position, "}")
    return position + 1


def _read_slots(text: str, position: int, slots: list[Slot]) -> int:
    broken_entries = 0
    position = _after_space(text, position + 1)
    while text[position : position + 1] != "]":
        slot = Slot(index=len(slots), start=position, end=position)
        slots.append(slot)
        try:
            _read_slot(text, position, slot)
        except Misshapen as error:
            slot.reason = slot.reason or str(error)
            slot.end = _closing(text, position, error)
            broken_entries += 1
            if broken_entries == MAX_BROKEN:
                raise Misshapen(f"has {MAX_BROKEN} broken entries", position) from None
        position = _next(text, slot.end, "]")
    return position + 1


def _read_slot(text: str, position: int, slot: Slot) -> None:
    if text[position : position + 1] != "{":
        slot.end = _value(text, position)[1]
        slot.reason = "is not an object"
        return
    for member in _members(text, position):
        if member.key in slot.members:
            slot.reason = f"has the key “{member.key[:64]}” twice in one object"
        slot.members[member.key] = member
        slot.end = member.end
    slot.end = _after_space(text, slot.end if slot.members else position + 1) + 1


def _members(text: str, position: int) -> Iterator[Member]:
    position = _after_space(text, position + 1)
    while text[position : position + 1] != "}":
        key, start = _key(text, position)
        value, end = _value(text, start)
        yield Member(key, start, end, value)
        position = _next(text, end, "}")


def _key(text: str, position: int) -> tuple[str, int]:
    if text[position : position + 1] != '"':
        raise Misshapen(_where(text, position, "a key is missing"), position)
    key, position = _value(text, position)
    position = _after_space(text, position)
    if text[position : position + 1] != ":":
        raise Misshapen(_where(text, position, "a colon is missing"), position)
    return key, _after_space(text, position + 1)


def _value(text: str, position: int) -> tuple[Any, int]:
    try:
        return _SKIP.raw_decode(text, position)
    except json.JSONDecodeError as error:
        raise Misshapen(broken(error), error.pos) from None
    except RecursionError:
        raise Misshapen("nested too deeply", position) from None


def _next(text: str, position: int, closing: str) -> int:
    """The position of the next item, or of the closing bracket."""
    position = _after_space(text, position)
    found = text[position : position + 1]
    if found == closing:
        return position
    if found != ",":
        raise Misshapen(_where(text, position, "a comma or the end is missing"), position)
    position = _after_space(text, position + 1)
    if text[position : position + 1] == closing:
        raise Misshapen(_where(text, position, "a comma with nothing behind it"), position)
    return position


def _closing(text: str, position: int, error: Misshapen) -> int:
    """Behind the bracket that closes the one at `position`, by counting; for entries that are no JSON."""
    depth = 0
    for match in _BRACKETS.finditer(text, position):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(match.group(), 0)
        if depth == 0 and match.group() in "}]":
            return match.end()
        if depth <= 0:
            break
    raise error


def _where(text: str, position: int, message: str) -> str:
    line = text.count("\n", 0, position) + 1
    column = position - text.rfind("\n", 0, position)
    return f"is not JSON at line {line}, column {column}: {message}"


def _after_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position
