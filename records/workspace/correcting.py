"""Correcting a record element by element, so that a doctor changes a value and never has to write FHIR."""

import base64
import binascii
import json
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.forms import StaffForm
from records.workspace.differences import scalars, words_of

# What a correction never changes: which record it is, where it belongs, what was generated from the rest.
FIXED = re.compile(
    # Of the resource itself, from the start.
    r"/(?:resourceType|id|identifier|meta|text|implicitRules|language|contained|subject|patient)(?:/|$)"
    r"|.*/(?:extension|modifierExtension)/|.*/(?:reference|system|url|data|contentType|id)$"
)
# Codes and categories are for machines, and rarely what is wrong.
CODED = re.compile(r".*/(?:coding|category)/|.*/code$")
# As FHIR writes a decimal; what is typed is kept to the digit, so that 1.50 stays 1.50.
NUMBER = re.compile(r"\A-?(?:0|[1-9]\d{0,17})(?:\.\d{1,17})?(?:[eE][+-]?\d{1,2})?\Z")
LONG = 80
MAX_ELEMENTS = 400


class PlainText(str):
    """A note's text, which FHIR keeps as base64 inside an attachment."""


class CorrectionForm(StaffForm):
    """One box for each element of the record that may be corrected, and the reason, which is owed."""

    reason = forms.CharField(
        label=_("Why is it corrected?"),
        max_length=200,
        help_text=_("The patient reads this beside the new version. For example: unit was wrong."),
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, data: Any, *, resource: dict[str, Any], version: int) -> None:
        super().__init__(data, initial={"version": version})
        self.resource = resource
        self.pointers: dict[str, tuple[str, Any]] = {}
        for index, (pointer, value) in enumerate(editable(resource)):
            name = f"element-{index}"
            self.pointers[name] = (pointer, value)
            self.fields[name] = _field(pointer, value)
        self.order_fields([*self.pointers, "reason", "version"])

    @property
    def elements(self) -> list[forms.BoundField]:
        """The boxes of what people read: values, dates, words."""
        return [self[name] for name, (pointer, _value) in self.pointers.items() if not CODED.match(pointer)]

    @property
    def codes(self) -> list[forms.BoundField]:
        """The boxes of what machines read."""
        return [self[name] for name, (pointer, _value) in self.pointers.items() if CODED.match(pointer)]

    def corrected(self) -> bytes:
        """
        Return the record as corrected. Elements that were not touched keep their place and precision.

        The narrative goes if it was generated: it would go on saying what stood before.
        """
        changed = {
            pointer: _typed(self.cleaned_data[name], value)
            for name, (pointer, value) in self.pointers.items()
        }
        document = _rebuilt(self.resource, changed)
        if isinstance(document, dict) and document.get("text", {}).get("status") == "generated":
            del document["text"]
        return written(document).encode()


def editable(resource: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Walk the elements that may be corrected, up to a number that a page can bear."""
    count = 0
    notes = dict(_plain_texts(resource))
    for pointer, value in scalars(resource):
        if count >= MAX_ELEMENTS or (FIXED.match(pointer) and pointer not in notes):
            continue
        count += 1
        yield pointer, notes.get(pointer, value)


def _plain_texts(node: Any, at: str = "") -> Iterator[tuple[str, PlainText]]:
    """Find the attachments that are plain text, by the pointer of their bytes."""
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from _plain_texts(value, f"{at}/{index}")
    elif isinstance(node, dict):
        if str(node.get("contentType", "")).startswith("text/plain") and isinstance(node.get("data"), str):
            try:
                yield f"{at}/data", PlainText(base64.b64decode(node["data"], validate=True).decode())
            except (binascii.Error, UnicodeDecodeError):
                return
        else:
            for name, value in node.items():
                yield from _plain_texts(value, f"{at}/{name}")


def _field(pointer: str, value: Any) -> forms.Field:
    words = words_of(pointer)
    if isinstance(value, PlainText):
        return forms.CharField(
            label=_("Text"), initial=value, widget=forms.Textarea(attrs={"rows": 14}), strip=False
        )
    if isinstance(value, bool):
        yes_or_no = [("true", _("Yes")), ("false", _("No"))]
        return forms.ChoiceField(label=words, choices=yes_or_no, initial="true" if value else "false")
    if isinstance(value, int | Decimal):
        return forms.RegexField(
            NUMBER,
            label=words,
            initial=written(value),
            error_messages={"invalid": _("Write a number, such as 7.1.")},
        )
    widget = forms.Textarea(attrs={"rows": 3}) if len(str(value)) > LONG else forms.TextInput
    return forms.CharField(label=words, initial=value, widget=widget, strip=False)


def _typed(text: str, before: Any) -> Any:
    if isinstance(before, bool):
        return text == "true"
    if isinstance(before, int | Decimal):
        # An untouched number stays as it was written, exponent included.
        return before if text == written(before) else Decimal(text)
    text = text.replace("\r\n", "\n")
    if isinstance(before, PlainText):
        return PlainText(text)
    return text


def _rebuilt(node: Any, changed: dict[str, Any], at: str = "") -> Any:
    if isinstance(node, dict):
        note = changed.get(f"{at}/data")
        if isinstance(note, PlainText):
            data = base64.b64encode(note.encode()).decode()
            # Size and hash were those of the text before.
            left = {k: v for k, v in node.items() if data == node["data"] or k not in ("size", "hash")}
            return {**_members(left, changed, at), "data": data}
        return _members(node, changed, at)
    if isinstance(node, list):
        return [_rebuilt(value, changed, f"{at}/{index}") for index, value in enumerate(node)]
    return changed.get(at, node)


def _members(node: dict[str, Any], changed: dict[str, Any], at: str) -> dict[str, Any]:
    return {
        name: _rebuilt(value, changed, f"{at}/{name.replace('~', '~0').replace('/', '~1')}")
        for name, value in node.items()
    }


def written(node: Any) -> str:
    """Write JSON with decimals in the precision they have, which `json.dumps` can't."""
    if isinstance(node, dict):
        return (
            "{" + ",".join(f"{json.dumps(k, ensure_ascii=False)}:{written(v)}" for k, v in node.items()) + "}"
        )
    if isinstance(node, list):
        return "[" + ",".join(map(written, node)) + "]"
    if isinstance(node, Decimal):
        return str(node)
    return json.dumps(node, ensure_ascii=False)
