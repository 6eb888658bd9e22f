"""Paper consents: what a patient signed at the desk, read back before it counts, and ended on paper again."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.addresses import address_of
from accounts.forms import StaffForm
from accounts.models import Role
from accounts.sites import staff_of, workspace
from consent.answers import LONGEST
from consent.categories import OF_PATIENTS, Kind, Sensitivity
from consent.documents import Grantee, Terms
from consent.models import Basis, Covers, Grant, GranteeKind, Purpose
from consent.services.granting import PeriodInvalid, attest_grant, sensitivities_in
from consent.services.revoking import GrantNotActive, revoke_grant
from consent.wording import who_in_words
from consent.workspace.words import PURPOSES, day, last_day, what_is_covered
from doctors.models import Clinician, Department, Institution
from patients.finding import TooManyFound, find_patients
from patients.models import Patient
from patients.workspace import NamesPatient, PatientPage, on_patient_page

OFFICER = [Role.RECORDS_OFFICER]
ENDED_SHOWN = 5


class PaperForm(StaffForm):
    """What stands on the paper, question by question."""

    grantee_kind = forms.ChoiceField(
        label=_("Who may see it?"),
        widget=forms.RadioSelect,
        choices=[
            (GranteeKind.PERSON.value, _("One doctor")),
            (GranteeKind.DEPARTMENT.value, _("A department")),
            (GranteeKind.INSTITUTION.value, _("All doctors of this hospital")),
            (GranteeKind.PROXY.value, _("Somebody who helps the patient, such as a parent or carer")),
        ],
    )
    clinician = forms.ModelChoiceField(
        label=_("Doctor"),
        required=False,
        queryset=Clinician.objects.filter(institution__is_this_hospital=True, user__is_active=True).order_by(
            "name"
        ),
        empty_label=_("Choose a doctor"),
    )
    department = forms.ModelChoiceField(
        label=_("Department"),
        required=False,
        queryset=Department.objects.filter(institution__is_this_hospital=True),
        empty_label=_("Choose a department"),
    )
    helper_number = forms.CharField(
        label=_("Patient number of the helper"),
        required=False,
        max_length=80,
        help_text=_("A helper reads in their own portal account, so they are registered here themselves."),
    )
    covers = forms.ChoiceField(
        label=_("What may they see?"),
        widget=forms.RadioSelect,
        choices=[
            (
                Covers.SUMMARY.value,
                _("A summary: medicines, allergies, conditions, vaccinations, procedures"),
            ),
            (Covers.CATEGORIES.value, _("Only some kinds of records, chosen below")),
            (Covers.EVERYTHING.value, _("The whole record")),
        ],
    )
    kinds = forms.MultipleChoiceField(
        label=_("Which kinds?"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=[(kind.value, kind.label) for kind in OF_PATIENTS],
    )
    sensitivities = forms.MultipleChoiceField(
        label=_("Sensitive topics that the paper names"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        choices=Sensitivity,
        help_text=_("What the paper does not name stays hidden, whatever else it allows."),
    )
    purpose = forms.ChoiceField(
        label=_("What for?"),
        choices=[
            (purpose.value, capfirst(PURPOSES[purpose]))
            for purpose in (Purpose.TREATMENT, Purpose.SECOND_OPINION, Purpose.RESEARCH, Purpose.HELP)
        ],
    )
    starts_date = forms.DateField(label=_("From"), widget=forms.DateInput(attrs={"type": "date"}))
    expires_date = forms.DateField(
        label=_("Until, that day included"), widget=forms.DateInput(attrs={"type": "date"})
    )
    is_once = forms.BooleanField(label=_("For one occasion only"), required=False)
    paper_reference = forms.CharField(
        label=_("Where is the signed paper kept?"),
        max_length=200,
        help_text=_("For example: consent folder 2026, sheet 114."),
    )

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or self.cleaned_data
        owed = {
            GranteeKind.PERSON: ("clinician", _("Choose the doctor.")),
            GranteeKind.DEPARTMENT: ("department", _("Choose the department.")),
            GranteeKind.PROXY: ("helper_number", _("Write the helper's patient number.")),
        }
        name, error = owed.get(asked.get("grantee_kind", ""), ("", ""))
        if name and not asked.get(name) and name not in self.errors:
            self.add_error(name, error)
        if asked.get("covers") == Covers.CATEGORIES and not asked.get("kinds"):
            self.add_error("kinds", _("Choose at least one kind of records."))
        is_helper = asked.get("grantee_kind") == GranteeKind.PROXY
        if asked.get("purpose") and is_helper != (asked["purpose"] == Purpose.HELP):
            self.add_error(
                "purpose",
                _("A helper may see it to help the patient, and for nothing else.")
                if is_helper
                else _("Only a helper may see it to help the patient."),
            )
        self._check_dates(asked.get("starts_date"), asked.get("expires_date"))
        return asked

    def _check_dates(self, starts: date | None, expires: date | None) -> None:
        today = timezone.localdate()
        if expires and expires < today:
            self.add_error("expires_date", _("That day has passed, so it would open nothing."))
        elif starts and expires and expires < starts:
            self.add_error("expires_date", _("It can't end before it begins."))
        elif expires and expires > max(starts or today, today) + LONGEST:
            self.add_error("expires_date", _("A consent lasts two years at most; then it is asked again."))

    def period(self, at: datetime) -> tuple[datetime, datetime]:
        """From the first day, though never from before it was recorded, to the end of the last."""
        starts = timezone.make_aware(datetime.combine(self.cleaned_data["starts_date"], time.min))
        after = self.cleaned_data["expires_date"] + timedelta(days=1)
        return max(starts, at), timezone.make_aware(datetime.combine(after, time.min))


@workspace.page("patients/<uuid:pk>/paper-consent/", name="paper_consent", roles=OFFICER)
class PaperConsent(PatientPage):
    """Enter what stands on a signed paper, read it back beside the paper, and attest it."""

    template_name = "consent/paper_consent.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{
                "title": _("Paper consent of %(name)s") % {"name": self.patient.full_name},
                "form": PaperForm(initial={"starts_date": timezone.localdate()}),
                **kwargs,
            }
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        form = PaperForm(request.POST)
        if not form.is_valid():
            return self._page(form, status=422)
        if request.POST.get("step") == "change":
            return self._page(form)
        grantee = self._grantee(form, at=now)
        if grantee is None:
            return self._page(form, status=422)
        terms = self._terms(form, grantee, at=now)
        if request.POST.get("step") != "attest":
            return self._page(form, check=self._check(form, terms))
        try:
            attest_grant(
                self.patient,
                terms,
                paper_reference=form.cleaned_data["paper_reference"],
                by=staff_of(request),
                at=now,
            )
        except PeriodInvalid:
            form.add_error("expires_date", _("That day has passed, so it would open nothing."))
            return self._page(form, status=422)
        messages.success(request, _("The paper consent counts from now on. The patient was told."))
        return redirect("workspace:patient", pk=self.patient.pk)

    def _page(self, form: PaperForm, *, status: int = 200, **context: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form, **context), status=status)

    def _grantee(self, form: PaperForm, *, at: datetime) -> Grantee | None:
        asked = form.cleaned_data
        match asked["grantee_kind"]:
            case GranteeKind.PERSON:
                return Grantee(clinician=asked["clinician"])
            case GranteeKind.DEPARTMENT:
                return Grantee(department=asked["department"])
            case GranteeKind.PROXY:
                helper = self._helper(form, at=at)
                return Grantee(proxy=helper.user, proxy_name=helper.full_name) if helper else None
        return Grantee(institution=Institution.objects.get(is_this_hospital=True))

    def _helper(self, form: PaperForm, *, at: datetime) -> Patient | None:
        """Find the helper as everybody is found: by the whole number, and with a line in their log."""
        try:
            found = find_patients(
                number=form.cleaned_data["helper_number"],
                by=staff_of(self.request),
                at=at,
                address=address_of(self.request),
            )
        except TooManyFound:
            found = []
        if len(found) != 1:
            form.add_error("helper_number", _("No patient has this number."))
            return None
        (helper,) = found
        if helper.pk == self.patient.pk:
            form.add_error("helper_number", _("This is the patient's own number."))
            return None
        if helper.user is None or not helper.user.is_active:
            form.add_error("helper_number", _("This person has no portal account yet. Invite them first."))
            return None
        return helper

    def _terms(self, form: PaperForm, grantee: Grantee, *, at: datetime) -> Terms:
        asked = form.cleaned_data
        starts_at, expires_at = form.period(at)
        return Terms(
            grantee=grantee,
            covers=Covers(asked["covers"]),
            purpose=Purpose(asked["purpose"]),
            starts_at=starts_at,
            expires_at=expires_at,
            is_once=asked["is_once"],
            chosen_kinds=[Kind(kind) for kind in asked["kinds"]],
            sensitivities=[Sensitivity(one) for one in asked["sensitivities"]],
        )

    def _check(self, form: PaperForm, terms: Terms) -> dict[str, Any]:
        """What is read back beside the paper."""
        return {
            "who": terms.grantee.name,
            "what": what_is_covered(terms.covers, [kind.value for kind in terms.kinds]),
            "sensitive": [one.label for one in terms.sensitivities],
            "why": PURPOSES[terms.purpose],
            "starts": form.cleaned_data["starts_date"],
            "expires": form.cleaned_data["expires_date"],
            "is_once": terms.is_once,
            "paper": form.cleaned_data["paper_reference"],
        }


class EndForm(StaffForm):
    """Where it can be looked up that the patient took the consent back."""

    paper_reference = forms.CharField(
        label=_("Where is the paper kept on which the patient withdrew?"), max_length=200
    )


@workspace.page("paper-consents/<uuid:pk>/end/", name="end_paper_consent", roles=OFFICER)
class EndPaperConsent(NamesPatient):
    """End a paper consent that the patient withdrew on paper. What they signed themselves is not found."""

    title = _("End a paper consent")
    template_name = "consent/end_paper_consent.html"
    grant: Grant

    def setup(self, request: HttpRequest, *args: Any, pk: UUID, **kwargs: Any) -> None:
        super().setup(request, *args, pk=pk, **kwargs)
        self.grant = get_object_or_404(_on_paper(), pk=pk)
        self.patient = self.grant.patient

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{
                "patient": self.patient,
                "one": _in_words(self.grant),
                "can_be_ended": self.grant.can_be_revoked(timezone.now()),
                "form": EndForm(),
                **kwargs,
            }
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = EndForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        try:
            revoke_grant(grant=self.grant, **form.cleaned_data, by=staff_of(request), at=timezone.now())
        except GrantNotActive:
            messages.info(request, _("This consent had ended already. Nothing has changed."))
        else:
            messages.success(request, _("The paper consent has ended. Nothing more is read under it."))
        return redirect("workspace:patient", pk=self.grant.patient_id)


@on_patient_page("consent/_paper_consents.html")
def paper_consents_of(patient: Patient, at: datetime) -> dict[str, Any]:
    """The patient's paper consents. What they signed themselves is theirs, and is not so much as counted."""
    grants = _on_paper().filter(patient=patient).order_by("-created_at", "pk")
    running = [one for one in grants if one.can_be_revoked(at)]
    ended = [one for one in grants if not one.can_be_revoked(at)]
    return {
        "patient": patient,
        "running": [_in_words(one) for one in running],
        "ended": [_in_words(one) for one in ended[:ENDED_SHOWN]],
    }


def _on_paper() -> Any:
    return Grant.objects.filter(basis=Basis.ATTESTED).select_related(
        "patient", "institution", "clinician__institution", "department__institution", "proxy", "by"
    )


def _in_words(grant: Grant) -> dict[str, Any]:
    return {
        "grant": grant,
        "who": who_in_words(grant),
        "what": what_is_covered(grant.covers, grant.kinds, len(grant.record_ids)),
        "why": PURPOSES[Purpose(grant.purpose)],
        "sensitive": [one.label for one in sensitivities_in(grant)],
        "starts": day(grant.starts_at),
        "last_day": last_day(grant),
        "ended": day(grant.revoked_at) if grant.revoked_at else "",
    }
