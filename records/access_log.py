"""The access log in the patient's words: who looked, why, when, from where, and at which records."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from audit.models import Event, Ground, Review
from patients.listing import Listing
from patients.models import Patient
from records.models import Kind, RecordVersion

# The purpose under which a record is opened to be taken away.
DOWNLOAD = "download"
# And under which it is opened to be corrected.
CORRECTION = "correction"
# What was done, as the end of the sentence “Dr Khan …”.
ACTS = {
    "record.opened": _("opened a record"),
    "record.listed": _("looked at a list of records"),
    "record.proved": _("downloaded a proof"),
    "chart.opened": _("opened the chart"),
    "glass.broken": _("declared an emergency, to open your record"),
    "patient.listed": _("saw your name"),
    "patient.found": _("looked you up by your number, or by name and birth date"),
    "patient.opened": _("opened your entry in the register: name, address and numbers"),
    "log.read": _("read who opened your record"),
}
DOWNLOADED = _("downloaded a record")
LISTS = {
    Listing.REGISTER.value: _("The hospital’s register of patients"),
    Listing.LOOKALIKES.value: _("People who look like somebody who is being registered"),
    Listing.WORKLIST.value: _("A doctor’s list of patients"),
    Listing.SHARED.value: _("Those who share something with a doctor"),
    Listing.REQUESTS.value: _("What a doctor has asked of patients"),
    Listing.REVIEWS.value: _("What waits for the privacy officer"),
    Listing.CARE.value: _("Who treats whom"),
    Listing.DESK.value: _("A page of the records office about you"),
    Listing.DOCTORS_PAGE.value: _("A page on which a doctor asks for access or declares an emergency"),
    Listing.NOTE.value: _("The page on which a doctor writes a note about you"),
    Listing.HELPED.value: _("The people whom somebody helps"),
}
# What a record was opened for: codes of HL7 v3 PurposeOfUse, and ours for taking it away.
PURPOSES = {
    "TREAT": _("To treat you"),
    "BTG": _("To help you in an emergency"),
    "CAREMGT": _("To give a second opinion or plan your care"),
    "FAMRQT": _("To help you with your health"),
    "HPAYMT": _("To pay for your care"),
    "HRESCH": _("For research"),
    "HOPERAT": _("To run the hospital"),
    "PATRQT": _("For yourself"),
    DOWNLOAD: _("To take a copy"),
    CORRECTION: _("To correct it"),
}
# Of an event that names no purpose, its ground says it.
PURPOSE_OF_GROUND = {
    Ground.OWN_RECORD.value: "PATRQT",
    Ground.TREATMENT.value: "TREAT",
    Ground.BREAK_GLASS.value: "BTG",
    Ground.STAFF_DUTY.value: "HOPERAT",
}
# What the privacy officer's finding comes to.
OUTCOMES = {
    Review.Outcome.JUSTIFIED.value: _("There was a good reason"),
    Review.Outcome.NOT_JUSTIFIED.value: _("There was no good reason"),
    Review.Outcome.EXPLAINED.value: _("Nothing was wrong"),
    Review.Outcome.PUT_RIGHT.value: _("It was put right"),
    Review.Outcome.HANDED_ON.value: _("It was handed on"),
}
# How far back a search by words goes: the words lie encrypted, so each line is opened to be searched.
SEARCHED = 5000


@dataclass(frozen=True)
class Answer:
    """What became of something that the privacy officer looks into, as the patient reads it."""

    id: uuid.UUID
    asked_at: datetime
    question: str
    is_open: bool
    outcome: Any
    finding: str
    closed_at: datetime | None


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
    purpose: Any
    # What the doctor gave as the reason of an emergency.
    reason: str
    address: str
    listing: Any
    seen: Sequence[RecordVersion]
    seen_count: int
    kinds: Sequence[tuple[Any, int]]
    is_emergency: bool
    is_listing: bool
    # What the hospital found about the emergency, and what it answered to the patient's question.
    review: Answer | None = None
    question: Answer | None = None
    is_damaged: bool = False


@dataclass(frozen=True)
class Found:
    """What a search by words came upon, and how far it looked."""

    ids: Sequence[uuid.UUID]
    # None if it looked at everything.
    back_to: datetime | None


def describe(events: Iterable[Event], *, viewer: Any, versions: Any) -> list[Opening]:
    """
    Say each of these events in words. This makes three queries at most, however many events there are.

    :param versions: the record versions that the viewer may see
    """
    events = list(events)
    named = {version for event in events for version in event.legible_facts.get("versions", ())}
    found = {
        str(version.pk): version
        for version in versions.filter(pk__in=named).select_related("record").only("number", "record")
    }
    names = _names_of_helpers(
        {event.actor_id for event in events if event.actor_role == Role.PATIENT}, viewer
    )
    reviews, questions = _reviews_of(events)
    return [
        _described(
            event,
            found,
            _who(event, viewer, names),
            is_own=event.actor_id == viewer.pk,
            review=reviews.get(_emergency(event)),
            question=questions.get(event.pk),
        )
        for event in events
    ]


def people_in(events: Any, *, viewer: Any) -> list[tuple[uuid.UUID, str]]:
    """Who else appears in these events, under the name they last bore, in the order of their names."""
    last = events.exclude(actor_id=None).exclude(actor_id=viewer.pk)
    last = [*last.order_by("actor_id", "-at").distinct("actor_id")]
    names = _names_of_helpers({event.actor_id for event in last if event.actor_role == Role.PATIENT}, viewer)
    people = [(event.actor_id, _who(event, viewer, names)) for event in last]
    return sorted(people, key=lambda person: person[1].casefold())


def with_purpose(purpose: str) -> Q:
    """The condition on events that leaves those made for this purpose, said or following from the ground."""
    grounds = [ground for ground, code in PURPOSE_OF_GROUND.items() if code == purpose]
    return Q(purpose=purpose) | Q(purpose="", ground__in=grounds)


def search(events: Any, text: str, *, viewer: Any) -> Found:
    """
    Look for the words of `text` among who, what, why, from where and when, in the newest `SEARCHED` events.

    All words must stand in one line, each at least as a part of a word. The lines are read one after the
    other, so that a long log takes no more memory than a short one.

    :param events: newest first
    """
    words = text.casefold().split()
    ids: list[uuid.UUID] = []
    last = None
    helpers = events.order_by().filter(actor_role=Role.PATIENT).values_list("actor_id", flat=True).distinct()
    names = _names_of_helpers({*helpers}, viewer)
    for number, event in enumerate(events[: SEARCHED + 1].iterator(chunk_size=500)):
        if number == SEARCHED:
            return Found(ids, back_to=last)
        last = event.at
        said = " ".join(_searchable(event, _who(event, viewer, names))).casefold()
        if all(word in said for word in words):
            ids.append(event.pk)
    return Found(ids, back_to=None)


def purpose_of(event: Event) -> str:
    """Return what an event was for, as a code: its own, or the one that follows from its ground."""
    return event.purpose or PURPOSE_OF_GROUND.get(event.ground, "")


def _described(
    event: Event,
    found: dict[str, RecordVersion],
    who: str,
    *,
    is_own: bool,
    review: Answer | None,
    question: Answer | None,
) -> Opening:
    facts = event.legible_facts
    names = facts.get("versions", ())
    seen = [found[name] for name in names if name in found]
    counts = Counter(version.record.kind for version in seen)
    return Opening(
        id=event.pk,
        at=event.at,
        who=who,
        is_own=is_own,
        role="" if is_own else _role(event),
        act=_act(event),
        why=_ground(event),
        purpose=PURPOSES.get(purpose_of(event), ""),
        reason=facts.get("reason", ""),
        address=facts.get("address", ""),
        listing=LISTS.get(facts.get("listing", ""), ""),
        seen=seen,
        seen_count=len(names),
        kinds=[(kind.label, counts[kind]) for kind in Kind if counts[kind]],
        is_emergency=event.ground == Ground.BREAK_GLASS,
        is_listing=event.name in Event.LISTINGS,
        review=review,
        question=question,
        is_damaged=not facts,
    )


def _reviews_of(events: Sequence[Event]) -> tuple[dict[uuid.UUID | None, Answer], dict[uuid.UUID, Answer]]:
    """By emergency, what the hospital found; by event, what became of the patient's last question."""
    emergencies = {emergency for event in events if (emergency := _emergency(event))}
    reviews = Review.objects.filter(
        Q(kind=Review.Kind.BREAK_GLASS, subject__in=emergencies)
        | Q(kind=Review.Kind.QUESTION, event__in=[event.pk for event in events])
    ).order_by("opened_at")
    found = [(review, _answer(review)) for review in reviews]
    return (
        {review.subject: answer for review, answer in found if review.subject},
        {review.event_id: answer for review, answer in found if review.event_id},
    )


