"""Who: the doctor, the department, the hospital, or the person who helps and showed their code."""

from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.rate_limit import RateLimit, TriedTooOften
from consent.answers import WHO, Answers, clinicians
from consent.forms import ChoiceForm, CodeForm, DepartmentForm, DoctorForm, HospitalForm, SearchForm
from consent.models import GranteeKind
from consent.services.proxies import NoSuchCode, OwnCode, helper_of, name_of
from consent.views.path import OnThePath
from doctors.models import Clinician, Department, Institution

CODES = RateLimit("proxy-code", attempts=10, seconds=15 * 60)
# As many as a list can hold that is read; a search narrows down the rest.
SHOWN = 20


class Which(OnThePath):
    """Choose one out of a list."""

    kind = GranteeKind.PERSON
    form_class: type[ChoiceForm] = DoctorForm
    template_name = "consent/path/question.html"

    def listed(self) -> list[tuple[str, str]]:
        raise NotImplementedError

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        answers = Answers.of(request)
        if answers is not None and answers.is_who_settled:
            return redirect(answers.next_question)
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest) -> HttpResponse:
        is_same = self.answers.grantee_kind == self.kind
        initial = {"answer": self.answers.grantee if is_same else ""}
        return self.show(self.form_class(choices=self.listed(), initial=initial))

    def post(self, request: HttpRequest) -> HttpResponse:
        form = self.form_class(request.POST, choices=self.listed())
        if not form.is_valid():
            return self.show(form, status=422)
        self.answers.choose_grantee(self.kind, form.cleaned_data["answer"])
        return self.go_on()

    def show(self, form: forms.Form, status: int = 200, **more: Any) -> HttpResponse:
        context = self.get_context_data(form=form, **more)
        return render(self.request, self.template_name, context, status=status)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"back": reverse(WHO), "is_first": False, **kwargs})


class WhichDoctor(Which):
    """A doctor of this hospital, found by name, specialty or department."""

    template_name = "consent/path/doctor.html"

    def search(self) -> SearchForm:
        return SearchForm(self.request.POST if self.request.method == "POST" else self.request.GET)

    def found(self) -> Any:
        search = self.search()
        doctors = clinicians().order_by("name", "pk")
        for word in (search.cleaned_data["q"] if search.is_valid() else "").split():
            doctors = doctors.filter(
                Q(name__icontains=word) | Q(specialty__icontains=word) | Q(department__name__icontains=word)
            )
        return doctors

    def listed(self) -> list[tuple[str, str]]:
        return [(str(doctor.pk), _doctor_in_words(doctor)) for doctor in self.found()[:SHOWN]]

    def show(self, form: forms.Form, status: int = 200, **more: Any) -> HttpResponse:
        search = self.search()
        return super().show(
            form,
            status,
            search=search,
            has_more=self.found()[SHOWN : SHOWN + 1].exists(),
            asked=search.cleaned_data["q"] if search.is_valid() else "",
            **more,
        )


class WhichDepartment(Which):
    kind = GranteeKind.DEPARTMENT
    form_class = DepartmentForm

    def listed(self) -> list[tuple[str, str]]:
        departments = Department.objects.select_related("institution").order_by(
            "-institution__is_this_hospital", "institution__name", "name"
        )
        return [(str(one.pk), f"{one.name}, {one.institution.name}") for one in departments]


class WhichHospital(Which):
    kind = GranteeKind.INSTITUTION
    form_class = HospitalForm

    def listed(self) -> list[tuple[str, str]]:
        institutions = Institution.objects.order_by("-is_this_hospital", "name")
        return [
            (
                str(one.pk),
                _("%(name)s (this hospital)") % {"name": one.name} if one.is_this_hospital else one.name,
            )
            for one in institutions
        ]


class WhichHelper(Which):
    """The code that a helper showed, and then their name, before anything is given to them."""

    kind = GranteeKind.PROXY
    template_name = "consent/path/helper.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(CodeForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        form = CodeForm(request.POST)
        if not form.is_valid():
            return self.show(form, status=422)
        try:
            CODES.use(request, by=str(self.user.pk))
            helper = helper_of(form.cleaned_data["code"], asked_by=self.user, at=self.now)
        except TriedTooOften as refusal:
            form.add_error(
                "code",
                ngettext(
                    "Too many attempts. Try again in %(minutes)d minute.",
                    "Too many attempts. Try again in %(minutes)d minutes.",
                    refusal.minutes,
                )
                % {"minutes": refusal.minutes},
            )
            return self.show(form, status=429)
        except NoSuchCode:
            form.add_error(
                "code",
                _("Nobody has this code. Check it, or ask for a new one: a code works for one day."),
            )
            return self.show(form, status=422)
        except OwnCode:
            form.add_error("code", _("This is your own code. Enter that of the person who helps you."))
            return self.show(form, status=422)
        self.answers.grantee_kind, self.answers.grantee = GranteeKind.PROXY.value, ""
        self.answers.helper = str(helper.user.pk)
        self.answers.keep(request)
        return redirect("sharing:helper-name")


class IsThisYourHelper(Which):
    """The full name of whoever showed the code: the patient says whether it is who they mean."""

    kind = GranteeKind.PROXY
    template_name = "consent/path/helper_name.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        name = self.name()
        if not name:
            return redirect("sharing:helper")
        return render(request, self.template_name, self.get_context_data(name=name))

    def post(self, request: HttpRequest) -> HttpResponse:
        if not self.name():
            return redirect("sharing:helper")
        self.answers.choose_grantee(GranteeKind.PROXY, self.answers.helper)
        return self.go_on()

    def name(self) -> str:
        helper = self.answers.helper_now()
        return name_of(helper) if helper else ""


def _doctor_in_words(doctor: Clinician) -> str:
    parts = [doctor.name, doctor.specialty, doctor.department.name if doctor.department else ""]
    return ", ".join(dict.fromkeys(part for part in parts if part))
