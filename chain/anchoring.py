"""
Where a leaf stands between the database and the chain, as pages show it.

A leaf knows its head, a head its transaction: the answer is two joins away, so a list of a thousand records
costs no more queries than one.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Subquery, Value, When


class AnchoringState(models.TextChoices):
    """The four answers to “is it anchored?”."""

    WAITING = "waiting", "waiting"
    SENT = "sent", "sent"
    ANCHORED = "anchored", "anchored"
    FAILED = "failed", "failed verification"


@dataclass(frozen=True, kw_only=True)
class Anchoring:
    """Whether a leaf is anchored, since when, and by which transaction."""

    state: AnchoringState
    # The time of the block: the leaf, and what it commits to, existed by then.
    since: datetime | None = None
    index: int | None = None
    transaction: str | None = None
    block_number: int | None = None
    chain_id: int | None = None
    contract: str | None = None
    # What `check_log` found, if the state is failed.
    cause: str = ""

    @classmethod
    def of(cls, annotated: Any) -> Self:
        """
        Read the annotations of `anchoring_annotations` off an object. This makes no query.

        `since` and the transaction are left out until the transaction is final: a block that may still
        vanish proves nothing.
        """
        state = AnchoringState(annotated.anchoring_state)
        is_final = annotated.anchored_at is not None
        return cls(
            state=state,
            since=annotated.anchored_at,
            index=annotated.anchoring_index,
            transaction=annotated.anchoring_transaction if is_final else None,
            block_number=annotated.anchoring_block if is_final else None,
            chain_id=annotated.anchoring_chain if is_final else None,
            contract=annotated.anchoring_contract if is_final else None,
            cause=annotated.anchoring_cause or "",
        )

    @property
    def is_waiting(self) -> bool:
        return self.state == AnchoringState.WAITING

    @property
    def is_sent(self) -> bool:
        return self.state == AnchoringState.SENT

    @property
    def is_anchored(self) -> bool:
        return self.state == AnchoringState.ANCHORED

    @property
    def has_failed(self) -> bool:
        return self.state == AnchoringState.FAILED


def anchoring_annotations(leaf: str = "") -> dict[str, Any]:
    """
    Return annotations that say where anchoring stands, for a queryset of leaves or of what has one.

    `RecordVersion.objects.annotate(**anchoring_annotations("leaf"))`, and then `Anchoring.of(version)`.

    :param leaf: path from the queryset's model to the leaf; empty for leaves themselves
    """
    # Imported here, as the models are built on this module.
    from chain.models.log import Mismatch
    from chain.models.transactions import Transaction

    to = f"{leaf}__" if leaf else ""
    state = f"{to}head__transaction__state"
    mismatches = Mismatch.objects.open().filter(leaf=OuterRef(f"{to}pk"))
    is_final = models.Q(**{state: Transaction.State.FINAL})
    return {
        "anchoring_state": Case(
            When(Exists(mismatches), then=Value(AnchoringState.FAILED.value)),
            When(is_final, then=Value(AnchoringState.ANCHORED.value)),
            When(
                **{f"{state}__in": [Transaction.State.SENT, Transaction.State.MINED]},
                then=Value(AnchoringState.SENT.value),
            ),
            default=Value(AnchoringState.WAITING.value),
            output_field=models.CharField(),
        ),
        "anchored_at": Case(
            When(is_final, then=F(f"{to}head__transaction__block_at")), output_field=models.DateTimeField()
        ),
        "anchoring_cause": Subquery(mismatches.order_by("found_at").values("cause")[:1]),
        "anchoring_index": F(f"{to}index"),
        "anchoring_transaction": F(f"{to}head__transaction__hash"),
        "anchoring_block": F(f"{to}head__transaction__block_number"),
        "anchoring_chain": F(f"{to}head__transaction__chain_id"),
        "anchoring_contract": F(f"{to}head__transaction__to"),
    }
