"""
Following references between resources, and finding whose record a resource is.

A resource is kept with the bytes it came with, so its references stay as they were written. Beside
it the importer keeps what each of them means here: a row of `Link`, resolved or dangling.

    for link in links_in(entry.content):
        target = resolve(link.reference, scope=entry.scope, lookup=store)   # ("Patient", "p1") or None
"""

import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import unquote

from records.fhir.tables import PATIENT_COMPARTMENT, RESOURCE_TYPES, at

Identity = tuple[str, str]
Resolver = Callable[[str], Identity | None]

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
URN_UUID = re.compile(r"urn:uuid:([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})")
URN_OID = re.compile(r"urn:oid:([0-2](?:\.(?:0|[1-9][0-9]*))+)")

_REST = re.compile(
    r"(?:(?P<base>https?://.+)/)?(?P<type>[A-Z]\w+)/(?P<id>[A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?"
)
_CONDITION = re.compile(r"(?P<type>[A-Z]\w+)\?identifier=(?:(?P<system>[^|]*)\|)?(?P<value>[^|&]+)")
_IDS_FROM_URLS = uuid.UUID("5d9a3f6e-7a6b-5a0c-8b53-1f6c1f0f2c3a")


class Lookup(Protocol):
    """What the store is asked about resources that the Bundle at hand does not hold."""

    def has(self, resource_type: str, resource_id: str, /) -> bool:
        """Whether such a resource is kept."""

    def by_identifier(self, resource_type: str, system: str | None, value: str, /) -> str | None:
        """The id of the one resource with this business identifier; None when there is none, or several."""


@dataclass(frozen=True, slots=True)
class Link:
    """One reference of a resource: where it stands, and what it says."""

    pointer: str
    reference: str

    @property
    def is_contained(self) -> bool:
        return self.reference.startswith("#")


@dataclass(slots=True)
class Scope:
    """Who is who inside one Bundle: complete as soon as its first entry is handed out."""

    full_urls: dict[str, Identity] = field(default_factory=dict)
    ids: set[Identity] = field(default_factory=set)
    by_id: dict[str, Identity | None] = field(default_factory=dict)
    identifiers: dict[tuple[str, str | None, str], Identity | None] = field(default_factory=dict)

    def add(self, *, full_url: str, identity: Identity, identifiers: Any = None) -> None:
        """Make an entry known by each name that others in the Bundle may call it."""
        if full_url:
            self.full_urls.setdefault(_folded(full_url), identity)
        self.ids.add(identity)
        # One name for two resources names neither of them.
        self.by_id[identity[1]] = identity if self.by_id.get(identity[1], identity) == identity else None
        for one in identifiers if isinstance(identifiers, list) else [identifiers]:
            if isinstance(one, dict) and isinstance(one.get("value"), str):
                for system in {one.get("system"), None}:
                    key = (identity[0], system, one["value"])
                    known = self.identifiers.get(key, identity)
                    self.identifiers[key] = identity if known == identity else None

    def find(self, reference: str) -> Identity | None:
        """
        What a reference means within this Bundle: by fullUrl first, as FHIR has it, then leniently
        by type and id, because published Bundles (IPS 1.1.0 among them) rely on that.
        """
        reference = _folded(reference.split("#")[0])
        unversioned = reference.split("/_history/")[0]
        if known := self.full_urls.get(reference) or self.full_urls.get(unversioned):
            return known
        if match := URN_UUID.fullmatch(reference):
            return self.by_id.get(match[1])
        if match := _REST.fullmatch(unversioned):
            identity = (match["type"], match["id"])
            return identity if identity in self.ids else None
        if match := _CONDITION.fullmatch(reference):
            return self.identifiers.get(
                (match["type"], _plain(match["system"]), _plain(match["value"]) or "")
            )
        return None


