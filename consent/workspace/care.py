"""Pages about who may see a patient: the records officer says who treats them, and when that ends."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.forms import StaffForm
from accounts.models import Role
from accounts.sites import workspace
from doctors.models import CareRelationship, Clinician
from doctors.services import AlreadyTreats, CareHasEnded, end_care, start_care
from patients.workspace import NamesPatient, PatientPage

OFFICER = [Role.RECORDS_OFFICER]


class CareForm(StaffForm):
    """Which doctor treats the patient from now on, and why."""

    clinician = forms.ModelChoiceField(
        label=_("Doctor"),
        queryset=Clinician.objects.filter(institution__is_this_hospital=True, user__is_active=True).order_by(
            "name"
        ),
        empty_label=_("Choose a doctor"),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("The patient reads it under “Who looked”. For example: cardiology clinic."),
    )


@workspace.page("patients/<uuid:pk>/care/", name="start_care", roles=OFFICER)
class StartCare(PatientPage):
    """Let a doctor treat a patient, which opens the record to them."""

    template_name = "consent/start_care.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{
                "title": _("Who treats %(name)s") % {"name": self.patient.full_name},
                "form": CareForm(),
                **kwargs,
            }
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = CareForm(request.POST)
        if form.is_valid():
            try:
                care = start_care(
                    **form.cleaned_data, patient=self.patient, by=request.user, at=timezone.now()
                )
            except AlreadyTreats:
                form.add_error("clinician", _("This doctor treats the patient already. Nothing has changed."))
            else:
                messages.success(
                    request,
                    _("%(doctor)s treats this patient from now on and can open the record.")
                    % {"doctor": care.clinician.name},
                )
                return redirect("workspace:patient", pk=self.patient.pk)
        return self.render_to_response(self.get_context_data(form=form), status=422)


@workspace.page("care/<int:pk>/end/", name="end_care", roles=OFFICER)
class EndCare(NamesPatient):
    """End a doctor's care of a patient: asked once, then done."""

    title = _("End care")
    template_name = "consent/end_care.html"
    care: CareRelationship

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.care = get_object_or_404(
            CareRelationship.objects.select_related("clinician", "patient"), pk=kwargs["pk"]
        )
        self.patient = self.care.patient

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{"care": self.care, "is_active": self.care.is_active(timezone.now()), **kwargs}
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            end_care(care=self.care, by=request.user, at=timezone.now())
        except CareHasEnded:
            messages.info(request, _("This care had ended already. Nothing has changed."))
        else:
            messages.success(
                request,
                _("%(doctor)s no longer treats this patient, and sees only what the patient allows.")
                % {"doctor": self.care.clinician.name},
            )
        return redirect("workspace:patient", pk=self.care.patient_id)
