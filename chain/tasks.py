"""
The doors by which beat has the log sealed, sent and followed.

None of them is handed work: what is to do stands in the rows. A run that fails is made good by the next one,
seconds later, so nothing here retries. A worker that finds another one at it leaves.
"""

from typing import Any

import structlog
from celery import shared_task
from django.utils import timezone

from chain import checking, extending, follower, sealing
from chain.checking_chain import NEWEST_HEAD
from chain.client import NodeUnavailable
from chain.deployment import NotDeployed
from chain.extending import HistoryDiffers
from chain.findings import Finding, note
from chain.follower import ChainMoved
from chain.locks import Busy
from chain.models import Mismatch
from chain.signing import FeeTooHigh

logger = structlog.get_logger(__name__)

# What passes by itself: the task counts as failed, without a page of traceback every five seconds.
PASSING = (NodeUnavailable, NotDeployed, ChainMoved, FeeTooHigh)


@shared_task(throws=PASSING)
def seal_leaves(**kwargs: Any) -> None:
    """
    Seal the leaves that wait, once there are enough of them or one has waited long enough.

    Safe to run any number of times: a leaf that has its place is not waiting any more, and the database lets
    one sealer in at a time.
    """
    at = timezone.now()
    try:
        if sealing.should_seal(at):
            sealing.seal(at)
    except Busy:
        logger.info("log.busy")


@shared_task(throws=PASSING)
def send_transactions(**kwargs: Any) -> None:
    """
    Sign what carries the newest head to the chain, and take every transaction one step further.

    Safe to run any number of times: each call is signed once under its own nonce and stored before it is
    sent, and a node that sees the same bytes again keeps one copy.
    """
    at = timezone.now()
    try:
        extending.carry(at)
    except HistoryDiffers as error:
        note(Finding(Mismatch.Kind.CHAIN, NEWEST_HEAD, str(error)), at=at)
        raise
    except Busy:
        logger.info("transactions.busy")


@shared_task(throws=PASSING)
def follow_chain(**kwargs: Any) -> None:
    """
    Read the contracts' events from where the last run stopped.

    Safe to run any number of times: the cursor moves in the same database transaction as what was read.
    """
    try:
        follower.follow(timezone.now())
    except Busy:
        logger.info("follower.busy")


# Reads every record there is: hours, in a large hospital.
@shared_task(throws=PASSING, time_limit=12 * 60 * 60)
def check_log(**kwargs: Any) -> None:
    """
    Recompute the log from what it commits to, and note what does not hold, so that pages show it.

    Safe to run any number of times: what was found before stays as it is, what has healed is marked so.
    """
    report = checking.check_log(timezone.now())
    if not report.is_clean:
        logger.error("log.does_not_hold", findings=len(report.findings))
