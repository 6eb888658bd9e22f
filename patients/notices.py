"""
Telling patients that something happened.

`notify` writes a row in the transaction of what happened. A worker mails later, and what it mails never
says more than that there is something to see. Whoever has no e-mail loses nothing: the portal shows every
notice.
"""

import smtplib
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import override

from chain.locks import only_one
from patients.models import Notice, Patient

Kind = Notice.Kind

BETWEEN_MAILS = timedelta(hours=1)
# After this a mail server that refuses an address is taken at its word.
GIVE_UP_AFTER = timedelta(days=3)


class MailNotSent(Exception):
    """The mail server did not take a mail. Says no more, for its answer repeats the address."""


def notify(patient_id: uuid.UUID, kind: str, at: datetime) -> None:
    """
    Note that a patient should learn of something; call it in the transaction of what happened.

    Of openings it notes nothing unless the patient wants that, and no second one while the first has not been
    mailed or seen: a doctor who reads a chart opens a dozen pages.
    """
    if kind == Kind.OPENING:
        if not Patient.objects.filter(pk=patient_id, is_told_of_openings=True).exists():
            return
        if Notice.objects.unsent().unseen().filter(patient=patient_id, kind=kind).exists():
            return
    Notice.objects.create(patient_id=patient_id, kind=kind, created_at=at)
    if kind in Notice.AT_ONCE:
        # By name: the task looks down at this module. Robust: with the broker lost, beat finds the row.
        transaction.on_commit(
            lambda: current_app.send_task(
                "patients.tasks.send_notice", kwargs={"patient_id": str(patient_id)}
            ),
            robust=True,
        )


def notify_of_opening(patient: Patient, *, by: Any, at: datetime) -> None:
    """Note that somebody other than the patient opened the record, if the patient wants to be told."""
    if patient.is_told_of_openings and by.id != patient.user_id:
        notify(patient.pk, Kind.OPENING, at)


def tell_of_openings(patient: Patient, wanted: bool) -> None:
    """Keep whether this patient wants an e-mail when somebody else opens the record."""
    patient.is_told_of_openings = wanted
    patient.save(update_fields=["is_told_of_openings", "updated_at"])


def unseen_by(patient: Patient) -> Any:
    """Choose what this patient has not seen yet, newest first."""
    return Notice.objects.unseen().filter(patient=patient).newest_first()


def mark_seen(notices: Sequence[Notice], *, at: datetime) -> None:
    """Note that the patient has been shown these."""
    Notice.objects.unseen().filter(pk__in=[notice.pk for notice in notices]).update(seen_at=at)


def patients_due(at: datetime) -> Any:
    """Choose the patients to whom a mail is owed at this moment."""
    return Patient.objects.filter(Exists(_due(at).filter(patient=OuterRef("pk"))))


def send_mail_to(patient_id: uuid.UUID, *, at: datetime) -> bool:
    """
    Mail this patient that something happened, if that is due; one mail for all that has gathered.

    The notices are marked in the transaction that sends, and one worker at a time serves a patient. Should
    the database fail after the mail server took the mail, it is sent twice.

    :raises Busy: if another worker is at it
    :raises MailNotSent: if the mail server did not take it; nothing is marked then
    """
    with only_one(f"patients.notices.{patient_id}"):
        if not _due(at).filter(patient=patient_id).exists():
            return False
        patient = Patient.objects.select_related("user").get(pk=patient_id)
        if not patient.email:
            return False
        told = [*Notice.objects.unsent().filter(patient=patient).values_list("pk", flat=True)]
        # Marked only then: a patient who reads the notices must not wait for the mail server.
        _send(patient)
        Notice.objects.filter(pk__in=told).update(sent_at=at)
        return True


def _due(at: datetime) -> Any:
    """Notices that call for a mail now: urgent ones at once, others an hour after the last mail."""
    mailed_lately = Notice.objects.filter(patient=OuterRef("patient"), sent_at__gt=at - BETWEEN_MAILS)
    return (
        Notice.objects.unsent()
        .unseen()
        .filter(
            Q(kind__in=Notice.AT_ONCE) | ~Exists(mailed_lately),
            created_at__gt=at - GIVE_UP_AFTER,
            # "Sign in to see what" helps only those who can.
            patient__user__is_active=True,
        )
    )


def _send(patient: Patient) -> None:
    # In the patient's language, and about nothing: whoever reads this over a shoulder learns no more than
    # that somebody has a record here.
    with override(getattr(patient.user, "language", "") or settings.LANGUAGE_CODE):
        try:
            send_mail(
                subject=_("Something happened in your record at %(hospital)s")
                % {"hospital": settings.HOSPITAL_NAME},
                message=_(
                    "Something happened in your record at %(hospital)s.\n\n"
                    "Sign in to see what: %(address)s\n\n"
                    "For your safety, what it is does not stand in this e-mail."
                )
                % {"hospital": settings.HOSPITAL_NAME, "address": settings.PORTAL_URL},
                from_email=None,
                recipient_list=[patient.email],
            )
        except (smtplib.SMTPException, OSError):
            raise MailNotSent from None
