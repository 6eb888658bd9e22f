"""What was read from the chain: how far, through which blocks, and the events found in them."""

from typing import ClassVar

from django.db import models


class Deployment(models.Model):
    """
    Where the contracts stand, for chains whose contracts we deployed ourselves.

    In production the settings name the addresses, and this table stays empty.
    """

    chain_id = models.PositiveBigIntegerField()
    # Empty is what was not deployed by us, or not yet.
    registry = models.CharField(max_length=42, blank=True, default="")
    record_log = models.CharField(max_length=42, blank=True, default="")
    consent_verifier = models.CharField(max_length=42, blank=True, default="")
    consent_registry = models.CharField(max_length=42, blank=True, default="")
    block_number = models.PositiveBigIntegerField(help_text="No event is older than this block.")
    created_at = models.DateTimeField()

    class Meta:
        get_latest_by = ["created_at", "id"]

    def __str__(self) -> str:
        return f"Contracts on chain {self.chain_id} from block {self.block_number}"


class Block(models.Model):
    """A block that the follower has read, remembered so that it would notice if it were replaced."""

    number = models.PositiveBigIntegerField(unique=True)
    hash = models.CharField(max_length=66, unique=True)
    parent_hash = models.CharField(max_length=66)
    at = models.DateTimeField(help_text="The block's own time.")

    def __str__(self) -> str:
        return f"block {self.number}"


class Event(models.Model):
    """One event of our contracts, as the chain told it. It goes when its block goes."""

    block = models.ForeignKey(Block, on_delete=models.CASCADE, related_name="events")
    log_index = models.PositiveIntegerField()
    transaction_hash = models.CharField(max_length=66)
    contract = models.CharField(max_length=50)
    name = models.CharField(max_length=50)
    arguments = models.JSONField(help_text="By name; bytes as hex.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["block", "log_index"], name="event_stands_once"),
        ]
        ordering: ClassVar[list[str]] = ["block__number", "log_index"]

    def __str__(self) -> str:
        return f"{self.contract}.{self.name} in block {self.block_id}"


class Cursor(models.Model):
    """
    The last block that a follower has read whole.

    A row of its own name for each follower; its lock keeps two runs of one apart.
    """

    name = models.CharField(max_length=50, unique=True)
    block_number = models.PositiveBigIntegerField(null=True)
    block_hash = models.CharField(max_length=66, null=True)
    # What the last run saw, for whoever asks how far behind we are.
    tip = models.PositiveBigIntegerField(null=True)
    moved_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} at block {self.block_number}"
