"""The workers' doors to notices."""

import uuid
from itertools import islice
from typing import Any

from celery import shared_task
from django.utils import timezone

from chain.locks import Busy
from patients.notices import MailNotSent, patients_due, send_mail_to

# With more than these owed, the next run a minute later goes on.
AT_MOST = 500


@shared_task(autoretry_for=[MailNotSent], retry_backoff=30, max_retries=5, throws=(MailNotSent,))
def send_notice(*, patient_id: str, **kwargs: Any) -> None:
    """
    Mail one patient that something happened.

    Safe to run any number of times: what was mailed is marked, and one worker at a time serves a patient.
    """
    try:
        send_mail_to(uuid.UUID(patient_id), at=timezone.now())
    except Busy:
        return


@shared_task
def send_notices(**kwargs: Any) -> None:
    """
    Hand out the mails that are due, and those that were lost with a broker or refused by the mail server.

    Safe to run any number of times: it only sends on what is still owed.
    """
    # Addresses lie encrypted, so those who have none are passed over here and not in the query.
    due = patients_due(timezone.now()).only("email").iterator(chunk_size=500)
    for patient in islice((patient for patient in due if patient.email), AT_MOST):
        send_notice.delay(patient_id=str(patient.pk))
