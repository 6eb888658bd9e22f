"""Telling the privacy office that something waits."""

import smtplib
from typing import Any

from celery import shared_task
from django.conf import settings
from django.core.mail import send_mail
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from audit.models import Review
from chain.locks import Busy, only_one


class MailNotSent(Exception):
    """The mail server did not take a mail. Says no more, for its answer repeats the address."""


@shared_task(autoretry_for=[MailNotSent], retry_backoff=30, max_retries=5, throws=(MailNotSent,))
def tell_privacy_office(**kwargs: Any) -> None:
    """
    Send one mail for all reviews of which the privacy office was not told yet, if it has an address.

    Safe to run any number of times: what was told is marked, and one worker at a time does this. If the
    mail server takes the mail and the database fails then, it is sent twice.
    """
    if not settings.PRIVACY_OFFICE_EMAIL:
        return
    try:
        with only_one("audit.tell_privacy_office"):
            waiting = [*Review.objects.open().filter(told_at=None).values_list("pk", flat=True)]
            if waiting:
                # Marked only then: an officer who closes a review must not wait for the mail server.
                _send_word()
                Review.objects.filter(pk__in=waiting).update(told_at=timezone.now())
    except Busy:
        # Whoever is at it may have counted before our row came in; beat asks again in a minute.
        return


def _send_word() -> None:
    with override(settings.LANGUAGE_CODE):
        try:
            send_mail(
                subject=_("Something waits for the privacy officer"),
                message=_(
                    "Something new waits for review in the portal of %(hospital)s. "
                    "Sign in to see what: %(address)s"
                )
                % {"hospital": settings.HOSPITAL_NAME, "address": f"{settings.PORTAL_URL}/workspace/"},
                from_email=None,
                recipient_list=[settings.PRIVACY_OFFICE_EMAIL],
            )
        except (smtplib.SMTPException, OSError):
            raise MailNotSent from None
