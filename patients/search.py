"""What staff type into a search for a patient, and how it is read."""

import re
from datetime import date

from patients.models import PatientQuerySet

_DAY = re.compile(r"\b(\d{1,2})[./-](\d{1,2})[./-](\d{4})\b")


def matching(patients: PatientQuerySet, text: str) -> PatientQuerySet:
    """
    Choose those whose names, birth date or numbers hold every word of `text`.

    Only whole words find somebody, as names lie encrypted and are looked up by keyed token. A birth date
    may be typed as 1980-05-12 or, day first, as 12/05/1980.
    """
    return patients.matching(_DAY.sub(_as_iso, text))


def _as_iso(match: re.Match[str]) -> str:
    day, month, year = (int(part) for part in match.groups())
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return match[0]
