"""Who may see what: the one function that decides, and the rows that follow from it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from accounts.models import Role
from audit.models import Ground
from doctors.models import CareRelationship
from patients.models import Patient, PatientQuerySet


class Action(StrEnum):
    """What somebody wants to do with a patient's record."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True)
class Decision:
    """The answer, and the ground it stands on. Without a ground it is no."""

    allowed: bool
    ground: Ground | None = None


DENIED = Decision(allowed=False)


def decide(*, actor: Any, action: Action, patient: Patient, at: datetime) -> Decision:
    """
    Decide whether `actor` may do `action` with the record of `patient`. Deny is the default.

    A superuser has no ground of its own.
    """
    if not actor.is_authenticated or not actor.is_active:
        return DENIED
    if action is Action.READ and actor.is_patient:
        return Decision(True, Ground.OWN_RECORD) if patient.user_id == actor.id else DENIED
    if action in (Action.READ, Action.WRITE) and actor.has_role(Role.DOCTOR):
        treats = CareRelationship.objects.active(at).of_clinician(actor).filter(patient=patient).exists()
        return Decision(True, Ground.TREATMENT) if treats else DENIED
    return DENIED


def patients_readable_by(actor: Any, *, at: datetime) -> PatientQuerySet:
    """
    Choose the patients whose record `actor` may read: the rows for which `decide` would say yes.

    A test holds the two together.
    """
    if not actor.is_authenticated or not actor.is_active:
        return Patient.objects.none()
    if actor.is_patient:
        return Patient.objects.filter(user=actor)
    if actor.has_role(Role.DOCTOR):
        treated = CareRelationship.objects.active(at).of_clinician(actor)
        return Patient.objects.filter(pk__in=treated.values("patient"))
    return Patient.objects.none()
