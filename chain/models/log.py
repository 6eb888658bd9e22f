"""
The log itself: leaves, the heads that seal them, and the tiles of the tree.

A leaf is born without a place. It is inserted in the transaction that made the thing it commits to, so it is
an outbox and a promise in one row. Sealing gives it its index and its head, once. From then on the database
refuses every change of it, by whomever.
"""

from typing import Any, ClassVar

import pgtrigger
from django.db import models
from django.db.models import F, Func, IntegerField, Q
from django.db.models.lookups import Exact, IntegerGreaterThanOrEqual, IntegerLessThanOrEqual

from chain.anchoring import Anchoring, anchoring_annotations
from chain.proof import leaf_entry

# Root and commitment are SHA-256.
HASH_SIZE = 32
# A tile holds up to 256 hashes.
MAX_TILE_SIZE = 256 * HASH_SIZE


def octets(field: str) -> Func:
    """Count the bytes of a binary field."""
    return Func(F(field), function="octet_length", output_field=IntegerField())


class LeafQuerySet(models.QuerySet["Leaf"]):
    def pending(self) -> "LeafQuerySet":
        """Choose the leaves that wait to be sealed."""
        return self.filter(index__isnull=True)

    def sealed(self) -> "LeafQuerySet":
        """Choose the leaves that have their place in the log."""
        return self.filter(index__isnull=False)

    def with_anchoring(self) -> "LeafQuerySet":
        """Annotate each leaf with where its anchoring stands, within the same query."""
        return self.annotate(**anchoring_annotations())


class Leaf(models.Model):
    """
    One entry of the log: that something happened, as a salted commitment that tells nobody what.

    The primary key orders leaves that wait, and is otherwise without meaning: `index` is the leaf's place.
    """

    topic = models.CharField(max_length=50, help_text="What kind of thing it commits to. Never published.")
    commitment = models.BinaryField(
        # A second leaf with the same commitment would be the same fact anchored twice.
        unique=True,
        help_text="32 bytes, salted: may leave production.",
    )
    index = models.PositiveBigIntegerField(null=True, unique=True)
    head = models.ForeignKey(
        "chain.Head",
        null=True,
        on_delete=models.PROTECT,
        related_name="leaves",
        # Each index on this table slows sealing, and a head's leaves are a range of `index`.
        db_index=False,
    )
    created_at = models.DateTimeField()

    objects: ClassVar[Any] = LeafQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Exact(octets("commitment"), HASH_SIZE), name="leaf_is_32_bytes"),
            models.CheckConstraint(
                condition=Q(index__isnull=True, head__isnull=True)
                | Q(index__isnull=False, head__isnull=False),
                name="leaf_has_index_and_head_or_neither",
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(index__isnull=True), name="leaf_pending"),
        ]
        triggers = [
            pgtrigger.Protect(name="leaf_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="leaf_is_sealed_once",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__index__isnull=False),
            ),
            pgtrigger.Protect(
                name="leaf_never_changes",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("id", "topic", "commitment", "created_at"),
            ),
        ]

    def __str__(self) -> str:
        return f"leaf {self.pk}" if self.index is None else f"leaf at index {self.index}"

    @property
    def entry(self) -> bytes:
        """What stands in the published log for this leaf."""
        return leaf_entry(bytes(self.commitment))

    @property
    def is_sealed(self) -> bool:
        return self.index is not None

    @property
    def anchoring(self) -> Anchoring:
        """
        Where this leaf stands between the database and the chain.

        Free of queries if the leaf was fetched `with_anchoring()`.
        """
        annotated = self
        if not hasattr(self, "anchoring_state"):
            annotated = Leaf.objects.with_anchoring().get(pk=self.pk)
        return Anchoring.of(annotated)


class HeadQuerySet(models.QuerySet["Head"]):
    def newest(self) -> "Head | None":
        """Return the head that covers most leaves, or nothing in an empty log."""
        return self.order_by("-size").first()

    def unsent(self) -> "HeadQuerySet":
        """Choose the heads that no transaction carries to the chain."""
        return self.filter(transaction__isnull=True)

    def final(self) -> "HeadQuerySet":
        """Choose the heads whose transaction can no longer be undone."""
        from chain.models.transactions import Transaction

        return self.filter(transaction__state=Transaction.State.FINAL)


