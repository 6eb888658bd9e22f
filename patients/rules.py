"""Whose record the patient's pages show; what may be seen there is decided in `consent.rules`."""

from typing import Any

from patients.models import Patient


def patient_of(user: Any) -> Patient | None:
    """
    Return the patient who is signed in as `user`, or None for everybody else.

    Staff have no record of their own here: they read their patients' charts in the workspace, where
    the ground on which they do so is shown to them.
    """
    if not (user.is_authenticated and user.is_active and user.is_patient):
        return None
    return Patient.objects.filter(user=user).first()
