"""The records officer's pages about patients: register, the patient's page, the invitation letter."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.addresses import address_of
from accounts.forms import StaffForm
from accounts.models import Role
from accounts.sites import MenuEntry, WorkspacePage, staff_of, workspace
from audit import services as audit
from audit.models import Ground
from patients.listing import Listing, record_listed
from patients.models import Patient, PatientIdentifier, Sex
from patients.numbers import hospital_system, new_number, number_of, numbers_of
from patients.registration import Identifier, IdentifierTaken, patients_with, register_patient
from patients.services import invite

OFFICER = [Role.RECORDS_OFFICER]
ISSUERS_OFFERED = 30


class RegistrationForm(StaffForm):
    """A new patient, as they stand at the desk with their papers."""

    given_names = forms.CharField(label=_("Given names"), max_length=200)
    family_name = forms.CharField(label=_("Family name"), max_length=200)
    birth_date = forms.DateField(
        label=_("Birth date"),
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("They need it to make their account."),
    )
    sex = forms.ChoiceField(label=_("Sex"), choices=Sex, initial=Sex.UNKNOWN)
    national_number = forms.CharField(
        label=_("National or insurance number"),
        required=False,
        max_length=200,
        help_text=_("With it we notice when somebody is registered twice."),
    )
    national_system = forms.CharField(
        label=_("Issued by"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"list": "issuers"}),
        help_text=_("Choose one we know, or write its web address or URN."),
    )
    email = forms.EmailField(label=_("E-mail"), required=False, max_length=254)
    phone = forms.CharField(label=_("Telephone"), required=False, max_length=60)
    address = forms.CharField(
        label=_("Address"), required=False, max_length=500, help_text=_("Printed on the invitation letter.")
    )
    is_somebody_else = forms.BooleanField(
        label=_("I have compared them: this is somebody else"), required=False, widget=forms.HiddenInput
    )

    def clean_birth_date(self) -> date:
        born: date = self.cleaned_data["birth_date"]
        if born > timezone.localdate():
            raise forms.ValidationError(_("A birth date can't be in the future."))
        if born.year < 1880:
            raise forms.ValidationError(_("That is too long ago. Check the year."))
        return born

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or self.cleaned_data
        if asked.get("national_number") and not asked.get("national_system"):
            self.add_error(
                "national_system", _("Say who issued the number: it counts only together with its issuer.")
            )
        return asked

    @property
    def identifiers(self) -> list[Identifier]:
        number = self.cleaned_data["national_number"].strip()
        if not number:
            return []
        return [Identifier(self.cleaned_data["national_system"].strip(), number, str(_("National number")))]

    def lookalikes(self) -> list[Patient]:
        """Return who could be this person already: the same name and birth date, or the same number."""
        asked = self.cleaned_data
        name_and_day = f"{asked['given_names']} {asked['family_name']} {asked['birth_date'].isoformat()}"
        found = {*Patient.objects.matching(name_and_day)[:10], *patients_with(self.identifiers)}
        return sorted(found, key=lambda patient: patient.created_at)


@workspace.page(
    "patients/register/",
    name="register_patient",
    roles=OFFICER,
    menu=MenuEntry(_("Register a patient"), "person_add", 30),
)
class RegisterPatient(WorkspacePage):
    """Enter a patient; somebody who looks like one we know is shown first, and a person decides."""

    title = _("Register a patient")
    template_name = "patients/register.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        issuers = PatientIdentifier.objects.exclude(system=hospital_system()).values_list("system", flat=True)
        return super().get_context_data(
            **{
                "form": RegistrationForm(),
                "issuers": [*issuers.order_by("system").distinct()[:ISSUERS_OFFERED]],
                **kwargs,
            }
        )

    def post(self, request: HttpRequest) -> HttpResponse:
        form = RegistrationForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        lookalikes = form.lookalikes()
        if lookalikes and not form.cleaned_data["is_somebody_else"]:
            self._note_shown(lookalikes)
            return self.render_to_response(
                self.get_context_data(form=form, lookalikes=rows(lookalikes)), status=409
            )
        asked = {name: form.cleaned_data[name] for name in FIELDS}
        try:
            patient = register_patient(
                **asked, identifiers=[new_number(), *form.identifiers], by=request.user, at=timezone.now()
            )
        except IdentifierTaken as taken:
            form.add_error(
                "national_number",
                _("This number belongs to a patient we know, shown below. Nothing was saved."),
            )
            self._note_shown([taken.patient])
            return self.render_to_response(
                self.get_context_data(form=form, lookalikes=rows([taken.patient]), is_taken=True), status=409
            )
        return redirect("workspace:patient", pk=patient.pk)

    def _note_shown(self, patients: list[Patient]) -> None:
        record_listed(
            [patient.pk for patient in patients],
            listing=Listing.LOOKALIKES,
            by=staff_of(self.request),
            at=timezone.now(),
            ground=Ground.STAFF_DUTY.value,
            is_search=True,
            address=address_of(self.request),
        )


FIELDS = ("given_names", "family_name", "birth_date", "sex", "email", "phone", "address")


def rows(patients: list[Patient]) -> list[dict[str, Any]]:
    """What a list shows of patients."""
    return [
        {"patient": patient, "number": number_of(patient), "age": patient.age(timezone.localdate())}
        for patient in patients
    ]


class NamesPatient(WorkspacePage):
    """
    A page that says whom it is about. Each time that it is shown, whatever the method, leaves a line.

    Its address alone must not be a way to a name that its patient cannot see was taken.
    """

    patient: Patient
    listing = Listing.DESK

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        self.note_shown()
        return super().render_to_response(context, **response_kwargs)

    def note_shown(self) -> None:
        """Write the line that tells the patient of this page."""
        record_listed(
            [self.patient.pk],
            listing=self.listing,
            by=staff_of(self.request),
            at=timezone.now(),
            ground=Ground.STAFF_DUTY.value,
            address=address_of(self.request),
        )


class PatientPage(NamesPatient):
    """A page about one patient, for those who look after the hospital's register."""

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.patient = get_object_or_404(Patient.objects.prefetch_related("identifiers"), pk=kwargs["pk"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{
                "title": self.patient.full_name,
                "patient": self.patient,
                "number": number_of(self.patient),
                "age": self.patient.age(timezone.localdate()),
                **kwargs,
            }
        )


# Fills a section of the patient's page, which apps above bring to it.
Section = Callable[[Patient, datetime], dict[str, Any]]
SECTIONS: list[tuple[str, Section]] = []


def on_patient_page(template: str) -> Callable[[Section], Section]:
    """Bring a section to the patient's page; the template finds in `section` what the function returns."""

    def register(section: Section) -> Section:
        SECTIONS.append((template, section))
        return section

    return register


@workspace.page("patients/<uuid:pk>/", name="patient", roles=OFFICER)
class PatientOverview(PatientPage):
    """What the register holds of a patient: demographics, numbers, account, doctors. Nothing clinical."""

    template_name = "patients/patient.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        care = self.patient.care_relationships.select_related("clinician", "by").order_by("-started_at")
        return self.render_to_response(
            self.get_context_data(
                numbers=numbers_of(self.patient),
                invitations=self.patient.invitations.select_related("by").order_by("-created_at")[:5],
                open_invitation=self.patient.invitations.open(now).first(),
                care=[{"care": one, "is_active": one.is_active(now)} for one in care],
                sections=[
                    {"template": template, "content": section(self.patient, now)}
                    for template, section in SECTIONS
                ],
            )
        )

    def note_shown(self) -> None:
        audit.record(
            "patient.opened",
            at=timezone.now(),
            by=staff_of(self.request),
            patient_id=self.patient.pk,
            ground=Ground.STAFF_DUTY.value,
            address=address_of(self.request),
        )


@workspace.page("patients/<uuid:pk>/invite/", name="invite_patient", roles=OFFICER)
class InvitePatient(PatientPage):
    """The letter with the code. Only its keyed hash is kept, so the code is on this page and never again."""

    template_name = "patients/invite.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.can_be_invited:
            return redirect("workspace:patient", pk=self.patient.pk)
        invitation, code = invite(self.patient, by=staff_of(request), at=timezone.now())
        self.template_name = "patients/letter.html"
        return self.render_to_response(
            self.get_context_data(
                title=_("Letter for %(name)s") % {"name": self.patient.full_name},
                invitation=invitation,
                code=code,
                address_to_open=settings.PORTAL_URL + reverse("invitation"),
                today=timezone.localdate(),
            )
        )

    @property
    def can_be_invited(self) -> bool:
        """Whether the invitation could be used: it asks for the birth date."""
        return self.patient.birth_date is not None

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{
                "title": _("Invite %(name)s") % {"name": self.patient.full_name},
                "can_be_invited": self.can_be_invited,
                "open_invitation": self.patient.invitations.open(timezone.now()).first(),
                "days": settings.INVITATION_DAYS,
                **kwargs,
            }
        )
