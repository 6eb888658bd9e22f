"""Records and their versions: FHIR R4 resources exactly as they came."""

import uuid
from datetime import date, datetime
from functools import cached_property
from typing import Any, Self

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from chain.anchoring import Anchoring, anchoring_annotations
from consent.categories import Kind
from consent.rules import readable_records
from patients.models import Patient
from records import encryption
from records.models.keys import DataKey


class RecordQuerySet(models.QuerySet["Record"]):
    def visible_to(self, actor: Any, *, at: datetime) -> Self:
        """Choose the records that this person may read; the count of anything starts here, too."""
        return self.filter(readable_records(actor, at=at))

    def of_patient(self, patient: Patient) -> Self:
        return self.filter(patient=patient)

    def of_kind(self, kind: str) -> Self:
        return self.filter(kind=kind)

    def between(self, earliest: date | None, latest: date | None) -> Self:
        """Choose what happened on these days, both included; None leaves that side open."""
        records = self
        if earliest:
            records = records.filter(occurred_date__gte=earliest)
        if latest:
            records = records.filter(occurred_date__lte=latest)
        return records

    def with_token(self, token: bytes) -> Self:
        return self.filter(search_tokens__token=token)

    def newest_first(self) -> Self:
        """Order by the day it happened, undated ones last; the key makes the order total for paging."""
        return self.order_by(models.F("occurred_date").desc(nulls_last=True), "-created_at", "id")


class Record(models.Model):
    """
    One FHIR resource over all its versions.

    In clear stand only what lists need: type, kind and day. The threat model says so. That some of them are
    sensitive can be seen, too; in what way can't.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, null=True, related_name="records")
    source = models.CharField(
        max_length=200, help_text=_("The system it came from; ids are unique within it.")
    )
    resource_type = models.CharField(max_length=64)
    fhir_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=20, choices=Kind)
    occurred_date = models.DateField(null=True)
    latest_version = models.PositiveIntegerField(default=0)
    # Tokens of what is sensitive in it (`consent.categories`): none of them, if empty. Null until it has
    # been classified, and until then no grant reaches it.
    sensitivities = ArrayField(models.BinaryField(max_length=16), null=True)
    created_at = models.DateTimeField()

    objects = RecordQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_record_per_source_id", fields=["source", "resource_type", "fhir_id"]
            ),
            models.CheckConstraint(
                name="record_belongs_to_a_patient_or_the_directory",
                condition=models.Q(kind=Kind.DIRECTORY, patient=None)
                | (~models.Q(kind=Kind.DIRECTORY) & models.Q(patient__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(
                models.F("patient"), models.F("occurred_date").desc(nulls_last=True), name="record_timeline"
            ),
            models.Index(fields=["patient", "kind", "occurred_date"]),
            models.Index(fields=["resource_type", "fhir_id"]),
            models.Index(
                fields=["source", "patient"],
                condition=models.Q(sensitivities=None),
                name="unclassified_records",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.resource_type}/{self.fhir_id}"


class RecordVersionQuerySet(models.QuerySet["RecordVersion"]):
    def visible_to(self, actor: Any, *, at: datetime) -> Self:
        """Choose the versions that this person may read; every page and export starts here."""
        return self.filter(readable_records(actor, at=at, record="record__"))

    def with_anchoring(self) -> Self:
        """Annotate each version with where its leaf stands, so that `anchoring` asks nothing more."""
        return self.annotate(**anchoring_annotations("leaf"))

    def latest(self) -> Self:  # type: ignore[override] # here “latest” is a set, one version a record
        return self.filter(number=models.F("record__latest_version"))


class RecordVersion(models.Model):
    """
    One version of a record, for ever as it was received.

    `data` is the resource's bytes and `secret` the 32 bytes that salt its commitment, both encrypted
    under the patient's data key and bound to this row. A trigger refuses every change.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    record = models.ForeignKey(Record, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    data_key = models.ForeignKey(DataKey, on_delete=models.PROTECT, related_name="+")
    data = models.BinaryField()
    secret = models.BinaryField()
    # Keyed hash of the bytes: tells an import that nothing changed, and a reader of the database nothing.
    fingerprint = models.BinaryField(max_length=32)
    previous = models.OneToOneField("self", on_delete=models.PROTECT, null=True, related_name="next")
    author = models.CharField(
        max_length=200, help_text=_("The portal that committed to it, as in the registry.")
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField()
    leaf = models.OneToOneField("chain.Leaf", on_delete=models.PROTECT, related_name="record_version")

    objects = RecordVersionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_version_per_number", fields=["record", "number"]),
            models.CheckConstraint(
                name="only_the_first_version_has_no_previous",
                condition=models.Q(number=1, previous=None) | models.Q(number__gt=1, previous__isnull=False),
            ),
        ]
        triggers = [pgtrigger.Protect(name="immutable", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.record} version {self.number}"

    @property
    def binding(self) -> str:
        """What the ciphertexts are bound to: row, record, patient and version."""
        return f"record-version:{self.id}:{self.record_id}:{self.record.patient_id}:{self.number}"

    @property
    def anchoring(self) -> Anchoring:
        """Where this version's leaf stands; without a query if it was fetched `with_anchoring()`."""
        return Anchoring.of(self) if hasattr(self, "anchoring_state") else self.leaf.anchoring

    def encrypt(self, document: bytes, secret: bytes, *, key: bytes) -> None:
        self.data = encryption.seal(key, document, bound_to=f"{self.binding}:data")
        self.secret = encryption.seal(key, secret, bound_to=f"{self.binding}:secret")

    @cached_property
    def key(self) -> bytes:
        return self.data_key.unwrapped

    @cached_property
    def document(self) -> bytes:
        """
        The resource's JSON, byte for byte as it came.

        :raises CannotDecrypt: if the row was tampered with
        """
        return encryption.unseal(self.key, self.data, bound_to=f"{self.binding}:data")

    @cached_property
    def commitment_secret(self) -> bytes:
        """
        The 32 bytes that salt this version's commitment.

        :raises CannotDecrypt: if the row was tampered with
        """
        return encryption.unseal(self.key, self.secret, bound_to=f"{self.binding}:secret")


class SearchToken(models.Model):
    """A keyed hash of a code that a record carries, so that series and searches need no plaintext."""

    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="search_tokens")
    token = models.BinaryField(max_length=16)

    class Meta:
        constraints = [models.UniqueConstraint(name="one_token_a_record", fields=["record", "token"])]
        indexes = [models.Index(fields=["token", "record"])]

    def __str__(self) -> str:
        return f"Token of {self.record_id}"


class RecordReference(models.Model):
    """A reference from a version of a record to another record; without a target, it dangles."""

    record = models.ForeignKey(Record, on_delete=models.CASCADE, related_name="references")
    # Of the version. Without a word from code older than this column, the first.
    number = models.PositiveIntegerField(db_default=1)
    pointer = models.CharField(max_length=400)
    # Keyed hash of the reference's text: finds the target when it arrives later.
    token = models.BinaryField(max_length=16)
    target = models.ForeignKey(Record, on_delete=models.PROTECT, null=True, related_name="referred_by")
    # Whether the record is about what it refers to, and so at least as sensitive.
    inherits = models.BooleanField(default=False, db_default=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_reference_a_pointer", fields=["record", "number", "pointer"])
        ]
        indexes = [
            models.Index(fields=["token"], condition=models.Q(target=None), name="dangling_references")
        ]

    def __str__(self) -> str:
        return f"{self.pointer} of {self.record_id}"
