"""
Whether a resource may be kept: the one gate, and all that it claims is "structurally valid R4".

Three layers, each for what the one before lets through: strict JSON, the FHIR library (shapes,
cardinalities, lexical forms), and rules read from FHIR's own tables (code lists that are required,
ids, dates that exist, what may be referred to, contained resources). Profiles, terminology and
medicine are judged by nobody here.

The library gives a verdict only. What we keep are the bytes that came.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import fhirkit

from records.fhir.faults import Fault
from records.fhir.references import ID, URN_OID, URN_UUID
from records.fhir.strict import NotStrict, parse
from records.fhir.tables import PRIMITIVES, RESOURCE_TYPES, Element, elements

MAX_FAULTS = 50  # of one resource: who sends thousands of mistakes is not helped by a list of them

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"(?= is)|(?<=, found )"[^"]*"')
_NUMBER = re.compile(r"^-?[0-9][0-9.eE+-]*(?= is)")
_MIME = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?:\s*;.*)?")
_REFERENCE_TYPE = re.compile(r"(?:https?://.+/)?([A-Z]\w+)(?:/[A-Za-z0-9\-.]{1,64}(?:/_history/.+)?|\?.+)")
_DIV = re.compile(r"\s*<div[\s>]")


@dataclass(slots=True)
class Verdict:
    """What is wrong with a resource, and what is merely odd about it."""

    faults: list[Fault] = field(default_factory=list)
    notes: list[Fault] = field(default_factory=list)


def validate(raw: bytes, content: dict[str, Any] | None = None) -> list[Fault]:
    """
    Everything that keeps this resource out; an empty list lets it in.

    :param content: what `strict.parse` made of `raw`, if the caller has that already
    """
    return judge(raw, content).faults


def judge(raw: bytes, content: dict[str, Any] | None = None) -> Verdict:
    """Like `validate`, together with what is noted but not refused, such as a narrative that is no XHTML."""
    verdict = Verdict()
    if content is None:
        try:
            content = parse(raw)
        except NotStrict as error:
            verdict.faults.append(Fault("", str(error)))
            return verdict
    kind = content.get("resourceType") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(kind, str):
        verdict.faults.append(Fault("", "is not a FHIR resource: it has no resourceType"))
        return verdict
    if kind not in RESOURCE_TYPES:
        verdict.faults.append(Fault("resourceType", "is not a resource type of FHIR R4"))
        return verdict
    verdict.faults += _library(raw, kind)
    _Rules(verdict, content).resource(content, kind, kind)
    verdict.faults = _unique(verdict.faults)
    return verdict


def _library(raw: bytes, path: str) -> list[Fault]:
    try:
        issues = fhirkit.validate(raw)
    except fhirkit.ParseError as error:
        return [Fault(path, _unquoted(str(error)))]
    except BaseException as error:
        # A panic in Rust arrives as an exception that is no Exception, and would end a whole import
        # for the sake of one resource.
        if type(error).__name__ != "PanicException":
            raise
        return [Fault(path, "could not be judged: the FHIR library failed on it")]
    return [Fault(issue.path, _unquoted(issue.message)) for issue in issues if issue.severity == "error"]


def _unquoted(message: str) -> str:
    # The library repeats the offending value, which may be a name or a birth date.
    return _NUMBER.sub("the number", _QUOTED.sub("the value", message))


def _unique(faults: list[Fault]) -> list[Fault]:
    """Each once, and where several found something at one place, the first that spoke."""
    first: dict[str, Fault] = {}
    for fault in faults:
        first.setdefault(fault.path, fault)
    return list(first.values())[:MAX_FAULTS]


class _Rules:
    """One walk over a resource, asking of each element what FHIR's tables say about it."""

    def __init__(self, verdict: Verdict, root: dict[str, Any]) -> None:
        self.verdict = verdict
        contained = root.get("contained")
        self.contained = {
            one["id"]: one.get("resourceType")
            for one in (contained if isinstance(contained, list) else [])
            if isinstance(one, dict) and isinstance(one.get("id"), str)
        }

    def fault(self, path: str, reason: str) -> None:
        self.verdict.faults.append(Fault(path, reason))

    def note(self, path: str, reason: str) -> None:
        self.verdict.notes.append(Fault(path, reason))

    def resource(self, node: dict[str, Any], kind: str, path: str) -> None:
        if "id" in node and not (isinstance(node["id"], str) and ID.fullmatch(node["id"])):
            self.fault(f"{path}.id", "is not an id: up to 64 letters, digits, hyphens and dots")
        self.element(node, kind, path)

    def element(self, node: dict[str, Any], type_name: str, path: str) -> None:
        """Whatever this element holds, down to its last extension."""
        if not node:
            self.fault(path, "is an empty object; leave the element out")
            return
        known = elements(type_name)
        for name, value in node.items():
            element = known.get(name)
            if element is None:
                if name[0] == "_" and name[1:] in known:
                    self.primitive_extension(value, f"{path}.{name}")
                continue  # anything else unknown has been named by the library
            if isinstance(value, list):
                for index, one in enumerate(value):
                    self.value(one, element, path, name, index)
            else:
                self.value(value, element, path, name, None)
        if type_name == "Reference":
            self.reference_itself(node, path)
        elif type_name == "Extension" and "extension" in node and any(name[:5] == "value" for name in node):
            self.fault(path, "has both a value and extensions; FHIR allows one of them")
        elif type_name == "Narrative" and not _DIV.match(str(node.get("div", ""))):
            self.note(f"{path}.div", "is not XHTML, so it will not be shown")

    def value(self, value: Any, element: Element, path: str, name: str, index: int | None) -> None:
        kind = element.type
        if isinstance(value, dict):
            place = f"{path}.{name}" if index is None else f"{path}.{name}[{index}]"
            if kind == "Resource":
                self.inner_resource(value, place, is_contained=name == "contained")
            elif kind not in PRIMITIVES:
                self.element(value, kind, place)
                if element.targets is not None:
                    self.target(value, element.targets, place)
                if element.codes is not None:
                    self.concept(value, kind, element.codes, place)
        elif isinstance(value, str) and (element.codes is not None or kind in _CHECKS or kind == "code"):
            self.text(value, element, f"{path}.{name}" if index is None else f"{path}.{name}[{index}]")

    def text(self, value: str, element: Element, path: str) -> None:
        if element.codes is not None:
            if not any(value in codes for codes in element.codes.values()):
                self.fault(path, _not_among(element.codes))
        elif element.type in _CHECKS and (reason := _CHECKS[element.type](value)):
            self.fault(path, reason)
        elif path.endswith(".contentType") and not _MIME.fullmatch(value):
            self.note(path, "is not a media type")

    def primitive_extension(self, value: Any, path: str) -> None:
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                self.element(one, "Element", path)

    def inner_resource(self, node: dict[str, Any], path: str, *, is_contained: bool) -> None:
        kind = node.get("resourceType")
        if not isinstance(kind, str) or kind not in RESOURCE_TYPES:
            self.fault(f"{path}.resourceType", "is not a resource type of FHIR R4")
            return
        if is_contained:
            if "id" not in node:
                self.fault(f"{path}.id", "is missing; a contained resource is found by its id")
            if "contained" in node:
                self.fault(f"{path}.contained", "is a contained resource within a contained one")
        # The library does not look inside resources within resources, so it is shown each by itself.
        for one in _library(json.dumps(node, default=_written).encode(), kind):
            self.fault(path + one.path.removeprefix(kind), one.reason)
        self.resource(node, kind, path)

    def reference_itself(self, node: dict[str, Any], path: str) -> None:
        text = node.get("reference")
        if not isinstance(text, str):
            return
        place = f"{path}.reference"
        if text.startswith("#"):
            if text != "#" and text[1:] not in self.contained:
                self.fault(place, "points at a contained resource that is not there")
        elif text.startswith("urn:uuid:") and not URN_UUID.fullmatch(text):
            self.fault(place, "is not a UUID behind urn:uuid:")
        elif text.startswith("urn:oid:") and not URN_OID.fullmatch(text):
            self.fault(place, "is not an object identifier behind urn:oid:")
        elif text.startswith("http"):
            return  # any web address may look like a type and an id by chance
        elif (match := _REFERENCE_TYPE.fullmatch(text)) and match[1] not in RESOURCE_TYPES:
            self.fault(place, "points at a type that FHIR R4 does not know")

    def target(self, node: dict[str, Any], allowed: frozenset[str], path: str) -> None:
        text, kind = node.get("reference"), None
        if isinstance(text, str):
            if text.startswith("#"):
                kind = self.contained.get(text[1:])
            elif match := _REFERENCE_TYPE.fullmatch(text):
                kind = match[1]
        if not isinstance(kind, str):
            kind = node.get("type")
        if isinstance(kind, str) and kind in RESOURCE_TYPES and kind not in allowed:
            self.fault(path, f"refers to a {kind}, where FHIR allows {_list(allowed)}")

    def concept(self, node: dict[str, Any], kind: str, codes: dict[str, frozenset[str]], path: str) -> None:
        """A CodeableConcept or Coding whose code list is required: one of its codings must be from it."""
        coding = node.get("coding") if kind == "CodeableConcept" else [node]
        given = [one for one in coding if isinstance(one, dict)] if isinstance(coding, list) else []
        if any(one.get("code") in codes.get(str(one.get("system")), ()) for one in given):
            return
        if not given and "extension" in node:
            return  # it says why there is none, such as a data-absent-reason
        self.fault(path, _not_among(codes))


def _written(value: Any) -> Any:
    # Only for the library's eyes, inside a contained resource; what is kept is never written again.
    return float(value) if isinstance(value, Decimal) else str(value)


def _date(text: str) -> str:
    day = text[:10]
    try:
        if len(day) == 10:
            date.fromisoformat(day)
        elif day[:4] == "0000":
            return "is not a day that exists"
    except ValueError:
        return "is not a day that exists"
    return ""


def _uri(text: str) -> str:
    if text.startswith("urn:uuid:") and not URN_UUID.fullmatch(text):
        return "is not a UUID behind urn:uuid:"
    if text.startswith("urn:oid:") and not URN_OID.fullmatch(text):
        return "is not an object identifier behind urn:oid:"
    return ""


_CHECKS = {"date": _date, "dateTime": _date, "instant": _date, "uri": _uri}


def _not_among(codes: dict[str, frozenset[str]]) -> str:
    return f"is not one of the codes FHIR allows here: {_list(frozenset().union(*codes.values()))}"


def _list(names: frozenset[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:12]) + (f" and {len(shown) - 12} more" if len(shown) > 12 else "")
