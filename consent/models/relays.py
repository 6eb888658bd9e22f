"""What waits to be relayed to `ConsentRegistry`, and the tickets that lead to the consent host."""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any, Self

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from eth_utils import decode_hex

from audit import columns
from consent.models.grants import Grant
from consent.models.keys import Recovery
from patients.models import Patient


class RelayQuerySet(models.QuerySet["Relay"]):
    def unfinished(self) -> Self:
        return self.filter(state__in=[Relay.State.WAITING, Relay.State.SENT])

    def due(self, at: datetime) -> Self:
        """
        Choose what may be sent now, oldest first: what it builds on is in a block, or will never be.

        Of the latter the registry itself says what is wrong with it, if anything.
        """
        return self.filter(
            Q(after=None) | ~Q(after__state__in=[Relay.State.WAITING, Relay.State.SENT]),
            state=Relay.State.WAITING,
            not_before__lte=at,
        ).order_by("created_at", "pk")


class Relay(models.Model):
    """
    One call of `ConsentRegistry` on its way: a form that a patient signed, or an act of the hospital.

    The row is written in the transaction that decides here, so the chain may be down for days. `call` has
    the arguments of the function, in their order, as JSON: bytes as 0x hex, numbers as decimal text, and
    `Signed` as a list of two. It never changes: it is the evidence, too.
    """

    class Kind(models.TextChoices):
        ENROL = "enrol"
        GRANT = "grant"
        REVOKE = "revoke"
        REVOKE_BY_INSTITUTION = "revokeByInstitution"
        ADD_SIGNER = "addSigner"
        REMOVE_SIGNER = "removeSigner"
        PROPOSE_RECOVERY = "proposeRecovery"
        VETO_RECOVERY = "vetoRecovery"
        WITHDRAW_RECOVERY = "withdrawRecovery"
        RECOVER = "recover"

    class State(models.TextChoices):
        WAITING = "waiting"
        SENT = "sent"
        DONE = "done"
        REFUSED = "refused"
        CANCELLED = "cancelled"

    patient = models.ForeignKey(Patient, on_delete=models.PROTECT, related_name="relays")
    kind = models.CharField(max_length=24, choices=Kind)
    call = models.JSONField()
    # Of the form that was signed; none for an act of the hospital.
    digest = models.BinaryField(max_length=32, null=True)
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, null=True, related_name="relays")
    recovery = models.ForeignKey(Recovery, on_delete=models.PROTECT, null=True, related_name="relays")
    after = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="before")
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    transaction = models.ForeignKey(
        "chain.Transaction", on_delete=models.PROTECT, null=True, related_name="relays"
    )
    cause = models.CharField(max_length=200, blank=True, default="")
    finished_at = models.DateTimeField(null=True)

    objects = RelayQuerySet.as_manager()

    class Meta:
        triggers = [
            pgtrigger.Protect(name="relay_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="relay_stays_as_signed",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("patient", "kind", "call", "digest", "grant", "created_at"),
            ),
        ]
        indexes = [models.Index(fields=["state", "not_before"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}: {self.state}"

    @classmethod
    def queue(
        cls,
        kind: Kind,
        *,
        patient: Patient,
        call: list[Any],
        at: datetime,
        not_before: datetime | None = None,
        digest: bytes | None = None,
        grant: Grant | None = None,
        recovery: Recovery | None = None,
        after: "Relay | None" = None,
    ) -> "Relay":
        """Write down what is to be relayed, at once or `not_before` a moment that is still to come."""
        return cls.objects.create(
            kind=kind,
            patient=patient,
            call=call,
            digest=digest,
            grant=grant,
            recovery=recovery,
            after=after,
            created_at=at,
            not_before=not_before or at,
        )

    @property
    def new_signers(self) -> list[bytes]:
        """The keys that this is to bring to the registry, as ERC-7913 writes them."""
        match self.kind:
            case Relay.Kind.ENROL | Relay.Kind.PROPOSE_RECOVERY:
                signed = self.call[1]
            case Relay.Kind.ADD_SIGNER:
                signed = [self.call[3]]
            case _:
                return []
        return [decode_hex(signer) for signer, _ in signed]


class TicketQuerySet(models.QuerySet["Ticket"]):
    def open(self, at: datetime) -> Self:
        return self.filter(expires_at__gt=at, finished_at=None)


class Ticket(models.Model):
    """
    A patient's way from the portal to the consent host, for one act there.

    The token is used once, to enter; what follows belongs to the consent host's own session. Only its hash
    is kept. `content` is what is to be signed, sealed.
    """

    class Kind(models.TextChoices):
        ENROL = "enrol"
        GRANT = "grant"
        REVOKE = "revoke"
        ADD_SIGNER = "add_signer"
        REMOVE_SIGNER = "remove_signer"
        RECOVER = "recover"
        VETO = "veto"

    TO_ENTER = timedelta(minutes=5)
    TO_FINISH = timedelta(minutes=30)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    token_hash = models.BinaryField(max_length=32, unique=True)
    kind = models.CharField(max_length=16, choices=Kind)
    patient = models.ForeignKey(Patient, on_delete=models.CASCADE, related_name="+")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    sealed_content = models.BinaryField()
    created_at = models.DateTimeField()
    entered_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = TicketQuerySet.as_manager()

    def __str__(self) -> str:
        return f"Ticket {self.id} to {self.kind}"

    @property
    def content(self) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(columns.unseal(self.sealed_content))
        return content

    @content.setter
    def content(self, content: dict[str, Any]) -> None:
        self.sealed_content = columns.seal(json.dumps(content).encode())
