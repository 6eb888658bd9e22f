"""What people do with invitations: send one, show its code, make an account of it."""

import hmac
import uuid
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.conf import settings
from django.db import transaction

from accounts.models import Role, User
from audit import services as audit
from patients.invitations import code_token, new_code
from patients.models import Invitation, Patient


class InvitationRefused(Exception):
    """The code and birth date open nothing. Never says which of the two, or why: a guesser would learn."""


class BirthDateUnknown(Exception):
    """A patient whose birth date we don't know can't show that a letter was meant for them."""


@transaction.atomic
def invite(patient: Patient, *, by: User | None, at: datetime) -> tuple[Invitation, str]:
    """
    Invite a patient to the portal, and return the invitation with the code for the letter.

    The code is shown this once and kept nowhere; a lost letter is answered with a new invitation, which
    withdraws the one before it. A patient who has an account is invited to add a passkey to it.

    :raises BirthDateUnknown: if there is no birth date to ask for
    """
    patient = Patient.objects.select_for_update().get(pk=patient.pk)
    if patient.birth_date is None:
        raise BirthDateUnknown(patient.pk)

    for earlier in Invitation.objects.open(at).filter(patient=patient).select_for_update():
        earlier.withdraw(at=at)

    code = new_code()
    invitation = Invitation.objects.create(
        patient=patient,
        code_token=code_token(code),
        created_at=at,
        by=by,
        expires_at=at + timedelta(days=settings.INVITATION_DAYS),
    )
    audit.record("invitation.sent", at=at, by=by, patient_id=patient.pk)
    return invitation, code


# The encrypted column; the library's types do not know what it adds to a field.
BIRTH_DATE: Any = Patient._meta.get_field("birth_date")


@cache
def _encrypted_decoy() -> bytes:
    return bytes(BIRTH_DATE._dump(date(1900, 1, 1)))


def _birth_date_of(patient_id: uuid.UUID) -> date:
    """Return a patient's birth date; of nobody, a decoy that took as long to decrypt."""
    born = Patient.objects.filter(pk=patient_id).values_list("birth_date", flat=True).first()
    if born is None:
        born = BIRTH_DATE._load(_encrypted_decoy())
    return born


@transaction.atomic
def _try(code: str, birth_date: date, at: datetime) -> Invitation | None:
    """
    Return the invitation that the code and birth date open, and count a wrong birth date.

    Whatever is wrong, the same queries, decryption and comparison are made, so that the time of the
    answer tells no more than its words.
    """
    invitation = Invitation.objects.select_for_update().filter(code_token=code_token(code)).first()
    born = _birth_date_of(invitation.patient_id if invitation else uuid.UUID(int=0))
    is_theirs = hmac.compare_digest(born.isoformat(), birth_date.isoformat())
    if invitation is not None and invitation.is_open(at):
        if is_theirs:
            return invitation
        invitation.count_failed_attempt(at=at)
        if not invitation.is_open(at):
            audit.record("invitation.withdrawn", at=at, by=None, patient_id=invitation.patient_id)
    else:
        # The write that a wrong birth date would have made, to no row.
        Invitation.objects.filter(pk=0).update(failed_attempts=0)
    return None


def verify(code: str, birth_date: date, *, at: datetime) -> Invitation:
    """
    Return the open invitation that this code and birth date belong to.

    :raises InvitationRefused: if it is unknown, used, withdrawn or expired, or the birth date is another
    """
    invitation = _try(code, birth_date, at)
    if invitation is None:
        raise InvitationRefused
    return invitation


def account_to_be(invitation: Invitation, user_id: uuid.UUID) -> User:
    """Return the account a passkey is to be made for: the patient's own, or a new one, not yet saved."""
    if invitation.patient.user is not None:
        return invitation.patient.user
    return User(id=user_id, username=str(uuid.uuid4()), role=Role.PATIENT)


@transaction.atomic
def accept(
    invitation_id: int, *, user_id: uuid.UUID, passkey_name: str, credential: dict[str, object], at: datetime
) -> Authenticator:
    """
    Use an invitation up: make the patient's account, or find it, and give it the passkey just registered.

    The invitation's row is locked, so of two browsers that finish at once the second is refused, and
    makes nothing.

    :param user_id: the account that the passkey was made for; the authenticator keeps it as user handle
    :raises InvitationRefused: if it has been used, withdrawn or has expired meanwhile
    """
    invitation = Invitation.objects.select_for_update().filter(pk=invitation_id).first()
    if invitation is None or not invitation.is_open(at):
        raise InvitationRefused
    patient = Patient.objects.select_for_update().get(pk=invitation.patient_id)

    user = patient.user
    if user is None:
        user = User.objects.create_user(username=str(uuid.uuid4()), id=user_id, role=Role.PATIENT)
        patient.user = user
        patient.save(update_fields=["user", "updated_at"])
        event = "account.created"
    elif user.pk == user_id and user.is_active:
        event = "passkey.added"
    else:
        raise InvitationRefused

    authenticator: Authenticator = WebAuthn.add(user, passkey_name, credential).instance
    invitation.accept(at=at)
    audit.record(event, at=at, by=user, patient_id=patient.pk)
    return authenticator
