"""Who treats whom, for records officers."""

from typing import Any

from django.contrib import admin
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
from audit import services as audit
from audit.models import Ground
from doctors.models import CareRelationship


class ActiveFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("active", _("Active")), ("ended", _("Ended"))]

    def queryset(self, request: HttpRequest, care: Any) -> Any:
        active = CareRelationship.objects.active(timezone.now())
        if self.value() == "active":
            return care.filter(pk__in=active.values("pk"))
        if self.value() == "ended":
            return care.exclude(pk__in=active.values("pk"))
        return care


class CareRelationshipAdmin(WorkspaceAdmin):
    roles = frozenset({Role.RECORDS_OFFICER})
    menu = MenuEntry(_("Who treats whom"), "stethoscope", 40)

    introduction = _(
        "A doctor who stands here as active has the patient on their list and the whole record open."
    )
    empty_title = _("No doctor treats anybody yet")
    empty_text = _("Open a patient from the list of patients and add a doctor there.")

    list_display = ("doctor", "specialty", "treats", "why", "since", "state", "end")
    list_filter = (ActiveFilter,)
    list_select_related = ("clinician", "patient")
    search_fields = ("clinician__name", "reason")
    search_help_text = _("Doctor's name or reason")
    ordering = ("-started_at", "pk")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the page, having written for each patient on it that this officer saw the name."""
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", {}).get("cl")
        if shown is not None:
            audit.record_all(
                "patient.listed",
                at=timezone.now(),
                by=staff_of(request),
                patient_ids=[care.patient_id for care in shown.result_list],
                ground=Ground.STAFF_DUTY.value,
                address=address_of(request),
                # As `patients.listing` names it, which stands beside this app.
                listing="care",
                isSearch=bool(shown.query),
            )
        return response

    @display(description=_("Doctor"))
    def doctor(self, care: CareRelationship) -> str:
        return care.clinician.name

    @display(description=_("Specialty"))
    def specialty(self, care: CareRelationship) -> str:
        return care.clinician.specialty

    @display(description=_("Patient"))
    def treats(self, care: CareRelationship) -> str:
        link = reverse("workspace:patient", args=[care.patient_id])
        return format_html('<a class="ws-link" href="{}">{}</a>', link, care.patient.full_name)

    @display(description=_("Reason"))
    def why(self, care: CareRelationship) -> str:
        return care.reason

    @display(description=_("Since"))
    def since(self, care: CareRelationship) -> str:
        return date_format(timezone.localtime(care.started_at), "j F Y")

    @display(description=_("State"), label={"active": "success", "ended": ""})
    def state(self, care: CareRelationship) -> tuple[str, Any]:
        if care.is_active(timezone.now()):
            return "active", _("Active")
        return "ended", _("Ended %(day)s") % {"day": date_format(timezone.localtime(care.ended_at), "j F Y")}

    @display(description=_("Change"))
    def end(self, care: CareRelationship) -> str:
        if not care.is_active(timezone.now()):
            return ""
        return format_html(
            '<a class="ws-link" href="{}" aria-label="{}">{}</a>',
            reverse("workspace:end_care", args=[care.pk]),
            _("End care of %(patient)s by %(doctor)s")
            % {"patient": care.patient.full_name, "doctor": care.clinician.name},
            _("End"),
        )


workspace.register(CareRelationship, CareRelationshipAdmin)
