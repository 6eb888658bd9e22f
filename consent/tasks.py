"""
The doors by which beat has consents relayed, recoveries carried out, and all of it compared with the chain.

None of them is handed work: what is to do stands in the rows. A run that fails is made good by the next one.
"""

from typing import Any

import structlog
from celery import shared_task
from django.utils import timezone

from chain.abi import NotOurContract
from chain.locks import Busy
from chain.tasks import PASSING
from chain.transactions import send
from consent import comparing, relaying

logger = structlog.get_logger(__name__)


@shared_task(throws=(*PASSING, NotOurContract))
def relay_forms(**kwargs: Any) -> None:
    """
    Sign what waits to be relayed, and send it.

    Safe to run any number of times: each row is locked while it is signed, and is linked to its transaction
    in the database transaction that stores the signed bytes. Sending is `chain`'s, which sends the same
    bytes again.
    """
    at = timezone.now()
    try:
        if relaying.relay_waiting(at):
            send(at)
    except Busy:
        logger.info("transactions.busy")


@shared_task
def carry_out_recoveries(**kwargs: Any) -> None:
    """
    Queue what carries out the recoveries whose three days are over.

    Safe to run any number of times: a recovery is queued once, under the lock of its patient.
    """
    relaying.queue_recoveries(timezone.now())


# Asks the chain about every grant there is.
@shared_task(throws=(*PASSING, NotOurContract), time_limit=2 * 60 * 60)
def compare_with_chain(**kwargs: Any) -> None:
    """
    Compare grants and keys with what the registry holds, and note what contradicts it.

    Safe to run any number of times: what was found before stays as it is, what agrees again is marked so.
    """
    findings = comparing.compare_now(timezone.now())
    if findings:
        logger.error("consent.chain_contradicts", findings=len(findings))
