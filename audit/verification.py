"""What the log's check asks of the trail: does each event still give the commitment in its leaf?"""

from collections.abc import Iterator, Sequence

from audit.models import Event, EventDamaged
from audit.services import header_of
from chain.commitment import commit
from chain.topics import Recomputed


def recompute(leaf_ids: Sequence[int]) -> Iterator[Recomputed]:
    """Commit anew to each event behind these leaves. A deleted event leaves its leaf orphaned."""
    for event in Event.objects.filter(leaf__in=leaf_ids):
        commitment, cause = None, ""
        try:
            commitment = commit(event.document(), header_of(event), event.secret)
        except EventDamaged:
            cause = "the stored bytes do not decrypt: they were changed"
        yield Recomputed(
            leaf_id=event.leaf_id, commitment=commitment, label=f"audit event {event.id}", cause=cause
        )
