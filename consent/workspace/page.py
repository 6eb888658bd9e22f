"""What pages about a patient whom one may not read have in common: they say who it is, and no more."""

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.models import User
from accounts.sites import WorkspacePage, staff_of
from doctors.models import Clinician
from patients.listing import Listing
from patients.models import Patient
from patients.numbers import number_of
from patients.workspace import NamesPatient


def doctor_of(user: User) -> Clinician:
    """
    Return this person as a doctor of this hospital.

    :raises PermissionDenied: if the hospital has not entered them as one
    """
    ours = Clinician.objects.select_related("institution", "department")
    clinician = ours.filter(user=user, institution__is_this_hospital=True).first()
    if clinician is None:
        raise PermissionDenied
    return clinician


class DoctorsPage(WorkspacePage):
    """A page for doctors of this hospital. `self.now` is the one moment of the request."""

    clinician: Clinician
    now: datetime

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.now = timezone.now()
        self.clinician = doctor_of(staff_of(request))


class NamedPatientPage(NamesPatient, DoctorsPage):
    """
    A page about a patient by their address, which cannot be guessed: a doctor has it from “Find a patient”.

    It shows name, birth date and number, and gives no hint of what the record holds.
    """

    listing = Listing.DOCTORS_PAGE

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.patient = get_object_or_404(Patient.objects.prefetch_related("identifiers"), pk=kwargs["pk"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{"patient": self.patient, "number": number_of(self.patient), **kwargs}
        )
