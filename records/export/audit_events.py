"""
The access log as FHIR AuditEvents, in the shape of IHE's Basic Audit Log Patterns (BALP).

https://profiles.ihe.net/ITI/BALP/. That profile has one event a record that was read, so an opening of a
list becomes as many; `XrequestId` holds them together by the id of our line. A profile is claimed only by
events that keep it: BALP asks for the network address of the reader, which not every line has.
"""

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from accounts.models import Role
from audit.models import Event, EventDamaged
from patients.models import Patient
from records.access_log import PURPOSE_OF_GROUND
from records.models import RecordVersion

FHIR = dict[str, Any]

# Lines that are held in memory at once.
AT_ONCE = 200

PATIENT_READ = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
DICOM = "http://dicom.nema.org/resources/ontology/DCM"
REQUEST_ID = {
    "system": "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType",
    "code": "XrequestId",
}
SOURCE = {"system": DICOM, "code": "110153", "display": "Source Role ID"}
DESTINATION = {"system": DICOM, "code": "110152", "display": "Destination Role ID"}
IS_IP_ADDRESS = "2"
IS_URI = "5"

READS = {*Event.OPENINGS, *Event.LISTINGS, "log.exported"} - {"patient.listed", "patient.found"}
# What kind of act an event was, as FHIR has it: created, read, updated, or else executed.
ACTIONS = dict.fromkeys(READS, "R") | {
    "record.written": "C",
    "patient.registered": "C",
    "account.created": "C",
    "care.started": "C",
    "record.corrected": "U",
    "care.ended": "U",
    "review.closed": "U",
}
INTERACTIONS = {"R": "vread", "C": "create", "U": "update"}


def bundle_of(patient: Patient, *, at: datetime) -> Iterator[bytes]:
    """
    Yield a Bundle of everything that the log holds about this patient, oldest first, piece by piece.

    It takes as much memory for a hundred thousand lines as for two hundred.
    """
    head = {
        "resourceType": "Bundle",
        "id": str(uuid.uuid4()),
        "meta": {"lastUpdated": _instant(at)},
        "type": "collection",
        "timestamp": _instant(at),
    }
    yield json.dumps(head).removesuffix("}").encode()
    is_first = True
    for lines in _chunks(patient):
        yield (b', "entry": [\n' if is_first else b",\n") + _dumped(lines)
        is_first = False
    # FHIR knows no empty lists: without a line there is no entry.
    yield b"}" if is_first else b"]}"


def audit_events(event: Event, versions: dict[str, RecordVersion]) -> list[FHIR]:
    """
    Say one line of the log as AuditEvents: one for each record version it names, or one if it names none.

    :param versions: by id, as far as they are known
    """
    try:
        facts = event.facts
    except EventDamaged:
        return [_damaged(event)]
    named = facts.get("versions", [])
    if not named:
        return [_audit_event(event, facts, event.id)]
    return [
        _audit_event(
            event,
            facts,
            event.id if len(named) == 1 else uuid.uuid5(event.id, one),
            data=_data(one, versions.get(one)),
        )
        for one in named
    ]


def _chunks(patient: Patient) -> Iterator[list[Event]]:
    lines: list[Event] = []
    for event in Event.objects.of_patient(patient.pk).order_by("at", "id").iterator(chunk_size=AT_ONCE):
        lines.append(event)
        if len(lines) == AT_ONCE:
            yield lines
            lines = []
    if lines:
        yield lines


def _dumped(lines: Sequence[Event]) -> bytes:
    versions = _versions_in(lines)
    return b",\n".join(
        json.dumps({"fullUrl": f"urn:uuid:{one['id']}", "resource": one}, ensure_ascii=False).encode()
        for event in lines
        for one in audit_events(event, versions)
    )


def _versions_in(lines: Iterable[Event]) -> dict[str, RecordVersion]:
    named: set[str] = set()
    for event in lines:
        named |= {*event.legible_facts.get("versions", [])}
    found = RecordVersion.objects.filter(pk__in=named).select_related("record").only("number", "record")
    return {str(version.pk): version for version in found}


def _audit_event(event: Event, facts: FHIR, name: uuid.UUID, data: FHIR | None = None) -> FHIR:
    action = ACTIONS.get(event.name, "E")
    address = facts.get("address", "")
    keeps_profile = data is not None and action == "R" and bool(address)
    return {
        "resourceType": "AuditEvent",
        "id": str(name),
        **({"meta": {"profile": [PATIENT_READ]}} if keeps_profile else {}),
        "type": _type(data),
        "subtype": _subtype(event, action, data),
        "action": action,
        "recorded": _instant(event.at),
        "outcome": "0",
        **_purpose("purposeOfEvent", event),
        "agent": [
            *_machines(address, is_read=action != "C" and action != "U"),
            *([_person(event, facts)] if event.actor_id else []),
        ],
        "source": _source(),
        "entity": [
            _patient(event),
            *([data] if data else []),
            *(_consent(grant) for grant in facts.get("grants", ())),
            {"what": {"identifier": _uuid(event.id)}, "type": REQUEST_ID},
        ],
    }


