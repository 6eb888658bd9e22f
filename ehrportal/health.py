"""
Whether the portal is up (/healthz), and whether it can do its work (/readyz).

Both are asked by machines without a name or a cookie, so they tell nothing about anybody.
"""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NoAnswer
from time import monotonic
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import connections
from django.http import HttpRequest, JsonResponse
from django.utils import timezone

from chain.status import log_status
from ehrportal.celery import app
from ehrportal.tasks import PULSE_KEY

logger = structlog.get_logger(__name__)

# The whole answer takes no longer than this, whatever hangs: whoever asks has a limit, too.
SECONDS = 2.5
# Beat asks a worker every ten seconds; three in a row may be lost while either restarts.
PULSE_SECONDS = 40
# Leaves are sealed within seconds and final within minutes; older ones wait for somebody.
WAITING_SECONDS = 15 * 60

Facts = dict[str, Any]


class Unready(Exception):
    """Something we need is not there; the words say what, and may be shown to anybody."""


# Checks that hang are given up, not ended, and keep their thread until their own time runs out. A pool of
# a fixed size keeps somebody who asks all day from collecting threads: then the answer is "no answer".
_pool = ThreadPoolExecutor(max_workers=8, thread_name_prefix="health")


def check_database() -> Facts:
    """Ask the database for one row, over a connection of this check's own."""
    connection = connections.create_connection("default")
    options = {"connect_timeout": 2, "options": "-c statement_timeout=2000"}
    connection.settings_dict = {**connection.settings_dict, "OPTIONS": options, "CONN_MAX_AGE": 0}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connection.close()
    return {}


def check_broker() -> Facts:
    """Open the broker's door as a worker would."""
    with app.connection_for_read(connect_timeout=2) as connection:
        connection.ensure_connection(max_retries=1, interval_start=0, timeout=2)
    return {}


def check_workers() -> Facts:
    """Ask when a worker last did what beat asked of it."""
    beaten_at = cache.get(PULSE_KEY)
    if beaten_at is None:
        raise Unready("no worker has run what beat asks")
    seconds = int((timezone.now() - beaten_at).total_seconds())
    if seconds > PULSE_SECONDS:
        raise Unready(f"no worker has run what beat asks for {seconds} seconds")
    return {"last_beat_seconds": seconds}


def check_chain() -> Facts:
    """Ask the node, and how far the chain is behind the head of the log."""
    try:
        status = log_status()
    finally:
        connections.close_all()
    facts = {
        "log_size": status.size,
        "anchored_size": status.anchored_size,
        "behind": status.behind,
        "waiting_leaves": status.waiting_leaves,
        "oldest_waiting_seconds": status.oldest_waiting_seconds,
        "follower_lag": status.follower_lag,
        "open_mismatches": status.open_mismatches,
    }
    if not status.is_node_reachable:
        raise Unready("the chain node does not answer", facts)
    if (status.oldest_waiting_seconds or 0) > WAITING_SECONDS:
        raise Unready("leaves wait to be sealed for too long", facts)
    return facts


CHECKS: dict[str, Callable[[], Facts]] = {
    "database": check_database,
    "broker": check_broker,
    "workers": check_workers,
    "chain": check_chain,
}


def _outcome(name: str, future: "Future[Facts]", seconds: float) -> Facts:
    """Wait for one check, and say in a few words how it went."""
    try:
        return {"ok": True, **future.result(timeout=max(seconds, 0))}
    except Unready as unready:
        why, *facts = unready.args
        return {"ok": False, "why": why, **(facts[0] if facts else {})}
    except NoAnswer:
        future.cancel()
        return {"ok": False, "why": "no answer in time"}
    except Exception as error:
        # The kind alone: messages of drivers name hosts and users, which are nobody's business.
        logger.warning("health.failed", part=name, error=type(error).__qualname__)
        return {"ok": False, "why": f"failed: {type(error).__qualname__}"}


@login_not_required
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that this process answers; asks nobody else."""
    return JsonResponse({"status": "ok"})


@login_not_required
def readyz(request: HttpRequest) -> JsonResponse:
    """Say of each part whether it is ready, and answer 503 when one is not."""
    until = monotonic() + SECONDS
    futures = {name: _pool.submit(check) for name, check in CHECKS.items()}
    parts = {name: _outcome(name, future, until - monotonic()) for name, future in futures.items()}
    ready = all(part["ok"] for part in parts.values())
    return JsonResponse(
        {"status": "ready" if ready else "not ready", "hospital": settings.HOSPITAL_NAME, "parts": parts},
        status=200 if ready else 503,
    )
