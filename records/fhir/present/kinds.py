"""
Each main kind of record: what is said first, and in which order.

A presenter takes a draft, fills in what its kind needs, and leaves the rest to `present`, which shows
every element that nobody told.
"""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from records.fhir.present.access import Node, choice, many, one, text, texts
from records.fhir.present.dates import when_of
from records.fhir.present.documents import files_of, sections_of
from records.fhir.present.draft import Draft
from records.fhir.present.results import measurements_of, members, summary_of
from records.fhir.present.values import (
    age_at,
    code_of,
    concept,
    dosage,
    name,
    number_text,
    reference,
    value_text,
)
from records.fhir.present.vocabulary import (
    ALLERGY_CATEGORY,
    ALLERGY_TYPE,
    CRITICALITY,
    GENDER,
    INTENT,
    SEVERITY,
    STATUS,
    VISIT,
    worded,
)
from records.fhir.tables import elements


def condition(draft: Draft) -> None:
    _clinical_status(draft)
    _began_and_ended(draft)
    draft.show("severity", "bodySite", "stage", "evidence", "recorder", "asserter", "encounter", "note")


def allergy(draft: Draft) -> None:
    node = draft.resource
    _clinical_status(draft)
    draft.add(_("Kind"), worded(ALLERGY_TYPE, text(node, "type")) if text(node, "type") else "", "type")
    categories = ", ".join(worded(ALLERGY_CATEGORY, one_code) for one_code in texts(node, "category"))
    draft.add(_("To what"), categories, "category")
    draft.add(
        _("Risk"),
        worded(CRITICALITY, text(node, "criticality")) if text(node, "criticality") else "",
        "criticality",
    )
    draft.sheet.tell("reaction")
    reactions = [_reaction(item) for item in many(node, "reaction")]
    for item, words in zip(many(node, "reaction"), reactions, strict=True):
        draft.add(
            _("Reaction"),
            ", ".join(filter(None, [words, when_of(item, "onset").text, text(item, "description")])),
        )
        draft.add(_("Set off by"), concept(item.get("substance")))
        draft.add(_("Through"), concept(item.get("exposureRoute")))
    draft.summary = ", ".join(filter(None, reactions)) or draft.summary
    _began_and_ended(draft)
    draft.show("lastOccurrence", "recordedDate", "recorder", "asserter", "note")


def _reaction(node: Node) -> str:
    words, severity = concept(node.get("manifestation")), text(node, "severity")
    return f"{words} ({worded(SEVERITY, severity)})" if words and severity else words


def medicine(draft: Draft) -> None:
    node = draft.resource
    kind = text(node, "resourceType")
    draft.sheet.tell("medicationCodeableConcept", "medicationReference", "medication", "status")
    _plain_status(draft)
    if text(node, "status") == "not-taken":
        draft.negate(_("This records that the medicine is not taken."))
    if text(node, "status") == "not-done":
        draft.negate(_("This records that the medicine was not given."))
    if node.get("doNotPerform") is True:
        draft.negate(_("This is an instruction not to take or give this medicine."))
    draft.sheet.tell("doNotPerform")
    how = [dosage(item) for item in [*many(node, "dosage"), *many(node, "dosageInstruction")]]
    draft.summary = "; ".join(filter(None, how))
    draft.add(
        _("How to take it") if kind != "MedicationAdministration" else _("How it was given"),
        draft.summary,
        "dosage",
        "dosageInstruction",
    )
    draft.show(
        "effective",
        "authoredOn",
        "whenHandedOver",
        "whenPrepared",
        "dateAsserted",
        "statusReason",
        "reasonCode",
        "reasonReference",
    )
    _people(draft, "performer")
    if kind == "MedicationRequest":
        intent = text(node, "intent")
        draft.add(_("Kind of order"), "" if intent == "order" else worded(INTENT, intent), "intent")
    draft.show("requester", "informationSource", "quantity", "daysSupply", "dispenseRequest", "note")