def _damaged(event: Event) -> FHIR:
    """A line that was changed after it was written: what stands in clear, and that it is so."""
    return _audit_event(event, {}, event.id) | {
        "outcomeDesc": "This line was changed after it was written. Only what stands in clear is given."
    }


def _type(data: FHIR | None) -> FHIR:
    if data is None:
        return {"system": DICOM, "code": "110110", "display": "Patient Record"}
    return {"system": f"{TERMINOLOGY}/audit-event-type", "code": "rest", "display": "Restful Operation"}


def _subtype(event: Event, action: str, data: FHIR | None) -> list[FHIR]:
    ours = {"system": f"{settings.PORTAL_URL}/event-names", "code": event.name}
    interaction = INTERACTIONS.get(action) if data else None
    if interaction is None:
        return [ours]
    code = {"system": "http://hl7.org/fhir/restful-interaction", "code": interaction, "display": interaction}
    return [code, ours]


def _machines(address: str, *, is_read: bool) -> list[FHIR]:
    """The reader's device and the portal; what is read flows to the one, what is written to the other."""
    client, server = (DESTINATION, SOURCE) if is_read else (SOURCE, DESTINATION)
    portal = {
        "type": {"coding": [server]},
        "who": _portal(),
        "requestor": False,
        "network": {"address": settings.PORTAL_URL, "type": IS_URI},
    }
    if not address:
        return [portal]
    return [
        {
            "type": {"coding": [client]},
            "who": {"display": address},
            "requestor": False,
            "network": {"address": address, "type": IS_IP_ADDRESS},
        },
        portal,
    ]


def _person(event: Event, facts: FHIR) -> FHIR:
    name = facts.get("actorName", "")
    role = Role(event.actor_role) if event.actor_role in Role.values else None
    recipient = {
        "system": f"{TERMINOLOGY}/v3-ParticipationType",
        "code": "IRCP",
        "display": "information recipient",
    }
    coded = {"system": f"{settings.PORTAL_URL}/roles", "code": event.actor_role}
    return {
        "type": {"coding": [recipient]},
        **({"role": [{"coding": [coded], "text": str(role.label)}]} if role else {}),
        "who": {
            "identifier": {"system": f"{settings.PORTAL_URL}/users", "value": str(event.actor_id)},
            **({"display": name} if name else {}),
        },
        **({"name": name} if name else {}),
        "requestor": True,
        **_purpose("purposeOfUse", event),
    }


def _purpose(element: str, event: Event) -> FHIR:
    # Ours for taking a copy is none of theirs.
    code = event.purpose if event.purpose.isupper() else PURPOSE_OF_GROUND.get(event.ground, "")
    if not code:
        return {}
    return {element: [{"coding": [{"system": f"{TERMINOLOGY}/v3-ActReason", "code": code}]}]}


def _source() -> FHIR:
    server = {"system": f"{TERMINOLOGY}/security-source-type", "code": "4", "display": "Application Server"}
    return {"site": settings.HOSPITAL_NAME, "observer": _portal(), "type": [server]}


def _portal() -> FHIR:
    return {
        "identifier": {"system": "urn:ietf:rfc:3986", "value": settings.PORTAL_URL},
        "display": settings.HOSPITAL_NAME,
    }


def _patient(event: Event) -> FHIR:
    entity: FHIR = {
        "what": {"reference": f"Patient/{event.patient_id}"},
        "type": {"system": f"{TERMINOLOGY}/audit-entity-type", "code": "1", "display": "Person"},
        "role": {"system": f"{TERMINOLOGY}/object-role", "code": "1", "display": "Patient"},
    }
    if event.ground:
        # The ground in our own words: purposes of use say what for, and not on which right.
        entity["detail"] = [{"type": "ground", "valueString": event.ground}]
    return entity


def _data(name: str, version: RecordVersion | None) -> FHIR:
    what: FHIR = {"identifier": _uuid(uuid.UUID(name))}
    if version is not None:
        record = version.record
        what = {"reference": f"{record.resource_type}/{record.pk}/_history/{version.number}", **what}
    return {
        "what": what,
        "type": {"system": f"{TERMINOLOGY}/audit-entity-type", "code": "2", "display": "System Object"},
        "role": {"system": f"{TERMINOLOGY}/object-role", "code": "4", "display": "Domain Resource"},
    }


def _consent(grant: str) -> FHIR:
    return {
        "what": {"reference": f"Consent/{grant}"},
        "type": {"system": "http://hl7.org/fhir/resource-types", "code": "Consent", "display": "Consent"},
    }


def _uuid(name: uuid.UUID) -> FHIR:
    return {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{name}"}


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
