"""Imports as jobs: a row that holds the file, how far it got, and what was refused and why."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from records import encryption
from records.models.keys import DataKey


class ImportJob(models.Model):
    """
    One file of FHIR records on its way into the store.

    The file is kept, encrypted, until nothing in it was refused, so that a retry needs nothing else.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        FINISHED = "finished", _("Finished")
        FAILED = "failed", _("Stopped by an error")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    file_name = models.CharField(max_length=200)
    file = models.BinaryField(null=True)
    data_key = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+")
    source = models.CharField(max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    size = models.PositiveBigIntegerField(default=0, help_text=_("Bytes."))
    position = models.PositiveBigIntegerField(default=0, help_text=_("Bytes read so far."))
    imported = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    error = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    created_at = models.DateTimeField()
    heartbeat_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.file_name

    @property
    def binding(self) -> str:
        return f"import-job:{self.id}"

    @property
    def percent(self) -> int:
        """How far the job has read, 0 to 100."""
        if self.state == self.State.FINISHED:
            return 100
        return min(99, self.position * 100 // self.size) if self.size else 0

    def keep(self, content: bytes) -> None:
        """Hold the file in this row, encrypted."""
        self.size = len(content)
        self.file = encryption.seal(self.data_key.unwrapped, content, bound_to=self.binding)

    def content(self) -> bytes:
        """
        Return the file as it was handed in.

        :raises CannotDecrypt: if the row was tampered with
        """
        return encryption.unseal(self.data_key.unwrapped, bytes(self.file or b""), bound_to=self.binding)


class ImportFault(models.Model):
    """One resource that was refused: where it stood in the file, and why. Never its content."""

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="faults")
    path = models.CharField(max_length=400)
    reason = models.CharField(max_length=500)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.path