def _answer(review: Review) -> Answer:
    return Answer(
        id=review.pk,
        asked_at=review.opened_at,
        question=review.details,
        is_open=review.is_open,
        outcome=OUTCOMES.get(review.outcome, ""),
        finding=review.finding or "",
        closed_at=review.closed_at,
    )


def _searchable(event: Event, who: str) -> Iterator[str]:
    yield who
    if who != str(_("You")):
        yield _role(event)
    yield str(_act(event))
    yield _ground(event)
    yield str(PURPOSES.get(purpose_of(event), ""))
    yield str(LISTS.get(event.legible_facts.get("listing", ""), ""))
    yield event.legible_facts.get("reason", "")
    yield event.legible_facts.get("address", "")
    yield date_format(timezone.localtime(event.at), "j F Y, H:i")


def _emergency(event: Event) -> uuid.UUID | None:
    named = event.legible_facts.get("breakGlass") if event.ground == Ground.BREAK_GLASS else None
    return uuid.UUID(named) if named else None


def _act(event: Event) -> Any:
    return DOWNLOADED if event.purpose == DOWNLOAD else ACTS.get(event.name, _("looked at the record"))


def _ground(event: Event) -> str:
    return str(Ground(event.ground).label) if event.ground in Ground.values else ""


def _names_of_helpers(user_ids: set[uuid.UUID | None], viewer: Any) -> dict[uuid.UUID | None, str]:
    """The names of those who look as helpers: they are patients themselves, so no event holds a name."""
    others = user_ids - {viewer.pk}
    if not others:
        return {}
    return {patient.user_id: patient.full_name for patient in Patient.objects.filter(user__in=others)}


def _who(event: Event, viewer: Any, helpers: dict[uuid.UUID | None, str]) -> str:
    if event.actor_id == viewer.pk:
        return str(_("You"))
    return (
        event.legible_facts.get("actorName")
        or helpers.get(event.actor_id)
        or _role(event)
        or str(_("Somebody of the hospital’s staff"))
    )


def _role(event: Event) -> str:
    if event.actor_role == Role.PATIENT:
        return str(_("Somebody who helps you"))
    return str(Role(event.actor_role).label) if event.actor_role in Role.values else ""
