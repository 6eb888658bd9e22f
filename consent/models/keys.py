"""A patient's keys on the chain: the pseudonym, its signers, and how lost ones are replaced."""

import secrets
import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from audit import columns
from patients.models import Patient


def new_pseudonym() -> bytes:
    return secrets.token_bytes(32)


class Pseudonym(models.Model):
    """The 32 random bytes under which a patient's signers stand in `ConsentRegistry`."""

    patient = models.OneToOneField(Patient, on_delete=models.PROTECT, related_name="pseudonym")
    value = models.BinaryField(max_length=32, unique=True, default=new_pseudonym)
    created_at = models.DateTimeField()
    on_chain_at = models.DateTimeField(null=True, help_text=_("When the chain had the enrolment."))

    def __str__(self) -> str:
        return f"Pseudonym {self.pk}"


class SignerQuerySet(models.QuerySet["Signer"]):
    def usable(self) -> Self:
        """Choose the keys whose signature counts: enrolled or let in, and neither removed nor replaced."""
        return self.filter(accepted_at__isnull=False, removed_at=None)


class Signer(models.Model):
    """
    A consent passkey of a patient, as ERC-7913 writes it (docs/formats/consent.md).

    It becomes usable when its own signature, and that of a key before it, made it one (`accepted_at`);
    the chain follows (`on_chain_at`). Keys proposed in a recovery wait for it without being usable.
    """

    pseudonym = models.ForeignKey(Pseudonym, on_delete=models.PROTECT, related_name="signers")
    name = columns.encrypted(models.CharField(max_length=60))
    signer = models.BinaryField(max_length=400)
    hash = models.BinaryField(max_length=32, help_text=_("keccak256 of the signer."))
    credential_id = models.BinaryField(max_length=1023, unique=True)
    # AttestedCredentialData, as fido2 reads it.
    credential = models.BinaryField()
    created_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True)
    on_chain_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)
    recovery = models.ForeignKey(
        "consent.Recovery", on_delete=models.PROTECT, null=True, related_name="signers"
    )

    objects = SignerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="one_signer_a_pseudonym", fields=["pseudonym", "hash"]),
        ]

    def __str__(self) -> str:
        return f"Signer {self.pk}"


class RecoveryQuerySet(models.QuerySet["Recovery"]):
    def open(self) -> Self:
        return self.filter(carried_out_at=None, vetoed_at=None, withdrawn_at=None)


class Recovery(models.Model):
    """
    New keys instead of lost ones: checked in person by an officer, proposed on the chain with the new
    key's signature, and carried out three days later unless a remaining key says no.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="recoveries")
    # How the officer knew in person who it was, such as “passport”.
    checked = columns.encrypted(models.CharField(max_length=200))
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField()
    # Given by the registry: one more than that of the patient's last recovery.
    number = models.PositiveIntegerField(null=True)
    proposed_at = models.DateTimeField(null=True, help_text=_("When the patient's new key signed."))
    # Three days after the block that took the proposal.
    recoverable_at = models.DateTimeField(null=True)
    carried_out_at = models.DateTimeField(null=True)
    vetoed_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)

    objects = RecoveryQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="one_open_recovery",
                fields=["patient"],
                condition=Q(carried_out_at=None, vetoed_at=None, withdrawn_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"Recovery {self.id}"

    def is_open(self) -> bool:
        return self.carried_out_at is None and self.vetoed_at is None and self.withdrawn_at is None

    def is_due(self, at: datetime) -> bool:
        return self.is_open() and self.recoverable_at is not None and self.recoverable_at <= at