def immunisation(draft: Draft) -> None:
    node = draft.resource
    _plain_status(draft)
    draft.sheet.tell("vaccineCode", "status")
    if text(node, "status") == "not-done":
        draft.status = [_("Not given")]
        draft.negate(_("This records that the vaccine was not given."))
    draft.show("statusReason", "occurrence")
    doses = [_dose(item) for item in many(node, "protocolApplied")]
    draft.summary = ", ".join(filter(None, doses))
    draft.add(_("Dose"), draft.summary)
    targets = ", ".join(
        filter(None, (concept(item.get("targetDisease")) for item in many(node, "protocolApplied")))
    )
    draft.add(_("Against"), targets, "protocolApplied")
    draft.show("lotNumber", "manufacturer", "expirationDate", "site", "route", "doseQuantity")
    _people(draft, "performer")
    draft.show("location", "reasonCode", "reaction")
    if node.get("primarySource") is False:
        draft.notes.append(_("This vaccination was reported, not given by those who recorded it."))
    draft.sheet.tell("primarySource")
    draft.show("note")


def _dose(node: Node) -> str:
    number = text(node, "doseNumberString") or number_text(node.get("doseNumberPositiveInt"))
    total = text(node, "seriesDosesString") or number_text(node.get("seriesDosesPositiveInt"))
    if number and total:
        return _("dose %(number)s of %(total)s") % {"number": number, "total": total}
    return _("dose %(number)s") % {"number": number} if number else ""


def procedure(draft: Draft) -> None:
    _plain_status(draft)
    if text(draft.resource, "status") == "not-done":
        draft.negate(_("This records that the procedure was not done."))
    draft.sheet.tell("code", "status")
    draft.show("statusReason", "performed", "reasonCode", "reasonReference", "bodySite")
    _people(draft, "performer")
    draft.show("location", "outcome", "complication", "followUp", "report", "encounter", "note")


def visit(draft: Draft) -> None:
    node = draft.resource
    _plain_status(draft)
    draft.sheet.tell("status")
    visit_class = one(node, "class")
    class_words = str(VISIT.get(text(visit_class, "code"), "")) or concept(visit_class)
    draft.title = draft.title or class_words
    reasons = [concept(node.get("reasonCode")), _references(draft, "reasonReference")]
    draft.summary = ", ".join(filter(None, reasons)) or (class_words if class_words != draft.title else "")
    draft.show("period")
    draft.add(_("Kind of visit"), class_words, "class")
    draft.add(_("Reason"), ", ".join(filter(None, reasons)), "reasonCode", "reasonReference")
    seen = [_person(draft, item, "individual") for item in many(node, "participant")]
    draft.add(_("Seen by"), ", ".join(dict.fromkeys(filter(None, seen))), "participant")
    places = [reference(item.get("location"), draft.context) for item in many(node, "location")]
    draft.add(_("Place"), ", ".join(dict.fromkeys(filter(None, places))), "location")
    draft.show("serviceProvider", "diagnosis", "hospitalization", "length", "priority")
    draft.sheet.tell("statusHistory", "classHistory")


def observation(draft: Draft) -> None:
    node = draft.resource
    _plain_status(draft)
    draft.sheet.tell(
        "status",
        "code",
        "value",
        "component",
        "referenceRange",
        "interpretation",
        "category",
        "dataAbsentReason",
        "hasMember",
        choice(node, "value")[0],
    )
    draft.measurements = measurements_of(node, draft.context)
    draft.summary = summary_of(draft.measurements)
    draft.show(
        "effective", "issued", "performer", "bodySite", "method", "specimen", "device", "encounter", "note"
    )


def report(draft: Draft) -> None:
    node = draft.resource
    _plain_status(draft)
    seen: set[str] = set()
    for item in many(node, "result"):
        found = members(item, draft.context, seen=seen)
        draft.measurements += found
        if not found and not draft.context.find(item):
            draft.add(_("Result"), reference(item, draft.context))
    draft.sheet.tell("status", "code", "result", "category", "presentedForm")
    draft.files = files_of(node)
    draft.summary = text(node, "conclusion") or summary_of(draft.measurements)
    draft.show(
        "conclusion",
        "conclusionCode",
        "effective",
        "issued",
        "performer",
        "resultsInterpreter",
        "specimen",
        "imagingStudy",
        "media",
        "encounter",
    )


