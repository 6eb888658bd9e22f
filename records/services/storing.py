"""Putting versions into the store: encrypted, committed to, and queued for the log in one transaction."""

import hmac
import secrets
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from chain.commitment import MAX_ELEMENTS, DocumentInvalid, Header, commit, flatten
from chain.log import append_leaves
from patients.blind_index import blind_index
from patients.models import Patient
from records.fhir.faults import Fault
from records.fhir.present import Indexed, index_of
from records.fhir.references import Scope, links_in, resolve
from records.fhir.sensitivity import inherits, sensitivities_of
from records.fhir.validation import validate
from records.models import DataKey, Kind, Record, RecordReference, RecordVersion, SearchToken
from records.services.inheriting import joined, pass_on, tokens_of
from records.tokens import code_token, identifier_tokens, identity_token, reference_token

TOPIC = "record"


@dataclass
class Incoming:
    """A valid resource whose patient is known, on its way into the store."""

    raw: bytes = field(repr=False)
    content: dict[str, Any] = field(repr=False)
    fhir_id: str
    patient: Patient | None
    scope: Scope | None = field(default=None, repr=False)

    @property
    def resource_type(self) -> str:
        return str(self.content["resourceType"])

    @property
    def identity(self) -> tuple[str, str]:
        return self.resource_type, self.fhir_id

    @cached_property
    def indexed(self) -> Indexed:
        return index_of(self.content)

    @cached_property
    def sensitivities(self) -> list[bytes]:
        return tokens_of(self.patient.id if self.patient else None, sensitivities_of(self.content))


@dataclass
class Stored:
    """What became of a batch: records that are new, changed, unchanged, or refused as another patient's."""

    imported: list[Record] = field(default_factory=list)
    changed: list[Record] = field(default_factory=list)
    unchanged: int = 0
    of_another_patient: list[Incoming] = field(default_factory=list)


def faults_of(raw: bytes, content: dict[str, Any] | None = None) -> list[Fault]:
    """Say what keeps a resource out of the store; nothing if it may come in."""
    faults = validate(raw, content)
    # Only what is this large can have more elements than a commitment takes.
    if not faults and len(raw) > MAX_ELEMENTS:
        try:
            flatten(raw)
        except DocumentInvalid as error:
            faults = [Fault("", str(error))]
    return faults


def fingerprint(raw: bytes) -> bytes:
    """The keyed hash by which an import sees that a resource has not changed."""
    return hmac.digest(blind_index("fingerprint", ""), raw, "sha256")


def header_of(version: RecordVersion) -> Header:
    """What the leaf of `version` binds besides its document (docs/formats/commitment.md)."""
    return Header(
        topic=TOPIC,
        resource_type=version.record.resource_type,
        id=version.record.fhir_id,
        version=version.number,
        author=version.author,
        previous=bytes(version.previous.leaf.commitment) if version.previous else None,
    )


