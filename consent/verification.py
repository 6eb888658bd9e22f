"""What the log's check asks of consents: does each still give the commitment in its leaf?"""

from collections.abc import Iterator, Sequence

from chain.commitment import commit
from chain.topics import Recomputed
from consent.models import Grant
from consent.models.grants import DocumentDamaged
from consent.services.granting import header_of


def recompute(leaf_ids: Sequence[int]) -> Iterator[Recomputed]:
    """Commit anew to each consent behind these leaves. A deleted one leaves its leaf orphaned."""
    for grant in Grant.objects.filter(leaf__in=leaf_ids):
        commitment, cause = None, ""
        try:
            commitment = commit(grant.document, header_of(grant), grant.secret)
        except DocumentDamaged:
            cause = "the stored bytes do not decrypt: they were changed"
        yield Recomputed(leaf_id=grant.leaf_id, commitment=commitment, label=f"grant {grant.pk}", cause=cause)
