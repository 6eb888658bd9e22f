"""Importing FHIR: every resource on its own, so that a bad one is reported and loses nothing else."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from patients.models import Patient
from records.fhir.faults import Fault, Skipped
from records.fhir.reading import Entry, Found
from records.services.matching import Matcher, NoPatient
from records.services.storing import Incoming, faults_of, store

BATCH = 200


@dataclass
class ImportReport:
    """What an import did: counts of resources, and each refusal with its place and reason."""

    imported: int = 0
    changed: int = 0
    unchanged: int = 0
    faults: list[Fault] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    bytes_read: int = 0

    @property
    def rejected(self) -> int:
        return len(self.faults)


def import_records(
    find: Callable[[], Iterator[Found]],
    *,
    source: str,
    at: datetime,
    by: Any = None,
    patient: Patient | None = None,
    on_progress: Callable[[ImportReport], None] = lambda report: None,
) -> ImportReport:
    """
    Import all that `find` yields, and report what was refused. A second run changes nothing.

    `find` is called a second time where records came before their patient, as in a folder of NDJSON
    files, where allergies come before patients.

    :param source: the system the records come from; ids are unique within it
    :param patient: to whom records belong that name nobody known; without one they are refused
    """
    run = _Run(source=source, at=at, by=by, matcher=Matcher(source=source, chosen=patient, by=by, at=at))
    for found in find():
        run.take(found)
        if run.is_due:
            run.flush()
            on_progress(run.report)
    run.flush()
    if run.early:
        early, run.early = run.early, {}
        for found in find():
            if isinstance(found, Entry) and (found.source, found.path) in early:
                run.take_again(found)
                if run.is_due:
                    run.flush()
                    on_progress(run.report)
        run.flush()
    on_progress(run.report)
    return run.report


@dataclass
class _Run:
    source: str
    at: datetime
    by: Any
    matcher: Matcher
    report: ImportReport = field(default_factory=ImportReport)
    batch: dict[tuple[str, str], tuple[Incoming, Entry]] = field(default_factory=dict)
    # Where each resource stands whose patient had not come yet, and why it waits.
    early: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def is_due(self) -> bool:
        return len(self.batch) >= BATCH

    def take(self, found: Found) -> None:
        if isinstance(found, Skipped):
            self.report.skipped.append(found)
        elif isinstance(found, Fault):
            self.report.faults.append(found)
        else:
            self.report.bytes_read += len(found.raw)
            if faults := faults_of(found.raw, found.content):
                first, more = faults[0], len(faults) - 1
                reason = first.reason + (_(" (and %(count)d more)") % {"count": more} if more else "")
                self._refuse(found, Fault(first.path, reason))
            else:
                self._queue(found, is_last_chance=False)

    def take_again(self, entry: Entry) -> None:
        """Look once more at a resource that came before its patient."""
        self._queue(entry, is_last_chance=True)

    def _queue(self, entry: Entry, *, is_last_chance: bool) -> None:
        if entry.resource_type == "Patient":
            self.flush()
            # The person and their Patient resource are kept together, or neither.
            with transaction.atomic():
                self._match(entry, is_last_chance=is_last_chance)
                self.flush()
        else:
            self._match(entry, is_last_chance=is_last_chance)

    def _match(self, entry: Entry, *, is_last_chance: bool) -> None:
        try:
            patient = self.matcher.patient_of(entry.content, entry.id, entry.scope)
        except NoPatient as error:
            if is_last_chance or entry.resource_type == "Patient":
                self._refuse(entry, Fault("", str(error)))
            else:
                self.early[entry.source, entry.path] = str(error)
            return
        incoming = Incoming(entry.raw, entry.content, entry.id, patient, entry.scope)
        if incoming.identity in self.batch:
            self.flush()
        self.batch[incoming.identity] = (incoming, entry)

    def flush(self) -> None:
        if not self.batch:
            return
        outcome = store(
            [incoming for incoming, _entry in self.batch.values()], source=self.source, by=self.by, at=self.at
        )
        for record in outcome.changed:
            if record.resource_type == "Patient":
                incoming, _entry = self.batch[record.resource_type, record.fhir_id]
                self.matcher.update(record.patient, incoming.content)
        self.report.imported += len(outcome.imported)
        self.report.changed += len(outcome.changed)
        self.report.unchanged += outcome.unchanged
        for incoming in outcome.of_another_patient:
            _incoming, entry = self.batch[incoming.identity]
            self._refuse(entry, Fault("id", _("is already another patient's record from this source")))
        self.batch.clear()

    def _refuse(self, entry: Entry, fault: Fault) -> None:
        self.report.faults.append(fault.within(entry.path or entry.resource_type, entry.source))
