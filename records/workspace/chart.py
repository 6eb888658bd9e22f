"""The chart: what a doctor sees of a patient, and the ground on which they see it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, F
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from accounts.sites import WorkspacePage, workspace
from consent.rules import Action, Decision, decide, patients_readable_by
from patients.models import Patient
from patients.numbers import number_of
from records.models import Kind, RecordVersion
from records.services.opening import Opened, open_list
from records.views.page import address_of, query_without_page
from records.workspace.grid import grid_of
from records.workspace.head import Head, head_of
from records.workspace.summary import summary_of

A_PAGE = 20
# Of problems, medicines and allergies; the page says so where there are more.
IN_SUMMARY = 60
RESULTS_IN_GRID = 200

# By the day it happened, undated ones last; the key makes the order total for paging.
NEWEST_FIRST = (F("record__occurred_date").desc(nulls_last=True), "-created_at", "record_id")

KINDS = [(kind.value, kind.label) for kind in Kind if kind != Kind.DIRECTORY]


# What offices write to each other. A doctor looks for it once a year, and it is half of many records.
PAPERWORK = frozenset(
    {
        "Account",
        "Claim",
        "ClaimResponse",
        "Coverage",
        "ExplanationOfBenefit",
        "Invoice",
        "Patient",
        "Provenance",
    }
)


class TimelineForm(forms.Form):
    """Which records the timeline of a chart shows."""

    kind = forms.ChoiceField(label=_("Kind"), required=False, choices=[("", _("Every kind")), *KINDS])
    source = forms.ChoiceField(label=_("From"), required=False)
    earliest = forms.DateField(
        label=_("Since"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    paperwork = forms.BooleanField(label=_("With bills and paperwork"), required=False)
    latest = forms.DateField(label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, data: Any, *, sources: Sequence[str]) -> None:
        super().__init__(data)
        field = self.fields["source"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", _("Everywhere")), *((source, source_name(source)) for source in sources)]


def source_name(source: str) -> str:
    """Where a record came from, as people say it: this hospital by its name, others by theirs."""
    return settings.HOSPITAL_NAME if source == settings.PORTAL_URL else source


def entry(one: Opened) -> dict[str, Any]:
    """What a list of the chart shows of one record."""
    return {
        "record": one.record,
        "version": one.version,
        "presented": one.presented,
        "anchoring": one.anchoring,
        "source": source_name(one.record.source),
    }


class ChartPage(WorkspacePage):
    """
    A page about one patient of whose record this doctor may read something; any other is not found.

    Treatment, an emergency and what a patient allowed lead to the same pages: what they show follows from
    `visible_versions`, and so does every number on them. `self.now` is the one moment of the request: what
    is visible and what the access log says agree about it.
    """

    action = Action.READ
    patient: Patient
    now: datetime
    decision: Decision

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.now = timezone.now()
        mine = patients_readable_by(request.user, at=self.now).prefetch_related("identifiers")
        self.patient = get_object_or_404(mine, pk=kwargs["pk"])
        self.decision = decide(actor=request.user, action=Action.READ, patient=self.patient, at=self.now)
        if not self.decision.allowed:
            raise Http404
        # That there is such a patient is known here; that this page is not for them may be said.
        if self.action is Action.WRITE and not self.can_write():
            raise PermissionDenied

    def visible_versions(self) -> Any:
        return RecordVersion.objects.visible_to(self.request.user, at=self.now).filter(
            record__patient=self.patient
        )

    def version(self, record: UUID, number: int | None = None) -> RecordVersion:
        """Find a version of one of this patient's records by its number, or the current one."""
        versions = self.visible_versions().select_related("record__patient")
        chosen = versions.latest() if number is None else versions.filter(number=number)
        found: RecordVersion = get_object_or_404(chosen, record_id=record)
        return found

    def can_write(self) -> bool:
        return decide(actor=self.request.user, action=Action.WRITE, patient=self.patient, at=self.now).allowed

    def head(self) -> Head:
        return head_of(self.patient, self.decision, by=self.request.user, at=self.now)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{
                "title": self.title,
                "patient": self.patient,
                "number": number_of(self.patient),
                "age": self.patient.age(timezone.localdate()),
                "head": self.head(),
                "is_partial": self.decision.is_partial,
                "can_write": self.can_write(),
                **kwargs,
            }
        )


