"""
Patients and records for tests, in the words of the domain.

Both go through the real services, so a record made here is validated, encrypted, committed to and
indexed like any other: `RecordFactory(patient=amina, versions=[{"status": "preliminary"}, {}])`.
"""

import json
import uuid
from datetime import UTC, date, datetime

import factory

from accounts.models import Role, User
from patients.models import Patient
from patients.registration import register_patient
from records.fhir.validation import validate
from records.models import Record
from records.services.storing import Incoming, store

SPRING = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class PatientFactory(factory.Factory):
    """A registered patient; `with_account=False` for one who was never invited."""

    class Meta:
        model = Patient

    family_name = factory.Faker("last_name")
    given_names = factory.Faker("first_name")
    birth_date = date(1980, 3, 4)
    at = SPRING
    with_account = True

    @classmethod
    def _create(cls, model_class, *args, with_account, **kwargs):
        patient = register_patient(**kwargs)
        if with_account:
            patient.user = User.objects.create_user(uuid.uuid4().hex, role=Role.PATIENT)
            patient.save()
        return patient


class RecordFactory(factory.Factory):
    """
    A record with its versions; what a version does not say is said by `content`, an observation.

    `reason` and `by` belong to every version after the first.
    """

    class Meta:
        model = Record

    patient = factory.SubFactory(PatientFactory)
    source = "North Hospital Laboratory"
    fhir_id = factory.Sequence(lambda number: f"record-{number}")
    content = factory.LazyFunction(lambda: result())
    versions = ({},)
    reason = ""
    by = None
    at = SPRING

    @classmethod
    def _create(cls, model_class, *args, patient, source, fhir_id, content, versions, reason, by, at):
        record = None
        for number, changes in enumerate(versions):
            document = document_of(patient, fhir_id, {**content, **changes})
            outcome = store(
                [incoming(patient, document)],
                source=source,
                by=by if number else None,
                at=at,
                reason=reason if number else "",
            )
            (record,) = outcome.imported + outcome.changed
        return record


def many_records(patient, number, *, source="North Hospital Laboratory", at=SPRING, content=None):
    """Give a patient many results on as many days, in one batch."""
    days = [date.fromordinal(date(2026, 3, 1).toordinal() - index) for index in range(number)]
    batch = [
        incoming(
            patient,
            document_of(
                patient, f"many-{index}", {**(content or result()), "effectiveDateTime": day.isoformat()}
            ),
        )
        for index, day in enumerate(days)
    ]
    return store(batch, source=source, by=None, at=at).imported


def document_of(patient, fhir_id, content):
    """Return the resource's JSON, its decimals as they were written in `content`."""
    whole = {"id": fhir_id, **content}
    whole.setdefault(_owner(content["resourceType"]), {"reference": f"Patient/{patient.pk}"})
    return json.dumps(whole, ensure_ascii=False).encode()


def incoming(patient, document):
    faults = validate(document)
    assert not faults, [str(fault) for fault in faults]
    content = json.loads(document)
    return Incoming(document, content, content["id"], patient)


def result(value=13.5, *, unit="g/dL", day="2026-03-02", low=12.0, high=15.5, **more):
    """Return a haemoglobin result as FHIR."""
    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {
            "coding": [{"system": "http://loinc.org", "code": "718-7", "display": "Hemoglobin"}],
            "text": "Haemoglobin",
        },
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": unit},
        "referenceRange": [{"low": {"value": low, "unit": unit}, "high": {"value": high, "unit": unit}}],
        **more,
    }


def _owner(resource_type):
    return "patient" if resource_type in ("AllergyIntolerance", "Immunization") else "subject"


def medicine(name, status):
    return {
        "resourceType": "MedicationStatement",
        "status": status,
        "medicationCodeableConcept": {"text": name},
        "effectiveDateTime": "2026-01-05",
    }


def allergy(name):
    return {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical",
                    "code": "active",
                }
            ]
        },
        "code": {"text": name},
        "recordedDate": "2026-01-05",
    }
