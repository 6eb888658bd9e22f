"""On which ground records are opened, as the access log tells it; and that a grant for once is used up."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied

from consent.models import Grant
from consent.rules import Action, Decision, decide
from consent.services.proxies import name_of
from patients.models import Patient
from records.models import RecordVersion


@dataclass(frozen=True)
class Reason:
    """The ground of one opening, with the grants or the emergency that it was."""

    ground: str
    grants: tuple[UUID, ...] = ()
    break_glass: UUID | None = None
    # Accounts of patients have no name, and the patient wants to read who helped.
    helper: str = ""
    # What the grants are for, where they agree on it.
    purpose: str = ""

    @property
    def facts(self) -> dict[str, Any]:
        """What the access log keeps of it besides the ground."""
        grants = {"grants": [str(grant) for grant in self.grants]} if self.grants else {}
        helper = {"actorName": self.helper} if self.helper else {}
        return grants | helper | ({"breakGlass": str(self.break_glass)} if self.break_glass else {})


def require(action: Action, *, by: Any, patient: Patient | None, at: datetime) -> Decision:
    """
    Decide, and go on only with a yes.

    :raises PermissionDenied: if `by` has no ground
    """
    decision = decide(actor=by, action=action, patient=patient, at=at) if patient else None
    if decision is None or decision.ground is None:
        raise PermissionDenied
    return decision


def reason_to_read(
    versions: Iterable[RecordVersion], *, by: Any, patient: Patient | None, at: datetime
) -> Reason:
    """
    Say on which ground `by` reads exactly these versions of one patient's records.

    Whoever calls has chosen them from what is visible; this is where a slip in that would end. Call it in
    the transaction of the opening: a grant for once begins to run out here.

    :raises PermissionDenied: if `by` has no ground to read each one of them
    """
    decision = require(Action.READ, by=by, patient=patient, at=at)
    versions = list(versions)
    if patient is None or any(version.record.patient_id != patient.id for version in versions):
        raise PermissionDenied
    if not decision.is_partial:
        broken = decision.break_glass
        return Reason(str(decision.ground), break_glass=broken.id if broken else None)
    # One that may be used again comes first, then one that was begun already: nothing is used up for want
    # of order.
    grants = sorted(decision.grants, key=lambda grant: (grant.is_once, grant.used_at is None))
    used = {_grant_that_reaches(version, grants) for version in versions}
    for grant in used:
        if grant.is_once and grant.used_at is None:
            grant.use(at=at)
    # Where nothing was shown, as on an empty list, those that led there.
    named = used or grants
    purposes = {grant.purpose for grant in named}
    return Reason(
        str(decision.ground),
        grants=tuple(sorted(grant.id for grant in named)),
        helper=name_of(by),
        purpose=purposes.pop() if len(purposes) == 1 else "",
    )


def _grant_that_reaches(version: RecordVersion, grants: list[Grant]) -> Grant:
    record = version.record
    for grant in grants:
        if grant.reaches(kind=record.kind, record_id=record.id, sensitivities=record.sensitivities):
            return grant
    raise PermissionDenied
