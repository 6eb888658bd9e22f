"""The summary of a chart: problems, medicines, allergies, each sorted into now, over, and “none”."""

from collections.abc import Iterable
from typing import Any

from records.glance import ENDED
from records.services.opening import Opened


def summary_of(label: Any, opened: Iterable[Opened], *, has_more: bool) -> dict[str, Any]:
    """
    Sort what one block of the summary shows, each thing once, newest first.

    A row that fails verification stands with what holds now, where it is seen.
    """
    now: dict[Any, Opened] = {}
    over: dict[Any, Opened] = {}
    none: dict[Any, Opened] = {}
    for one in opened:
        presented = one.presented
        if presented is None or not one.is_trusted:
            now[one.version.pk] = one
        elif presented.is_entered_in_error:
            continue
        # “No known allergy” is recorded like an allergy, and in red would say the opposite of what it means.
        elif presented.is_none_known or presented.is_no_information or presented.is_negated:
            none.setdefault(_same(presented), one)
        elif presented.status_code in ENDED:
            over.setdefault(_same(presented), one)
        else:
            now.setdefault(_same(presented), one)
    return {
        "label": label,
        "now": [*now.values()],
        # For the head, which has room for names only.
        "names": [*dict.fromkeys(one.presented.title for one in now.values() if one.presented)],
        "has_unreadable": any(one.presented is None for one in now.values()),
        "over": [one for same, one in over.items() if same not in now],
        "none": [*none.values()],
        "has_more": has_more,
    }


def _same(presented: Any) -> tuple[str, str]:
    """What two records of the same thing share: one medicine in two doses is two things."""
    return presented.title.casefold(), presented.summary.casefold()
