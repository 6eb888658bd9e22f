"""Leaving a trace."""

import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction

from audit.models import Event
from chain.commitment import Header, commit
from chain.log import append_leaves

TOPIC = "access"


class Actor(Protocol):
    """Whoever acts: an account, as far as the trail needs to know it."""

    id: uuid.UUID
    role: str
    display_name: str


def header_of(event: Event) -> Header:
    """What the leaf of `event` binds besides its document."""
    return Header(
        topic=TOPIC,
        resource_type="AuditEvent",
        id=str(event.id),
        version=1,
        author=settings.PORTAL_URL,
        previous=None,
    )


@transaction.atomic
def record(
    name: str,
    *,
    at: datetime,
    by: Actor | None,
    patient_id: uuid.UUID | None = None,
    ground: str = "",
    purpose: str = "",
    versions: Iterable[uuid.UUID] = (),
    address: str | None = None,
    **facts: Any,
) -> Event:
    """
    Write one line of the trail, and its leaf.

    Call it inside the transaction of what it tells, so that neither stands without the other.

    :param name: dotted, as in the glossary, such as ``record.opened``
    :param versions: the record versions that were shown
    :param address: the network address the request came from
    :param facts: anything else worth keeping; encrypted
    """
    (event,) = _record(
        name,
        at=at,
        by=by,
        patient_ids=[patient_id],
        ground=ground,
        purpose=purpose,
        versions=versions,
        address=address,
        facts=facts,
    )
    return event


@transaction.atomic
def record_all(
    name: str,
    *,
    at: datetime,
    by: Actor | None,
    patient_ids: Iterable[uuid.UUID | None],
    ground: str = "",
    purpose: str = "",
    versions: Iterable[uuid.UUID] = (),
    address: str | None = None,
    **facts: Any,
) -> list[Event]:
    """
    Write the same line for many patients at once, such as for all who stood on one page of a list.

    It takes as many queries for a thousand as for one. A patient named twice has one line.
    """
    return _record(
        name,
        at=at,
        by=by,
        patient_ids=patient_ids,
        ground=ground,
        purpose=purpose,
        versions=versions,
        address=address,
        facts=facts,
    )


def save_all(events: Sequence[Event], details: Sequence[dict[str, Any]], *, at: datetime) -> list[Event]:
    """
    Seal these events, each with its own facts, and write them with their leaves.

    :raises NotInTransaction: if the caller has not opened a transaction
    """
    for event, detail in zip(events, details, strict=True):
        event.seal(detail, secrets.token_bytes(32))
    commitments = [commit(event.document(), header_of(event), event.secret) for event in events]
    leaves = append_leaves(topic=TOPIC, commitments=commitments, at=at) if events else []
    for event, leaf in zip(events, leaves, strict=True):
        event.leaf = leaf
    return Event.objects.bulk_create(events, batch_size=1000)


def _record(
    name: str,
    *,
    at: datetime,
    by: Actor | None,
    patient_ids: Iterable[uuid.UUID | None],
    ground: str,
    purpose: str,
    versions: Iterable[uuid.UUID],
    address: str | None,
    facts: dict[str, Any],
) -> list[Event]:
    detail = {
        "actorName": by.display_name if by else "",
        "versions": [str(version) for version in versions],
        **({"address": address} if address else {}),
        **facts,
    }
    events = [
        Event(
            name=name,
            at=at,
            patient_id=patient_id,
            actor_id=by.id if by else None,
            actor_role=by.role if by else "",
            ground=ground,
            purpose=purpose,
        )
        for patient_id in dict.fromkeys(patient_ids)
    ]
    return save_all(events, [detail] * len(events), at=at)
