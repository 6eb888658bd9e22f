"""Anchors what waits, now."""

import time
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils import timezone

from chain.abi import NotOurContract
from chain.client import NodeError, Reverted
from chain.deployment import NotAMember, NotDeployed
from chain.extending import HistoryDiffers, carry
from chain.follower import ChainMoved, follow
from chain.locks import Busy
from chain.management.reporting import DID_NOT_HOLD, HELD, CouldNotRun, ReportingCommand
from chain.models import Head, Leaf, Transaction
from chain.sealing import seal
from chain.signing import FeeTooHigh
from chain.waiting import PAUSE

# What does not pass by waiting.
FATAL = (NotAMember, NotDeployed, NotOurContract, HistoryDiffers, Reverted)


@dataclass
class Progress:
    """What this run sealed, and by which transactions it went to the chain."""

    started_at: Any
    sealed: int = 0
    heads: list[int] = field(default_factory=list)


class Command(ReportingCommand):
    help = "Seals the leaves that wait, and sends the newest head of the log to the chain."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--wait", action="store_true", help="return once it is final on the chain")
        parser.add_argument(
            "--timeout", type=int, default=600, metavar="SECONDS", help="give up waiting after this long"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        progress = Progress(started_at=timezone.now())
        deadline = time.monotonic() + options["timeout"]
        try:
            self._seal(progress, deadline)
            self._step()
            while options["wait"] and not self._is_final():
                if time.monotonic() > deadline:
                    break
                time.sleep(PAUSE)
                self._step()
        except (NodeError, FeeTooHigh, *FATAL) as error:
            raise CouldNotRun(error) from error

        transactions = list(
            Transaction.objects.filter(heads__size__in=progress.heads).distinct().in_order()
            if progress.heads
            else Transaction.objects.filter(purpose="log.extend", created_at__gte=progress.started_at)
        )
        is_final = self._is_final()
        self.finish(
            lines=self._lines(progress, transactions, waited=options["wait"], is_final=is_final),
            report={
                "leaves": progress.sealed,
                "heads": progress.heads,
                "final": is_final,
                "transactions": [_described(transaction) for transaction in transactions],
            },
            as_json=options["json"],
            code=HELD if is_final or not options["wait"] else DID_NOT_HOLD,
        )

    def _seal(self, progress: Progress, deadline: float) -> None:
        while Leaf.objects.pending().exists() and time.monotonic() < deadline:
            newest = Head.objects.newest()
            try:
                head = seal(timezone.now())
            except Busy:
                time.sleep(PAUSE)
                continue
            if head is not None:
                progress.sealed += head.size - (newest.size if newest else 0)
                progress.heads.append(head.size)

    def _step(self) -> None:
        """Do what the workers do. One of them being at it is as good."""
        try:
            carry(timezone.now())
            follow(timezone.now())
        except (Busy, ChainMoved):
            pass

    def _is_final(self) -> bool:
        newest = Head.objects.newest()
        if newest is None:
            return True
        transaction = newest.transaction
        return transaction is not None and transaction.state == Transaction.State.FINAL

    def _lines(
        self, progress: Progress, transactions: list[Transaction], *, waited: bool, is_final: bool
    ) -> list[str]:
        lines = [f"Sealed {progress.sealed} leaves under {len(progress.heads)} heads."]
        for transaction in transactions:
            line = f"Transaction {transaction.nonce} is {transaction.get_state_display()}"
            if transaction.hash:
                line += f": {transaction.hash} in block {transaction.block_number}"
            if transaction.gas_used:
                line += f", {transaction.gas_used} gas"
                if progress.sealed:
                    line += f", {transaction.gas_used / progress.sealed:.1f} a leaf"
            lines.append(line + ".")
            if transaction.error:
                lines.append(f"  {transaction.error}")
        if waited and not is_final:
            lines.append("The newest head is not final yet. Is the chain making blocks?")
        elif waited:
            newest = Head.objects.newest()
            lines.append(f"Anchored: the log has {newest.size if newest else 0} leaves, all of them final.")
        return lines


def _described(transaction: Transaction) -> dict[str, Any]:
    return {
        "hash": transaction.hash,
        "state": transaction.state,
        "nonce": transaction.nonce,
        "chain_id": settings.CHAIN_ID,
        "contract": transaction.to,
        "block": transaction.block_number,
        "block_at": transaction.block_at,
        "gas_used": transaction.gas_used,
        "error": transaction.error,
    }
