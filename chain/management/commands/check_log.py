"""Checks the log from the bottom."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from chain.checking import Report, check_log
from chain.management.reporting import COULD_NOT_RUN, DID_NOT_HOLD, HELD, ReportingCommand


class Command(ReportingCommand):
    help = (
        "Recomputes every leaf and head from the database, compares with the chain, and names what differs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--no-chain", action="store_true", help="leave out the comparison with the chain")

    def handle(self, *args: Any, **options: Any) -> None:
        report = check_log(timezone.now(), with_chain=not options["no_chain"])
        without_findings = COULD_NOT_RUN if report.chain_unread else HELD
        self.finish(
            lines=_lines(report),
            report={
                "leaves": report.leaves,
                "waiting": report.waiting,
                "erased": report.erased,
                "heads": report.heads,
                "anchored_heads": report.anchored_heads,
                "chain_unread": report.chain_unread,
                "findings": [
                    {
                        "kind": finding.kind.value,
                        "subject": finding.subject,
                        "cause": finding.cause,
                        "leaf": finding.leaf_id,
                    }
                    for finding in report.findings
                ],
            },
            as_json=options["json"],
            code=DID_NOT_HOLD if report.findings else without_findings,
        )


def _lines(report: Report) -> list[str]:
    lines = [
        f"Checked {report.leaves} leaves under {report.heads} heads, {report.anchored_heads} of them on the "
        f"chain; {report.waiting} leaves wait to be sealed."
    ]
    if report.erased:
        lines.append(
            f"{report.erased} leaves are about what was erased, and only their place could be checked."
        )
    if report.chain_unread:
        lines.append(f"The chain could not be compared: {report.chain_unread}")
    if report.findings:
        lines.append(f"{len(report.findings)} did not hold, the first of them first:")
        lines += [f"  {finding}" for finding in report.findings]
    elif not report.chain_unread:
        lines.append("Everything holds.")
    return lines
