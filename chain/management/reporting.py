"""
How commands that others rely on answer: a short report for people, or one JSON object.

They leave with 0 if all went well, 1 if something did not hold, 2 if they could not run.
"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

HELD, DID_NOT_HOLD, COULD_NOT_RUN = 0, 1, 2


class CouldNotRun(CommandError):
    """The command could not do its work. Its words say what to do."""

    def __init__(self, reason: object) -> None:
        super().__init__(str(reason), returncode=COULD_NOT_RUN)


class ReportingCommand(BaseCommand):
    """A command that prints either words or JSON, and says by its exit code how it went."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def finish(self, *, lines: list[str], report: dict[str, Any], as_json: bool, code: int) -> None:
        """
        Print the report, and leave.

        :raises SystemExit: unless everything held
        """
        if as_json:
            self.stdout.write(json.dumps(report, default=str))
        else:
            self.stdout.write("\n".join(lines))
        if code != HELD:
            raise SystemExit(code)
