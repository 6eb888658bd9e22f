"""A doctor asks a patient for access, and takes the question back. What the patient answers: `granting`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction

from accounts.models import User
from audit import services as audit
from consent.categories import OF_PATIENTS, Kind
from consent.models import AccessRequest, Covers, Purpose
from consent.services.granting import NothingCovered, PeriodInvalid
from doctors.models import Clinician
from patients.models import Notice, Patient
from patients.notices import notify

UNANSWERED_AFTER = timedelta(days=30)
LONGEST_DAYS = 365
# Single records are the patient's to choose: whoever asks must not know which there are.
COVERS = (Covers.SUMMARY, Covers.CATEGORIES, Covers.EVERYTHING)
PURPOSES = (Purpose.TREATMENT, Purpose.SECOND_OPINION, Purpose.RESEARCH)


class AlreadyAsked(Exception):
    """The same question waits for this patient's answer. Nothing was asked again."""


class NotAskable(Exception):
    """A doctor cannot ask for this: for single records, or for what only others need."""


class RequestNotOpen(Exception):
    """It was answered, withdrawn or ran out before. Nothing has changed."""


@transaction.atomic
def ask_access(
    *,
    patient: Patient,
    clinician: Clinician,
    covers: Covers,
    kinds: Sequence[Kind],
    purpose: Purpose,
    reason: str,
    days: int,
    by: User,
    at: datetime,
) -> AccessRequest:
    """
    Ask a patient for access, in the doctor's own words; unanswered it runs out by itself.

    It opens nothing, and no ground is needed to ask.

    :param kinds: of `Covers.CATEGORIES`, which
    :param days: for how long, from the patient's yes
    :raises PermissionDenied: if `by` is not this doctor of this hospital
    :raises NotAskable: if only a patient could choose this
    :raises NothingCovered: if no kind is named where kinds are asked for
    :raises PeriodInvalid: if it would last less than a day, or more than `LONGEST_DAYS`
    :raises AlreadyAsked: if the same was asked and not answered yet
    """
    # Two clicks at once take turns here, and the second finds what the first one asked.
    clinician = (
        Clinician.objects.select_for_update(no_key=True, of=["self"])
        .select_related("institution")
        .get(pk=clinician.pk)
    )
    if clinician.user_id != by.pk or not by.is_active or not clinician.institution.is_this_hospital:
        raise PermissionDenied
    if covers not in COVERS or purpose not in PURPOSES or any(kind not in OF_PATIENTS for kind in kinds):
        raise NotAskable
    asked = [kind.value for kind in Kind if kind in kinds] if covers == Covers.CATEGORIES else []
    if covers == Covers.CATEGORIES and not asked:
        raise NothingCovered
    if not 1 <= days <= LONGEST_DAYS:
        raise PeriodInvalid
    same = AccessRequest.objects.open(at).filter(
        patient=patient, clinician=clinician, covers=covers, kinds=asked, purpose=purpose
    )
    if same.exists():
        raise AlreadyAsked

    request: AccessRequest = AccessRequest.objects.create(
        patient=patient,
        clinician=clinician,
        covers=covers,
        kinds=asked,
        purpose=purpose,
        reason=reason.strip(),
        days=days,
        created_at=at,
        expires_at=at + UNANSWERED_AFTER,
    )
    _trace("consent.requested", request, by=by, at=at, covers=covers, kinds=asked, reason=request.reason)
    notify(patient.pk, Notice.Kind.REQUEST, at)
    return request


@transaction.atomic
def withdraw_request(request: AccessRequest, *, by: User, at: datetime) -> None:
    """
    Take a question back, so that the patient is not asked any more.

    :raises PermissionDenied: if another doctor asked it
    :raises RequestNotOpen: if it was answered, withdrawn or ran out before
    """
    request = (
        AccessRequest.objects.select_for_update(of=["self"]).select_related("clinician").get(pk=request.pk)
    )
    if request.clinician.user_id != by.pk:
        raise PermissionDenied
    if not request.is_open(at):
        raise RequestNotOpen
    request.withdrawn_at = at
    request.save(update_fields=["withdrawn_at"])
    _trace("consent.request_withdrawn", request, by=by, at=at)


def _trace(name: str, request: AccessRequest, *, by: User, at: datetime, **facts: Any) -> None:
    # Without a ground: nothing of the record was seen.
    audit.record(
        name,
        at=at,
        by=by,
        patient_id=request.patient_id,
        purpose=request.purpose,
        request=str(request.pk),
        **facts,
    )
