"""
FHIR's codes and names in the words of people.

Only codes that FHIR itself fixes are put into words here. What a laboratory or a clinic calls a thing
is shown as they wrote it.
"""

import re
from functools import cache

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

Words = str | Promise

STATUS: dict[str, Words] = {
    "aborted": _("Stopped"),
    "active": _("Active"),
    "amended": _("Amended"),
    "appended": _("Added to"),
    "arrived": _("Arrived"),
    "available": _("Available"),
    "cancelled": _("Cancelled"),
    "completed": _("Completed"),
    "confirmed": _("Confirmed"),
    "corrected": _("Corrected"),
    "current": _("Current"),
    "declined": _("Declined"),
    "differential": _("One of several possibilities"),
    "draft": _("Draft"),
    "entered-in-error": _("Entered in error"),
    "final": _("Final"),
    "finished": _("Finished"),
    "in-progress": _("In progress"),
    "inactive": _("Inactive"),
    "intended": _("Intended"),
    "not-done": _("Not done"),
    "not-taken": _("Not taken"),
    "on-hold": _("On hold"),
    "onleave": _("On leave"),
    "partial": _("Partial"),
    "planned": _("Planned"),
    "preliminary": _("Preliminary"),
    "preparation": _("In preparation"),
    "presumed": _("Presumed"),
    "provisional": _("Provisional"),
    "recurrence": _("Returned"),
    "refuted": _("Ruled out"),
    "registered": _("Awaiting result"),
    "relapse": _("Relapsed"),
    "remission": _("In remission"),
    "resolved": _("Resolved"),
    "stopped": _("Stopped"),
    "superseded": _("Replaced by a newer one"),
    "triaged": _("Triaged"),
    "unconfirmed": _("Not confirmed"),
    "unknown": _("Not known"),
}

# v3-ObservationInterpretation: what a laboratory says beside a value.
INTERPRETATION: dict[str, Words] = {
    "<": _("Below what can be measured"),
    ">": _("Above what can be measured"),
    "A": _("Abnormal"),
    "AA": _("Critically abnormal"),
    "B": _("Better"),
    "D": _("Decreased"),
    "DET": _("Detected"),
    "H": _("High"),
    "HH": _("Critically high"),
    "HU": _("Significantly high"),
    "I": _("Intermediate"),
    "IND": _("Indeterminate"),
    "L": _("Low"),
    "LL": _("Critically low"),
    "LU": _("Significantly low"),
    "N": _("Normal"),
    "ND": _("Not detected"),
    "NEG": _("Negative"),
    "POS": _("Positive"),
    "R": _("Resistant"),
    "S": _("Susceptible"),
    "U": _("Increased"),
    "W": _("Worse"),
}
ABNORMAL = frozenset({"<", ">", "A", "AA", "H", "HH", "HU", "L", "LL", "LU", "POS"})
CRITICAL = frozenset({"AA", "HH", "LL"})

ABSENT: dict[str, Words] = {
    "as-text": _("given as text only"),
    "asked-declined": _("asked, but the person preferred not to say"),
    "asked-unknown": _("asked, but not known"),
    "error": _("not available because of an error"),
    "masked": _("withheld"),
    "negative-infinity": _("too low to be measured"),
    "not-a-number": _("not a number"),
    "not-applicable": _("does not apply"),
    "not-asked": _("not asked"),
    "not-performed": _("not measured"),
    "not-permitted": _("may not be recorded"),
    "positive-infinity": _("too high to be measured"),
    "temp-unknown": _("not known yet"),
    "unknown": _("not known"),
    "unsupported": _("can't be recorded"),
}

