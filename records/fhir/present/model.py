"""What a page is given: finished words and plain values, nothing of FHIR."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from records.fhir.present.dates import NEVER, When

Kind = Literal[
    "condition", "medicine", "allergy", "result", "immunisation", "procedure", "visit", "document", "other"
]

KINDS: dict[str, Kind] = {
    "AllergyIntolerance": "allergy",
    "Composition": "document",
    "Condition": "condition",
    "DiagnosticReport": "result",
    "DocumentManifest": "document",
    "DocumentReference": "document",
    "Encounter": "visit",
    "Immunization": "immunisation",
    "ImmunizationRecommendation": "immunisation",
    "MedicationAdministration": "medicine",
    "MedicationDispense": "medicine",
    "MedicationRequest": "medicine",
    "MedicationStatement": "medicine",
    "Observation": "result",
    "Procedure": "procedure",
}


def kind_of(resource_type: str) -> Kind:
    """The part of the record where people look for this type of resource."""
    return KINDS.get(resource_type, "other")


@dataclass(frozen=True, slots=True)
class Row:
    """A label and its value; or, where the value is a small form of its own, its rows."""

    label: str
    value: str = ""
    rows: tuple["Row", ...] = ()


@dataclass(frozen=True, slots=True)
class Measurement:
    """
    One measured or observed value.

    `value` is there for plotting and only where it is one number without "less than"; `low` and
    `high` only where one reference range in the value's own unit applies. `text` is what to show.
    """

    name: str
    text: str
    value: Decimal | None = None
    unit: str = ""
    low: Decimal | None = None
    high: Decimal | None = None
    range_text: str = ""
    interpretation: str = ""
    is_abnormal: bool = False
    is_critical: bool = False
    is_absent: bool = False
    tokens: tuple[str, ...] = ()
    occurred: When = NEVER
    resource_id: str = ""

    @property
    def series(self) -> str:
        """What values of one series over time share: their first code, LOINC's where there is one."""
        loinc = (token for token in self.tokens if token.startswith("http://loinc.org|"))
        return next(loinc, self.tokens[0] if self.tokens else "")


@dataclass(frozen=True, slots=True)
class File:
    """An attachment: what it is called, and where in the resource its bytes or address are."""

    title: str
    content_type: str = ""
    url: str = ""
    pointer: str = ""
    size: int | None = None
    has_data: bool = False
    text: str = ""
    created: When = NEVER


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document: its narrative, sanitised, and what it lists by name."""

    title: str
    narrative: str | None = None
    entries: tuple[str, ...] = ()
    empty_reason: str = ""
    sections: tuple["Section", ...] = ()


@dataclass(frozen=True, slots=True)
class Presented:
    """One resource for people."""

    kind: Kind
    resource_type: str
    id: str
    title: str
    summary: str = ""
    occurred: When = NEVER
    status: tuple[str, ...] = ()
    status_code: str = ""
    is_entered_in_error: bool = False
    is_negated: bool = False
    # "No known allergy" is a statement about the patient; "no information about allergies" is none.
    is_none_known: bool = False
    is_no_information: bool = False
    categories: tuple[str, ...] = ()
    tokens: tuple[str, ...] = ()
    rows: tuple[Row, ...] = ()
    more: tuple[Row, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    files: tuple[File, ...] = ()
    sections: tuple[Section, ...] = ()
    narrative: str | None = None
    # A generated narrative repeats the data; one that a person wrote may say more.
    is_narrative_generated: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Indexed:
    """What the store keeps beside the encrypted bytes, to find and order them by."""

    kind: Kind
    occurred_from: date | None
    tokens: tuple[str, ...] = ()
    status: str = ""
    title: str = ""
    categories: tuple[str, ...] = field(default=())
