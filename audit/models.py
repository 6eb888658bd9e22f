"""The trail: who did what to whose record, when and on which ground."""

import json
import uuid
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Self

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit import columns


class Ground(models.TextChoices):
    """Why somebody may see a record; said to the patient in these words."""

    OWN_RECORD = "own_record", _("It is your own record")
    TREATMENT = "treatment", _("Treats you at this hospital")
    GRANT = "grant", _("You allowed it")
    BREAK_GLASS = "break_glass", _("An emergency, without asking you first")
    STAFF_DUTY = "staff_duty", _("A duty of the hospital's staff")


class EventDamaged(Exception):
    """The stored bytes of an event are not those that were written."""


class EventQuerySet(models.QuerySet["Event"]):
    def of_patient(self, patient_id: uuid.UUID) -> Self:
        return self.filter(patient_id=patient_id)

    def openings(self) -> Self:
        """Choose the events in which somebody saw something of the record."""
        return self.filter(name__in=Event.OPENINGS)

    def listings(self) -> Self:
        """Choose the events in which somebody saw the patient's name or number, and nothing of the record."""
        return self.filter(name__in=Event.LISTINGS)

    def newest_first(self) -> Self:
        return self.order_by("-at", "-id")


class Event(models.Model):
    """
    One line of the trail, written in the transaction of what it tells, and a leaf of the log.

    It points at people by identifier and not by foreign key: the line stays when an account goes.
    What could tell something about a patient stands encrypted in `sealed_detail`.
    """

    # In which somebody saw something of the record, or had it opened to them in an emergency.
    OPENINGS = ("record.opened", "record.listed", "record.proved", "chart.opened", "glass.broken")
    # In which they saw nothing of it, but that this patient is one of the hospital's.
    LISTINGS = ("patient.listed", "patient.found", "patient.opened", "log.read")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=64)
    at = models.DateTimeField()
    patient_id = models.UUIDField(null=True)
    actor_id = models.UUIDField(null=True)
    actor_role = models.CharField(max_length=20, blank=True)
    ground = models.CharField(max_length=20, choices=Ground, blank=True)
    purpose = models.CharField(max_length=40, blank=True)
    # Opened when asked for and not when fetched, so that one damaged row spoils no list of them.
    sealed_detail = models.BinaryField()
    # 32 bytes that salt the commitment; destroying them makes the leaf meaningless.
    sealed_secret = models.BinaryField()
    leaf = models.OneToOneField("chain.Leaf", on_delete=models.PROTECT, related_name="event")

    objects = EventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["patient_id", "-at"]),
            # Lists write many lines, and openings must be found among them.
            models.Index(fields=["patient_id", "name", "-at"]),
        ]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.name} at {self.at:%Y-%m-%d %H:%M}"

    def seal(self, facts: dict[str, Any], secret: bytes) -> None:
        """Encrypt what only the patient and the privacy officer may read."""
        self.sealed_detail = columns.seal(json.dumps(facts, sort_keys=True).encode())
        self.sealed_secret = columns.seal(secret)

    @cached_property
    def facts(self) -> dict[str, Any]:
        """
        The actor's name, where they were, the versions they saw.

        :raises EventDamaged: if the stored bytes were changed
        """
        facts: dict[str, Any] = json.loads(self._unsealed(self.sealed_detail))
        return facts

    @property
    def legible_facts(self) -> dict[str, Any]:
        """The facts, for a list that shows what it can: of a line that was changed, none."""
        try:
            return self.facts
        except EventDamaged:
            return {}

    @cached_property
    def secret(self) -> bytes:
        """
        The 32 bytes that salt the commitment.

        :raises EventDamaged: if the stored bytes were changed
        """
        return self._unsealed(self.sealed_secret)

    def _unsealed(self, sealed: bytes | memoryview) -> bytes:
        try:
            return columns.unseal(sealed)
        except columns.ColumnDamaged as error:
            raise EventDamaged from error

    def document(self) -> bytes:
        """Return the JSON that this event's leaf commits to; the same bytes whenever it is asked."""
        at: datetime = self.at.astimezone(UTC)
        return json.dumps(
            {
                "actor": str(self.actor_id) if self.actor_id else None,
                "actorRole": self.actor_role,
                "at": at.isoformat(timespec="microseconds"),
                "detail": self.facts,
                "ground": self.ground,
                "id": str(self.id),
                "name": self.name,
                "patient": str(self.patient_id) if self.patient_id else None,
                "purpose": self.purpose,
            },
            sort_keys=True,
            separators=(",", ":"),
        ).encode()


