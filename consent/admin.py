"""The privacy officer's lists: who opened which record on which ground, and what failed verification."""

from datetime import datetime, time, timedelta
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
from audit.models import Event, Ground
from chain.models import Mismatch
from consent import reviews, today, trail
from consent import workspace as pages
from consent.trail import GROUNDS, WORDS
from patients.models import Patient
from patients.search import matching

__all__ = ["EventAdmin", "MismatchAdmin", "pages", "reviews", "today"]


class WhatFilter(admin.SimpleListFilter):
    """By what was done. Lists and reading write so many lines that they come only when asked for."""

    title = _("what happened")
    parameter_name = "what"
    all_words = _("All but lists and reading of this log")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [
            ("openings", _("Any opening of a record")),
            ("listings", _("Lists and reading of this log")),
            ("everything", _("Everything")),
            *WORDS.items(),
        ]

    def queryset(self, request: HttpRequest, events: Any) -> Any:
        if self.value() is None or self.value() == "":
            return events.exclude(name__in=("patient.listed", "log.read"))
        if self.value() == "openings":
            return events.openings()
        if self.value() == "listings":
            return events.listings()
        return events if self.value() == "everything" else events.filter(name=self.value())


class RoleFilter(admin.SimpleListFilter):
    title = _("role")
    parameter_name = "role"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(role.value, role.label) for role in Role]

    def queryset(self, request: HttpRequest, events: Any) -> Any:
        return events.filter(actor_role=self.value()) if self.value() else events


class GroundFilter(admin.SimpleListFilter):
    title = _("ground")
    parameter_name = "ground"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*GROUNDS.items()]

    def queryset(self, request: HttpRequest, events: Any) -> Any:
        return events.filter(ground=self.value()) if self.value() else events


class WhenFilter(admin.SimpleListFilter):
    title = _("when")
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Today")), ("7", _("The last 7 days")), ("30", _("The last 30 days"))]

    def queryset(self, request: HttpRequest, events: Any) -> Any:
        if self.value() not in ("1", "7", "30"):
            return events
        today = timezone.make_aware(datetime.combine(timezone.localdate(), time.min))
        return events.filter(at__gte=today - timedelta(days=int(self.value() or 1) - 1))


class EventAdmin(WorkspaceAdmin):
    """Everything that was done with somebody's record, newest first. Patients appear by number."""

    roles = frozenset({Role.PRIVACY_OFFICER})
    menu = MenuEntry(_("Who opened what"), "visibility", 20)

    introduction = _(
        "Everything that was done with somebody’s record, newest first. Patients appear by number."
    )
    empty_title = _("Nothing was opened yet")
    empty_text = _("Each opening of a record appears here, with who, when and on which ground.")

    list_display = ("when", "who", "role", "what", "whose", "why", "address", "how_many")
    list_filter = (WhatFilter, RoleFilter, GroundFilter, WhenFilter)
    search_fields = ("patient_id",)
    search_help_text = _("Patient's number, whole name or birth date")
    ordering = ("-at", "-id")

    def get_queryset(self, request: HttpRequest) -> Any:
        return trail.with_patient_number(Event.objects.filter(patient_id__isnull=False))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the page, having written that this officer read the log of each patient on it."""
        response = super().changelist_view(request, extra_context)
        shown = getattr(response, "context_data", {}).get("cl")
        if shown is not None:
            audit.record_all(
                "log.read",
                at=timezone.now(),
                by=staff_of(request),
                patient_ids=[event.patient_id for event in shown.result_list],
                ground=Ground.STAFF_DUTY.value,
                address=address_of(request),
                isSearch=bool(shown.query),
            )
        return response

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        if not search_term.strip():
            return queryset, False
        return queryset.filter(
            patient_id__in=matching(Patient.objects.all(), search_term).values("pk")
        ), False

    @display(description=_("When"))
    def when(self, event: Event) -> str:
        return format_html(
            '<a class="ws-link" href="{}">{}</a>',
            reverse("workspace:log_line", args=[event.pk]),
            date_format(timezone.localtime(event.at), "j F Y, H:i"),
        )

    @display(description=_("Who"))
    def who(self, event: Event) -> Any:
        return trail.who(event)

    @display(description=_("Role"))
    def role(self, event: Event) -> Any:
        return trail.role(event)

    @display(description=_("What"))
    def what(self, event: Event) -> Any:
        return WORDS.get(event.name, event.name)

    @display(description=_("Whose"))
    def whose(self, event: Any) -> Any:
        return event.patient_number or _("No number")

    @display(description=_("Ground"))
    def why(self, event: Event) -> str:
        return str(GROUNDS.get(event.ground, ""))

    @display(description=_("From"))
    def address(self, event: Event) -> str:
        return str(event.legible_facts.get("address", ""))

    @display(description=_("Records shown"))
    def how_many(self, event: Event) -> Any:
        return len(event.legible_facts.get("versions", ())) or ""


class OpenFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", _("Does not hold")), ("healed", _("Holds again"))]

    def queryset(self, request: HttpRequest, mismatches: Any) -> Any:
        if self.value() == "open":
            return mismatches.open()
        return mismatches.filter(resolved_at__isnull=False) if self.value() == "healed" else mismatches


class MismatchAdmin(WorkspaceAdmin):
    """What `check_log` found that does not match what was anchored, in words."""

    roles = frozenset({Role.PRIVACY_OFFICER})
    menu = MenuEntry(_("Failed verifications"), "gpp_maybe", 30)

    introduction = _("What a check of the log found that differs from what was anchored.")
    empty_title = _("Everything matches what was anchored")
    empty_text = _("If a record, an opening or a head of the log ever differs, it is named here.")

    list_display = ("found", "finding", "subject", "cause", "state", "looked_into")
    list_filter = (OpenFilter,)
    list_select_related = ("review",)
    ordering = ("-found_at", "-pk")

    @display(description=_("Found"))
    def found(self, mismatch: Mismatch) -> str:
        return date_format(timezone.localtime(mismatch.found_at), "j F Y, H:i")

    @display(description=_("What does not hold"))
    def finding(self, mismatch: Mismatch) -> str:
        return mismatch.get_kind_display().capitalize()

    @display(description=_("State"), label={"open": "danger", "healed": "success"})
    def state(self, mismatch: Mismatch) -> tuple[str, Any]:
        if mismatch.resolved_at is None:
            return "open", _("Does not hold")
        return "healed", _("Holds again since %(day)s") % {
            "day": date_format(timezone.localtime(mismatch.resolved_at), "j F Y")
        }

    @display(description=_("Review"))
    def looked_into(self, mismatch: Any) -> Any:
        found = getattr(mismatch, "review", None)
        if found is None:
            return _("None: it was found before reviews were kept")
        words = _("Waits for a finding") if found.is_open else _("Closed")
        address = reverse("workspace:review", args=[found.pk])
        return format_html('<a class="ws-link" href="{}">{}</a>', address, words)


workspace.register(Event, EventAdmin)
workspace.register(Mismatch, MismatchAdmin)
