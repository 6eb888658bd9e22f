"""Exchange keys."""

from typing import Any

from audit.columns import ColumnDamaged
from chain.management.reporting import HELD, CouldNotRun, ReportingCommand
from ehrportal.rotation import rotate
from records.encryption import CannotDecrypt


class Command(ReportingCommand):
    help = (
        "Wrap every data key and encrypt every column by the first of KEY_ENCRYPTION_KEYS and COLUMN_KEYS. "
        "Put the new key before the old one, restart, run this, then take the old one away. "
        "Safe to run beside the portal, and again after an interruption."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rotation = rotate()
        except (CannotDecrypt, ColumnDamaged):
            raise CouldNotRun(
                "A row opens with none of the configured keys. Put the key that is missing back, "
                "and run this again; what was rotated stays."
            ) from None
        self.finish(
            lines=[
                f"{rotation.data_keys} data keys wrapped anew, {rotation.columns} values encrypted anew, "
                f"{rotation.unchanged} were under the first key already."
            ],
            report={
                "data_keys": rotation.data_keys,
                "columns": rotation.columns,
                "unchanged": rotation.unchanged,
            },
            as_json=options["json"],
            code=HELD,
        )
