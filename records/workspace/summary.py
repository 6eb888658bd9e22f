"""The summary of a chart: problems, medicines, allergies, each sorted into now, over, and “none”."""

from collections.abc import Iterable
from typing import Any

from records.glance import ENDED
from records.services.opening import Opened

# SNOMED CT's situations “no known …”, as the International Patient Summary uses them, and old ones still met.
# They are recorded like a problem or an allergy, and in red they would say the opposite of what they mean.
NONE_KNOWN = frozenset(
    f"http://snomed.info/sct|{code}"
    for code in (
        "716186003",  # no known allergy
        "160244002",  # no known allergies
        "409137002",  # no known drug allergy
        "429625007",  # no known food allergy
        "428607008",  # no known environmental allergy
        "428197003",  # no known insect allergy
        "716220001",  # no known animal allergy
        "716184000",  # no known latex allergy
        "1003774007",  # no known latex allergy
        "787481004",  # no known medication use
        "160245001",  # no current problems or disability
    )
)
# Every code of this system says that something is absent or not known.
ABSENT = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips|"


def says_none(presented: Any) -> bool:
    """Whether this record says that there is nothing to record."""
    return presented.is_negated or any(
        token in NONE_KNOWN or token.startswith(ABSENT) for token in presented.tokens
    )


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
        if presented is None or not one.is_intact:
            now[one.version.pk] = one
        elif presented.is_entered_in_error:
            continue
        elif says_none(presented):
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
