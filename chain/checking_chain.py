"""
Compares the log's heads with what the contract holds, and with all it ever announced in our name.

What other contracts hold is compared by the apps whose business it is.
"""

from typing import TYPE_CHECKING

from chain import topics
from chain.abi import NotOurContract
from chain.client import NodeError, current_node
from chain.deployment import (
    RECORD_LOG,
    NotAMember,
    NotDeployed,
    check_contracts,
    contracts,
    institution_number,
)
from chain.extending import HistoryDiffers, check_history, head_on_chain
from chain.findings import Finding
from chain.models import Event, Head, Mismatch
from chain.tiles import TileMissing
from chain.watching import foreign_head, subject_of

if TYPE_CHECKING:
    from chain.checking import Report

NEWEST_HEAD = "newest head on the chain"


def check_chain(newest: Head | None, report: "Report") -> None:
    """Add to the report what the chain contradicts, or why it could not be asked."""
    try:
        _check_chain(newest, report)
    except (NodeError, NotDeployed, NotAMember, NotOurContract) as error:
        report.chain_unread = str(error)


def _check_chain(newest: Head | None, report: "Report") -> None:
    node = current_node()
    where = contracts()
    check_contracts(node, where)
    institution = institution_number(node, where)

    heads = [head for head in _anchored_heads() if newest is not None and head.size <= newest.size]
    roots = node.call_all(
        RECORD_LOG, where.record_log, "rootAt", [(institution, head.size) for head in heads]
    )
    for head, root in zip(heads, roots, strict=True):
        if root == bytes(32):
            _complain(report, str(head), "it was anchored, and the chain does not know it any more")
        elif root != bytes(head.root):
            _complain(report, str(head), "the chain holds another root for it")
    report.anchored_heads = len(heads)

    size, root = head_on_chain(node, where)
    try:
        # Read again: what was sealed while we looked may be on the chain already.
        check_history(Head.objects.newest(), size, root)
    except (HistoryDiffers, TileMissing) as error:
        _complain(report, NEWEST_HEAD, str(error))

    for event in Event.objects.filter(name="HeadExtended", arguments__institution=institution):
        cause = foreign_head(event)
        if cause:
            _complain(report, subject_of(event), cause)

    for compare in topics.comparisons():
        report.findings += compare(node, where)


def _anchored_heads() -> list[Head]:
    """Return the heads that the contract keeps: of each final transaction the longest one."""
    final = Head.objects.final()
    return list(final.order_by("transaction_id", "-size").distinct("transaction_id"))


def _complain(report: "Report", subject: str, cause: str) -> None:
    report.findings.append(Finding(Mismatch.Kind.CHAIN, subject, cause))