def take_turn(source: str) -> None:
    """Wait until nobody else writes records of this source, and keep it so until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"records of {source}"])


@transaction.atomic
def store(batch: Sequence[Incoming], *, source: str, by: Any, at: datetime, reason: str = "") -> Stored:
    """
    Store a batch of resources, each as a new record, a new version, or not at all if nothing changed.

    Identities within a batch are distinct. Batches of one source take turns, so that two imports of
    one file at the same moment end as one.
    """
    take_turn(source)
    outcome = Stored()
    existing = _existing(batch, source)
    versions: list[tuple[RecordVersion, Incoming, bytes]] = []
    keys: dict[uuid.UUID | None, DataKey] = {}
    for incoming in batch:
        record, latest = existing.get(incoming.identity, (None, None))
        if record and record.patient_id != (incoming.patient.id if incoming.patient else None):
            outcome.of_another_patient.append(incoming)
            continue
        if latest and hmac.compare_digest(bytes(latest.fingerprint), fingerprint(incoming.raw)):
            outcome.unchanged += 1
            continue
        outcome_of = outcome.changed if record else outcome.imported
        record = _described(record or Record(source=source, created_at=at), incoming)
        outcome_of.append(record)
        if record.patient_id not in keys:
            keys[record.patient_id] = DataKey.objects.for_patient(incoming.patient)
        key = keys[record.patient_id]
        versions.append(_version(record, incoming, latest, data_key=key, by=by, at=at, reason=reason))
    _write(outcome, versions, at=at)
    _index([(version.record, incoming) for version, incoming, _commitment in versions], source=source)
    return outcome


def _existing(batch: Sequence[Incoming], source: str) -> dict[tuple[str, str], tuple[Record, RecordVersion]]:
    records = Record.objects.filter(
        source=source,
        resource_type__in={incoming.resource_type for incoming in batch},
        fhir_id__in={incoming.fhir_id for incoming in batch},
    )
    latest = (
        RecordVersion.objects.filter(record__in=records)
        .latest()
        .select_related("record", "leaf")
        .defer("data", "secret")
    )
    return {
        (version.record.resource_type, version.record.fhir_id): (version.record, version)
        for version in latest
    }


def _described(record: Record, incoming: Incoming) -> Record:
    """Give a record the clear columns of its newest version."""
    indexed = incoming.indexed
    record.patient = incoming.patient
    record.resource_type, record.fhir_id = incoming.identity
    record.occurred_date = indexed.occurred_from
    known = indexed.kind if indexed.kind in Kind.values else Kind.OTHER
    record.kind = known if incoming.patient else Kind.DIRECTORY
    # Earlier versions can still be opened, so what they were stays. Not classified yet stays so, too.
    earlier = record.sensitivities if record.latest_version else []
    record.sensitivities = joined(earlier, incoming.sensitivities)
    record.latest_version += 1
    return record


def _version(
    record: Record,
    incoming: Incoming,
    latest: RecordVersion | None,
    *,
    data_key: DataKey,
    by: Any,
    at: datetime,
    reason: str,
) -> tuple[RecordVersion, Incoming, bytes]:
    secret = secrets.token_bytes(32)
    version = RecordVersion(
        record=record,
        number=record.latest_version,
        data_key=data_key,
        fingerprint=fingerprint(incoming.raw),
        previous=latest,
        author=settings.PORTAL_URL,
        by=by,
        reason=reason,
        created_at=at,
    )
    version.encrypt(incoming.raw, secret, key=data_key.unwrapped)
    return version, incoming, commit(incoming.raw, header_of(version), secret)


def _write(outcome: Stored, versions: list[tuple[RecordVersion, Incoming, bytes]], *, at: datetime) -> None:
    Record.objects.bulk_create(outcome.imported)
    Record.objects.bulk_update(outcome.changed, ["kind", "occurred_date", "latest_version", "sensitivities"])
    leaves = append_leaves(topic=TOPIC, commitments=[commitment for _v, _i, commitment in versions], at=at)
    for (version, _incoming, _commitment), leaf in zip(versions, leaves, strict=True):
        version.leaf = leaf
    RecordVersion.objects.bulk_create([version for version, _i, _c in versions])


def _index(pairs: list[tuple[Record, Incoming]], *, source: str) -> None:
    """Write tokens and references anew for these records, and tie up the references that waited for them."""
    records = [record for record, _incoming in pairs]
    SearchToken.objects.filter(record__in=records).delete()
    tokens = {
        (record, token)
        for record, incoming in pairs
        for token in (
            identity_token(source, *incoming.identity),
            *identifier_tokens(source, incoming.content),
            *(code_token(code) for code in incoming.indexed.tokens),
        )
    }
    SearchToken.objects.bulk_create(SearchToken(record=record, token=token) for record, token in tokens)
    references = [
        reference
        for record, incoming in pairs
        for reference in references_of(record, record.latest_version, incoming.content, incoming.scope)
    ]
    waiting = RecordReference.objects.filter(
        target=None, token__in=[token for _record, token in tokens]
    ).select_related("record")
    RecordReference.objects.bulk_update(tie([*waiting]), ["target"])
    tie(references)
    RecordReference.objects.bulk_create(references)
    pass_on([*records, *(one.target for one in references if one.inherits and one.target)])


def references_of(
    record: Record, number: int, content: dict[str, Any], scope: Scope | None
) -> list[RecordReference]:
    """What a version of a record refers to, not saved and not tied up yet."""
    return [
        RecordReference(
            record=record,
            number=number,
            pointer=link.pointer[:400],
            token=_token_of(link.reference, scope, record.source),
            inherits=inherits(content, link),
        )
        for link in links_in(content)
        if not link.is_contained
    ]


def _token_of(reference: str, scope: Scope | None, source: str) -> bytes:
    identity = resolve(reference, scope=scope)
    return identity_token(source, *identity) if identity else reference_token(source, reference)


def tie(references: list[RecordReference]) -> list[RecordReference]:
    """Give each reference the one record that carries its token; return those that found one."""
    found: dict[bytes, set[Record]] = defaultdict(set)
    carriers = SearchToken.objects.filter(token__in={reference.token for reference in references})
    for row in carriers.select_related("record"):
        found[bytes(row.token)].add(row.record)
    tied = []
    for reference in references:
        # Of two candidates neither is meant, and no reference leads into another patient's record.
        candidates = found[bytes(reference.token)]
        target = next(iter(candidates)) if len(candidates) == 1 else None
        if target and target.patient_id in (None, reference.record.patient_id):
            reference.target = target
            tied.append(reference)
    return tied
