"""Finding one patient whom one does not treat: by exact words only, never as a list to look through."""

from datetime import date, datetime
from typing import Any

from django.db import transaction

from audit import services as audit
from audit.models import Ground
from patients.blind_index import blind_index, normalised
from patients.models import Patient

# Whoever stands before somebody knows enough to meet fewer; more would be a list.
MOST_FOUND = 5
# Many may share a birth date, which is looked up like a number; beyond this nobody compares them.
MOST_COMPARED = 200


class TooManyFound(Exception):
    """More patients match than anybody should be shown at once. None was shown."""


@transaction.atomic
def find_patients(
    *,
    number: str = "",
    family_name: str = "",
    birth_date: date | None = None,
    by: Any,
    at: datetime,
    address: str | None = None,
) -> list[Patient]:
    """
    Find patients by one of their numbers, or by whole family name and birth date together.

    Each one that is shown reads in their access log that they were found; what was typed is not kept.

    :raises TooManyFound: if more than `MOST_FOUND` match
    """
    found = _with_number(number) if number.strip() else _called(family_name, birth_date)
    if len(found) > MOST_FOUND:
        raise TooManyFound
    if found:
        audit.record_all(
            "patient.found",
            at=at,
            by=by,
            patient_ids=[patient.pk for patient in found],
            ground=Ground.STAFF_DUTY,
            address=address,
        )
    return found


def _with_number(number: str) -> list[Patient]:
    # Names and birth dates are looked up by the same tokens; a number must be the whole of a number.
    candidates = Patient.objects.filter(tokens__contains=[blind_index("patient", number)])
    return [
        patient
        for patient in candidates.prefetch_related("identifiers").order_by("pk")[:MOST_COMPARED]
        if any(normalised(one.value) == normalised(number) for one in patient.identifiers.all())
    ]


def _called(family_name: str, birth_date: date | None) -> list[Patient]:
    if not family_name.strip() or birth_date is None:
        return []
    candidates = Patient.objects.matching(f"{family_name} {birth_date.isoformat()}")
    return [
        patient
        for patient in candidates.prefetch_related("identifiers").order_by("pk")[:MOST_COMPARED]
        if normalised(patient.family_name) == normalised(family_name) and patient.birth_date == birth_date
    ]
