"""“Find a patient”: from knowing who somebody is to asking them, or to an emergency."""

from datetime import date
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.addresses import address_of
from accounts.forms import StaffForm
from accounts.models import Role
from accounts.rate_limit import RateLimit, TriedTooOften
from accounts.sites import MenuEntry, staff_of, workspace
from consent.rules import Action, decide
from consent.workspace.page import DoctorsPage
from patients.finding import MOST_FOUND, TooManyFound, find_patients
from patients.models import Patient
from patients.numbers import number_of

# More than a ward round needs, and far too few to find out who is a patient here.
LIMIT = RateLimit("find_patient", attempts=30, seconds=10 * 60)


class FindForm(StaffForm):
    """A number, or family name and birth date together."""

    number = forms.CharField(
        label=_("Patient number"),
        required=False,
        max_length=80,
        help_text=_("The whole number, as on the wristband, a letter or an insurance card."),
    )
    family_name = forms.CharField(label=_("Family name"), required=False, max_length=200)
    birth_date = forms.DateField(
        label=_("Birth date"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or self.cleaned_data
        if asked.get("number") or self.errors:
            return asked
        if not asked.get("family_name"):
            self.add_error(
                "family_name" if asked.get("birth_date") else "number",
                _("Write the number, or the family name and the birth date."),
            )
        elif not asked.get("birth_date"):
            self.add_error("birth_date", _("With a name we need the birth date, too."))
        return asked

    def clean_birth_date(self) -> date | None:
        born: date | None = self.cleaned_data["birth_date"]
        if born and born > timezone.localdate():
            raise forms.ValidationError(_("A birth date can't be in the future."))
        return born


@workspace.page(
    "find/",
    name="find_patient",
    roles=[Role.DOCTOR],
    menu=MenuEntry(_("Find a patient"), "person_search", 20),
)
class FindPatient(DoctorsPage):
    """
    Look one patient up by exact words. Asked by POST, so that who was looked for stands in no address.

    It says who they are, so that nobody takes one for another, and nothing about their record.
    """

    title = _("Find a patient")
    template_name = "consent/find_patient.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"form": FindForm(), "most": MOST_FOUND, **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = FindForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        doctor = staff_of(request)
        try:
            LIMIT.use(request, by=str(doctor.pk))
        except TriedTooOften as limit:
            form.add_error(
                None,
                _("You have looked for many patients in a short time. Try again in %(minutes)s minutes.")
                % {"minutes": limit.minutes},
            )
            return self.render_to_response(self.get_context_data(form=form), status=429)
        try:
            found = find_patients(**form.cleaned_data, by=doctor, at=self.now, address=address_of(request))
        except TooManyFound:
            form.add_error("number", _("Too many patients match. Use the patient number."))
            return self.render_to_response(self.get_context_data(form=form), status=422)
        return self.render_to_response(
            self.get_context_data(form=form, has_looked=True, hits=[self._hit(patient) for patient in found])
        )

    def _hit(self, patient: Patient) -> dict[str, Any]:
        decision = decide(actor=self.request.user, action=Action.READ, patient=patient, at=self.now)
        return {
            "patient": patient,
            "number": number_of(patient),
            "can_open": decision.allowed,
            # Whoever reads all of it needs neither to ask nor an emergency.
            "is_whole": decision.allowed and not decision.is_partial,
        }
