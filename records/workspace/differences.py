"""What one version says differently from the one before, element by element, in words for people."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from records.fhir.present.vocabulary import label

# Elements whose name goes on with their type, such as `valueQuantity`.
CHOICE = re.compile(r"(abatement|deceased|effective|medication|occurrence|onset|performed|value)[A-Z]\w*")
# How much of an element is shown; letters and scans are longer than anybody compares by eye.
SHOWN_CHARACTERS = 300


@dataclass(frozen=True)
class Difference:
    """One element that changed; empty where it was not there."""

    where: str
    before: str
    after: str


def differences(before: Any, after: Any) -> list[Difference]:
    """List the elements in which two versions differ, in the order of the newer one."""
    old, new = dict(scalars(before)), dict(scalars(after))
    pointers = [*new, *(pointer for pointer in old if pointer not in new)]
    return [
        Difference(words_of(pointer), text_of(old.get(pointer)), text_of(new.get(pointer)))
        for pointer in pointers
        if old.get(pointer) != new.get(pointer) and not pointer.startswith(("/text/", "/meta/"))
    ]


def scalars(node: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Walk every scalar of a document, each with its JSON Pointer (RFC 6901)."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from scalars(value, f"{at}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from scalars(value, f"{at}/{index}")
    else:
        yield at, node


def words_of(pointer: str) -> str:
    """Name an element for people: its path in FHIR's own words, counted from one."""
    parts = pointer.strip("/").split("/")
    words: list[str] = []
    for part in parts:
        if part.isdigit():
            if part != "0":
                words[-1] = f"{words[-1]} {int(part) + 1}"
            continue
        word = label(part, choice[1] if (choice := CHOICE.fullmatch(part)) else "")
        # “Value quantity, value” is “Value” to everybody but us.
        if not words or words[-1].casefold() != word.casefold():
            words.append(word)
    return ", ".join(words)


def text_of(value: Any) -> str:
    """Write a scalar as people read it, shortened."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"
