"""A presentation on its way: what every kind of record has in common."""

from dataclasses import dataclass, field

from records.fhir.present.access import Node, text
from records.fhir.present.dates import NEVER, When, when_of
from records.fhir.present.model import File, Measurement, Row, Section
from records.fhir.present.rows import Sheet
from records.fhir.present.values import UNTITLED, Context, concept, name, short_title
from records.fhir.tables import elements

ENTERED_IN_ERROR = "entered-in-error"


@dataclass(slots=True)
class Draft:
    """A presentation on its way."""

    resource: Node
    context: Context
    sheet: Sheet
    title: str = ""
    summary: str = ""
    status: list[str] = field(default_factory=list)
    is_negated: bool = False
    rows: list[Row] = field(default_factory=list)
    measurements: list[Measurement] = field(default_factory=list)
    files: list[File] = field(default_factory=list)
    sections: list[Section] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, label: str, value: str, *told: str) -> None:
        """A row in words of our own; the elements it tells are not shown again."""
        self.sheet.tell(*told)
        if value:
            self.rows.append(Row(label, value))

    def show(self, *stems: str) -> None:
        """The rows of these elements as FHIR's tables read them."""
        self.rows += self.sheet.rows(*stems)

    def negate(self, words: str) -> None:
        """Say clearly that this is the record of something that is not so, or was not done."""
        self.is_negated = True
        self.notes.insert(0, words)


def title_of(resource: Node, context: Context) -> str:
    """What a record is called, in its sender's words; an empty string where it says nothing."""
    kind = text(resource, "resourceType")
    if kind in UNTITLED:
        return ""
    for key in _TITLES.get(kind, _TITLE_ELEMENTS):
        value = resource.get(key)
        known = elements(kind).get(key)
        found = ""
        if key == "medicationReference":
            found = text(value, "display") or short_title(context.find(value or {}) or {})
        elif known is not None and known.type == "HumanName":
            found = name(value)
        elif known is not None and known.type in ("CodeableConcept", "Coding", "string"):
            found = concept(value)
        if found:
            return found
    return short_title(resource)


_TITLE_ELEMENTS = ("code", "name", "title", "description", "vaccineCode", "type", "serviceType", "category")
_TITLES: dict[str, tuple[str, ...]] = {
    "CareTeam": ("name", "category"),
    "Composition": ("title", "type"),
    "DocumentReference": ("description", "type", "category"),
    "MedicationAdministration": ("medicationCodeableConcept", "medicationReference"),
    "MedicationDispense": ("medicationCodeableConcept", "medicationReference"),
    "MedicationRequest": ("medicationCodeableConcept", "medicationReference"),
    "MedicationStatement": ("medicationCodeableConcept", "medicationReference"),
    "Immunization": ("vaccineCode",),
    "Encounter": ("type", "serviceType"),
}

# Which of a type's dates is "when it happened", before FHIR's own search parameters are asked.
DATES: dict[str, tuple[str, ...]] = {
    "AllergyIntolerance": ("onset", "recordedDate", "lastOccurrence"),
    "Composition": ("date",),
    "Condition": ("onset", "recordedDate", "abatement"),
    "DiagnosticReport": ("effective", "issued"),
    "DocumentReference": ("date",),
    "Encounter": ("period",),
    "Immunization": ("occurrence", "recorded"),
    "MedicationAdministration": ("effective",),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("effective", "dateAsserted"),
    "Observation": ("effective", "issued"),
    "Procedure": ("performed",),
}


def happened(resource: Node, stems: tuple[str, ...]) -> When:
    """The first of a resource's own dates that says anything."""
    for stem in stems:
        if (found := when_of(resource, stem)).text:
            return found
    return NEVER
