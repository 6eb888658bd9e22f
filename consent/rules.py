"""Who may see what: the one function that decides, and the rows that follow from it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Exists, OuterRef, Q

from accounts.models import Role
from audit.models import Ground
from consent.models import BreakGlass, Grant
from doctors.models import CareRelationship
from patients.models import Patient, PatientQuerySet


class Action(StrEnum):
    """What somebody wants to do with a patient's record."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True)
class Decision:
    """
    The answer, and the ground it stands on. Without a ground it is no.

    Of a ground that reaches to single records only, `grants` are those that may be used; which records
    they reach says `readable_records`.
    """

    allowed: bool
    ground: Ground | None = None
    grants: tuple[Grant, ...] = ()
    break_glass: BreakGlass | None = None

    @property
    def is_partial(self) -> bool:
        """Whether it reaches only to what its grants name."""
        return self.ground is Ground.GRANT


DENIED = Decision(allowed=False)


def decide(*, actor: Any, action: Action, patient: Patient, at: datetime) -> Decision:
    """
    Decide whether `actor` may do `action` with the record of `patient`. Deny is the default.

    The first ground that holds is the one that is told: the person's own record, their duty to treat, an
    emergency they declared, and last what the patient allowed. Only those who treat a patient here write
    in the record. A superuser has no ground of its own.
    """
    if not actor.is_authenticated or not actor.is_active:
        return DENIED
    if action is Action.READ and actor.is_patient and patient.user_id == actor.id:
        return Decision(True, Ground.OWN_RECORD)
    if actor.has_role(Role.DOCTOR):
        if CareRelationship.objects.active(at).of_clinician(actor).filter(patient=patient).exists():
            return Decision(True, Ground.TREATMENT)
        if action is Action.WRITE:
            return DENIED
        broken = BreakGlass.objects.open(at).held_by(actor).filter(patient=patient).first()
        if broken is not None:
            return Decision(True, Ground.BREAK_GLASS, break_glass=broken)
    if action is Action.READ:
        held = grants_held_by(actor, at=at).filter(patient=patient)
        # Decided from the columns: what was signed is long, and sealed.
        grants = tuple(held.defer("sealed_document", "sealed_secret").newest_first())
        if grants:
            return Decision(True, Ground.GRANT, grants=grants)
    return DENIED


def grants_held_by(actor: Any, *, at: datetime) -> Any:
    """Choose the grants under which `actor` may read now: a doctor's, or those of somebody who helps."""
    if not actor.is_authenticated or not actor.is_active:
        return Grant.objects.none()
    return Grant.objects.active(at).held_by(actor)


def patients_readable_whole_by(actor: Any, *, at: datetime) -> PatientQuerySet:
    """Choose the patients of whose record `actor` may read all: on every ground but a grant."""
    if not actor.is_authenticated or not actor.is_active:
        return Patient.objects.none()
    if actor.is_patient:
        return Patient.objects.filter(user=actor)
    if actor.has_role(Role.DOCTOR):
        treated = CareRelationship.objects.active(at).of_clinician(actor)
        emergencies = BreakGlass.objects.open(at).held_by(actor)
        return Patient.objects.filter(
            Q(pk__in=treated.values("patient")) | Q(pk__in=emergencies.values("patient"))
        )
    return Patient.objects.none()


def patients_readable_by(actor: Any, *, at: datetime) -> PatientQuerySet:
    """
    Choose the patients of whose record `actor` may read anything: those for whom `decide` would say yes.

    A test holds the two together.
    """
    whole = patients_readable_whole_by(actor, at=at)
    granted = grants_held_by(actor, at=at)
    return Patient.objects.filter(Q(pk__in=whole.values("pk")) | Q(pk__in=granted.values("patient")))


def readable_records(actor: Any, *, at: datetime, record: str = "") -> Q:
    """
    The condition on records, or on what hangs on one, that leaves what `actor` may read.

    A grant reaches a record by its kind or by its name, and only if it names each of the record's
    sensitivities; a record that nobody has classified yet is reached by none. It is part of the query, so
    however many grants there are, counting and paging stay what they are for whom the rest does not exist.

    :param record: the path to the record, such as ``record__``, where the rows are not records themselves
    """
    reaching = (
        grants_held_by(actor, at=at)
        .filter(
            patient=OuterRef(f"{record}patient"),
            sensitivities__contains=OuterRef(f"{record}sensitivities"),
        )
        .filter(
            Q(kinds__contains=[OuterRef(f"{record}kind")]) | Q(record_ids__contains=[OuterRef(f"{record}pk")])
        )
    )
    whole = patients_readable_whole_by(actor, at=at)
    return Q(**{f"{record}patient__in": whole.values("pk")}) | Q(Exists(reaching))
