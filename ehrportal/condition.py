"""How the portal is, for the records officer: what works, what waits, and whom to call."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from redis.exceptions import RedisError

from accounts.models import Role
from accounts.sites import MenuEntry, WorkspacePage, workspace
from chain.status import LogStatus, log_status
from ehrportal.tasks import PULSE_KEY
from records.models import ImportJob
from records.services.jobs import lost_jobs

# Beat asks every ten seconds; twice as long as a busy worker may take, and something is wrong.
SILENT_AFTER = timedelta(minutes=2)
# Sealing waits for company on purpose; this long, and nobody seals.
WAITS_TOO_LONG = timedelta(seconds=max(5 * settings.LOG_SEAL_SECONDS, 300))
BLOCKS_BEHIND = 50

Tone = Literal["good", "waiting", "bad"]


@dataclass(frozen=True)
class Finding:
    """How one part is: in a word, in a sentence, and what to do where something is to be done."""

    part: str
    tone: Tone
    word: str
    words: str
    advice: str = ""


@workspace.page(
    "condition/",
    name="condition",
    roles=[Role.RECORDS_OFFICER, Role.PRIVACY_OFFICER],
    menu=MenuEntry(gettext_lazy("Log, chain and workers"), "monitor_heart", 60),
)
class Condition(WorkspacePage):
    title = gettext_lazy("Log, chain and workers")
    template_name = "ehrportal/condition.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        status = log_status(now)
        findings = [log(status), chain(status), checks(status), workers(now), imports(now)]
        return self.render_to_response(
            self.get_context_data(
                findings=findings, is_well=all(one.tone != "bad" for one in findings), status=status
            )
        )


def log(status: LogStatus) -> Finding:
    """Say whether what was recorded finds its way into the log."""
    part = _("The log")
    oldest = timedelta(seconds=status.oldest_waiting_seconds or 0)
    size = ngettext("It holds %(count)d entry.", "It holds %(count)d entries.", status.size) % {
        "count": status.size
    }
    if status.waiting_leaves and oldest > WAITS_TOO_LONG:
        words = ngettext(
            "%(count)d entry waits to be sealed, the oldest for %(time)s.",
            "%(count)d entries wait to be sealed, the oldest for %(time)s.",
            status.waiting_leaves,
        ) % {"count": status.waiting_leaves, "time": _span(oldest)}
        advice = _("Nothing is lost. The worker that seals is not running: tell the operator.")
        return Finding(part, "bad", _("Stands still"), f"{size} {words}", advice)
    if status.waiting_leaves:
        words = ngettext(
            "%(count)d more waits to be sealed with the next.",
            "%(count)d more wait to be sealed with the next.",
            status.waiting_leaves,
        ) % {"count": status.waiting_leaves}
        return Finding(part, "waiting", _("Works"), f"{size} {words}")
    return Finding(part, "good", _("Works"), f"{size} {_('Nothing waits.')}")


def chain(status: LogStatus) -> Finding:
    """Say whether the log reaches the chain, and how far behind the chain is."""
    part = _("The chain")
    if not status.is_node_reachable:
        words = _(
            "The chain’s node does not answer. Recording goes on; anchoring waits and catches up by itself."
        )
        return Finding(part, "bad", _("Can’t be reached"), words, _("If it lasts, tell the operator."))
    if status.trouble:
        words = _("A head of the log does not get onto the chain: %(cause)s.") % {
            "cause": status.trouble.rstrip(".")
        }
        return Finding(part, "bad", _("Stuck"), words, _("Tell the operator. Nothing is lost meanwhile."))
    if (status.follower_lag or 0) > BLOCKS_BEHIND:
        words = _("We have yet to read %(count)d blocks of the chain.") % {"count": status.follower_lag}
        return Finding(part, "waiting", _("Catching up"), words)
    if status.behind:
        words = ngettext(
            "%(count)d entry is on its way to be anchored for good.",
            "%(count)d entries are on their way to be anchored for good.",
            status.behind,
        ) % {"count": status.behind}
        return Finding(part, "waiting", _("Works"), words)
    return Finding(part, "good", _("Works"), _("Everything that was sealed is anchored for good."))


def checks(status: LogStatus) -> Finding:
    """Say whether the last check found something that does not match."""
    part = _("Verification")
    if status.open_mismatches:
        words = ngettext(
            "%(count)d thing does not match what was anchored.",
            "%(count)d things do not match what was anchored.",
            status.open_mismatches,
        ) % {"count": status.open_mismatches}
        advice = _(
            "The privacy officer sees each by name. Change nothing in the database before they have looked."
        )
        return Finding(part, "bad", _("Does not hold"), words, advice)
    return Finding(
        part, "good", _("Holds"), _("No check found anything that differs from what was anchored.")
    )


def workers(now: datetime) -> Finding:
    """Say whether a worker lately did what the clock asked of it."""
    part = _("The workers")
    try:
        pulse = cache.get(PULSE_KEY)
    except RedisError:
        words = _("The broker does not answer, so nobody can tell the workers what to do.")
        return Finding(
            part, "bad", _("Can’t be reached"), words, _("Imports and anchoring wait. Tell the operator.")
        )
    if pulse is None:
        words = _("No worker has given a sign of life since the broker started.")
        return Finding(part, "bad", _("Silent"), words, _("Imports and anchoring wait. Tell the operator."))
    if now - pulse > SILENT_AFTER:
        words = _("The last sign of life was %(time)s ago.") % {"time": _span(now - pulse)}
        return Finding(part, "bad", _("Silent"), words, _("Imports and anchoring wait. Tell the operator."))
    return Finding(part, "good", _("Work"), _("They gave a sign of life within the last two minutes."))


def imports(now: datetime) -> Finding:
    """Say whether imports are being read."""
    part = _("Imports")
    lost = lost_jobs(now).count()
    if lost:
        words = ngettext(
            "%(count)d import has been left lying.", "%(count)d imports have been left lying.", lost
        ) % {"count": lost}
        return Finding(
            part, "bad", _("Left lying"), words, _("They go on by themselves once a worker is back.")
        )
    open_states = [ImportJob.State.WAITING, ImportJob.State.RUNNING]
    running = ImportJob.objects.filter(state__in=open_states).count()
    if running:
        words = ngettext(
            "%(count)d import is being read or waits.", "%(count)d imports are being read or wait.", running
        ) % {"count": running}
        return Finding(part, "waiting", _("Work"), words)
    return Finding(part, "good", _("Work"), _("None waits."))


def _span(time: timedelta) -> str:
    now = timezone.now()
    return timesince(now - time, now, depth=1)
