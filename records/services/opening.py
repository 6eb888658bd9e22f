"""Opening records: the one way from stored bytes to a page, and it always leaves a line in the access log."""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q

from audit import services as audit
from chain.anchoring import Anchoring, AnchoringState
from chain.commitment import commit
from consent.rules import Action, readable_records
from patients.models import Patient
from patients.notices import notify_of_opening
from records.encryption import CannotDecrypt
from records.fhir.present import Presented, present
from records.fhir.references import links_in
from records.fhir.strict import NotStrict, parse
from records.models import Kind, Record, RecordReference, RecordVersion
from records.models.record import RecordVersionQuerySet
from records.services.grounds import reason_to_read, require
from records.services.storing import header_of
from records.tokens import code_token

# What was recorded about tampering, in one place, for the mark of proof and for `check_log` alike.
CHANGED = "The stored record is not the one that was anchored."
# A monitor writes thousands of values: more than this nobody reads, and opening them all takes seconds.
LONGEST_SERIES = 100


@dataclass(frozen=True)
class Opened:
    """
    One version as a page shows it. Of a row that was tampered with, `resource` and `presented` are None
    or must not be trusted: `is_intact` is False then, and `anchoring` has failed.
    """

    version: RecordVersion
    resource: dict[str, Any] | None
    presented: Presented | None
    anchoring: Anchoring
    is_intact: bool

    @property
    def record(self) -> Record:
        return self.version.record

    @property
    def is_trusted(self) -> bool:
        """Whether a page may vouch for it: it is intact, and `check_log` found nothing against its leaf."""
        return self.is_intact and not self.anchoring.has_failed


@transaction.atomic
def open_list(
    versions: RecordVersionQuerySet | Sequence[RecordVersion],
    *,
    by: Any,
    at: datetime,
    patient: Patient,
    purpose: str = "",
    address: str | None = None,
    event: str = "record.listed",
) -> list[Opened]:
    """
    Decrypt versions of one patient's records, in their order, and log it as one event that names them.

    The number of queries does not depend on how many there are. An empty list is logged, too: that there is
    nothing is an answer, and whose record it is stands above it.

    :raises PermissionDenied: if `by` has no ground to read this patient's record
    """
    rows = _fetched(versions)
    reason = reason_to_read(rows, by=by, patient=patient, at=at)
    opened = _opened(rows, by=by, at=at)
    audit.record(
        event,
        at=at,
        by=by,
        patient_id=patient.id,
        ground=reason.ground,
        purpose=purpose or reason.purpose,
        versions=[row.id for row in rows],
        address=address,
        **reason.facts,
    )
    notify_of_opening(patient, by=by, at=at)
    return opened


@transaction.atomic
def open_record(
    version: RecordVersion, *, by: Any, at: datetime, purpose: str = "", address: str | None = None
) -> Opened:
    """
    Open one version, log it, and check that it still is what its leaf commits to.

    :raises PermissionDenied: if `by` has no ground to read this patient's record
    """
    patient = version.record.patient
    if patient is None:
        raise PermissionDenied
    (opened,) = open_list(
        [version], by=by, at=at, patient=patient, purpose=purpose, address=address, event="record.opened"
    )
    if opened.is_intact and not is_as_committed(opened.version):
        return _failed(opened)
    return opened


def open_series(
    record: Record, *, by: Any, at: datetime, purpose: str = "", address: str | None = None
) -> list[Opened]:
    """
    Open the results that measure the same as this one, oldest first: the newest `LONGEST_SERIES`, and itself.

    :raises PermissionDenied: if `by` has no ground to read this patient's record
    """
    if record.patient is None:
        raise PermissionDenied
    require(Action.READ, by=by, patient=record.patient, at=at)
    visible = RecordVersion.objects.visible_to(by, at=at)
    latest = visible.filter(record=record).latest().select_related("record", "data_key").first()
    content = _content(latest) if latest else None
    measured = present(content).measurements if content else ()
    if not measured or not measured[0].series:
        return []
    same = visible.latest().filter(
        record__patient=record.patient,
        record__kind=Kind.RESULT,
        record__occurred_date__isnull=False,
        record__search_tokens__token=code_token(measured[0].series),
    )
    newest = same.order_by("-record__occurred_date", "-record__created_at", "-record_id")
    shown = Q(pk__in=newest.values("pk")[:LONGEST_SERIES]) | Q(record=record)
    return open_list(
        same.filter(shown).order_by("record__occurred_date", "record__created_at", "record_id"),
        by=by,
        at=at,
        patient=record.patient,
        purpose=purpose,
        address=address,
    )


