"""
What a file or folder of FHIR holds, one resource at a time.

    for found in read("/media/usb/export"):
        match found:
            case Entry(): ...   # one resource, with exactly the bytes it had in the file
            case Fault(): ...   # one thing that can't be read; everything else still comes
            case Skipped(): ... # left aside on purpose

NDJSON is read a line at a time, whatever its size. A Bundle is held in memory, within a bound.
"""

import io
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from records.fhir import bundles
from records.fhir.faults import Fault, Skipped
from records.fhir.files import READABLE_SUFFIXES, Bounded, Limits, Readable, Unreadable, opened
from records.fhir.references import Scope, identity_in
from records.fhir.strict import UTF8_MARK, NotStrict, decode, parse_text
from records.fhir.tables import RESOURCE_TYPES

# Ids made up for resources that came without one are UUIDs in this name space, so that reading the
# same file again finds the same ids and changes nothing.
NAMESPACE = uuid.UUID("0b0f0d6e-6a1c-5d43-9d5e-4f6f3f0a7c11")
MAX_NESTING = 3
NDJSON_SUFFIXES = (".ndjson", ".jsonl")


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource as it was found."""

    raw: bytes = field(repr=False)
    content: dict[str, Any] = field(repr=False)
    resource_type: str
    id: str
    full_url: str = ""
    path: str = ""
    source: str = ""
    has_own_id: bool = True
    method: str = ""
    scope: Scope | None = field(default=None, repr=False, compare=False)


Found = Entry | Fault | Skipped


def read(
    origin: str | os.PathLike[str] | Readable | IO[bytes], *, name: str = "", limits: Limits | None = None
) -> Iterator[Found]:
    """
    Everything in a file, a folder or a stream, in its order; a folder's files by name.

    Nothing in here raises for what is in the files. A path that does not exist is a `Fault` too.

    :param name: what to call a stream in messages, such as the name an upload came with
    """
    limits = limits or Limits()
    if not isinstance(origin, str | os.PathLike):
        yield from _read_stream(origin, name or getattr(origin, "name", "") or "upload", limits)
        return
    path = Path(origin)
    if path.is_dir():
        yield from _read_folder(path, limits)
    else:
        yield from _read_path(path, name or path.name, limits)


def _read_folder(folder: Path, limits: Limits) -> Iterator[Found]:
    # Links are not followed: a folder someone handed us must not lead out of itself.
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        for file in sorted(files):
            path = Path(place) / file
            source = path.relative_to(folder).as_posix()
            if file.lower().removesuffix(".gz").endswith(READABLE_SUFFIXES) and not path.is_symlink():
                yield from _read_path(path, source, limits)
            elif not file.startswith("."):
                yield Skipped("", "is not FHIR JSON by its name", source)


def _read_path(path: Path, source: str, limits: Limits) -> Iterator[Found]:
    try:
        stream = path.open("rb")
    except OSError as error:
        yield Fault("", f"can't be opened: {(error.strerror or 'unknown error').lower()}", source)
        return
    with stream:
        yield from _read_stream(stream, source, limits)


def _read_stream(stream: Readable | IO[bytes], source: str, limits: Limits) -> Iterator[Found]:
    try:
        yield from _read_opened(opened(stream, limits), source, limits)
    except Unreadable as error:
        yield Fault("", str(error), source)
    except OSError as error:
        yield Fault("", f"can't be read: {(error.strerror or 'unknown error').lower()}", source)


def _read_opened(stream: "io.BufferedReader[Bounded]", source: str, limits: Limits) -> Iterator[Found]:
    if stream.peek(3)[:3] == UTF8_MARK:
        stream.read(3)  # Windows editors put one in front of a file; it says nothing and is no part of it
    lines = [stream.readline(limits.resource + 1)]
    while lines[-1].endswith(b"\n") and (len(lines) == 1 or not lines[-1].strip()):
        lines.append(stream.readline(limits.resource + 1))
    named = source.lower().removesuffix(".gz").endswith(NDJSON_SUFFIXES)
    # A pretty-printed document's first line is never an object by itself with another one below it.
    if named or (len(lines) > 1 and lines[0].strip()[-1:] == b"}" and lines[-1].lstrip()[:1] == b"{"):
        yield from _read_lines(stream, lines, source, limits)
        return
    document = b"".join(lines) + stream.read(limits.document)
    if len(document) > limits.document:
        yield Fault("", f"larger than {limits.document // 1024 // 1024} MB, which only NDJSON may be", source)
        return
    try:
        text = decode(document)
    except NotStrict as error:
        yield Fault("", str(error), source)
        return
    del document, lines
    yield from _read_document(text, "", source, limits)


def _read_lines(
    stream: "io.BufferedReader[Bounded]", first: list[bytes], source: str, limits: Limits
) -> Iterator[Found]:
    number, waiting = 0, [line for line in first if line]
    while line := waiting.pop(0) if waiting else stream.readline(limits.resource + 1):
        number += 1
        where = f"line {number}"
        if len(line) > limits.resource:
            while line and not line.endswith(b"\n"):
                line = stream.readline(limits.resource)
            yield Fault(where, _too_large(limits), source)
        elif line.strip():
            yield from _read_line(line.strip(b" \t\r\n"), where, source, limits)


def _read_line(line: bytes, where: str, source: str, limits: Limits) -> Iterator[Found]:
    try:
        text = decode(line)
        content = parse_text(text)
    except NotStrict as error:
        yield Fault(where, str(error), source)
        return
    if isinstance(content, dict) and content.get("resourceType") == "Bundle":
        yield from _read_document(text, where, source, limits)
    else:
        yield _entry(line, content, where, source)


def _read_document(text: str, where: str, source: str, limits: Limits, nesting: int = 1) -> Iterator[Found]:
    found = bundles.outline(text)
    if not found.is_bundle:
        if found.reason:
            yield Fault(where, found.reason, source)
        else:
            yield _strictly(text.strip(" \t\r\n"), where, source, limits)
        return
    if found.reason and not found.slots:
        yield Fault(where, found.reason, source)
        return
    yield from _read_slots(text, found, where, source, limits, nesting)
    if found.reason:
        # What stands before the damage was given; that something is missing must still be seen.
        yield Fault(where, f"the Bundle {found.reason}; what follows could not be read", source)


def _read_slots(
    text: str, found: bundles.Outline, where: str, source: str, limits: Limits, nesting: int
) -> Iterator[Found]:
    scope = Scope()
    for slot in found.slots:
        if slot.resource is not None and (known := identity_in(slot.resource, slot.text_of("fullUrl"))):
            scope.add(
                full_url=slot.text_of("fullUrl"), identity=known, identifiers=slot.resource.get("identifier")
            )
    # A history lists the newest version first; they are wanted in the order in which they were made.
    is_history = found.members.get("type") == "history"
    for slot in reversed(found.slots) if is_history else found.slots:
        path = " ".join(part for part in (where, f"entry[{slot.index}]") if part)
        full_url, method = slot.text_of("fullUrl"), slot.inner_text("request", "method")
        if slot.reason:
            yield Fault(path, slot.reason, source)
        elif "resource" not in slot.members:
            yield _without_resource(path, source, method)
        elif slot.inner_text("search", "mode") == "outcome":
            yield Skipped(path, "is the outcome of a search, not a record", source)
        else:
            member = slot.members["resource"]
            inner, path = text[member.start : member.end], f"{path}.resource"
            if slot.resource is not None and slot.resource.get("resourceType") == "Bundle":
                if nesting < MAX_NESTING:
                    yield from _read_document(inner, path, source, limits, nesting + 1)
                else:
                    yield Fault(path, "Bundles within Bundles, too deeply nested", source)
            else:
                yield _strictly(inner, path, source, limits, full_url, method, scope)


def _without_resource(path: str, source: str, method: str) -> Fault | Skipped:
    if method in ("DELETE", "GET", "HEAD"):
        return Skipped(path, f"is a {method}, which brings no resource", source)
    return Fault(path, "has no resource", source)


def _strictly(
    text: str, path: str, source: str, limits: Limits, full_url: str = "", method: str = "",
    scope: Scope | None = None,
) -> Entry | Fault:  # fmt: skip
    raw = text.encode()
    if len(raw) > limits.resource:
        return Fault(path, _too_large(limits), source)
    try:
        content = parse_text(text)
    except NotStrict as error:
        return Fault(path, str(error), source)
    return _entry(raw, content, path, source, full_url, method, scope)


def _entry(
    raw: bytes, content: Any, path: str, source: str, full_url: str = "", method: str = "",
    scope: Scope | None = None,
) -> Entry | Fault:  # fmt: skip
    if not isinstance(content, dict) or not isinstance(content.get("resourceType"), str):
        return Fault(path, "is not a FHIR resource: it has no resourceType", source)
    kind = content["resourceType"]
    if kind not in RESOURCE_TYPES:
        return Fault(path, "has a resourceType that FHIR R4 does not know", source)
    identity = identity_in(content, full_url)
    return Entry(
        raw=raw,
        content=content,
        resource_type=kind,
        id=identity[1] if identity else _id_from_content(raw, source),
        full_url=full_url,
        path=path,
        source=source,
        has_own_id="id" in content,
        method=method,
        scope=scope,
    )


def _id_from_content(raw: bytes, source: str) -> str:
    # The name of the file tells apart two hospitals' identical notes; its folder may change.
    return str(uuid.uuid5(NAMESPACE, f"{source.rsplit('/', 1)[-1]}\n{raw.decode()}"))


def _too_large(limits: Limits) -> str:
    return f"larger than {limits.resource // 1024 // 1024} MB"
