"""
The FHIR Consent that says what a patient granted: what is shown, committed to and signed is this document.

After IHE Privacy Consent on FHIR (PCF), in FHIR R4: one permit provision with recipient, period, purpose,
and what it covers as classes, single records and security labels. Words are those of the patient's language
at that moment, so the signed document can be read without us.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from accounts.models import User
from consent.categories import OF_PATIENTS, SUMMARY, Kind, Sensitivity
from consent.models import Covers, GranteeKind, Purpose
from doctors.models import Clinician, Department, Institution
from patients.models import Patient

KIND_SYSTEM = "urn:ehrportal:kind"
ONCE = "urn:ehrportal:consent:once"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
# HL7 v3 ActCode has a code for each sensitivity but our last, which is a confidentiality.
SECURITY_LABELS = {
    Sensitivity.MENTAL_HEALTH: (f"{TERMINOLOGY}/v3-ActCode", "MH"),
    Sensitivity.SEXUAL_HEALTH: (f"{TERMINOLOGY}/v3-ActCode", "SEX"),
    Sensitivity.HIV: (f"{TERMINOLOGY}/v3-ActCode", "HIV"),
    Sensitivity.SUBSTANCE_USE: (f"{TERMINOLOGY}/v3-ActCode", "ETH"),
    Sensitivity.GENETICS: (f"{TERMINOLOGY}/v3-ActCode", "GDIS"),
    Sensitivity.RESTRICTED: (f"{TERMINOLOGY}/v3-Confidentiality", "R"),
}


@dataclass(frozen=True)
class Grantee:
    """To whom a patient gives access: one of four, and nothing else set."""

    institution: Institution | None = None
    department: Department | None = None
    clinician: Clinician | None = None
    proxy: User | None = None
    # A helper's name stands encrypted on their own patient; whoever prepares a grant hands it over.
    proxy_name: str = ""

    @property
    def kind(self) -> GranteeKind:
        if self.clinician:
            return GranteeKind.PERSON
        if self.department:
            return GranteeKind.DEPARTMENT
        return GranteeKind.PROXY if self.proxy else GranteeKind.INSTITUTION

    @property
    def hospital(self) -> Institution | None:
        """The institution that it belongs to, whichever of the first three it is."""
        member = self.clinician or self.department
        return member.institution if member else self.institution

    @property
    def text(self) -> str:
        """Who may read, as one address (docs/formats/consent.md)."""
        if self.proxy:
            return f"{settings.PORTAL_URL}/RelatedPerson/{self.proxy.pk}"
        if self.clinician:
            return f"{self.clinician.institution.portal_url}/Practitioner/{self.clinician.pk}"
        if self.department:
            return f"{self.department.institution.portal_url}/Organization/{self.department.pk}"
        return self.institution.portal_url if self.institution else ""

    @property
    def name(self) -> str:
        """Who it is, as the patient reads it."""
        if self.proxy:
            return self.proxy_name
        if self.institution:
            return str(_("All doctors of %(hospital)s") % {"hospital": self.institution.name})
        member = self.clinician or self.department
        hospital = self.hospital
        return f"{member}, {hospital}"


@dataclass(frozen=True)
class Terms:
    """What a patient says yes to, before it has been signed."""

    grantee: Grantee
    covers: Covers
    purpose: Purpose
    starts_at: datetime
    expires_at: datetime
    is_once: bool = False
    # Of Covers.CATEGORIES: the kinds; of Covers.DOCUMENTS: the records, each with what people call it.
    chosen_kinds: Sequence[Kind] = ()
    records: Mapping[uuid.UUID, str] = field(default_factory=dict)
    sensitivities: Sequence[Sensitivity] = ()

    @property
    def kinds(self) -> list[Kind]:
        """The kinds that follow from what was said."""
        whole: dict[str, Sequence[Kind]] = {Covers.EVERYTHING: OF_PATIENTS, Covers.SUMMARY: SUMMARY}
        chosen = whole.get(self.covers, self.chosen_kinds if self.covers == Covers.CATEGORIES else ())
        return [kind for kind in OF_PATIENTS if kind in chosen]

    @property
    def single_records(self) -> Mapping[uuid.UUID, str]:
        """The records that it names one by one; of what covers whole kinds, none."""
        return self.records if self.covers == Covers.DOCUMENTS else {}


def consent_document(patient: Patient, terms: Terms, *, id: uuid.UUID, at: datetime) -> bytes:
    """Write the FHIR Consent of these terms, as JSON in UTF-8."""
    provision: dict[str, Any] = {
        "type": "permit",
        "period": {"start": _moment(terms.starts_at), "end": _moment(terms.expires_at)},
        "actor": [
            {
                "role": _concept(f"{TERMINOLOGY}/v3-ParticipationType", "IRCP", "information recipient"),
                "reference": _reference(terms.grantee.text, terms.grantee.name),
            }
        ],
        "action": [_concept(f"{TERMINOLOGY}/consentaction", "access", "Access")],
        "purpose": [
            _coding(f"{TERMINOLOGY}/v3-ActReason", terms.purpose.value, str(Purpose(terms.purpose).label))
        ],
    }
    if terms.sensitivities:
        provision["securityLabel"] = [
            _coding(*SECURITY_LABELS[one], str(one.label))
            for one in Sensitivity
            if one in terms.sensitivities
        ]
    if terms.kinds:
        provision["class"] = [_coding(KIND_SYSTEM, kind.value, str(kind.label)) for kind in terms.kinds]
    if terms.single_records:
        provision["data"] = [
            {"meaning": "instance", "reference": _reference(f"urn:uuid:{record}", title)}
            for record, title in terms.single_records.items()
        ]
    document = {
        "resourceType": "Consent",
        "id": str(id),
        **({"modifierExtension": [{"url": ONCE, "valueBoolean": True}]} if terms.is_once else {}),
        "status": "active",
        "scope": _concept(f"{TERMINOLOGY}/consentscope", "patient-privacy", "Privacy Consent"),
        "category": [_concept("http://loinc.org", "59284-0", "Consent Document")],
        "patient": {"reference": f"Patient/{patient.pk}"},
        "dateTime": _moment(at),
        "performer": [{"reference": f"Patient/{patient.pk}"}],
        "organization": [{"reference": settings.PORTAL_URL, "display": settings.HOSPITAL_NAME}],
        "policyRule": _concept(f"{TERMINOLOGY}/v3-ActCode", "OPTIN", "opt-in"),
        "provision": provision,
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _reference(address: str, name: str) -> dict[str, str]:
    # FHIR has no empty texts.
    return {"reference": address} | ({"display": name} if name.strip() else {})


def _coding(system: str, code: str, display: str) -> dict[str, str]:
    return {"system": system, "code": code, "display": display}


def _concept(system: str, code: str, display: str) -> dict[str, Any]:
    return {"coding": [_coding(system, code, display)]}
