"""
What we owe the chain: a row for each transaction, written before anything is sent.

A transaction is one call under one nonce. It is signed once or, if it was stuck, again at a higher fee: each
signing is an attempt, kept as the very bytes that went out, and at most one attempt is ever mined. Whoever
refers to a transaction is not troubled by that.
"""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q


class TransactionQuerySet(models.QuerySet["Transaction"]):
    def open(self) -> "TransactionQuerySet":
        """Choose those whose fate is not settled for good."""
        return self.filter(state__in=Transaction.OPEN)

    def in_order(self) -> "TransactionQuerySet":
        return self.order_by("nonce")


class Transaction(models.Model):
    """One call that we owe the chain, under one nonce of one sender."""

    class State(models.TextChoices):
        SIGNED = "signed", "signed"
        SENT = "sent", "sent"
        MINED = "mined", "mined"
        FINAL = "final", "final"
        REVERTED = "reverted", "refused by the contract"
        DROPPED = "dropped", "dropped"

    OPEN = [State.SIGNED, State.SENT, State.MINED]
    # The nonce is used up by a block, ours or another's.
    IN_A_BLOCK = [State.MINED, State.FINAL, State.REVERTED]

    # Which state may follow which. A block can vanish, so even `final` has a way back.
    MOVES = {
        State.SIGNED: {State.SENT, State.MINED, State.DROPPED},
        State.SENT: {State.MINED, State.DROPPED},
        State.MINED: {State.FINAL, State.REVERTED, State.SENT, State.DROPPED},
        State.FINAL: {State.SENT, State.DROPPED},
        State.REVERTED: {State.SENT, State.DROPPED},
        State.DROPPED: set(),
    }

    chain_id = models.PositiveBigIntegerField()
    sender = models.CharField(max_length=42)
    nonce = models.PositiveBigIntegerField()
    to = models.CharField(max_length=42, null=True, blank=True, help_text="Empty for a new contract.")
    data = models.BinaryField()
    gas_limit = models.PositiveBigIntegerField()
    purpose = models.CharField(max_length=50, help_text="A dotted verb, such as log.extend.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.SIGNED)
    error = models.TextField(blank=True, default="", help_text="Why it was refused, or is not moving.")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    # The block it stands in, and which attempt the block took.
    hash = models.CharField(max_length=66, null=True, blank=True)
    block_number = models.PositiveBigIntegerField(null=True, blank=True)
    block_hash = models.CharField(max_length=66, null=True, blank=True)
    block_at = models.DateTimeField(null=True, blank=True, help_text="The block's own time.")
    gas_used = models.PositiveBigIntegerField(null=True, blank=True)
    gas_price = models.DecimalField(
        max_digits=30, decimal_places=0, null=True, blank=True, help_text="In wei."
    )
    contract_address = models.CharField(max_length=42, null=True, blank=True)
    final_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = TransactionQuerySet.as_manager()

    class Meta:
        constraints = [
            # A nonce of a dropped one may come again: on a new chain that has the old one's number.
            models.UniqueConstraint(
                fields=["chain_id", "sender", "nonce"],
                condition=~Q(state="dropped"),
                name="transaction_owns_its_nonce",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["mined", "final", "reverted"],
                    hash__isnull=False,
                    block_number__isnull=False,
                    block_hash__isnull=False,
                    block_at__isnull=False,
                )
                | Q(
                    state__in=["signed", "sent", "dropped"],
                    hash__isnull=True,
                    block_number__isnull=True,
                    block_hash__isnull=True,
                    block_at__isnull=True,
                ),
                name="transaction_has_a_block_when_mined",
            ),
            models.CheckConstraint(
                condition=Q(state="final", final_at__isnull=False)
                | ~Q(state="final") & Q(final_at__isnull=True),
                name="transaction_is_final_since",
            ),
        ]
        indexes = [
            models.Index(
                fields=["chain_id", "sender", "nonce"],
                condition=Q(state__in=["signed", "sent", "mined"]),
                name="transaction_open",
            ),
            models.Index(fields=["chain_id", "sender", "nonce"], name="transaction_by_nonce"),
            models.Index(fields=["block_number"], name="transaction_by_block"),
            # Few at any time: in no block, or in vain in one.
            models.Index(
                fields=["state"],
                condition=Q(state__in=["signed", "sent", "reverted", "dropped"]),
                name="transaction_unsettled",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="transaction_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="transaction_call_never_changes",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "chain_id", "sender", "nonce", "to", "data", "gas_limit", "purpose", "created_at"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} under nonce {self.nonce}"

    def move(self, state: str, **facts: Any) -> None:
        """
        Go to another state, with what is known of it.

        :raises ValueError: if no such move exists; it would be a mistake of ours
        """
        if state not in self.MOVES[self.State(self.state)]:
            raise ValueError(f"a transaction that is {self.state} cannot become {state}")
        self.state = state
        for name, value in facts.items():
            setattr(self, name, value)
        self.save()

    def leave_block(self) -> None:
        """
        Go back to sent, because the block that held this transaction is not part of the chain any more.

        One that we only found there, and have no bytes of, is dropped instead.
        """
        can_be_sent = self.attempts.exists()
        self.move(
            self.State.SENT if can_be_sent else self.State.DROPPED,
            hash=None,
            block_number=None,
            block_hash=None,
            block_at=None,
            gas_used=None,
            gas_price=None,
            contract_address=None,
            final_at=None,
            error="" if can_be_sent else "its block is gone",
        )
        if not can_be_sent:
            self.heads.update(transaction=None)


class Attempt(models.Model):
    """
    A transaction signed at one fee: the bytes that were, or will be, sent.

    A node that sees the same bytes twice keeps one, so sending them again does no harm.
    """

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="attempts")
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by"
    )
    raw = models.BinaryField()
    hash = models.CharField(max_length=66, unique=True)
    max_fee_per_gas = models.DecimalField(max_digits=30, decimal_places=0, help_text="In wei.")
    max_priority_fee_per_gas = models.DecimalField(max_digits=30, decimal_places=0, help_text="In wei.")
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        triggers = [
            pgtrigger.Protect(name="attempt_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="attempt_never_changes",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "id",
                    "transaction",
                    "replaces",
                    "raw",
                    "hash",
                    "max_fee_per_gas",
                    "max_priority_fee_per_gas",
                    "created_at",
                ),
            ),
        ]

    def __str__(self) -> str:
        return self.hash
