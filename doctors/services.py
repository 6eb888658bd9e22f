"""Who treats whom: starting care, and ending it."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from audit import services as audit
from audit.models import Ground
from doctors.models import CareRelationship, Clinician


class AlreadyTreats(Exception):
    """The doctor treats this patient already; nothing has changed."""


class CareHasEnded(Exception):
    """This care had ended before; nothing has changed."""


def start_care(*, clinician: Clinician, patient: Any, reason: str, by: Any, at: datetime) -> CareRelationship:
    """
    Let a doctor treat a patient from now on, and so see their record.

    :raises AlreadyTreats: if they do so already
    """
    try:
        with transaction.atomic():
            # An open relationship is one row by constraint, so of two officers at once one is told.
            care: CareRelationship = CareRelationship.objects.create(
                clinician=clinician, patient=patient, reason=reason, started_at=at, by=by
            )
            _trace("care.started", care, by=by, at=at)
    except IntegrityError:
        raise AlreadyTreats from None
    return care


@transaction.atomic
def end_care(*, care: CareRelationship, by: Any, at: datetime) -> None:
    """
    End a doctor's care, so that from this moment the patient's record is not found by them.

    :raises CareHasEnded: if it had ended already
    """
    care = CareRelationship.objects.select_for_update().get(pk=care.pk)
    if not care.is_active(at):
        raise CareHasEnded
    care.ended_at = at
    care.save(update_fields=["ended_at"])
    _trace("care.ended", care, by=by, at=at)


def _trace(name: str, care: CareRelationship, *, by: Any, at: datetime) -> None:
    audit.record(
        name,
        at=at,
        by=by,
        patient_id=care.patient_id,
        ground=Ground.STAFF_DUTY,
        clinician=str(care.clinician),
        reason=care.reason,
    )
