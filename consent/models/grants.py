"""Grants: what a patient allowed whom, and the requests of doctors that ask for one."""

import json
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from audit import columns
from consent.categories import Kind
from doctors.models import Clinician, Department, Institution
from patients.models import Patient

# How long a grant for once stays open after its first use: a consultation, not a day.
ONE_OCCASION = timedelta(hours=1)


class Basis(models.TextChoices):
    """What a grant stands on."""

    SIGNED = "signed", _("Signed by the patient")
    ATTESTED = "attested", _("Attested by the hospital")


class GranteeKind(models.TextChoices):
    """To whom a patient can give access."""

    PERSON = "person", _("One doctor")
    DEPARTMENT = "department", _("A department")
    INSTITUTION = "institution", _("A hospital")
    PROXY = "proxy", _("Somebody who helps me")


class Covers(models.TextChoices):
    """How the patient said what a grant is about; `kinds` and `record_ids` hold what follows from it."""

    EVERYTHING = "everything", _("My whole record")
    SUMMARY = "summary", _("A summary")
    CATEGORIES = "categories", _("Some kinds of records")
    DOCUMENTS = "documents", _("Single records")


class Purpose(models.TextChoices):
    """What a record may be read for: codes of HL7 v3 PurposeOfUse."""

    TREATMENT = "TREAT", _("To treat me")
    SECOND_OPINION = "CAREMGT", _("To give a second opinion or plan my care")
    HELP = "FAMRQT", _("To help me with my health")
    PAYMENT = "HPAYMT", _("To pay for my care")
    RESEARCH = "HRESCH", _("For research")


class EndedBy(models.TextChoices):
    """Who ended a grant before its time."""

    PATIENT = "patient", _("The patient")
    HOSPITAL = "hospital", _("The hospital")
    CONTRACT = "contract", _("The contract, which did not take it")
    CHAIN = "chain", _("A revocation on the chain")


class DocumentDamaged(Exception):
    """The stored bytes of a consent are not those that were written."""


class GrantQuerySet(models.QuerySet["Grant"]):
    def active(self, at: datetime) -> Self:
        """Choose those under which somebody may read at this moment."""
        return self.filter(
            Q(is_once=False) | Q(used_at=None) | Q(used_at__gt=at - ONE_OCCASION),
            starts_at__lte=at,
            expires_at__gt=at,
            revoked_at=None,
        )

    def ended(self, at: datetime) -> Self:
        return self.exclude(pk__in=self.active(at).values("pk")).filter(starts_at__lte=at)

    def held_by(self, user: Any) -> Self:
        """
        Choose those that let this person read: a patient as a helper; a doctor in person, by department, or
        by hospital.

        Whoever works at another hospital, or in another hospital's department, reads nothing here, and an
        account that was given another role keeps nothing of what it held in the one before.
        """
        if user.has_role(Role.PATIENT):
            return self.filter(grantee_kind=GranteeKind.PROXY, proxy=user)
        if not user.has_role(Role.DOCTOR):
            return self.none()
        here = Clinician.objects.filter(user=user, institution__is_this_hospital=True)
        departments = here.filter(department__institution__is_this_hospital=True).values("department")
        return self.filter(
            Q(grantee_kind=GranteeKind.PERSON, clinician__in=here)
            | Q(grantee_kind=GranteeKind.DEPARTMENT, department__in=departments)
            | Q(grantee_kind=GranteeKind.INSTITUTION, institution__in=here.values("institution"))
        )

    def of_patient(self, patient: Patient) -> Self:
        return self.filter(patient=patient)

    def visible_to(self, patient: Patient | None) -> Self:
        """Choose those that this patient gave; nobody else has a list of them."""
        return self.filter(patient=patient) if patient else self.none()

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "pk")


