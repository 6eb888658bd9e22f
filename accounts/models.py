"""The account: one person who signs in, in one role."""

import uuid

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """What a person is to the hospital; every permission follows from it."""

    PATIENT = "patient", _("Patient")
    DOCTOR = "doctor", _("Doctor")
    BILLING = "billing", _("Billing clerk")
    RECORDS_OFFICER = "records_officer", _("Records officer")
    PRIVACY_OFFICER = "privacy_officer", _("Privacy officer")

    @property
    def is_staff(self) -> bool:
        return self != Role.PATIENT


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: object) -> "User":
        """Create an account; without a password it can be entered by passkey alone."""
        user = self.model(username=username, **fields)
        user.set_password(password)
        user.save()
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """
    Somebody who signs in.

    A patient's user name is random and never shown: they sign in by passkey, so no column here tells
    who is a patient of this hospital. Names of patients stand encrypted on `patients.Patient`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    username = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=20, choices=Role)
    display_name = models.CharField(
        max_length=120, blank=True, help_text=_("Staff only: patients' names are encrypted.")
    )
    language = models.CharField(max_length=10, blank=True)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"

    objects = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="user_of_a_patient_has_no_name",
                condition=~models.Q(role=Role.PATIENT) | models.Q(display_name=""),
                violation_error_message=_(
                    "A patient's name belongs on the encrypted patient, not on the account."
                ),
            ),
            models.CheckConstraint(name="user_has_a_known_role", condition=models.Q(role__in=Role.values)),
        ]

    def __str__(self) -> str:
        return self.display_name or str(self.id)

    @property
    def is_patient(self) -> bool:
        return self.role == Role.PATIENT

    @property
    def is_staff(self) -> bool:
        """Whether this person belongs to the hospital's staff; Django's admin asks under this name."""
        return Role(self.role).is_staff

    def has_role(self, *roles: Role) -> bool:
        return self.is_active and self.role in roles
