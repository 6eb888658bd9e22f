"""Registering patients: entering a person once, and finding the one who is there already."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import transaction

from audit import services as audit
from patients.models import Patient, PatientIdentifier, Sex


@dataclass(frozen=True)
class Identifier:
    """A number as its issuer gave it: `system` a URI, `label` what people call it."""

    system: str
    value: str
    label: str = ""


class IdentifierTaken(Exception):
    """The number belongs to another patient, so a person has to decide who this is."""

    def __init__(self, patient: Patient) -> None:
        super().__init__("This number already belongs to another patient.")
        self.patient = patient


@transaction.atomic
def register_patient(
    *,
    family_name: str,
    given_names: str,
    birth_date: date | None,
    at: datetime,
    by: Any = None,
    sex: str = Sex.UNKNOWN,
    identifiers: Iterable[Identifier] = (),
    email: str = "",
    phone: str = "",
    address: str = "",
) -> Patient:
    """
    Enter a patient, with their numbers, and leave a trace.

    :raises IdentifierTaken: if one of the numbers belongs to a patient already; nothing is written
    """
    patient = Patient(
        family_name=family_name,
        given_names=given_names,
        birth_date=birth_date,
        sex=sex,
        email=email,
        phone=phone,
        address=address,
    )
    patient.save()
    for identifier in identifiers:
        add_identifier(patient, identifier)
    patient.refresh_tokens()
    patient.save(update_fields=["tokens"])
    audit.record("patient.registered", at=at, by=by, patient_id=patient.id, ground="staff_duty" if by else "")
    return patient


def add_identifier(patient: Patient, identifier: Identifier) -> None:
    """
    Give a patient one more number; one that they have already stays as it is.

    :raises IdentifierTaken: if it belongs to somebody else
    """
    token = PatientIdentifier.token_of(identifier.system, identifier.value)
    row, _created = PatientIdentifier.objects.get_or_create(
        token=token,
        defaults={
            "patient": patient,
            "system": identifier.system,
            "label": identifier.label,
            "value": identifier.value,
        },
    )
    if row.patient_id != patient.id:
        raise IdentifierTaken(row.patient)


def patients_with(identifiers: Iterable[Identifier]) -> set[Patient]:
    """Return the patients to whom any of these numbers belongs."""
    tokens = [PatientIdentifier.token_of(one.system, one.value) for one in identifiers]
    return {
        row.patient for row in PatientIdentifier.objects.filter(token__in=tokens).select_related("patient")
    }
