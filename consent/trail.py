"""The trail as the privacy officer reads it: events in words, patients by number."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, OuterRef, Subquery, When
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from audit.models import Event, Ground
from consent.models import Purpose
from consent.workspace.words import PURPOSES
from patients.models import PatientIdentifier
from patients.numbers import hospital_system

# The grounds as staff say them; `Ground` has the patient's words.
GROUNDS = {
    Ground.OWN_RECORD.value: _("The patient’s own record"),
    Ground.TREATMENT.value: _("Treats the patient"),
    Ground.GRANT.value: _("The patient allowed it"),
    Ground.BREAK_GLASS.value: _("An emergency, without asking first"),
    Ground.STAFF_DUTY.value: _("A duty of the hospital’s staff"),
}
# What happened, as people say it; a name without words of its own is shown as it is.
WORDS = {
    "chart.opened": _("Opened the chart"),
    "record.opened": _("Opened a record"),
    "record.listed": _("Looked at a list of records"),
    "record.proved": _("Downloaded a proof"),
    "glass.broken": _("Declared an emergency"),
    "record.corrected": _("Corrected a record"),
    "record.written": _("Wrote a note"),
    "patient.registered": _("Registered the patient"),
    "patient.opened": _("Opened the register’s page"),
    "patient.listed": _("Saw the patient in a list"),
    "patient.found": _("Looked the patient up"),
    "log.read": _("Read the access log"),
    "log.exported": _("Downloaded the access log"),
    "review.opened": _("Came into the queue of reviews"),
    "review.closed": _("A review was closed"),
    "consent.granted": _("Gave access"),
    "consent.attested": _("Entered a paper consent"),
    "consent.revoked": _("Ended access"),
    "consent.refused": _("Access was not taken by the contract"),
    "consent.requested": _("Asked for access"),
    "consent.request_accepted": _("Agreed to a request"),
    "consent.request_declined": _("Declined a request"),
    "consent.request_withdrawn": _("Withdrew a request"),
    "consent.key_enrolled": _("Made a passkey for sharing"),
    "consent.key_added": _("Added a passkey for sharing"),
    "consent.key_removed": _("Removed a passkey for sharing"),
    "consent.key_refused": _("A passkey for sharing was not taken by the contract"),
    "consent.revoked_on_chain": _("Access was ended on the chain"),
    "consent.recovery_started": _("Began to replace lost passkeys"),
    "consent.recovery_proposed": _("Proposed to replace lost passkeys"),
    "consent.recovery_vetoed": _("Stopped the replacement of passkeys"),
    "consent.recovery_withdrawn": _("Withdrew the replacement of passkeys"),
    "consent.recovered": _("Passkeys were replaced"),
    "consent.evidence_taken": _("Downloaded the evidence of a consent"),
    "consent.proxy_code_made": _("Made a code to be found as a helper"),
    "invitation.sent": _("Invited the patient"),
    "invitation.withdrawn": _("Withdrew an invitation"),
    "account.created": _("Made their account"),
    "passkey.added": _("Added a passkey"),
    "care.started": _("Entered who treats the patient"),
    "care.ended": _("Ended a doctor’s care"),
    "notices.switched_on": _("Asked to be told of openings"),
    "notices.switched_off": _("Asked not to be told of openings"),
}

# Says of record versions what they are, such as “Results, 2 March 2026, version 1”, by id.
SayVersions = Callable[[Sequence[UUID]], Mapping[UUID, str]]

_say_versions: list[SayVersions] = []


def register_versions(say: SayVersions) -> None:
    """Have record versions said in words; the app that keeps them knows how. Twice does no harm."""
    if say not in _say_versions:
        _say_versions.append(say)


@dataclass(frozen=True)
class Line:
    """One event in the words of staff. Of one that was changed, only what stands in clear is left."""

    event: Event
    at: datetime
    who: Any
    role: Any
    what: Any
    why: Any
    purpose: Any
    address: str
    # Each version that was shown, as far as it is known.
    versions: Sequence[str]
    is_damaged: bool = False


def lines_of(events: Iterable[Event]) -> list[Line]:
    """Say each of these events in words, in as many queries for many as for one."""
    events = list(events)
    named = {version for event in events for version in _versions(event)}
    words: dict[UUID, str] = {}
    for say in _say_versions:
        words |= say([*named]) if named else {}
    return [
        Line(
            event=event,
            at=event.at,
            who=who(event),
            role=role(event),
            what=WORDS.get(event.name, event.name),
            why=GROUNDS.get(event.ground, ""),
            purpose=PURPOSES[Purpose(event.purpose)] if event.purpose in Purpose.values else "",
            address=event.legible_facts.get("address", ""),
            versions=[
                words.get(UUID(version), version) for version in event.legible_facts.get("versions", ())
            ],
            is_damaged=not event.legible_facts,
        )
        for event in events
    ]


def with_patient_number(rows: Any) -> Any:
    """Annotate events or reviews with the number by which staff call their patient."""
    own_number_first = Case(When(system=hospital_system(), then=0), default=1)
    number = PatientIdentifier.objects.filter(patient=OuterRef("patient_id")).order_by(own_number_first, "pk")
    return rows.annotate(patient_number=Subquery(number.values("value")[:1]))


def who(event: Event) -> Any:
    """Name who did it; patients stay nameless here, and a helper is one."""
    if event.actor_role == Role.PATIENT:
        return _("Somebody who helps the patient") if event.ground == Ground.GRANT else _("The patient")
    if not event.legible_facts:
        return _("Can’t be read: this line was changed")
    return event.legible_facts.get("actorName") or _("The portal itself")


def role(event: Event) -> Any:
    """Say as what they did it."""
    return Role(event.actor_role).label if event.actor_role in Role.values else ""


def _versions(event: Event) -> list[UUID]:
    return [UUID(version) for version in event.legible_facts.get("versions", ())]