def resolve(reference: str, *, scope: Scope | None = None, lookup: Lookup | None = None) -> Identity | None:
    """
    The type and id that a reference means, or None when it leads nowhere we know.

    A reference to nothing is no fault of the resource that has it: keep it, and mark it.
    """
    if not reference or reference.startswith("#"):
        return None
    if scope is not None and (found := scope.find(reference)):
        return found
    if lookup is None:
        return None
    # Another server's Patient/1 is not our Patient/1, so only relative references are looked up by id.
    match = _REST.fullmatch(reference.split("#")[0])
    if match and not match["base"] and lookup.has(match["type"], match["id"]):
        return match["type"], match["id"]
    if match := _CONDITION.fullmatch(reference):
        known = lookup.by_identifier(match["type"], _plain(match["system"]), _plain(match["value"]) or "")
        return (match["type"], known) if known else None
    return None


def named_in(reference: str) -> Identity | None:
    """
    The type and id that a relative reference spells out, whether or not there is such a resource.

    Another server's Patient/1 is somebody else, so a whole web address names nobody here.
    """
    match = _REST.fullmatch(reference.split("#")[0])
    is_ours = match is not None and not match["base"] and match["type"] in RESOURCE_TYPES
    return (match["type"], match["id"]) if match and is_ours else None


def identity_in(content: dict[str, Any], full_url: str = "") -> Identity | None:
    """
    The type and id of a resource, the id from its fullUrl where it has none of its own.

    The id made from a fullUrl is the same every time, so a second import finds the first.
    """
    kind, own = content.get("resourceType"), content.get("id")
    if not isinstance(kind, str):
        return None
    if isinstance(own, str) and own:
        return kind, own
    if match := URN_UUID.fullmatch(full_url):
        return kind, match[1].lower()
    if (match := _REST.fullmatch(full_url)) and match["type"] == kind:
        return kind, match["id"]
    return (kind, str(uuid.uuid5(_IDS_FROM_URLS, full_url))) if full_url else None


def links_in(content: dict[str, Any]) -> list[Link]:
    """Every literal reference in a resource, those inside extensions and contained resources too."""
    return list(_links(content, ""))


def _links(node: Any, pointer: str) -> Iterator[Link]:
    if isinstance(node, dict):
        if isinstance(node.get("reference"), str):
            yield Link(pointer, node["reference"])
        for key, value in node.items():
            if isinstance(value, dict | list):
                yield from _links(value, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            if isinstance(value, dict | list):
                yield from _links(value, f"{pointer}/{index}")


def patient_links(content: dict[str, Any]) -> list[Link]:
    """
    The references by which a resource belongs to patients, the one whose record it is first.

    Which elements these are is R4's patient compartment. A reference that only has an identifier
    comes back as the conditional reference that says the same.
    """
    found = []
    for path in PATIENT_COMPARTMENT.get(str(content.get("resourceType")), ()):
        for pointer, node in at(content, path):
            if text := _reference_text(node):
                found.append(Link(pointer, text))
    return found


def patient_of(content: dict[str, Any], resolver: Resolver | None = None) -> str | None:
    """
    The id of the patient in whose record this resource belongs, or None for what has none.

    :param resolver: what a reference means; without one, only references that spell out
        `Patient/id` count
    """
    if content.get("resourceType") == "Patient":
        own = content.get("id")
        return own if isinstance(own, str) else None
    for link in patient_links(content):
        # A contained Patient has no life of its own, so it is nobody's record here.
        identity = None if link.is_contained else (resolver or named_in)(link.reference)
        if identity is not None and identity[0] == "Patient":
            return identity[1]
    return None


def _reference_text(node: Any) -> str:
    if not isinstance(node, dict):
        return ""
    if isinstance(node.get("reference"), str):
        return node["reference"]
    identifier = node.get("identifier")
    if isinstance(identifier, dict) and isinstance(identifier.get("value"), str):
        system = identifier.get("system")
        return f"Patient?identifier={system + '|' if isinstance(system, str) else ''}{identifier['value']}"
    return ""


def _folded(url: str) -> str:
    # UUIDs are the same in capitals; nothing else in a URL is.
    return url.lower() if url[:9].lower() == "urn:uuid:" else url


def _plain(part: str | None) -> str | None:
    return None if part is None else unquote(part)