class Head(models.Model):
    """
    The log at one size: its root, and the checkpoint the hospital signed over it.

    `transaction` is the one that carries this head to the chain, or a later head that covers it: several
    heads may go in one transaction, of which the contract sees only the last.
    """

    size = models.PositiveBigIntegerField(unique=True, help_text="Number of leaves.")
    root = models.BinaryField()
    checkpoint = models.TextField(help_text="The signed note that monitors read. Public.")
    transaction = models.ForeignKey(
        "chain.Transaction", null=True, blank=True, on_delete=models.PROTECT, related_name="heads"
    )
    created_at = models.DateTimeField()

    objects: ClassVar[Any] = HeadQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Exact(octets("root"), HASH_SIZE), name="head_root_is_32_bytes"),
            models.CheckConstraint(condition=Q(size__gt=0), name="head_covers_a_leaf"),
        ]
        triggers = [
            pgtrigger.Protect(name="head_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="head_never_changes",
                operation=pgtrigger.Update,
                # The transaction is free: one that was dropped or reverted gives its heads to the next.
                condition=pgtrigger.AnyChange("id", "size", "root", "checkpoint", "created_at"),
            ),
        ]

    def __str__(self) -> str:
        return f"head of {self.size} leaves"


class Tile(models.Model):
    """
    Up to 256 hashes of one height, side by side (C2SP tlog-tiles).

    A tile that is not full grows at its end, in place; what it once held stays.
    """

    level = models.PositiveSmallIntegerField()
    index = models.PositiveBigIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["level", "index"], name="tile_stands_once"),
            models.CheckConstraint(
                condition=(
                    Q(IntegerGreaterThanOrEqual(octets("data"), HASH_SIZE))
                    & Q(IntegerLessThanOrEqual(octets("data"), MAX_TILE_SIZE))
                ),
                name="tile_holds_1_to_256_hashes",
            ),
        ]
        triggers = [
            pgtrigger.Protect(name="tile_is_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="tile_only_grows",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.level <> NEW.level OR OLD.index <> NEW.index"
                    " OR substring(NEW.data FROM 1 FOR octet_length(OLD.data)) <> OLD.data"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"tile {self.index} of level {self.level}"

    @property
    def width(self) -> int:
        """How many hashes it holds."""
        return len(self.data) // HASH_SIZE


class MismatchQuerySet(models.QuerySet["Mismatch"]):
    def open(self) -> "MismatchQuerySet":
        """Choose what still does not hold."""
        return self.filter(resolved_at__isnull=True)


class Mismatch(models.Model):
    """Something that `check_log` found not to hold, from when it was found until it was seen healed."""

    class Kind(models.TextChoices):
        LEAF = "leaf", "a leaf does not match what it commits to"
        GAP = "gap", "a leaf is missing"
        TILE = "tile", "a tile does not match the leaves"
        HEAD = "head", "a head does not match the leaves"
        CHECKPOINT = "checkpoint", "a checkpoint does not match its head, or its signature does not fit"
        CHAIN = "chain", "the chain holds something else"
        CONTRACT = "contract", "a contract and the rows here contradict each other"

    # What only the chain can tell, and heal.
    OF_THE_CHAIN = (Kind.CHAIN, Kind.CONTRACT)

    kind = models.CharField(max_length=10, choices=Kind.choices)
    subject = models.CharField(max_length=200, help_text="What was looked at, such as “head of 500 leaves”.")
    leaf = models.ForeignKey(Leaf, null=True, blank=True, on_delete=models.PROTECT, related_name="mismatches")
    cause = models.TextField(help_text="What disagreed, in words for people. Never what is in a record.")
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any] = MismatchQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=Q(resolved_at__isnull=True),
                name="mismatch_is_open_once",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject}: {self.cause}"
