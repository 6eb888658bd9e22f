"""Institutions, the clinicians who work there, and whom they treat."""

import uuid
from datetime import datetime
from typing import Any, Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Institution(models.Model):
    """A hospital that this portal knows: itself, and those it exchanges records with."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120)
    portal_url = models.URLField(unique=True)
    is_this_hospital = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="only_one_institution_is_this_hospital",
                fields=["is_this_hospital"],
                condition=models.Q(is_this_hospital=True),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Department(models.Model):
    """A department of an institution, such as cardiology: one of those to whom a patient may give access."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="departments")
    name = models.CharField(max_length=120)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="department_has_a_name_of_its_own", fields=["institution", "name"])
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Clinician(models.Model):
    """A doctor of this hospital, as patients and other hospitals know them."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="clinician")
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="clinicians")
    department = models.ForeignKey(
        Department, on_delete=models.PROTECT, null=True, blank=True, related_name="clinicians"
    )
    name = models.CharField(max_length=120)
    specialty = models.CharField(max_length=120, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class CareRelationshipQuerySet(models.QuerySet["CareRelationship"]):
    def active(self, at: datetime) -> Self:
        return self.filter(models.Q(ended_at=None) | models.Q(ended_at__gt=at), started_at__lte=at)

    def of_clinician(self, user: Any) -> Self:
        """Choose the care that this person gives, as long as they work at this hospital."""
        return self.filter(clinician__user=user, clinician__institution__is_this_hospital=True)


class CareRelationship(models.Model):
    """That a clinician treats a patient: the ground on which they see the record."""

    clinician = models.ForeignKey(Clinician, on_delete=models.PROTECT, related_name="care_relationships")
    patient = models.ForeignKey(
        "patients.Patient", on_delete=models.PROTECT, related_name="care_relationships"
    )
    reason = models.CharField(
        max_length=200, help_text=_("What the patient is told, such as “cardiology clinic”.")
    )
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)

    objects = CareRelationshipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="care_ends_after_it_starts",
                condition=models.Q(ended_at=None) | models.Q(ended_at__gt=models.F("started_at")),
            ),
            models.UniqueConstraint(
                name="one_open_care_relationship",
                fields=["clinician", "patient"],
                condition=models.Q(ended_at=None),
            ),
        ]

    def __str__(self) -> str:
        return str(self.clinician)

    def is_active(self, at: datetime) -> bool:
        return self.started_at <= at and (self.ended_at is None or self.ended_at > at)
