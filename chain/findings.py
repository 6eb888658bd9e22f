"""What a check of the log found, and how it is remembered until it is healed."""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from chain.locks import only_one
from chain.models import Mismatch
from chain.topics import tell_of_mismatches


@dataclass(frozen=True)
class Finding:
    """One thing that does not hold, with the row it is about."""

    kind: Mismatch.Kind
    subject: str
    cause: str
    leaf_id: int | None = None

    def __str__(self) -> str:
        return f"{self.subject}: {self.cause}"


@transaction.atomic
def note(finding: Finding, *, at: datetime) -> None:
    """Remember one thing that was come upon outside a check, unless it is known. A check heals it."""
    mismatch, is_new = Mismatch.objects.get_or_create(
        kind=finding.kind,
        subject=finding.subject,
        resolved_at=None,
        defaults={"cause": finding.cause, "leaf_id": finding.leaf_id, "found_at": at},
    )
    tell_of_mismatches([mismatch] if is_new else [], at)


def heal(finding: Finding, *, at: datetime) -> None:
    """Mark as resolved what was come upon before, and is known to hold again."""
    known = Mismatch.objects.open().filter(kind=finding.kind, subject=finding.subject)
    known.update(resolved_at=at)


def record_findings(findings: Sequence[Finding], *, at: datetime, kinds: Container[str]) -> None:
    """
    Remember what was found, and mark as resolved what was found before and holds again.

    :param kinds: what was looked at; what was found before of another kind stays open
    """
    with only_one("chain.checking", wait=True):
        known = {(each.kind, each.subject): each for each in Mismatch.objects.open()}
        found = {(finding.kind.value, finding.subject): finding for finding in findings}
        new = Mismatch.objects.bulk_create(
            Mismatch(
                kind=finding.kind,
                subject=finding.subject,
                cause=finding.cause,
                leaf_id=finding.leaf_id,
                found_at=at,
            )
            for key, finding in found.items()
            if key not in known
        )
        tell_of_mismatches(new, at)
        healed = [
            mismatch.pk for key, mismatch in known.items() if key not in found and mismatch.kind in kinds
        ]
        Mismatch.objects.filter(pk__in=healed).update(resolved_at=at)
