"""The access log in the patient's words: who looked, why, when, and at which records."""

import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from audit.models import Event, EventDamaged, Ground
from records.models import Kind, RecordVersion

# The purpose under which a record is opened to be taken away.
DOWNLOAD = "download"
# What was done, as the end of the sentence “Dr Khan …”.
ACTS = {
    "record.opened": _("opened a record"),
    "record.listed": _("looked at a list of records"),
    "record.proved": _("downloaded a proof"),
    "record.exported": _("downloaded a record"),
    "chart.opened": _("opened the chart"),
}
DOWNLOADED = _("downloaded a record")


@dataclass(frozen=True)
class Opening:
    """
    One opening, ready to be shown. `seen` holds the versions that this patient may still open.

    Of a line that somebody changed, only what stands in clear is left: when, and in which role.
    """

    id: uuid.UUID
    at: datetime
    who: str
    is_own: bool
    role: str
    act: Any
    why: str
    seen: Sequence[RecordVersion]
    seen_count: int
    kinds: Sequence[tuple[Any, int]]
    is_damaged: bool = False


def describe(events: Iterable[Event], *, viewer: Any, versions: Any) -> list[Opening]:
    """
    Say each of these events in words. This makes one query, however many events there are.

    :param versions: the record versions that the viewer may see
    """
    events = list(events)
    named = {version for event in events for version in _facts(event).get("versions", ())}
    found = {
        str(version.pk): version
        for version in versions.filter(pk__in=named).select_related("record").only("number", "record")
    }
    return [_described(event, found, viewer) for event in events]


def people_in(events: Any) -> list[tuple[uuid.UUID, str]]:
    """Who appears in these events, each under the name they last bore, in the order of their names."""
    last = events.exclude(actor_id=None).order_by("actor_id", "-at").distinct("actor_id")
    people = [(event.actor_id, _name(event)) for event in last]
    return sorted(people, key=lambda person: person[1].casefold())


def _described(event: Event, found: dict[str, RecordVersion], viewer: Any) -> Opening:
    names = _facts(event).get("versions", ())
    seen = [found[name] for name in names if name in found]
    counts = Counter(version.record.kind for version in seen)
    is_own = event.actor_id == viewer.pk
    return Opening(
        id=event.pk,
        at=event.at,
        who=str(_("You")) if is_own else _name(event),
        is_own=is_own,
        role="" if is_own else _role(event),
        act=DOWNLOADED if event.purpose == DOWNLOAD else ACTS.get(event.name, _("looked at the record")),
        why=str(Ground(event.ground).label) if event.ground in Ground.values else "",
        seen=seen,
        seen_count=len(names),
        kinds=[(kind.label, counts[kind]) for kind in Kind if counts[kind]],
        is_damaged=not _facts(event),
    )


def _facts(event: Event) -> dict[str, Any]:
    try:
        return event.facts
    except EventDamaged:
        return {}


def _name(event: Event) -> str:
    return _facts(event).get("actorName") or _role(event) or str(_("Somebody of the hospital’s staff"))


def _role(event: Event) -> str:
    return str(Role(event.actor_role).label) if event.actor_role in Role.values else ""
