"""Grants and requests in the words of staff; patients read theirs in `consent.wording`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from consent.categories import SUMMARY
from consent.models import AccessRequest, BreakGlass, Covers, Grant, Purpose
from consent.models.grants import ONE_OCCASION
from consent.wording import kinds_in_words

PURPOSES: dict[Purpose, Any] = {
    Purpose.TREATMENT: gettext_lazy("to treat the patient"),
    Purpose.SECOND_OPINION: gettext_lazy("to give a second opinion or plan care"),
    Purpose.HELP: gettext_lazy("to help the patient"),
    Purpose.PAYMENT: gettext_lazy("to get the care paid"),
    Purpose.RESEARCH: gettext_lazy("for research"),
}


@dataclass(frozen=True)
class GrantForStaff:
    """A grant as a line of the chart's head or of a list: what, why, until when, and how it was given."""

    grant: Grant
    what: str
    why: str
    until: str
    last_day: str
    is_on_paper: bool


def grants_for_staff(grants: Iterable[Grant]) -> list[GrantForStaff]:
    return [
        GrantForStaff(
            grant=grant,
            what=what_is_covered(grant.covers, grant.kinds, len(grant.record_ids)),
            why=str(PURPOSES[Purpose(grant.purpose)]),
            until=until_when(grant),
            last_day=last_day(grant),
            is_on_paper=not grant.is_signed,
        )
        for grant in grants
    ]


def what_is_covered(covers: str, kinds: Sequence[str], records: int = 0) -> str:
    """Say what a grant or a request is about, as the middle of a sentence."""
    if covers == Covers.EVERYTHING:
        return _("the whole record")
    if covers == Covers.SUMMARY:
        return _("a summary: %(kinds)s") % {"kinds": kinds_in_words(SUMMARY).lower()}
    if covers == Covers.CATEGORIES:
        return kinds_in_words(kinds).lower()
    return ngettext("%(number)s single record", "%(number)s single records", records) % {"number": records}


def until_when(grant: Grant) -> str:
    """Say when a grant ends: the day, or the minute where it is for once and that has begun."""
    if not grant.is_once:
        return last_day(grant)
    if grant.used_at is None:
        return _("%(day)s, for once: an hour from when you first open it") % {"day": last_day(grant)}
    return _("%(time)s, for once") % {
        "time": time_of_day(min(grant.used_at + ONE_OCCASION, grant.expires_at))
    }


def last_day(grant: Grant) -> str:
    """Say the last day on which a grant holds: what expires as a day begins ends with the one before."""
    return day(grant.expires_at - timedelta(seconds=1))


def request_in_words(request: AccessRequest) -> dict[str, Any]:
    """What a list says of a request: what was asked, why, for how long."""
    return {
        "asked": request,
        "what": what_is_covered(request.covers, request.kinds),
        "why": PURPOSES[Purpose(request.purpose)],
    }


def emergency_in_words(broken: BreakGlass) -> dict[str, str]:
    """When a record was opened in an emergency, and when it closes."""
    return {
        "opened": time_of_day(broken.at),
        "closes": time_of_day(broken.expires_at),
        "reason": broken.reason,
    }


def day(moment: datetime) -> str:
    return str(date_format(timezone.localtime(moment), "j F Y"))


def time_of_day(moment: datetime) -> str:
    return str(date_format(timezone.localtime(moment), "H:i"))
