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
    Return the number by which staff call `patient`: the hospital's own, or else the first they came with.

    Costs no query where identifiers were prefetched.
    """
    identifiers = sorted(patient.identifiers.all(), key=lambda one: (one.system != hospital_system(), one.pk))
    return identifiers[0].value if identifiers else ""
