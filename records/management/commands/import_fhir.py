"""Import FHIR R4 records from files and folders."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import CommandParser
from django.utils import timezone

from chain.management.reporting import DID_NOT_HOLD, HELD, CouldNotRun, ReportingCommand
from patients.models import Patient
from records.fhir.reading import Found, read
from records.services.importing import ImportReport, import_records


class Command(ReportingCommand):
    help = (
        "Import FHIR R4: Bundles, single resources, NDJSON, each also gzipped, or folders of them. "
        "A second run changes nothing. Exit 1 if anything was refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("paths", nargs="+", metavar="PATH", help="file or folder; - reads standard input")
        parser.add_argument("--patient", metavar="ID", help="whose record it is, where the file does not say")
        parser.add_argument(
            "--source", default="import", help="the system the records come from; ids are unique within it"
        )

    def handle(self, *args: Any, paths: list[str], patient: str | None, source: str, **options: Any) -> None:
        def find() -> Iterator[Found]:
            return chain.from_iterable(read(path) for path in paths)

        report = import_records(
            find, source=source, at=timezone.now(), patient=self._patient(patient) if patient else None
        )
        self.finish(
            lines=_lines(report),
            report=_as_json(report),
            as_json=options["json"],
            code=DID_NOT_HOLD if report.faults else HELD,
        )

    def _patient(self, patient_id: str) -> Patient:
        try:
            return Patient.objects.get(pk=patient_id)
        except (Patient.DoesNotExist, ValidationError):
            raise CouldNotRun(
                "There is no patient with this id. The workspace shows it on the patient's page."
            ) from None


def _as_json(report: ImportReport) -> dict[str, Any]:
    return {
        "imported": report.imported,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "rejected": [
            {"source": fault.source, "path": fault.path, "reason": fault.reason} for fault in report.faults
        ],
        "skipped": [{"source": one.source, "path": one.path, "reason": one.reason} for one in report.skipped],
    }


def _lines(report: ImportReport) -> list[str]:
    return [
        f"{report.imported} imported, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.rejected} rejected",
        *(f"  refused  {fault}" for fault in report.faults),
        *(f"  left out {skipped}" for skipped in report.skipped),
    ]
