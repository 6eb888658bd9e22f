"""The privacy officer's queue: what comes into it, and the one way out of it."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from celery import current_app
from django.db import transaction
from django.db.models import Q

from audit import services as audit
from audit.models import Event, Ground, Review
from audit.services import Actor
from chain.models import Mismatch

Kind = Review.Kind


class AlreadyClosed(Exception):
    """This review was closed before, and a finding stays as it was written."""


class FindingMissing(Exception):
    """Nothing leaves the queue without a finding."""


class OutcomeNotOfKind(Exception):
    """A review of this kind cannot end like that."""


@transaction.atomic
def open_review(
    *,
    kind: str,
    at: datetime,
    by: Actor | None = None,
    patient_id: uuid.UUID | None = None,
    subject: uuid.UUID | None = None,
    mismatch: Mismatch | None = None,
    event: Event | None = None,
    details: str = "",
) -> Review:
    """
    Put something into the privacy officer's queue; what is there already is returned as it is.

    Call it inside the transaction of what caused it.

    :param by: who caused it: the doctor of an emergency, the patient who asks
    :param subject: of an emergency, its id
    :param details: of a question, what the patient wrote; encrypted
    """
    review = Review(
        kind=kind,
        patient_id=patient_id,
        subject=subject,
        mismatch=mismatch,
        event=event,
        opened_at=at,
        details=details,
    )
    # Two who ask at once take turns here, and the second finds what the first one made.
    Review.objects.bulk_create([review], ignore_conflicts=True)
    known = _same_as(review)
    if known.pk == review.pk:
        _note_opened([review], by=by, at=at)
    return known


@transaction.atomic
def open_reviews_of(mismatches: Sequence[Mismatch], at: datetime) -> None:
    """
    Put mismatches that were found just now into the queue, in as many queries for many as for one.

    A mismatch that heals stays in the queue: why it came and went is still to be found out.
    """
    reviews = [Review(kind=Kind.FAILED_VERIFICATION, mismatch=one, opened_at=at) for one in mismatches]
    Review.objects.bulk_create(reviews, batch_size=1000)
    _note_opened(reviews, by=None, at=at)


@transaction.atomic
def close(review: Review, *, finding: str, outcome: str, by: Actor, at: datetime) -> Review:
    """
    Close a review with what was found. The finding is part of the trail, so it stays as it was written.

    :raises AlreadyClosed: if somebody else was quicker
    :raises FindingMissing: if there is no finding
    :raises OutcomeNotOfKind: if a review of this kind cannot end like that
    """
    review = Review.objects.select_for_update().get(pk=review.pk)
    if not review.is_open:
        raise AlreadyClosed(review.pk)
    if not finding.strip():
        raise FindingMissing(review.pk)
    if outcome not in review.outcomes:
        raise OutcomeNotOfKind(outcome)

    review.finding = finding.strip()
    review.outcome = outcome
    review.closed_at = at
    review.closed_by_id = by.id
    review.save(update_fields=["finding", "outcome", "closed_at", "closed_by_id"])
    audit.record(
        "review.closed",
        at=at,
        by=by,
        patient_id=review.patient_id,
        ground=Ground.STAFF_DUTY.value,
        review=str(review.pk),
        kind=review.kind,
        outcome=outcome,
        finding=review.finding,
    )
    return review


def _same_as(review: Review) -> Review:
    """The open or closed review of the same thing; of a question, the open one."""
    same = {
        Kind.BREAK_GLASS: Q(subject=review.subject),
        Kind.FAILED_VERIFICATION: Q(mismatch=review.mismatch_id),
        Kind.QUESTION: Q(event=review.event_id, closed_at=None),
    }
    return Review.objects.get(same[Kind(review.kind)], kind=review.kind)


def _note_opened(reviews: Sequence[Review], *, by: Actor | None, at: datetime) -> None:
    events = [
        Event(
            name="review.opened",
            at=at,
            patient_id=review.patient_id,
            actor_id=by.id if by else None,
            actor_role=by.role if by else "",
            ground=Ground.OWN_RECORD.value if review.kind == Kind.QUESTION else "",
        )
        for review in reviews
    ]
    facts = [
        {
            "actorName": by.display_name if by else "",
            "versions": [],
            "review": str(review.pk),
            "kind": review.kind,
            **({"details": review.details} if review.details else {}),
        }
        for review in reviews
    ]
    audit.save_all(events, facts, at=at)
    # By name: the task looks down at this module. Robust: the review is a row all the same, and beat has the
    # office told of it later.
    transaction.on_commit(lambda: current_app.send_task("audit.tasks.tell_privacy_office"), robust=True)
