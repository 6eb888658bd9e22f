"""Breaking the glass: opening a record in an emergency, without asking first and never in silence."""

import uuid
from datetime import datetime, timedelta
from typing import Any, Self

import pgtrigger
from django.conf import settings
from django.db import models

from audit import columns
from patients.models import Patient


class BreakGlassQuerySet(models.QuerySet["BreakGlass"]):
    def open(self, at: datetime) -> Self:
        """Choose those under which a record stands open at this moment."""
        return self.filter(at__lte=at, expires_at__gt=at)

    def held_by(self, user: Any) -> Self:
        """Choose those that this person declared, as long as they work at this hospital."""
        return self.filter(by=user, by__clinician__institution__is_this_hospital=True)


class BreakGlass(models.Model):
    """One doctor opened one record in an emergency; it closes by itself."""

    LASTS = timedelta(minutes=60)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="break_glasses")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = columns.encrypted(models.CharField(max_length=500))
    at = models.DateTimeField()
    expires_at = models.DateTimeField()

    objects = BreakGlassQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["by", "expires_at"])]
        triggers = [
            pgtrigger.Protect(name="break_glass_stays", operation=pgtrigger.Update | pgtrigger.Delete)
        ]

    def __str__(self) -> str:
        return f"Break-glass {self.id}"

    def is_open(self, at: datetime) -> bool:
        return self.at <= at < self.expires_at


class ProxyCode(models.Model):
    """
    What somebody shows to the person they want to help, so that the two find each other.

    Nobody can be looked up by name: the code is random, shown on the helper's own page, and ends.
    """

    LASTS = timedelta(hours=24)

    token = models.BinaryField(max_length=16, unique=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"Proxy code until {self.expires_at:%Y-%m-%d %H:%M}"