CRITICALITY: dict[str, Words] = {
    "high": _("High risk"),
    "low": _("Low risk"),
    "unable-to-assess": _("Risk not known"),
}
SEVERITY: dict[str, Words] = {"mild": _("mild"), "moderate": _("moderate"), "severe": _("severe")}
ALLERGY_TYPE: dict[str, Words] = {"allergy": _("Allergy"), "intolerance": _("Intolerance")}
ALLERGY_CATEGORY: dict[str, Words] = {
    "biologic": _("Biological"),
    "environment": _("Environment"),
    "food": _("Food"),
    "medication": _("Medicine"),
}
GENDER: dict[str, Words] = {
    "female": _("Female"),
    "male": _("Male"),
    "other": _("Other"),
    "unknown": _("Not known"),
}
INTENT: dict[str, Words] = {
    "directive": _("Directive"),
    "filler-order": _("Order"),
    "instance-order": _("Order"),
    "option": _("Option"),
    "order": _("Order"),
    "original-order": _("Order"),
    "plan": _("Plan"),
    "proposal": _("Proposal"),
    "reflex-order": _("Follow-up order"),
}
# The few classes of encounter that people meet, from v3-ActCode.
VISIT: dict[str, Words] = {
    "ACUTE": _("Hospital stay"),
    "AMB": _("Outpatient visit"),
    "EMER": _("Emergency visit"),
    "FLD": _("Visit in the field"),
    "HH": _("Visit at home"),
    "IMP": _("Hospital stay"),
    "NONAC": _("Hospital stay"),
    "OBSENC": _("Stay for observation"),
    "PRENC": _("Visit before admission"),
    "SS": _("Short hospital stay"),
    "VR": _("Remote visit"),
}
EMPTY_REASON: dict[str, Words] = {
    "closed": _("This list is no longer kept."),
    "nilknown": _("A clinician recorded that there is nothing known."),
    "notasked": _("This was not asked."),
    "notstarted": _("This has not been collected yet."),
    "unavailable": _("This information is not available."),
    "withheld": _("This information is withheld."),
}

# Statements that there is nothing: IPS 1.1's codes for them, and those of SNOMED CT that IPS and the
# Swiss terminology list for the same. "No information" is another thing, and never the same.
_ABSENT_OR_UNKNOWN = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
_SNOMED_NONE_KNOWN = frozenset(
    f"http://snomed.info/sct|{code}"
    for code in (
        "716186003",  # no known allergy
        "409137002",  # … to medicines
        "428607008",  # … to the environment
        "429625007",  # … to food
        "428197003",  # … to insects
        "716220001",  # … to animals
        "160245001",  # no current problems or disability
        "787480003",  # no known procedures
        "787481004",  # no known medications
        "787482006",  # no known immunisations
        "787483001",  # no known use of devices
    )
)


def is_none_known(tokens: list[str]) -> bool:
    """Whether these codes state that nothing is known: "no known allergy"."""
    return any(
        token.startswith(f"{_ABSENT_OR_UNKNOWN}|no-known-") or token in _SNOMED_NONE_KNOWN for token in tokens
    )


def is_no_information(tokens: list[str]) -> bool:
    """Whether these codes state that there is no information, which says nothing about the patient."""
    return any(token.startswith(f"{_ABSENT_OR_UNKNOWN}|no-") and token.endswith("-info") for token in tokens)


TYPES: dict[str, Words] = {
    "AllergyIntolerance": _("Allergy"),
    "Appointment": _("Appointment"),
    "CarePlan": _("Care plan"),
    "CareTeam": _("Care team"),
    "Claim": _("Claim"),
    "ClinicalImpression": _("Assessment"),
    "Communication": _("Message"),
    "Composition": _("Document"),
    "Condition": _("Condition"),
    "Consent": _("Consent"),
    "Coverage": _("Insurance"),
    "Device": _("Device"),
    "DeviceUseStatement": _("Device in use"),
    "DiagnosticReport": _("Report"),
    "DocumentReference": _("Document"),
    "Encounter": _("Visit"),
    "EpisodeOfCare": _("Episode of care"),
    "ExplanationOfBenefit": _("Insurer’s statement"),
    "FamilyMemberHistory": _("Family history"),
    "Flag": _("Alert"),
    "Goal": _("Goal"),
    "HealthcareService": _("Service"),
    "ImagingStudy": _("Imaging"),
    "Immunization": _("Vaccination"),
    "Location": _("Place"),
    "Medication": _("Medicine"),
    "MedicationAdministration": _("Medicine given"),
    "MedicationDispense": _("Medicine dispensed"),
    "MedicationRequest": _("Prescription"),
    "MedicationStatement": _("Medicine"),
    "Observation": _("Result"),
    "Organization": _("Organisation"),
    "Patient": _("Patient"),
    "Practitioner": _("Practitioner"),
    "PractitionerRole": _("Role of a practitioner"),
    "Procedure": _("Procedure"),
    "Provenance": _("Origin of a record"),
    "QuestionnaireResponse": _("Answers to a questionnaire"),
    "RelatedPerson": _("Related person"),
    "ServiceRequest": _("Request"),
    "Specimen": _("Sample"),
    "SupplyDelivery": _("Supply"),
    "Task": _("Task"),
}

