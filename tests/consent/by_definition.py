"""
Who may read what, said as a person would say it: row by row, without a query that chooses.

The slow twin of `consent.rules`. Tests hold the rules, and the pages, against it.
"""

from django.contrib.auth.models import AnonymousUser

from accounts.models import Role
from audit.models import Ground
from consent.models import BreakGlass, Grant
from doctors.models import CareRelationship


def ground_to_read(actor, patient, at):
    """Return the ground on which `actor` may read something of this patient's, or None."""
    if isinstance(actor, AnonymousUser) or not actor.is_active:
        return None
    if actor.role == Role.PATIENT and patient.user == actor:
        return Ground.OWN_RECORD
    if works_here(actor):
        care = CareRelationship.objects.all()
        if any(one.clinician.user == actor and one.patient == patient and one.is_active(at) for one in care):
            return Ground.TREATMENT
        broken = BreakGlass.objects.all()
        if any(one.by == actor and one.patient == patient and one.is_open(at) for one in broken):
            return Ground.BREAK_GLASS
    return Ground.GRANT if grants_held(actor, patient, at) else None


def readable(actor, records, patient, at):
    """Return those of this patient's records that `actor` may read."""
    ground = ground_to_read(actor, patient, at)
    if ground != Ground.GRANT:
        return set(records) if ground else set()
    held = grants_held(actor, patient, at)
    return {
        one
        for one in records
        if any(
            grant.reaches(kind=one.kind, record_id=one.pk, sensitivities=one.sensitivities) for grant in held
        )
    }


def grants_held(actor, patient, at):
    """Return the patient's grants under which `actor` may read at this moment."""
    if isinstance(actor, AnonymousUser) or not actor.is_active:
        return []
    return [
        grant
        for grant in Grant.objects.select_related("department__institution", "proxy")
        if grant.patient_id == patient.pk and grant.is_active(at) and is_meant(grant, actor)
    ]


def is_meant(grant, actor):
    """Whether `actor` is the grantee, or one of those whom the grantee stands for."""
    if actor.role == Role.PATIENT:
        return grant.proxy == actor
    if not works_here(actor):
        return False
    department = actor.clinician.department
    match grant.grantee_kind:
        case "person":
            return grant.clinician == actor.clinician
        case "department":
            return grant.department == department and department.institution.is_this_hospital
        case "institution":
            return grant.institution == actor.clinician.institution
    return False


def works_here(actor):
    """Whether `actor` is a doctor of the hospital whose portal this is."""
    return (
        actor.role == Role.DOCTOR
        and hasattr(actor, "clinician")
        and actor.clinician.institution.is_this_hospital
    )
