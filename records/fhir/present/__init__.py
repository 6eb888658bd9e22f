"""
Records for people: `present(resource, resolve)` is what a page shows, `index_of(resource)` what the
store finds it by.

Neither raises for a resource that passed `validation.validate`, however odd it is, and nothing in a
resource is hidden: what the main rows don't tell is in `more`.
"""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from records.fhir.present.access import Node, many, one, text, texts
from records.fhir.present.dates import NEVER, When, when_of
from records.fhir.present.documents import bytes_of, files_of
from records.fhir.present.draft import DATES, ENTERED_IN_ERROR, Draft, happened, title_of
from records.fhir.present.kinds import PRESENTERS, anything
from records.fhir.present.model import (
    KINDS,
    File,
    Indexed,
    Kind,
    Measurement,
    Presented,
    Row,
    Section,
    kind_of,
)
from records.fhir.present.narrative import has_unshown_narrative, narrative_of
from records.fhir.present.rows import Sheet, note_on_modifiers
from records.fhir.present.values import Context, code_of, concept, tokens
from records.fhir.present.vocabulary import is_no_information, is_none_known, type_label
from records.fhir.tables import CONCEPTS, PATIENT_COMPARTMENT, at
from records.fhir.tables import DATES as SEARCH_DATES

Resolve = Callable[[str], Node | None]

# Of these only what they are is shown in a record, never when: a birth date is not an event.
_TIMELESS = frozenset({"Patient", "Person", "Practitioner", "RelatedPerson", "Organization", "Location"})


def _nowhere(reference: str) -> None:
    return None


def present(resource: Node, resolve: Resolve = _nowhere) -> Presented:
    """
    A resource as people read it, in the language that is active.

    :param resolve: the resource that a reference's text leads to, or None; contained resources are
        found without it
    """
    kind = text(resource, "resourceType")
    context = Context(resource, resolve)
    draft = Draft(resource, context, Sheet(resource, context, told=_told(resource)))
    draft.title = title_of(resource, context)
    PRESENTERS.get(kind, anything)(draft)
    status = status_of(resource)
    is_error = ENTERED_IN_ERROR in (status, code_of(resource.get("verificationStatus")))
    if is_error:
        draft.notes.insert(0, _("This was recorded by mistake and should not be relied on."))
    if note_on_modifiers(resource):
        draft.notes.append(_("This record carries a qualifier unknown to us that may change its meaning."))
    if has_unshown_narrative(resource):
        draft.notes.append(
            _("The text that came with this record could not be shown; this page is made from its data.")
        )
    more = draft.sheet.rest()
    codes = tokens_of(resource, resolve)
    is_known = kind in PRESENTERS
    return Presented(
        kind=kind_of(kind),
        resource_type=kind,
        id=text(resource, "id"),
        title=draft.title or type_label(kind),
        summary=draft.summary,
        occurred=occurred(resource),
        status=tuple(filter(None, dict.fromkeys(draft.status))),
        status_code=status,
        is_entered_in_error=is_error,
        is_negated=draft.is_negated,
        is_none_known=is_none_known(codes),
        is_no_information=is_no_information(codes),
        categories=categories_of(resource),
        tokens=tuple(codes),
        rows=tuple(draft.rows if is_known else more),
        more=tuple(more if is_known else ()),
        measurements=tuple(draft.measurements),
        files=tuple(draft.files),
        sections=tuple(draft.sections),
        narrative=narrative_of(resource),
        is_narrative_generated=text(resource, "text", "status") == "generated",
        notes=tuple(draft.notes),
    )


def index_of(resource: Node, resolve: Resolve = _nowhere) -> Indexed:
    """What to find a resource by. No words in here depend on the language that is active."""
    kind, happening = text(resource, "resourceType"), occurred(resource)
    return Indexed(
        kind=kind_of(kind),
        occurred_from=happening.earliest or happening.latest,
        tokens=tuple(tokens_of(resource, resolve)),
        status=status_of(resource),
        title=title_of(resource, Context(resource, resolve)),
        categories=categories_of(resource),
    )


def occurred(resource: Node) -> When:
    """When what the record tells of happened, as far as it says."""
    kind = text(resource, "resourceType")
    if kind in _TIMELESS:
        return NEVER
    found = happened(resource, DATES.get(kind, ()))
    if found.text:
        return found
    for path in SEARCH_DATES.get(kind, ()):
        head, _dot, last = path.rpartition(".")
        for _pointer, node in at(resource, head) if head else [("", resource)]:
            if (found := when_of(node, last)).text:
                return found
    return NEVER


def status_of(resource: Node) -> str:
    """The code of a record's status: its own, or a condition's or allergy's clinical one."""
    return text(resource, "status") or code_of(resource.get("clinicalStatus"))


def tokens_of(resource: Node, resolve: Resolve = _nowhere) -> list[str]:
    """The codes of what a record is about, as `system|code`, each once."""
    # A prescription may name its medicine by reference, often to one contained in it.
    medicine = Context(resource, resolve).find(one(resource, "medicationReference"))
    found = tokens(one(medicine, "code"))
    for path in CONCEPTS.get(text(resource, "resourceType"), ()):
        for _pointer, node in at(resource, path):
            found += tokens(node)
    return list(dict.fromkeys(found))


def categories_of(resource: Node) -> tuple[str, ...]:
    """The category codes, such as `laboratory` or `vital-signs`."""
    codes = [code_of(node) for node in many(resource, "category")]
    return tuple(dict.fromkeys(filter(None, [*codes, *texts(resource, "category")])))


def _told(resource: Node) -> tuple[str, ...]:
    # Whose record it is stands above the page.
    path = next(iter(PATIENT_COMPARTMENT.get(text(resource, "resourceType"), ())), "")
    node: Any = resource.get(path)
    return (path,) if isinstance(node, dict) and path in ("subject", "patient", "beneficiary") else ()


__all__ = [
    "KINDS",
    "File",
    "Indexed",
    "Kind",
    "Measurement",
    "Presented",
    "Row",
    "Section",
    "When",
    "bytes_of",
    "categories_of",
    "concept",
    "files_of",
    "index_of",
    "kind_of",
    "occurred",
    "present",
    "status_of",
    "tokens_of",
    "type_label",
]
