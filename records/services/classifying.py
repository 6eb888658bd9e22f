"""
Classifying what came before there were sensitive categories, or before the list that is in force.

A row whose `sensitivities` are null is reached by no grant. Work is done a patient at a time, in one
transaction: so nobody ever sees a record classified by what it says itself, and not yet by what it is about.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from consent.categories import Sensitivity
from records.encryption import CannotDecrypt
from records.fhir.sensitivity import sensitivities_of
from records.fhir.strict import NotStrict, parse
from records.models import Record, RecordReference, RecordVersion
from records.services.inheriting import pass_on, tokens_of
from records.services.storing import references_of, take_turn, tie

BATCH = 200


def unclassified() -> list[tuple[str, UUID | None]]:
    """Whose records of which source wait: the directory's first, for others inherit from it."""
    waiting = Record.objects.filter(sensitivities=None).values_list("source", "patient").distinct()
    return list(waiting.order_by("source", F("patient").asc(nulls_first=True)))


@transaction.atomic
def classify(source: str, patient_id: UUID | None) -> int:
    """
    Classify what isn't yet of one patient's records, or of the directory's, from one source.

    Safe to run any number of times and beside imports of the same source: the two take turns, and who
    comes second finds what the other has written.

    :return: how many records were classified
    """
    take_turn(source)
    records = {
        record.pk: record
        for record in Record.objects.filter(source=source, patient=patient_id, sensitivities=None)
    }
    found: dict[UUID, set[str]] = defaultdict(set)
    references: list[RecordReference] = []
    for version, content in _versions(records):
        found[version.record_id] |= _sensitivities(content)
        if content is not None:
            references += references_of(records[version.record_id], version.number, content, None)
    for record in records.values():
        record.sensitivities = tokens_of(patient_id, found[record.pk])
    Record.objects.bulk_update(records.values(), ["sensitivities"], batch_size=BATCH)
    _keep(references)
    targets = Record.objects.filter(referred_by__record__in=records, referred_by__inherits=True)
    pass_on([*records.values(), *targets.distinct()])
    return len(records)


def _versions(records: dict[UUID, Record]) -> Iterator[tuple[RecordVersion, dict[str, Any] | None]]:
    versions = RecordVersion.objects.filter(record__in=records).select_related("record", "data_key")
    for version in versions.order_by("record", "-number").iterator(chunk_size=BATCH):
        try:
            content = parse(version.document)
        except (CannotDecrypt, NotStrict):
            content = None
        yield version, content if isinstance(content, dict) else None


def _keep(references: list[RecordReference]) -> None:
    """
    Write down which references a record inherits through, and those of versions that had none kept.

    What is kept was understood within the file it came in, so it stays. Of an earlier version that was
    imported before references of every version were, one such as `urn:uuid:…` can't be followed any more.
    """
    records = {reference.record_id for reference in references}
    kept = {
        (row.record_id, row.number, row.pointer): row
        for row in RecordReference.objects.filter(record__in=records)
    }
    changed, missing = [], []
    for reference in references:
        row = kept.get((reference.record_id, reference.number, reference.pointer))
        if row is None:
            missing.append(reference)
        elif row.inherits != reference.inherits:
            row.inherits = reference.inherits
            changed.append(row)
    RecordReference.objects.bulk_update(changed, ["inherits"], batch_size=BATCH)
    tie(missing)
    RecordReference.objects.bulk_create(missing, batch_size=BATCH)


def _sensitivities(content: dict[str, Any] | None) -> frozenset[str]:
    # What was tampered with may be restored one day, and nobody knows what it will say then.
    return frozenset(Sensitivity.values) if content is None else sensitivities_of(content)
