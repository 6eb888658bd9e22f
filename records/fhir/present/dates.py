"""Dates as FHIR has them, partial or to the second, and as people write them."""

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from django.utils.dateformat import format as formatted
from django.utils.dateformat import time_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from records.fhir.present.access import choice, one, text

_SHAPE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?(?P<zone>Z|[+-]\d\d:\d\d)?)?)?)?"
)


@dataclass(frozen=True, slots=True)
class When:
    """
    A moment or a stretch of time, as exactly as it was written and no more.

    `earliest` and `latest` are the days it can have been; either may be unknown. The clock is that
    of the place where it was written: what the ward's clock said is what the patient remembers.
    """

    text: str
    precision: str  # "year", "month", "day", "minute", "period", or "" where only words are known
    earliest: date | None = None
    latest: date | None = None
    moment: datetime | None = None

    def __str__(self) -> str:
        return self.text


NEVER = When("", "")


def day_text(day: date) -> str:
    return str(formatted(day, pgettext("a date: Django's format letters", "j F Y")))


def when(value: Any) -> When:
    """A FHIR date, dateTime or instant; `NEVER` where it is none."""
    match = _SHAPE.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return NEVER
    try:
        return _read(match)
    except ValueError:
        return NEVER


def _read(match: re.Match[str]) -> When:
    year = int(match["year"])
    if match["month"] is None:
        return When(match["year"], "year", date(year, 1, 1), date(year, 12, 31))
    month = int(match["month"])
    if match["day"] is None:
        first, last = date(year, month, 1), date(year, month, calendar.monthrange(year, month)[1])
        return When(
            str(formatted(first, pgettext("a month: Django's format letters", "F Y"))), "month", first, last
        )
    day = date(year, month, int(match["day"]))
    if match["hour"] is None:
        return When(day_text(day), "day", day, day)
    # FHIR knows leap seconds and Python does not.
    clock = time(int(match["hour"]), int(match["minute"]), min(int(match["second"] or 0), 59))
    moment = datetime.fromisoformat(f"{day}T{clock}{(match['zone'] or '').replace('Z', '+00:00')}")
    words = _("%(day)s at %(time)s") % {"day": day_text(day), "time": clock_text(clock)}
    return When(words, "minute", day, day, moment)


def clock_text(clock: time) -> str:
    return str(time_format(clock, pgettext("a time of day: Django's format letters", "H:i")))


def period(node: Any) -> When:
    """A FHIR Period: "from 3 May 2019 to 12 May 2019", "since May 2019", "until 2020"."""
    start, end = when(text(node, "start")), when(text(node, "end"))
    if start.text and end.text:
        if start.text == end.text:
            return When(start.text, start.precision, start.earliest, end.latest, start.moment)
        words = _within_a_day(start, end) or _("%(start)s to %(end)s") % {
            "start": start.text,
            "end": end.text,
        }
        return When(words, "period", start.earliest, end.latest, start.moment)
    if start.text:
        return When(
            _("since %(start)s") % {"start": start.text}, "period", start.earliest, None, start.moment
        )
    if end.text:
        return When(_("until %(end)s") % {"end": end.text}, "period", None, end.latest, end.moment)
    return NEVER


def _within_a_day(start: When, end: When) -> str:
    if start.moment is None or end.moment is None or start.earliest != end.earliest or start.earliest is None:
        return ""
    return _("%(day)s, %(start)s to %(end)s") % {
        "day": day_text(start.earliest),
        "start": clock_text(start.moment.time()),
        "end": clock_text(end.moment.time()),
    }


def when_of(node: Any, stem: str) -> When:
    """
    The moment of `stem`, whichever of FHIR's shapes it has: dateTime, Period, Timing, a plain date.

    Ages and free words ("in childhood") have no day; they come back as words by `values.value_text`.
    """
    if isinstance(node, dict) and isinstance(node.get(stem), str):
        return when(node[stem])
    if isinstance(node, dict) and isinstance(node.get(stem), dict):
        return period(node[stem])
    name, value = choice(node, stem)
    if name.endswith("Period"):
        return period(value)
    if name.endswith("Timing"):
        events = [found for event in _events(value) if (found := when(event)).text]
        return events[0] if events else period(one(value, "repeat", "boundsPeriod"))
    return when(value)


def _events(timing: Any) -> list[str]:
    events = timing.get("event") if isinstance(timing, dict) else None
    return [event for event in events if isinstance(event, str)] if isinstance(events, list) else []


def first_when(node: Any, *stems: str) -> When:
    """The first of these that says anything."""
    for stem in stems:
        if (found := when_of(node, stem)).text:
            return found
    return NEVER
