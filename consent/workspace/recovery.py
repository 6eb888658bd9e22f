"""Recovery of consent keys: an officer has met the patient in person, and says how they knew who it was."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.forms import StaffForm
from accounts.models import Role
from accounts.sites import staff_of, workspace
from consent.models import Recovery
from consent.services.keys import (
    NotEnrolled,
    RecoveryClosed,
    RecoveryOpen,
    has_keys,
    open_recovery,
    start_recovery,
    usable_signers,
    withdraw_recovery,
)
from patients.models import Patient
from patients.workspace import NamesPatient, PatientPage, on_patient_page

OFFICER = [Role.RECORDS_OFFICER]


class RecoveryForm(StaffForm):
    """How the officer knew who it was."""

    checked = forms.CharField(
        label=_("What did you check in person?"),
        max_length=200,
        help_text=_("For example: passport with photo, compared with the person at the desk."),
    )


@workspace.page("patients/<uuid:pk>/recovery/", name="start_recovery", roles=OFFICER)
class StartRecovery(PatientPage):
    """Let a patient who lost every key make a new one, which counts after three days."""

    template_name = "consent/start_recovery.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{
                "title": _("Recover the consent keys of %(name)s") % {"name": self.patient.full_name},
                "form": RecoveryForm(),
                "has_keys": has_keys(self.patient),
                "recovery": open_recovery(self.patient),
                **kwargs,
            }
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = RecoveryForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        try:
            start_recovery(patient=self.patient, **form.cleaned_data, by=staff_of(request), at=timezone.now())
        except NotEnrolled:
            messages.info(
                request, _("This patient has no consent keys yet. They make the first one by themselves.")
            )
        except RecoveryOpen:
            messages.info(request, _("A recovery is under way already. Nothing has changed."))
        else:
            messages.success(
                request,
                _("The recovery has begun. The patient was told, and makes the new key in the portal."),
            )
        return redirect("workspace:patient", pk=self.patient.pk)


@workspace.page("recoveries/<uuid:pk>/withdraw/", name="withdraw_recovery", roles=OFFICER)
class WithdrawRecovery(NamesPatient):
    """Take a recovery back: asked once, then done."""

    title = _("Withdraw a recovery")
    template_name = "consent/withdraw_recovery.html"
    recovery: Recovery

    def setup(self, request: HttpRequest, *args: Any, pk: UUID, **kwargs: Any) -> None:
        super().setup(request, *args, pk=pk, **kwargs)
        self.recovery = get_object_or_404(Recovery.objects.select_related("patient", "by"), pk=pk)
        self.patient = self.recovery.patient

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"recovery": self.recovery, "patient": self.patient, **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            withdraw_recovery(recovery=self.recovery, by=staff_of(request), at=timezone.now())
        except RecoveryClosed:
            messages.info(request, _("This recovery had ended already. Nothing has changed."))
        else:
            messages.success(request, _("The recovery is withdrawn. The patient was told."))
        return redirect("workspace:patient", pk=self.recovery.patient_id)


@on_patient_page("consent/_consent_keys.html")
def consent_keys_of(patient: Patient, at: datetime) -> dict[str, Any]:
    """Whether the patient can sign consents, and where a recovery stands."""
    first = usable_signers(patient).first()
    return {
        "patient": patient,
        "since": first.accepted_at if first else None,
        "recovery": open_recovery(patient),
    }
