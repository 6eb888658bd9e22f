"""“Ask for access”: what a doctor asks a patient, as the patient will read it, and what came of it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from accounts.addresses import address_of
from accounts.forms import StaffForm
from accounts.models import Role
from accounts.sites import MenuEntry, staff_of, workspace
from audit.models import Ground
from consent.categories import OF_PATIENTS
from consent.models import AccessRequest, Covers
from consent.rules import Action, decide, patients_readable_by
from consent.services.requests import (
    LONGEST_DAYS,
    PURPOSES,
    UNANSWERED_AFTER,
    AlreadyAsked,
    RequestNotOpen,
    ask_access,
    withdraw_request,
)
from consent.wording import sentence_of_request
from consent.workspace import words
from consent.workspace.page import DoctorsPage, NamedPatientPage
from patients.listing import Listing, record_listed
from patients.numbers import number_of
from patients.workspace import NamesPatient

A_PAGE = 25


class AskForm(StaffForm):
    """What, what for, for how long, and why, in words for the patient."""

    covers = forms.ChoiceField(
        label=_("What do you need to see?"),
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
        help_text=_("Counts only if you ask for some kinds of records."),
    )
    purpose = forms.ChoiceField(
        label=_("What for?"),
        choices=[(purpose.value, capfirst(words.PURPOSES[purpose])) for purpose in PURPOSES],
    )
    days = forms.IntegerField(
        label=_("For how many days?"),
        min_value=1,
        max_value=LONGEST_DAYS,
        initial=30,
        help_text=_("Counted from the day on which the patient says yes."),
    )
    reason = forms.CharField(
        label=_("Why do you ask?"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("The patient reads it as you write it. Write as you would speak to them."),
        error_messages={"required": _("Say why you ask. The patient decides by it.")},
    )

    def clean(self) -> dict[str, Any]:
        asked: dict[str, Any] = super().clean() or self.cleaned_data
        if asked.get("covers") == Covers.CATEGORIES and not asked.get("kinds"):
            self.add_error("kinds", _("Choose at least one kind of records."))
        return asked


@workspace.page("patients/<uuid:pk>/ask/", name="ask_access", roles=[Role.DOCTOR])
class AskAccess(NamedPatientPage):
    """Write the question, read it as the patient will, and send it. It opens nothing."""

    title = _("Ask for access")
    template_name = "consent/ask_access.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        decision = decide(actor=self.request.user, action=Action.READ, patient=self.patient, at=self.now)
        waiting = AccessRequest.objects.open(self.now).filter(patient=self.patient, clinician=self.clinician)
        return super().get_context_data(
            **{
                "form": AskForm(),
                "treats": decision.ground is Ground.TREATMENT,
                "waiting": [words.request_in_words(one) for one in waiting.order_by("created_at")],
                "unanswered_days": UNANSWERED_AFTER.days,
                **kwargs,
            }
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = AskForm(request.POST)
        if not form.is_valid():
            return self._page(form, status=422)
        if request.POST.get("step") == "change":
            return self._page(form)
        if request.POST.get("step") != "send":
            return self._page(form, preview=self._preview(form.cleaned_data))
        try:
            ask_access(
                patient=self.patient,
                clinician=self.clinician,
                **form.cleaned_data,
                by=staff_of(request),
                at=self.now,
            )
        except AlreadyAsked:
            form.add_error(
                None, _("You have asked this patient for the same already. They have not answered yet.")
            )
            return self._page(form, status=409)
        messages.success(request, _("The patient was told that you ask. You find the answer here."))
        return redirect("workspace:my_requests")

    def _page(self, form: AskForm, *, status: int = 200, **context: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form, **context), status=status)

    def _preview(self, asked: dict[str, Any]) -> dict[str, Any]:
        question = AccessRequest(
            clinician=self.clinician,
            covers=asked["covers"],
            kinds=asked["kinds"] if asked["covers"] == Covers.CATEGORIES else [],
            purpose=asked["purpose"],
            days=asked["days"],
        )
        return {"sentence": sentence_of_request(question), "reason": asked["reason"]}


@workspace.page(
    "requests/",
    name="my_requests",
    roles=[Role.DOCTOR],
    menu=MenuEntry(_("My requests"), "forward_to_inbox", 25),
)
class MyRequests(DoctorsPage):
    """What this doctor asked of patients, and the answers, newest first."""

    title = _("My requests")
    template_name = "consent/my_requests.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        mine = (
            AccessRequest.objects.filter(clinician=self.clinician)
            .select_related("patient")
            .prefetch_related("patient__identifiers", "grants")
            .order_by("-created_at", "pk")
        )
        page = Paginator(mine, A_PAGE).get_page(request.GET.get("page"))
        shown = [one.patient_id for one in page.object_list]
        record_listed(
            shown,
            listing=Listing.REQUESTS,
            by=request.user,
            at=self.now,
            ground=Ground.STAFF_DUTY.value,
            address=address_of(request),
        )
        readable = {
            patient.pk
            for patient in patients_readable_by(request.user, at=self.now).filter(pk__in=shown).only("pk")
        }
        return self.render_to_response(
            self.get_context_data(
                page=page,
                rows=[self._row(one, can_open=one.patient_id in readable) for one in page.object_list],
            )
        )

    def _row(self, request: AccessRequest, *, can_open: bool) -> dict[str, Any]:
        grants = sorted(request.grants.all(), key=lambda grant: grant.expires_at)
        return {
            **words.request_in_words(request),
            "patient": request.patient,
            "number": number_of(request.patient),
            "can_open": can_open,
            "is_open": request.is_open(self.now),
            # Of several, the one that lasts longest.
            "is_active": bool(grants and grants[-1].is_active(self.now)),
            "last_day": words.last_day(grants[-1]) if grants else "",
        }


@workspace.page("requests/<uuid:pk>/withdraw/", name="withdraw_request", roles=[Role.DOCTOR])
class WithdrawRequest(NamesPatient, DoctorsPage):
    """Take a question back: asked once, then done."""

    title = _("Withdraw a request")
    template_name = "consent/withdraw_request.html"
    listing = Listing.REQUESTS
    access_request: AccessRequest

    def setup(self, request: HttpRequest, *args: Any, pk: UUID, **kwargs: Any) -> None:
        super().setup(request, *args, pk=pk, **kwargs)
        mine = AccessRequest.objects.filter(clinician=self.clinician).select_related("patient")
        self.access_request = get_object_or_404(mine, pk=pk)
        self.patient = self.access_request.patient

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{
                **words.request_in_words(self.access_request),
                "patient": self.patient,
                "is_open": self.access_request.is_open(self.now),
                **kwargs,
            }
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            withdraw_request(self.access_request, by=staff_of(request), at=self.now)
        except RequestNotOpen:
            messages.info(request, _("This request had ended already. Nothing has changed."))
        else:
            messages.success(request, _("The patient is not asked any more."))
        return redirect("workspace:my_requests")