class ReviewQuerySet(models.QuerySet["Review"]):
    def open(self) -> Self:
        """Choose what still waits for the privacy officer."""
        return self.filter(closed_at=None)

    def queue(self) -> Self:
        """Order as they are worked: open ones first, and of those the one that has waited longest."""
        return self.order_by(models.F("closed_at").desc(nulls_first=True), "opened_at", "id")


class Review(models.Model):
    """
    Something that the privacy officer has to look into. It stays in the queue until closed with a finding.

    What it is about is one of three: the emergency named by `subject`, a `mismatch`, or an `event` that
    the patient does not recognise. Like events it names people by identifier, and both its opening and its
    closing are events, so that not even its finding can be rewritten unnoticed.
    """

    class Kind(models.TextChoices):
        BREAK_GLASS = "break_glass", _("Emergency opening")
        FAILED_VERIFICATION = "failed_verification", _("Failed verification")
        QUESTION = "question", _("Question from a patient")

    class Outcome(models.TextChoices):
        JUSTIFIED = "justified", _("In order: there was a good reason")
        NOT_JUSTIFIED = "not_justified", _("Not in order: there was no good reason")
        EXPLAINED = "explained", _("Explained: nothing was wrong")
        PUT_RIGHT = "put_right", _("Put right: the cause was found and removed")
        HANDED_ON = "handed_on", _("Handed on to somebody named in the finding")

    OUTCOMES = {
        Kind.BREAK_GLASS: (Outcome.JUSTIFIED, Outcome.NOT_JUSTIFIED, Outcome.HANDED_ON),
        Kind.FAILED_VERIFICATION: (Outcome.PUT_RIGHT, Outcome.EXPLAINED, Outcome.HANDED_ON),
        Kind.QUESTION: (
            Outcome.JUSTIFIED,
            Outcome.NOT_JUSTIFIED,
            Outcome.EXPLAINED,
            Outcome.HANDED_ON,
        ),
    }

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=Kind)
    patient_id = models.UUIDField(null=True)
    subject = models.UUIDField(null=True, help_text=_("The emergency opening it is about."))
    mismatch = models.OneToOneField(
        "chain.Mismatch", on_delete=models.PROTECT, null=True, related_name="review"
    )
    event = models.ForeignKey(Event, on_delete=models.PROTECT, null=True, related_name="reviews")
    opened_at = models.DateTimeField()
    # What the patient wrote.
    details = columns.encrypted(models.TextField(default=""))
    told_at = models.DateTimeField(
        null=True, help_text=_("When the privacy office was sent word that it waits.")
    )

    outcome = models.CharField(max_length=20, choices=Outcome, blank=True, default="")
    finding = columns.encrypted(models.TextField(null=True))
    closed_at = models.DateTimeField(null=True)
    closed_by_id = models.UUIDField(null=True)

    objects = ReviewQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["patient_id", "kind"])]
        constraints = [
            models.CheckConstraint(
                name="review_is_closed_by_somebody_with_a_finding",
                condition=models.Q(closed_at=None, closed_by_id=None, outcome="", finding__isnull=True)
                | models.Q(closed_at__isnull=False, closed_by_id__isnull=False, finding__isnull=False)
                & ~models.Q(outcome=""),
            ),
            models.CheckConstraint(
                name="review_is_about_one_thing",
                condition=models.Q(
                    kind="break_glass",
                    patient_id__isnull=False,
                    subject__isnull=False,
                    mismatch=None,
                    event=None,
                )
                | models.Q(kind="failed_verification", mismatch__isnull=False, subject=None, event=None)
                | models.Q(
                    kind="question",
                    patient_id__isnull=False,
                    event__isnull=False,
                    subject=None,
                    mismatch=None,
                ),
            ),
            models.UniqueConstraint(name="one_review_an_emergency", fields=["subject"]),
            # Once it is answered, a patient may ask again.
            models.UniqueConstraint(
                name="one_open_question_an_event", fields=["event"], condition=models.Q(closed_at=None)
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="review_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="review_stays_as_opened",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "id", "kind", "patient_id", "subject", "mismatch", "event", "opened_at"
                ),
            ),
            pgtrigger.Protect(
                name="review_details_stay",
                operation=pgtrigger.Update,
                # Encrypted columns know no such look-up, so it is said in SQL.
                condition=pgtrigger.Condition('OLD."details" IS DISTINCT FROM NEW."details"'),
            ),
            pgtrigger.Protect(
                name="closed_review_stays_closed",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__closed_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"Review {self.id}"

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def outcomes(self) -> tuple["Review.Outcome", ...]:
        """What its closing may say."""
        return self.OUTCOMES[self.Kind(self.kind)]
