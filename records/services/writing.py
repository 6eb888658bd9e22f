"""What doctors write: notes, and corrections as new versions with author and reason."""

import base64
import json
import uuid
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from audit import services as audit
from consent.rules import Action
from patients.models import Patient
from records.fhir.faults import Fault
from records.fhir.strict import parse
from records.models import Record, RecordVersion
from records.services.grounds import require
from records.services.storing import Incoming, faults_of, store


class Refused(Exception):
    """What was written can't be kept; `faults` say where and why."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


@transaction.atomic
def correct_record(*, record: Record, document: bytes, reason: str, by: Any, at: datetime) -> RecordVersion:
    """
    Make `document` the record's new version. What stood before stays, and both stay provable.

    :raises Refused: if it is not a valid resource, is another one, or says nothing new
    :raises PermissionDenied: if `by` may not write in this patient's record
    """
    decision = require(Action.WRITE, by=by, patient=record.patient, at=at)
    if faults := faults_of(document):
        raise Refused(faults)
    content = parse(document)
    if (content["resourceType"], content.get("id")) != (record.resource_type, record.fhir_id):
        raise Refused([Fault("id", _("A correction keeps the type and the id of what it corrects."))])
    incoming = Incoming(document, content, record.fhir_id, record.patient)
    outcome = store([incoming], source=record.source, by=by, at=at, reason=reason)
    if not outcome.changed:
        raise Refused([Fault("", _("Nothing was changed, so there is nothing to keep."))])
    version = RecordVersion.objects.filter(record=record).latest().get()
    audit.record(
        "record.corrected",
        at=at,
        by=by,
        patient_id=record.patient_id,
        ground=str(decision.ground),
        versions=[version.id],
        reason=reason,
    )
    return version


@transaction.atomic
def write_note(*, patient: Patient, title: str, text: str, by: Any, at: datetime) -> RecordVersion:
    """
    Keep a doctor's note as a FHIR DocumentReference.

    :raises PermissionDenied: if `by` may not write in this patient's record
    """
    decision = require(Action.WRITE, by=by, patient=patient, at=at)
    fhir_id = str(uuid.uuid4())
    content = {
        "resourceType": "DocumentReference",
        "id": fhir_id,
        "status": "current",
        "type": {
            "coding": [{"system": "http://loinc.org", "code": "11506-3", "display": "Progress note"}],
            "text": title,
        },
        "subject": {"reference": f"Patient/{patient.id}"},
        "date": at.isoformat(timespec="seconds"),
        "author": [{"display": by.display_name}],
        "description": title,
        "content": [
            {
                "attachment": {
                    "contentType": "text/plain; charset=utf-8",
                    "data": base64.b64encode(text.encode()).decode(),
                    "title": title,
                }
            }
        ],
    }
    document = json.dumps(content, ensure_ascii=False).encode()
    if faults := faults_of(document):
        raise Refused(faults)
    incoming = Incoming(document, content, fhir_id, patient)
    (record,) = store([incoming], source=settings.PORTAL_URL, by=by, at=at).imported
    version = RecordVersion.objects.filter(record=record).latest().get()
    audit.record(
        "record.written",
        at=at,
        by=by,
        patient_id=patient.id,
        ground=str(decision.ground),
        versions=[version.id],
    )
    return version