@workspace.page("patients/<uuid:pk>/chart/", name="chart", roles=[Role.DOCTOR])
class Chart(ChartPage):
    """
    Head, summary, and one of three views: timeline, results, documents.

    All that is shown is opened together: one line in the access log, and as many queries for five
    thousand records as for five.
    """

    template_name = "records/chart.html"

    title = _("Chart")
    VIEWS = ("timeline", "results", "documents")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        view = request.GET.get("view", "timeline")
        view = view if view in self.VIEWS else "timeline"
        current = self.visible_versions().latest()
        counts = dict(current.order_by().values_list("record__kind").annotate(Count("pk")))
        summary = {
            kind: [*current.filter(record__kind=kind).order_by(*NEWEST_FIRST)[: IN_SUMMARY + 1]]
            for kind in (Kind.CONDITION, Kind.MEDICINE, Kind.ALLERGY)
        }
        main, context = self._main(view, current)
        everything = {version.pk: version for group in (*summary.values(), main) for version in group}
        opened = {
            one.version.pk: one
            for one in open_list(
                [*everything.values()],
                by=request.user,
                at=self.now,
                patient=self.patient,
                address=address_of(request),
                event="chart.opened",
            )
        }
        shown = [entry(opened[version.pk]) for version in main]
        blocks = {kind.value: self._summary(kind, summary[kind], opened) for kind in summary}
        if view == "results":
            context["grid"] = grid_of(opened[version.pk] for version in main)
        return self.render_to_response(
            self.get_context_data(
                view=view,
                shown=shown,
                summary=blocks,
                summary_blocks=[*blocks.values()],
                total=sum(counts.values()),
                result_count=counts.get(Kind.RESULT, 0),
                document_count=counts.get(Kind.DOCUMENT, 0),
                **context,
            )
        )

    def _main(self, view: str, current: Any) -> tuple[list[RecordVersion], dict[str, Any]]:
        """Choose the versions of the view that was asked for, and what its template needs besides them."""
        if view == "results":
            results = current.filter(record__kind=Kind.RESULT).order_by(*NEWEST_FIRST)
            return [*results[:RESULTS_IN_GRID]], {"results_in_grid": RESULTS_IN_GRID}
        if view == "documents":
            page = self._page(current.filter(record__kind=Kind.DOCUMENT))
            return [*page.object_list], {"page": page, "query": query_without_page(self.request)}
        sources = [*current.order_by("record__source").values_list("record__source", flat=True).distinct()]
        form = TimelineForm(self.request.GET, sources=sources)
        page = self._page(self._filtered(current, form))
        left_out = 0
        if form.is_valid() and not form.cleaned_data["paperwork"]:
            left_out = current.filter(record__resource_type__in=PAPERWORK).count()
        return [*page.object_list], {
            "form": form,
            "page": page,
            "left_out": left_out,
            "is_filtering": bool(form.is_valid() and any(form.cleaned_data.values())),
            "query": query_without_page(self.request),
        }

    def _page(self, versions: Any) -> Any:
        return Paginator(versions.order_by(*NEWEST_FIRST), A_PAGE).get_page(self.request.GET.get("page"))

    def _filtered(self, versions: Any, form: TimelineForm) -> Any:
        if not form.is_valid():
            return versions.none()
        asked = form.cleaned_data
        lookups = {
            "record__kind": asked["kind"],
            "record__source": asked["source"],
            "record__occurred_date__gte": asked["earliest"],
            "record__occurred_date__lte": asked["latest"],
        }
        if not asked["paperwork"]:
            versions = versions.exclude(record__resource_type__in=PAPERWORK)
        return versions.filter(**{lookup: value for lookup, value in lookups.items() if value})

    def _summary(
        self, kind: Kind, versions: Sequence[RecordVersion], opened: dict[UUID, Opened]
    ) -> dict[str, Any]:
        return summary_of(
            kind.label,
            [opened[version.pk] for version in versions[:IN_SUMMARY]],
            has_more=len(versions) > IN_SUMMARY,
        )
