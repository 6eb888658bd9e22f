"""Medicines and allergies at a glance: what is current, each thing once."""

from collections.abc import Iterable
from dataclasses import dataclass

from records.fhir.present import Presented
from records.services.opening import Opened

# Statuses that say the matter has ended or never was; every other one, and none at all, counts as
# current: to leave out a medicine that is taken does more harm than to show one that is not.
ENDED = frozenset(
    {
        "aborted",
        "cancelled",
        "completed",
        "declined",
        "entered-in-error",
        "inactive",
        "not-done",
        "not-taken",
        "refuted",
        "resolved",
        "stopped",
    }
)


@dataclass(frozen=True)
class Glance:
    """What is current, and how many records could not be read or trusted."""

    current: list[Opened]
    damaged: int


def at_a_glance(opened: Iterable[Opened]) -> Glance:
    """
    Choose what is current, newest first; the same thing recorded twice stands once.

    A statement that nothing is known, such as of no allergies, stands for itself until something is.
    """
    current: dict[str, Opened] = {}
    damaged = 0
    for one in opened:
        if not one.is_trusted or one.presented is None:
            damaged += 1
        elif _is_current(one.presented):
            current.setdefault(one.presented.title.casefold(), one)
    known = [one for one in current.values() if one.presented and not one.presented.is_none_known]
    return Glance(known or list(current.values()), damaged)


def _is_current(presented: Presented) -> bool:
    if presented.is_entered_in_error:
        return False
    # Such statements often come without a status, or with one that says the allergy is not active.
    return presented.is_none_known or presented.status_code not in ENDED
