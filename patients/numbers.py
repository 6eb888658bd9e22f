"""The hospital's own patient number: the one on wristbands and letters."""

import secrets

from django.conf import settings

from patients.models import Patient, PatientIdentifier
from patients.registration import Identifier

LABEL = "Patient number"


def hospital_system() -> str:
    """The URI under which this hospital issues its numbers."""
    return f"{settings.PORTAL_URL}/patient-number"


def new_number() -> Identifier:
    """
    Return a number that no patient has: eight random digits, so that it tells neither age nor order.

    Two registrations may draw the same one at the same moment; the database refuses the second.
    """
    while True:
        number = Identifier(system=hospital_system(), value=f"{secrets.randbelow(10**8):08d}", label=LABEL)
        token = PatientIdentifier.token_of(number.system, number.value)
        if not PatientIdentifier.objects.filter(token=token).exists():
            return number


def number_of(patient: Patient) -> str:
    """
    Return the number by which staff call `patient`: the hospital's own, or else another hospital's.

    A passport's or an insurer's comes last. Costs no query where identifiers were prefetched.
    """
    identifiers = sorted(patient.identifiers.all(), key=_rank)
    return identifiers[0].value if identifiers else ""


def numbers_of(patient: Patient) -> list[tuple[str, list[str]]]:
    """Return each number once, with all who issued it: systems often hand the same one on."""
    issuers: dict[str, list[str]] = {}
    for one in sorted(patient.identifiers.all(), key=_rank):
        issuers.setdefault(one.value, []).append(str(one))
    return [*issuers.items()]


def _rank(identifier: PatientIdentifier) -> tuple[bool, bool, int]:
    is_of_a_hospital = identifier.label.casefold() in ("medical record number", LABEL.casefold())
    return identifier.system != hospital_system(), not is_of_a_hospital, identifier.pk
