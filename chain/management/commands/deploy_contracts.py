"""Puts our contracts on a local chain."""

from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from chain.abi import NotOurContract
from chain.client import NodeError, current_node
from chain.deploying import ChainForgotten, NotALocalChain, deploy
from chain.deployment import OURS, institution_number
from chain.management.reporting import HELD, CouldNotRun, ReportingCommand
from chain.waiting import TookTooLong


class Command(ReportingCommand):
    help = "Deploys the contracts to a local chain and makes this hospital a member, unless that is done."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--again",
            action="store_true",
            help="the old chain is gone for good: deploy anew, and anchor the whole log again",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            where = deploy(timezone.now(), again=options["again"])
            number = institution_number(current_node(), where)
        except (NodeError, NotOurContract, NotALocalChain, ChainForgotten, TookTooLong) as error:
            raise CouldNotRun(error) from error
        self.finish(
            lines=[
                *(f"{known.name:<23} {address}" for known, address in where.each()),
                f"This hospital is institution {number}.",
            ],
            report={name: getattr(where, name) for name in OURS} | {"institution": number},
            as_json=options["json"],
            code=HELD,
        )
