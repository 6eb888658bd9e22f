"""Breaking the glass: a doctor opens one record in an emergency, and those concerned learn of it at once."""

from datetime import datetime

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import Role, User
from audit import services as audit
from audit.models import Ground, Review
from audit.reviews import open_review
from consent.models import BreakGlass
from doctors.models import CareRelationship, Clinician
from patients.models import Notice, Patient
from patients.notices import notify

# Whoever reviews it needs a sentence; "x" or "emergency" tells nothing.
FEWEST_WORDS = 3


class ReasonTooShort(Exception):
    """Nobody could review an emergency whose reason says nothing. Nothing was opened."""


class GlassNotNeeded(Exception):
    """The doctor treats the patient, and so reads the record without an emergency."""


class GlassIsBroken(Exception):
    """The doctor has opened this record in an emergency, and it still stands open."""

    def __init__(self, break_glass: BreakGlass) -> None:
        super().__init__(break_glass.pk)
        self.break_glass = break_glass


@transaction.atomic
def break_glass(
    *, patient: Patient, reason: str, by: User, at: datetime, address: str | None = None
) -> BreakGlass:
    """
    Open a record to a doctor for `BreakGlass.LASTS`, and tell the patient and the privacy officer.

    Whoever calls has had the second factor shown just now.

    :param reason: read by the patient and by the privacy officer
    :raises PermissionDenied: if `by` is no doctor of this hospital
    :raises ReasonTooShort: if the reason says nothing
    :raises GlassNotNeeded: if the doctor treats the patient
    :raises GlassIsBroken: if they have opened this record already, and it has not closed yet
    """
    if not by.has_role(Role.DOCTOR) or not _works_here(by):
        raise PermissionDenied
    reason = " ".join(reason.split())
    if len(reason.split()) < FEWEST_WORDS:
        raise ReasonTooShort
    # Two clicks at once take turns here, and the second finds what the first one opened.
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    if CareRelationship.objects.active(at).of_clinician(by).filter(patient=patient).exists():
        raise GlassNotNeeded
    broken = open_for(patient, by=by, at=at)
    if broken is not None:
        raise GlassIsBroken(broken)

    broken = BreakGlass.objects.create(
        patient=patient, by=by, reason=reason, at=at, expires_at=at + BreakGlass.LASTS
    )
    audit.record(
        "glass.broken",
        at=at,
        by=by,
        patient_id=patient.pk,
        ground=Ground.BREAK_GLASS,
        address=address,
        breakGlass=str(broken.pk),
        reason=reason,
        until=broken.expires_at.isoformat(),
    )
    open_review(kind=Review.Kind.BREAK_GLASS, patient_id=patient.pk, subject=broken.pk, by=by, at=at)
    notify(patient.pk, Notice.Kind.BREAK_GLASS, at)
    return broken


def open_for(patient: Patient, *, by: User, at: datetime) -> BreakGlass | None:
    """Return the emergency under which this record stands open to `by`, if there is one."""
    return BreakGlass.objects.open(at).held_by(by).filter(patient=patient).first()


def _works_here(by: User) -> bool:
    return Clinician.objects.filter(user=by, institution__is_this_hospital=True).exists()
