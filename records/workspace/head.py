"""The head of a chart: why this doctor sees it, until when, what else the patient was asked or allowed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.models import Ground
from consent.models import AccessRequest
from consent.rules import Decision, grants_held_by
from consent.workspace.words import (
    GrantForStaff,
    emergency_in_words,
    grants_for_staff,
    request_in_words,
)
from doctors.models import CareRelationship
from patients.models import Patient


@dataclass(frozen=True)
class Head:
    """
    One of three is the ground: `care_reason` of treatment, `emergency`, or else `grants`.

    On the other two grounds `grants` are what the patient allowed besides.
    """

    ground: Ground
    care_reason: str
    emergency: dict[str, str] | None
    grants: Sequence[GrantForStaff]
    requests: Sequence[dict[str, Any]]

    @property
    def treats(self) -> bool:
        return self.ground is Ground.TREATMENT

    @property
    def is_by_grant(self) -> bool:
        return self.ground is Ground.GRANT


def head_of(patient: Patient, decision: Decision, *, by: Any, at: datetime) -> Head:
    """Compose the head of `patient`'s chart for a doctor who may read it on the ground of `decision`."""
    grants = grants_held_by(by, at=at).filter(patient=patient).order_by("-expires_at", "pk")
    requests = AccessRequest.objects.open(at).filter(patient=patient, clinician__user=by)
    care = CareRelationship.objects.active(at).of_clinician(by).filter(patient=patient)
    return Head(
        ground=decision.ground or Ground.TREATMENT,
        care_reason=care.values_list("reason", flat=True).first() or "",
        emergency=emergency_in_words(decision.break_glass) if decision.break_glass else None,
        grants=grants_for_staff(grants.defer("sealed_document", "sealed_secret")),
        requests=[request_in_words(one) for one in requests.order_by("created_at")],
    )
