"""Write the proof of a record, or of single elements of it."""

import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Q
from django.utils import timezone

from audit import services as audit
from chain.commitment import UnknownElement
from chain.management.reporting import CouldNotRun
from chain.proof import write_proof
from records.models import RecordVersion
from records.services.proving import WHOLE_RECORD, ProofNotReady, RecordChanged, proof_of


class Command(BaseCommand):
    help = "Write a proof that verify/verify.py and the page /verify check against the chain."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("record", metavar="RECORD", help="Type/id, or the id of a record or of a version")
        parser.add_argument(
            "--element",
            action="append",
            dest="pointers",
            metavar="POINTER",
            help="disclose this element only, such as /valueQuantity/value; may be given several times",
        )
        parser.add_argument(
            "-o", "--output", metavar="FILE", help="where to write; standard output otherwise"
        )

    def handle(
        self, *args: Any, record: str, pointers: list[str] | None, output: str | None, **options: Any
    ) -> None:
        version = self._version(record)
        try:
            proof = proof_of(version, pointers=pointers or WHOLE_RECORD)
        except ProofNotReady:
            raise CouldNotRun(
                "It is not anchored yet. Run manage.py anchor --wait, then try again."
            ) from None
        except RecordChanged:
            raise CommandError(
                "The stored version is not the one that was anchored. Run manage.py check_log."
            ) from None
        except UnknownElement as error:
            raise CouldNotRun(f"Nothing stands under that pointer: {error}") from None
        audit.record(
            "record.proved",
            at=timezone.now(),
            by=None,
            patient_id=version.record.patient_id,
            purpose="command line",
            versions=[version.id],
            elements=list(pointers or WHOLE_RECORD),
        )
        if output:
            Path(output).write_text(write_proof(proof))
        else:
            sys.stdout.write(write_proof(proof))

    def _version(self, name: str) -> RecordVersion:
        """The newest version of the record that `name` means, or the very version."""
        if "/" in name:
            resource_type, _slash, fhir_id = name.partition("/")
            wanted = Q(record__resource_type=resource_type, record__fhir_id=fhir_id)
        else:
            wanted = Q(record=name) | Q(pk=name)
        try:
            found = RecordVersion.objects.filter(wanted).select_related("record", "leaf", "previous__leaf")
            records = {version.record_id for version in found}
            if len(records) > 1:
                raise CouldNotRun(
                    "Several sources have a record of this name. Give the record's own id from its page."
                )
            return max(found, key=lambda version: version.number)
        except (ValueError, ValidationError):
            raise CouldNotRun("There is no such record. Give Type/id, such as Observation/17.") from None
