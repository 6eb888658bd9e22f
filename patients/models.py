"""The people this hospital treats: their demographics, identifiers, and invitations to the portal."""

import uuid
from datetime import date, datetime
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.utils.translation import gettext_lazy as _

from audit.columns import encrypted
from patients.blind_index import blind_index, normalised


class Sex(models.TextChoices):
    """FHIR R4 AdministrativeGender."""

    FEMALE = "female", _("Female")
    MALE = "male", _("Male")
    OTHER = "other", _("Other")
    UNKNOWN = "unknown", _("Not known")


class PatientQuerySet(models.QuerySet["Patient"]):
    def matching(self, text: str) -> Self:
        """Choose those whose names or numbers hold every word of `text`, by keyed token."""
        patients = self
        for word in normalised(text).split():
            patients = patients.filter(tokens__contains=[blind_index("patient", word)])
        return patients


class Patient(models.Model):
    """
    A person this hospital treats. Everything that identifies them is encrypted.

    `tokens` holds keyed hashes of the words of the name, of the birth date and of each identifier, so
    that a look-up by whole words works and the database alone gives nobody away.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="patient"
    )
    family_name = encrypted(models.CharField(max_length=200, blank=True))
    given_names = encrypted(models.CharField(max_length=200, blank=True))
    birth_date = encrypted(models.DateField(null=True, blank=True))
    sex = models.CharField(max_length=10, choices=Sex, default=Sex.UNKNOWN)
    email = encrypted(models.CharField(max_length=254, blank=True))
    phone = encrypted(models.CharField(max_length=60, blank=True))
    address = encrypted(models.CharField(max_length=500, blank=True))
    is_told_of_openings = models.BooleanField(
        default=False,
        db_default=False,
        help_text=_("Whether they want an e-mail when somebody else opens their record."),
    )
    tokens = ArrayField(models.BinaryField(max_length=16), default=list, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = PatientQuerySet.as_manager()

    class Meta:
        indexes = [GinIndex(fields=["tokens"])]

    def __str__(self) -> str:
        # Used in lists and select boxes of the workspace, never in a log.
        return self.full_name

    @property
    def full_name(self) -> str:
        return f"{self.given_names} {self.family_name}".strip() or str(_("Name not known"))

    def age(self, on: date) -> int | None:
        """Return the age in whole years, or None where the birth date is not known."""
        born = self.birth_date
        if born is None:
            return None
        return on.year - born.year - ((on.month, on.day) < (born.month, born.day))

    def refresh_tokens(self) -> None:
        """Compute the keyed tokens anew; call it before saving a change of name, date or identifiers."""
        words = {*normalised(self.full_name).split()}
        if self.birth_date:
            words.add(self.birth_date.isoformat())
        words |= {normalised(identifier.value) for identifier in self.identifiers.all()}
        self.tokens = sorted(blind_index("patient", word) for word in words)


class PatientIdentifier(models.Model):
    """A number by which a system knows a patient: the hospital's own, or a national one."""

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="identifiers")
    system = models.CharField(max_length=200, help_text=_("Who issued the number, as a URI."))
    label = models.CharField(max_length=80, blank=True)
    value = encrypted(models.CharField(max_length=200))
    token = models.BinaryField(max_length=16, unique=True, editable=False)

    def __str__(self) -> str:
        return self.label or self.system

    @staticmethod
    def token_of(system: str, value: str) -> bytes:
        return blind_index("identifier", f"{system}|{value}")


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self, at: datetime) -> Self:
        return self.filter(accepted_at=None, withdrawn_at=None, expires_at__gt=at)


class Invitation(models.Model):
    """
    A letter's code that lets one patient make their account. Only a keyed hash of the code is kept.

    It is used up when the passkey is registered, not before: a browser closed half-way loses nothing.
    """

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="invitations")
    code_token = models.BinaryField(max_length=16, unique=True, editable=False)
    created_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    expires_at = models.DateTimeField()
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    accepted_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    MAX_FAILED_ATTEMPTS = 5

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="invitation_is_accepted_or_withdrawn",
                condition=models.Q(accepted_at=None) | models.Q(withdrawn_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"Invitation until {self.expires_at:%Y-%m-%d}"

    def is_open(self, at: datetime) -> bool:
        return self.accepted_at is None and self.withdrawn_at is None and self.expires_at > at

    def accept(self, *, at: datetime) -> None:
        """Use this invitation up."""
        self.accepted_at = at
        self.save(update_fields=["accepted_at"])

    def withdraw(self, *, at: datetime) -> None:
        """End this invitation, so that its code opens nothing more."""
        self.withdrawn_at = at
        self.save(update_fields=["withdrawn_at"])

    def count_failed_attempt(self, *, at: datetime) -> None:
        """Note one wrong birth date; the last one that is allowed withdraws the invitation."""
        self.failed_attempts += 1
        if self.failed_attempts >= self.MAX_FAILED_ATTEMPTS:
            self.withdrawn_at = at
        self.save(update_fields=["failed_attempts", "withdrawn_at"])


class NoticeQuerySet(models.QuerySet["Notice"]):
    def unseen(self) -> Self:
        return self.filter(seen_at=None)

    def unsent(self) -> Self:
        return self.filter(sent_at=None)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-pk")


class Notice(models.Model):
    """
    Something that a patient should learn of. The portal says what; an e-mail says only that something is.

    It is a row before it is a mail, so a lost broker or mail server loses nothing.
    """

    class Kind(models.TextChoices):
        OPENING = "opening", _("Somebody opened your record")
        BREAK_GLASS = "break_glass", _("Your record was opened in an emergency")
        REQUEST = "request", _("Somebody asks for access to your record")
        GRANT = "grant", _("Who can see your record has changed")
        KEY = "key", _("A key with which you share was added or removed")
        RECOVERY = "recovery", _("The keys with which you share are being replaced")
        QUESTION_ANSWERED = "question_answered", _("The privacy officer has answered")

    # What cannot wait for the next hour: there may be something to stop.
    AT_ONCE = (Kind.BREAK_GLASS, Kind.KEY, Kind.RECOVERY)

    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=20, choices=Kind)
    created_at = models.DateTimeField()
    seen_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True, help_text=_("When an e-mail said that there is something."))

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["patient", "-created_at"]),
            models.Index(fields=["patient"], condition=models.Q(sent_at=None), name="unsent_notices"),
        ]

    def __str__(self) -> str:
        return f"Notice {self.pk}: {self.kind}"