def document(draft: Draft) -> None:
    node = draft.resource
    _plain_status(draft)
    if text(node, "docStatus"):
        draft.status.append(worded(STATUS, text(node, "docStatus")))
    draft.sheet.tell("status", "docStatus", "title", "section", "content")
    draft.files = files_of(node)
    draft.sections = sections_of(node, draft.context)
    draft.summary = concept(node.get("type")) if concept(node.get("type")) != draft.title else ""
    draft.show("type", "category", "date", "author", "authenticator", "attester", "custodian", "description")


def person(draft: Draft) -> None:
    node = draft.resource
    draft.add(_("Name"), name(node.get("name")), "name")
    draft.show("birthDate", "deceased")
    draft.add(_("Gender"), worded(GENDER, text(node, "gender")) if text(node, "gender") else "", "gender")
    draft.show("relationship", "qualification", "telecom", "address", "communication", "generalPractitioner")


def anything(draft: Draft) -> None:
    """A type without a page of its own: every element, in the order in which it was sent."""
    _plain_status(draft)
    draft.sheet.tell("status")
    draft.files = files_of(draft.resource)


def _plain_status(draft: Draft) -> None:
    if code := text(draft.resource, "status"):
        draft.status.append(worded(STATUS, code))


def _clinical_status(draft: Draft) -> None:
    node = draft.resource
    clinical, certainty = code_of(node.get("clinicalStatus")), code_of(node.get("verificationStatus"))
    if clinical or concept(node.get("clinicalStatus")):
        draft.status.append(
            worded(STATUS, clinical) if clinical in STATUS else concept(node.get("clinicalStatus"))
        )
    if certainty != "confirmed" and concept(node.get("verificationStatus")):
        draft.status.append(
            worded(STATUS, certainty) if certainty in STATUS else concept(node["verificationStatus"])
        )
    if certainty == "refuted":
        draft.negate(_("This was looked into and ruled out."))
    draft.sheet.tell("clinicalStatus", "verificationStatus", "code")


def _began_and_ended(draft: Draft) -> None:
    for stem, label in (("onset", _("Began")), ("abatement", _("Ended"))):
        named, value = choice(draft.resource, stem)
        if named:
            words = age_at(value) if named.endswith("Age") else _words_of(draft, named, value)
            draft.add(label, words, named)


def _words_of(draft: Draft, named: str, value: Any) -> str:
    known = elements(text(draft.resource, "resourceType")).get(named)
    return value_text(known.type, value, draft.context) or "" if known else ""


def _references(draft: Draft, key: str) -> str:
    return ", ".join(filter(None, (reference(item, draft.context) for item in many(draft.resource, key))))


def _people(draft: Draft, key: str) -> None:
    """Who did it, each with what they were there for; some types name them outright."""
    nodes = many(draft.resource, key)
    who = [
        _person(draft, node, "actor") if "actor" in node else reference(node, draft.context) for node in nodes
    ]
    draft.add(_("By"), ", ".join(dict.fromkeys(filter(None, who))), key)


def _person(draft: Draft, node: Node, key: str) -> str:
    who, role = reference(one(node, key), draft.context), concept(node.get("type") or node.get("function"))
    return f"{who} ({role})" if who and role else who or role


Presenter = Callable[[Draft], None]

PRESENTERS: dict[str, Presenter] = {
    "AllergyIntolerance": allergy,
    "Composition": document,
    "Condition": condition,
    "DiagnosticReport": report,
    "DocumentManifest": document,
    "DocumentReference": document,
    "Encounter": visit,
    "Immunization": immunisation,
    "MedicationAdministration": medicine,
    "MedicationDispense": medicine,
    "MedicationRequest": medicine,
    "MedicationStatement": medicine,
    "Observation": observation,
    "Patient": person,
    "Person": person,
    "Practitioner": person,
    "Procedure": procedure,
    "RelatedPerson": person,
}
