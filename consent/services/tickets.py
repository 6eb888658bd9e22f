"""
The way from the portal to the consent host: one ticket, for one patient and one act.

The two origins share no cookie. The portal writes a ticket and sends the browser over with its token; the
consent host takes the token once, and from then on a session of its own stands for the ticket.
"""

import json
import secrets
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import get_language

from accounts.models import User
from audit import columns
from consent.models import Ticket
from patients.models import Patient

TOKEN_BYTES = 32
# What a ticket holds, such as a draft's secret, is not kept for longer than somebody may ask about it.
KEPT_FOR = timedelta(days=1)


class NotTheirRecord(Exception):
    """Only the patient signs; nobody else is sent to the consent host in their name."""


class TicketRefused(Exception):
    """This token opens nothing: it is wrong, was used, or came too late. Which of these is not told."""


class TicketClosed(Exception):
    """The act was finished before, or its half hour is over. Nothing has changed."""


@transaction.atomic
def issue(*, kind: Ticket.Kind, patient: Patient, content: dict[str, Any], by: User, at: datetime) -> str:
    """
    Write a ticket, and return the address on the consent host that it opens, once and within five minutes.

    :param content: what is to be signed, as JSON can hold it: of a grant `Draft.as_content()`
    :raises NotTheirRecord: if `by` is not the patient
    """
    if patient.user_id != by.pk:
        raise NotTheirRecord
    Ticket.objects.filter(expires_at__lt=at - KEPT_FOR).delete()
    token = secrets.token_urlsafe(TOKEN_BYTES)
    language = get_language() or settings.LANGUAGE_CODE
    Ticket.objects.create(
        token_hash=_hash(token),
        kind=kind,
        patient=patient,
        by=by,
        sealed_content=_sealed({**content, "language": language}),
        created_at=at,
        expires_at=at + Ticket.TO_ENTER,
    )
    return f"{settings.CONSENT_URL}/enter/{token}/"


def enter(token: str, *, at: datetime) -> Ticket:
    """
    Use a token, and give its ticket half an hour to be finished in.

    Of two browsers with one token only one enters: the database changes the row for whoever comes first.

    :raises TicketRefused: if it opens nothing
    """
    hashed = _hash(token)
    entered = Ticket.objects.open(at).filter(token_hash=hashed, entered_at=None)
    if entered.update(entered_at=at, expires_at=at + Ticket.TO_FINISH) != 1:
        raise TicketRefused
    return Ticket.objects.select_related("patient", "by").get(token_hash=hashed)


@transaction.atomic
def remember(ticket: Ticket, **facts: Any) -> dict[str, Any]:
    """
    Add to what a ticket holds, such as the form that was offered, and return all of it.

    What stands there already stays: two tabs, or a page loaded twice, offer the same form.

    :raises TicketClosed: if it was finished meanwhile
    """
    held = Ticket.objects.select_for_update().get(pk=ticket.pk)
    if held.finished_at is not None:
        raise TicketClosed
    held.content = {**facts, **held.content}
    held.save(update_fields=["sealed_content"])
    ticket.sealed_content = held.sealed_content
    return held.content


@transaction.atomic
def finish(ticket: Ticket, *, at: datetime, **outcome: Any) -> None:
    """
    Close a ticket whose act is done; call it first in the transaction of the act.

    It locks the row, so the same answer sent twice is taken once. What was to be signed is forgotten, and
    only the outcome is kept for the page that tells of it.

    :raises TicketClosed: if it was closed before, nobody entered, or it is too late
    """
    kept = {"language": ticket.content.get("language", ""), **outcome}
    open_one = Ticket.objects.open(at).filter(pk=ticket.pk).exclude(entered_at=None)
    sealed = _sealed(kept)
    if open_one.update(finished_at=at, sealed_content=sealed) != 1:
        raise TicketClosed
    ticket.finished_at, ticket.sealed_content = at, sealed


def _sealed(content: dict[str, Any]) -> bytes:
    return columns.seal(json.dumps(content).encode())


def _hash(token: str) -> bytes:
    return sha256(token.encode()).digest()