class Grant(models.Model):
    """
    A patient's permission for a grantee to read a scope until it expires.

    What it says is the FHIR Consent in `document`, whose commitment is the grant's leaf and, of a signed
    one, its scope on the chain. The columns beside it are what decisions are made from; a trigger keeps
    both as they were signed.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="grants")
    basis = models.CharField(max_length=10, choices=Basis)

    grantee_kind = models.CharField(max_length=12, choices=GranteeKind)
    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, null=True, related_name="grants")
    department = models.ForeignKey(Department, on_delete=models.PROTECT, null=True, related_name="grants")
    clinician = models.ForeignKey(Clinician, on_delete=models.PROTECT, null=True, related_name="grants")
    proxy = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="proxy_grants"
    )

    covers = models.CharField(max_length=12, choices=Covers)
    kinds = ArrayField(models.CharField(max_length=20, choices=Kind), default=list)
    record_ids = ArrayField(models.UUIDField(), default=list)
    # Of the sensitivities that it names; see `sensitivity_token`.
    sensitivities = ArrayField(models.BinaryField(max_length=16), default=list)
    purpose = models.CharField(max_length=12, choices=Purpose)
    starts_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    is_once = models.BooleanField(default=False)
    used_at = models.DateTimeField(null=True, help_text=_("When a grant for once was first used."))

    created_at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    sealed_document = models.BinaryField()
    # 32 bytes that salt both commitments; destroying them makes what is on the chain meaningless.
    sealed_secret = models.BinaryField()
    leaf = models.OneToOneField("chain.Leaf", on_delete=models.PROTECT, related_name="grant")
    request = models.ForeignKey(
        "consent.AccessRequest", on_delete=models.PROTECT, null=True, related_name="grants"
    )
    renews = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="renewed_by")
    paper_reference = columns.encrypted(
        models.CharField(max_length=200, blank=True, default="", help_text=_("Where the paper is kept."))
    )

    # The name of a signed grant on the chain: the digest that the patient's passkey signed.
    digest = models.BinaryField(max_length=32, null=True, unique=True)
    on_chain_at = models.DateTimeField(null=True)
    off_chain_at = models.DateTimeField(null=True, help_text=_("When the chain had its revocation."))

    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    ended_by = models.CharField(max_length=10, choices=EndedBy, blank=True, default="")

    objects = GrantQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="grant_has_one_grantee",
                condition=(
                    Q(grantee_kind=GranteeKind.PERSON, clinician__isnull=False, department=None, proxy=None)
                    | Q(grantee_kind=GranteeKind.DEPARTMENT, department__isnull=False, clinician=None)
                    & Q(proxy=None)
                    | Q(grantee_kind=GranteeKind.INSTITUTION, institution__isnull=False, clinician=None)
                    & Q(department=None, proxy=None)
                    | Q(grantee_kind=GranteeKind.PROXY, proxy__isnull=False, clinician=None)
                    & Q(department=None, institution=None)
                ),
            ),
            models.CheckConstraint(
                name="signed_grant_has_a_digest",
                condition=Q(basis=Basis.SIGNED, digest__isnull=False) | Q(basis=Basis.ATTESTED, digest=None),
            ),
            models.CheckConstraint(
                name="grant_expires_after_it_starts", condition=Q(expires_at__gt=models.F("starts_at"))
            ),
            models.CheckConstraint(
                name="grant_is_revoked_by_somebody",
                condition=Q(revoked_at=None, ended_by="", revoked_by=None)
                | Q(revoked_at__isnull=False) & ~Q(ended_by=""),
            ),
            models.CheckConstraint(
                name="grant_covers_something",
                condition=~Q(kinds=[]) | ~Q(record_ids=[]),
            ),
        ]
        indexes = [models.Index(fields=["patient", "expires_at"])]
        triggers = [
            pgtrigger.Protect(name="grant_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="grant_stays_as_signed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "id",
                    "patient",
                    "basis",
                    "grantee_kind",
                    "institution",
                    "department",
                    "clinician",
                    "proxy",
                    "covers",
                    "kinds",
                    "record_ids",
                    "sensitivities",
                    "purpose",
                    "starts_at",
                    "expires_at",
                    "is_once",
                    "created_at",
                    "by",
                    "sealed_document",
                    "sealed_secret",
                    "request",
                    "renews",
                    "leaf",
                    "digest",
                ),
            ),
            pgtrigger.Protect(
                name="revoked_grant_stays_revoked",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__revoked_at__isnull=False)
                & (
                    pgtrigger.Q(old__revoked_at__df=pgtrigger.F("new__revoked_at"))
                    | pgtrigger.Q(old__revoked_by__df=pgtrigger.F("new__revoked_by"))
                    | pgtrigger.Q(old__ended_by__df=pgtrigger.F("new__ended_by"))
                ),
            ),
            pgtrigger.Protect(
                name="used_grant_stays_used",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(
                    old__used_at__isnull=False, old__used_at__df=pgtrigger.F("new__used_at")
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"Grant {self.id}"

    def is_active(self, at: datetime) -> bool:
        """Whether somebody may read under it at this moment."""
        is_used_up = self.is_once and self.used_at is not None and self.used_at <= at - ONE_OCCASION
        return self.revoked_at is None and self.starts_at <= at < self.expires_at and not is_used_up

    def can_be_revoked(self, at: datetime) -> bool:
        return self.revoked_at is None and at < self.expires_at

    def reaches(
        self, *, kind: str, record_id: uuid.UUID, sensitivities: Iterable[bytes | memoryview] | None
    ) -> bool:
        """
        Whether one of the patient's records is among what it grants; `rules.readable_records` asks the same.

        A record without known sensitivities is reached by no grant.
        """
        if sensitivities is None:
            return False
        named = {bytes(token) for token in self.sensitivities}
        is_named = kind in self.kinds or record_id in self.record_ids
        return is_named and named.issuperset(bytes(token) for token in sensitivities)

    def use(self, *, at: datetime) -> None:
        """
        Begin the one occasion of a grant for once. Of two openings at the same moment the first begins it,
        so that it ends when it should.
        """
        type(self).objects.filter(pk=self.pk, used_at=None).update(used_at=at)
        self.refresh_from_db(fields=["used_at"])

    def is_given_by(self, user: Any) -> bool:
        """Whether this is the patient whose grant it is, and nobody who helps them."""
        return user is not None and user.pk == self.patient.user_id

    @property
    def is_signed(self) -> bool:
        return self.basis == Basis.SIGNED

    @cached_property
    def document(self) -> bytes:
        """
        The FHIR Consent, byte for byte as the patient was shown it.

        :raises DocumentDamaged: if the stored bytes were changed
        """
        return self._unsealed(self.sealed_document)

    @cached_property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(self.document)
        return content

    @cached_property
    def secret(self) -> bytes:
        """
        The 32 bytes that salt its commitments.

        :raises DocumentDamaged: if the stored bytes were changed
        """
        return self._unsealed(self.sealed_secret)

    def _unsealed(self, sealed: bytes | memoryview) -> bytes:
        try:
            return columns.unseal(sealed)
        except columns.ColumnDamaged as error:
            raise DocumentDamaged from error


class AccessRequestQuerySet(models.QuerySet["AccessRequest"]):
    def open(self, at: datetime) -> Self:
        """Choose those that wait for the patient's answer."""
        return self.filter(answered_at=None, withdrawn_at=None, expires_at__gt=at)