# The element names whose humanised form would be FHIR's jargon and not a person's word.
LABELS: dict[str, Words] = {
    "abatement": _("Ended"),
    "asserter": _("Stated by"),
    "authoredOn": _("Written on"),
    "basedOn": _("Requested by"),
    "birthDate": _("Date of birth"),
    "careTeam": _("Care team"),
    "clinicalStatus": _("Status"),
    "dataAbsentReason": _("Why there is no value"),
    "deceased": _("Died"),
    "derivedFrom": _("Derived from"),
    "effective": _("When"),
    "encounter": _("Visit"),
    "generalPractitioner": _("General practitioner"),
    "hasMember": _("Parts"),
    "intent": _("Kind of order"),
    "issued": _("Published"),
    "managingOrganization": _("Kept by"),
    "maritalStatus": _("Marital status"),
    "multipleBirth": _("Multiple birth"),
    "note": _("Notes"),
    "occurrence": _("When"),
    "onset": _("Began"),
    "partOf": _("Part of"),
    "performed": _("When"),
    "performer": _("By"),
    "period": _("When"),
    "reasonCode": _("Reason"),
    "reasonReference": _("Reason"),
    "recordedDate": _("Recorded on"),
    "recorder": _("Recorded by"),
    "requester": _("Asked for by"),
    "serviceProvider": _("Hospital or clinic"),
    "subject": _("Patient"),
    "telecom": _("Phone and e-mail"),
    "verificationStatus": _("Certainty"),
}

# Units as UCUM writes them that people write otherwise. Exact matches only: a unit is never guessed.
UNITS = {
    "1": "",
    "{score}": "",
    "{count}": "",
    "Cel": "°C",
    "[degF]": "°F",
    "[in_i]": "in",
    "[lb_av]": "lb",
    "mm[Hg]": "mmHg",
    "10*3/uL": "×10³/µL",
    "10*6/uL": "×10⁶/µL",
    "10*9/L": "×10⁹/L",
    "10*12/L": "×10¹²/L",
    "/min": "/min",
    "{beats}/min": "/min",
    "{breaths}/min": "/min",
    "uL": "µL",
    "umol/L": "µmol/L",
    "ug": "µg",
    "ug/L": "µg/L",
}

_HUMPS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[-_\s]+")


def worded(words: dict[str, Words], code: str) -> str:
    """A code in words; one we have no words for is at least made readable."""
    return str(words[code]) if code in words else humanised(code)


def type_label(resource_type: str) -> str:
    return str(TYPES[resource_type]) if resource_type in TYPES else humanised(resource_type)


def label(name: str, stem: str = "") -> str:
    """An element's name as a label: `bodySite` is "Body site", `valueQuantity` is "Value"."""
    for known in (name, stem):
        if known in LABELS:
            return str(LABELS[known])
    return gettext(humanised(stem or name))


@cache
def humanised(name: str) -> str:
    """`bodySite`, `body-site` and `BodySite` as "Body site"."""
    words = [
        word if word.isupper() and len(word) > 1 else word.lower() for word in _HUMPS.split(name) if word
    ]
    joined = " ".join(words)
    return joined[:1].upper() + joined[1:]
