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

    def newest_first(self) -> Self:
        return self.order_by("-at", "-id")


class Event(models.Model):
    """
    One line of the trail, written in the transaction of what it tells, and a leaf of the log.

    It points at people by identifier and not by foreign key: the line stays when an account goes.
    What could tell something about a patient stands encrypted in `sealed_detail`.
    """

    OPENINGS = ("record.opened", "record.listed", "record.proved", "record.exported", "chart.opened")

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
        indexes = [models.Index(fields=["patient_id", "-at"])]
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
