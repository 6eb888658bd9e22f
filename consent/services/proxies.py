"""How a patient and somebody who helps them find each other: by a code, and never by a name."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import Role, User
from audit import services as audit
from consent.models import ProxyCode
from patients.blind_index import blind_index
from patients.invitations import new_code, plain_code
from patients.models import Patient


class NoSuchCode(Exception):
    """Nobody goes by this code, or not any more. Which of the two is not told."""


class OwnCode(Exception):
    """People need nobody's permission to see their own record."""


class NoName(Exception):
    """Only a patient of this hospital has a name here by which others could know them."""


@dataclass(frozen=True)
class Helper:
    """Whoever showed a code, as the person they want to help sees them before giving them anything."""

    user: User
    name: str


@transaction.atomic
def make_code(*, by: User, at: datetime) -> str:
    """
    Make the code that `by` shows to whomever they want to help; an earlier one ends.

    It is returned this once. Only a keyed hash of it is kept, for a day.

    :raises NoName: if `by` is not a patient of this hospital
    """
    patient = Patient.objects.filter(user=by).first()
    if patient is None or not by.has_role(Role.PATIENT):
        raise NoName
    # Two clicks at once take turns here, so that one code is left.
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    ProxyCode.objects.filter(user=by).delete()
    ProxyCode.objects.filter(expires_at__lte=at).delete()
    code = new_code()
    ProxyCode.objects.create(token=_token(code), user=by, created_at=at, expires_at=at + ProxyCode.LASTS)
    audit.record("consent.proxy_code_made", at=at, by=by, patient_id=patient.pk)
    return code


def helper_of(code: str, *, asked_by: User, at: datetime) -> Helper:
    """
    Return who showed this code.

    :raises NoSuchCode: if it is wrong or has ended
    :raises OwnCode: if it is that of `asked_by`
    """
    found = ProxyCode.objects.select_related("user").filter(token=_token(code), expires_at__gt=at).first()
    name = name_of(found.user) if found else ""
    if found is None or not name:
        raise NoSuchCode
    if found.user_id == asked_by.pk:
        raise OwnCode
    return Helper(found.user, name)


def name_of(user: User) -> str:
    """Return the name of somebody who helps; it stands encrypted on their own patient. Nothing of others."""
    if not user.has_role(Role.PATIENT):
        return ""
    patient = Patient.objects.filter(user=user).first()
    return patient.full_name if patient else ""


def _token(code: str) -> bytes:
    # Another label than that of invitations: the code of one opens nothing of the other.
    return blind_index("proxy_code", plain_code(code))
