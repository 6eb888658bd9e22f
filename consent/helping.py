"""
Looking at the record of somebody one helps: which one, kept in the session, and decided anew on every page.

The session holds a wish. Whether it is granted says `consent.rules.decide`, each time, and a helper reads,
nothing else.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest

from consent.models import Grant
from consent.rules import Action, decide, grants_held_by
from patients.models import Patient, PatientQuerySet

SESSION_KEY = "helping"


@dataclass(frozen=True)
class Helping:
    """Whose record a helper looks at, and until when they may."""

    patient: Patient
    grant: Grant

    @property
    def until(self) -> datetime:
        expires_at: datetime = self.grant.expires_at
        return expires_at


def begin(request: HttpRequest, patient: Patient) -> None:
    """Turn this browser to the record of `patient`, as long as they allow it."""
    request.session[SESSION_KEY] = str(patient.pk)


def end(request: HttpRequest) -> None:
    """Turn this browser back to its owner's own record."""
    request.session.pop(SESSION_KEY, None)


def wants_to_help(request: HttpRequest) -> bool:
    """Whether this browser was turned to the record of somebody else, allowed or not."""
    session = getattr(request, "session", None)
    return session is not None and SESSION_KEY in session


def helped_by(request: HttpRequest, *, at: datetime) -> Helping | None:
    """Return whose record this browser looks at instead of its owner's own, if that is still allowed."""
    user = getattr(request, "user", None)
    if user is None or not wants_to_help(request) or not user.is_authenticated or not user.is_patient:
        return None
    pk = _chosen(request)
    chosen = patients_helped_by(request, at=at).filter(pk=pk).first() if pk else None
    if chosen is None:
        return None
    decision = decide(actor=user, action=Action.READ, patient=chosen, at=at)
    if not decision.is_partial:
        return None
    return Helping(chosen, max(decision.grants, key=lambda grant: grant.expires_at))


def patients_helped_by(request: HttpRequest, *, at: datetime) -> PatientQuerySet:
    """Choose the patients who let whoever asks help them at this moment."""
    return Patient.objects.filter(pk__in=grants_held_by(request.user, at=at).values("patient"))


def _chosen(request: HttpRequest) -> uuid.UUID | None:
    try:
        return uuid.UUID(str(request.session[SESSION_KEY]))
    except ValueError:
        return None
