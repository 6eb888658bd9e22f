"""
Logging that somebody saw a patient's name or number in a list, although they opened nothing.

That somebody is a patient of this hospital is something about them already. Each one shown has a line of
their own in the access log; patients find these apart from the openings.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from audit import services as audit


class Listing(StrEnum):
    """Which list it was; kept, encrypted, with the line."""

    REGISTER = "register"
    LOOKALIKES = "lookalikes"
    WORKLIST = "worklist"
    SHARED = "shared"
    REQUESTS = "requests"
    REVIEWS = "reviews"
    CARE = "care"
    # Pages that say whom they are about: the desk's, and those of a doctor who may not read the record.
    DESK = "desk"
    DOCTORS_PAGE = "doctors_page"
    NOTE = "note"
    HELPED = "helped"


def record_listed(
    patient_ids: Iterable[uuid.UUID],
    *,
    listing: Listing,
    by: Any,
    at: datetime,
    ground: str,
    is_search: bool = False,
    address: str | None = None,
) -> None:
    """
    Write one line for each patient on a page of a list, in as many queries for many as for one.

    Call it before the page is answered, with exactly those who are on it.

    :param is_search: whether they were looked for; what was typed is not kept
    """
    audit.record_all(
        "patient.listed",
        at=at,
        by=by,
        patient_ids=patient_ids,
        ground=ground,
        address=address,
        listing=listing.value,
        isSearch=is_search,
    )
