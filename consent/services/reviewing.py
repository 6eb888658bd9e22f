"""Closing reviews: the finding is kept, and the patient whom it concerns learns that there is one."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from audit import reviews
from audit.models import Review
from patients.models import Notice, Patient
from patients.notices import notify


@transaction.atomic
def close_review(review: Review, *, finding: str, outcome: str, by: User, at: datetime) -> Review:
    """
    Close a review with what was found, and tell the patient, if it is about one, that there is an answer.

    :raises AlreadyClosed: if somebody else was quicker
    :raises FindingMissing: if there is no finding
    :raises OutcomeNotOfKind: if a review of this kind cannot end like that
    """
    review = reviews.close(review, finding=finding, outcome=outcome, by=by, at=at)
    if review.patient_id and Patient.objects.filter(pk=review.patient_id).exists():
        notify(review.patient_id, Notice.Kind.QUESTION_ANSWERED, at)
    return review
