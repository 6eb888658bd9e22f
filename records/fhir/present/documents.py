"""Documents: the files they carry, and the sections of those that are written in FHIR."""

import base64
import binascii
from typing import Any

from records.fhir.present.access import Node, many, text
from records.fhir.present.dates import when
from records.fhir.present.model import File, Section
from records.fhir.present.narrative import narrative_of
from records.fhir.present.values import Context, code_of, concept, number, reference
from records.fhir.present.vocabulary import EMPTY_REASON, worded
from records.fhir.tables import at

MAX_SECTIONS = 8  # levels
MAX_TEXT = 200_000  # characters of a plain-text attachment shown on the page

_ATTACHMENTS = {
    "Communication": ["payload.contentAttachment"],
    "CommunicationRequest": ["payload.contentAttachment"],
    "Consent": ["sourceAttachment"],
    "Contract": ["legal.contentAttachment", "legallyBindingAttachment"],
    "DiagnosticReport": ["presentedForm"],
    "DocumentReference": ["content.attachment"],
    "Library": ["content"],
    "Media": ["content"],
    "Patient": ["photo"],
    "Practitioner": ["photo"],
}


def files_of(resource: Node) -> list[File]:
    """The attachments of a resource, each with the place where its bytes lie."""
    if text(resource, "resourceType") == "Binary":
        return [_file("", {"contentType": resource.get("contentType"), "data": resource.get("data")})]
    paths = _ATTACHMENTS.get(text(resource, "resourceType"), [])
    found = [item for path in paths for item in at(resource, path)]
    return [_file(pointer, node) for pointer, node in found if isinstance(node, dict)]


def _file(pointer: str, node: Node) -> File:
    size = number(node.get("size"))
    return File(
        title=text(node, "title"),
        content_type=text(node, "contentType"),
        url=text(node, "url"),
        pointer=pointer,
        size=int(size) if size is not None else len(bytes_of(node)) or None,
        has_data=bool(text(node, "data")),
        text=_plain_text(node),
        created=when(text(node, "creation")),
    )


def bytes_of(node: Any) -> bytes:
    """The bytes within an attachment; none where it only has an address, or can't be decoded."""
    try:
        return base64.b64decode("".join(text(node, "data").split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _plain_text(node: Node) -> str:
    kind = text(node, "contentType").lower()
    if not kind.startswith("text/plain"):
        return ""
    try:
        return bytes_of(node).decode("utf-8")[:MAX_TEXT].strip()
    except UnicodeDecodeError:
        return ""


def sections_of(node: Node, context: Context, depth: int = 0) -> list[Section]:
    """The sections of a composition, in its order."""
    if depth >= MAX_SECTIONS:
        return []
    return [_section(item, context, depth) for item in many(node, "section")]


def _section(node: Node, context: Context, depth: int) -> Section:
    empty = code_of(node.get("emptyReason"))
    return Section(
        title=text(node, "title") or concept(node.get("code")),
        narrative=narrative_of(node),
        entries=tuple(filter(None, (reference(item, context) for item in many(node, "entry")))),
        empty_reason=worded(EMPTY_REASON, empty)
        if empty in EMPTY_REASON
        else concept(node.get("emptyReason")),
        sections=tuple(sections_of(node, context, depth + 1)),
    )