class AccessRequest(models.Model):
    """A doctor asks a patient for access; the patient grants it, all or less, or declines."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="access_requests")
    clinician = models.ForeignKey(Clinician, on_delete=models.PROTECT, related_name="access_requests")
    covers = models.CharField(max_length=12, choices=Covers)
    kinds = ArrayField(models.CharField(max_length=20, choices=Kind), default=list)
    purpose = models.CharField(max_length=12, choices=Purpose)
    # What the doctor writes to the patient.
    reason = columns.encrypted(models.CharField(max_length=500))
    days = models.PositiveSmallIntegerField(help_text=_("For how many days from the patient's yes."))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text=_("After this nobody answers any more."))
    answered_at = models.DateTimeField(null=True)
    is_accepted = models.BooleanField(null=True)
    # What the patient writes back when declining.
    answer = columns.encrypted(models.CharField(max_length=500, blank=True, default=""))
    withdrawn_at = models.DateTimeField(null=True)

    objects = AccessRequestQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="access_request_is_answered_with_yes_or_no",
                condition=Q(answered_at=None, is_accepted=None)
                | Q(answered_at__isnull=False, is_accepted__isnull=False),
            ),
            models.CheckConstraint(
                name="access_request_is_answered_or_withdrawn",
                condition=Q(answered_at=None) | Q(withdrawn_at=None),
            ),
        ]

    def __str__(self) -> str:
        return f"Access request {self.id}"

    def is_open(self, at: datetime) -> bool:
        return self.answered_at is None and self.withdrawn_at is None and at < self.expires_at
