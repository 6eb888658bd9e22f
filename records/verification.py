"""What the log's check asks of records: does each version still give the commitment in its leaf?"""

from collections.abc import Iterator, Sequence

from chain.commitment import commit
from chain.topics import Recomputed
from records.encryption import CannotDecrypt
from records.models import RecordVersion
from records.services.storing import header_of


def recompute(leaf_ids: Sequence[int]) -> Iterator[Recomputed]:
    """Commit anew to each version behind these leaves; a row that was changed gives none, or another."""
    versions = RecordVersion.objects.filter(leaf__in=leaf_ids).select_related(
        "record", "data_key", "previous__leaf"
    )
    for version in versions:
        commitment, cause = None, ""
        try:
            commitment = commit(version.document, header_of(version), version.commitment_secret)
        except CannotDecrypt:
            cause = "the stored bytes do not decrypt: they were changed, or moved from another row"
        except ValueError:
            cause = "the stored bytes are no longer JSON"
        yield Recomputed(
            leaf_id=version.leaf_id, commitment=commitment, label=f"record version {version.id}", cause=cause
        )
