"""Leaving a trace."""

import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Protocol

from django.conf import settings
from django.db import transaction

from audit.models import Event
from chain.commitment import Header, commit
from chain.log import append_leaf

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
    detail = {
        "actorName": by.display_name if by else "",
        "versions": [str(version) for version in versions],
        **({"address": address} if address else {}),
        **facts,
    }
    event = Event(
        name=name,
        at=at,
        patient_id=patient_id,
        actor_id=by.id if by else None,
        actor_role=by.role if by else "",
        ground=ground,
        purpose=purpose,
    )
    event.seal(detail, secrets.token_bytes(32))
    event.leaf = append_leaf(
        topic=TOPIC, commitment=commit(event.document(), header_of(event), event.secret), at=at
    )
    event.save(force_insert=True)
    return event