def is_as_committed(version: RecordVersion) -> bool:
    """Whether this row's bytes, secret and columns still give the commitment in its leaf."""
    try:
        found = commit(version.document, header_of(version), version.commitment_secret)
    except (CannotDecrypt, ValueError):
        return False
    return hmac.compare_digest(found, bytes(version.leaf.commitment))


def _fetched(versions: RecordVersionQuerySet | Sequence[RecordVersion]) -> list[RecordVersion]:
    """The rows with all that opening needs, in one query, in the order they were handed in."""
    queryset = (
        versions
        if isinstance(versions, RecordVersionQuerySet)
        else RecordVersion.objects.filter(pk__in=[version.pk for version in versions])
    )
    rows = list(
        queryset.with_anchoring().select_related(
            "record__patient", "data_key", "leaf", "previous__leaf", "by"
        )
    )
    if not isinstance(versions, RecordVersionQuerySet):
        order = {version.pk: place for place, version in enumerate(versions)}
        rows.sort(key=lambda row: order[row.pk])
    return rows


def _opened(rows: list[RecordVersion], *, by: Any, at: datetime) -> list[Opened]:
    contents = {row.id: _content(row) for row in rows}
    targets = _targets(rows, by=by, at=at)
    opened = []
    for row in rows:
        content = contents[row.id]
        one = Opened(
            version=row,
            resource=content,
            presented=present(content, Resolver(content, targets.get(row.id, {}))) if content else None,
            anchoring=row.anchoring,
            is_intact=content is not None,
        )
        opened.append(one if one.is_intact else _failed(one))
    return opened


def _failed(opened: Opened) -> Opened:
    anchoring = replace(
        opened.anchoring, state=AnchoringState.FAILED, cause=opened.anchoring.cause or CHANGED
    )
    return replace(opened, anchoring=anchoring, is_intact=False)


def _content(version: RecordVersion) -> dict[str, Any] | None:
    try:
        content = parse(version.document)
    except (CannotDecrypt, NotStrict):
        return None
    return content if isinstance(content, dict) else None


class Resolver:
    """Follows the references of one resource: into itself, or to what the store holds."""

    def __init__(self, content: dict[str, Any], targets: Mapping[str, dict[str, Any]]) -> None:
        self._contained = {
            f"#{inner.get('id')}": inner for inner in content.get("contained", []) if isinstance(inner, dict)
        }
        self._found = {
            link.reference: targets[link.pointer] for link in links_in(content) if link.pointer in targets
        }

    def __call__(self, reference: str) -> dict[str, Any] | None:
        return self._contained.get(reference) or self._found.get(reference)


def _targets(
    rows: Iterable[RecordVersion], *, by: Any, at: datetime
) -> dict[UUID, dict[str, dict[str, Any]]]:
    """
    By version, then by pointer: the content of what it refers to. Two queries, however many there are.

    What `by` may not read stays as unknown as if it were not here, also where what refers to it may be read.
    """
    versions = {(row.record_id, row.number): row.id for row in rows}
    references = [
        reference
        for reference in RecordReference.objects.filter(
            record__in={record_id for record_id, _number in versions}, target__isnull=False
        ).exclude(target__resource_type="Patient")
        if (reference.record_id, reference.number) in versions
    ]
    readable = readable_records(by, at=at, record="record__") | Q(record__patient=None)
    latest = (
        RecordVersion.objects.filter(readable, record__in={reference.target_id for reference in references})
        .latest()
        .select_related("record", "data_key")
    )
    contents = {version.record_id: _content(version) for version in latest}
    found: dict[UUID, dict[str, dict[str, Any]]] = {}
    for reference in references:
        content = contents.get(reference.target_id) if reference.target_id else None
        if content is not None:
            version_id = versions[reference.record_id, reference.number]
            found.setdefault(version_id, {})[reference.pointer] = content
    return found
