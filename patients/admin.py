"""The register of patients, for records officers: demographics, and nothing clinical."""

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.addresses import address_of
from accounts.models import Role
from accounts.sites import MenuEntry, WorkspaceAdmin, staff_of, workspace
from audit.models import Ground
from patients import workspace as pages
from patients.listing import Listing, record_listed
from patients.models import Invitation, Patient, PatientQuerySet
from patients.numbers import number_of
from patients.search import matching

__all__ = ["PatientAdmin", "pages"]


class AccountFilter(admin.SimpleListFilter):
    """By how far the patient is on the way to the portal."""

    title = _("portal account")
    parameter_name = "account"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("Has one")), ("invited", _("Invited")), ("no", _("Not invited"))]

    def queryset(self, request: HttpRequest, patients: Any) -> Any:
        if self.value() == "yes":
            return patients.filter(user__isnull=False)
        if self.value() == "invited":
            return patients.filter(user=None, is_invited=True)
        if self.value() == "no":
            return patients.filter(user=None, is_invited=False)
        return patients


class CareFilter(admin.SimpleListFilter):
    """By whether a doctor of this hospital can open the record."""

    title = _("treated here")
    parameter_name = "treated"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("By a doctor")), ("no", _("By nobody"))]

    def queryset(self, request: HttpRequest, patients: Any) -> Any:
        now = timezone.now()
        open_care = Q(care_relationships__ended_at=None) | Q(care_relationships__ended_at__gt=now)
        treated = Patient.objects.filter(open_care, care_relationships__started_at__lte=now).values("pk")
        if self.value() == "yes":
            return patients.filter(pk__in=treated)
        return patients.exclude(pk__in=treated) if self.value() == "no" else patients


class PatientAdmin(WorkspaceAdmin):
    roles = frozenset({Role.RECORDS_OFFICER})
    menu = MenuEntry(_("Patients"), "groups", 20)

    empty_title = _("The register is empty")
    empty_text = _("Patients appear here when they are registered, or come with an import.")

    list_display = ("name", "born", "age", "number", "account", "registered")
    list_filter = (AccountFilter, CareFilter)
    # Names lie encrypted: the search below goes by keyed token, and this only makes the box appear.
    search_fields = ("tokens",)
    search_help_text = _("Whole name, birth date or number")
    ordering = ("-created_at", "pk")

    def get_queryset(self, request: HttpRequest) -> PatientQuerySet:
        open_invitations = Invitation.objects.open(timezone.now()).filter(patient=OuterRef("pk"))
        patients: PatientQuerySet = Patient.objects.prefetch_related("identifiers").annotate(
            is_invited=Exists(open_invitations)
        )
        return patients

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return matching(queryset, search_term), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", {}).get("cl")
        if shown is not None:
            record_listed(
                [patient.pk for patient in shown.result_list],
                listing=Listing.REGISTER,
                by=staff_of(request),
                at=timezone.now(),
                ground=Ground.STAFF_DUTY.value,
                is_search=bool(shown.query),
                address=address_of(request),
            )
        return response

    @display(description=_("Name"))
    def name(self, patient: Patient) -> str:
        return format_html(
            '<a class="ws-link" href="{}">{}</a>',
            reverse("workspace:patient", args=[patient.pk]),
            patient.full_name,
        )

    @display(description=_("Born"))
    def born(self, patient: Patient) -> str:
        return date_format(patient.birth_date, "j F Y") if patient.birth_date else str(_("Not known"))

    @display(description=_("Age"))
    def age(self, patient: Patient) -> Any:
        return patient.age(timezone.localdate())

    @display(description=_("Number"))
    def number(self, patient: Patient) -> str:
        return number_of(patient)

    @display(
        description=_("Portal account"),
        label={"yes": "success", "invited": "info", "no": ""},
    )
    def account(self, patient: Any) -> tuple[str, Any]:
        if patient.user_id:
            return "yes", _("Has one")
        return ("invited", _("Invited")) if patient.is_invited else ("no", _("Not invited"))

    @display(description=_("Registered"))
    def registered(self, patient: Patient) -> str:
        return date_format(timezone.localtime(patient.created_at), "j F Y")


workspace.register(Patient, PatientAdmin)
