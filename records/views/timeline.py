"""“My record”: what is in it, and a timeline across all of it."""

from collections import Counter
from datetime import date
from itertools import groupby
from typing import Any

from django.db.models import Count
from django.db.models.functions import ExtractYear
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats

from records.forms import KINDS, TimelineForm
from records.services.opening import Opened
from records.views.page import PatientPage, page_of, query_without_page


class Timeline(PatientPage):
    """
    Contents with counts, and the records by month, newest first, twenty a page.

    The number of queries does not depend on how much there is: one finds kinds, years and places with
    their counts, and the page's records are opened together.
    """

    def get(self, request: HttpRequest) -> HttpResponse:
        current = self.visible_versions().latest()
        facets = [
            *current.order_by()
            .values_list("record__kind", "record__source", ExtractYear("record__occurred_date"))
            .annotate(records=Count("pk"))
        ]
        years = sorted({year for _kind, _source, year, _records in facets if year}, reverse=True)
        sources = sorted({source for _kind, source, _year, _records in facets})
        form = TimelineForm(request.GET, years=years, sources=sources)
        context: dict[str, Any] = {
            "form": form,
            "contents": contents_of(facets),
            "has_several_sources": len(sources) > 1,
            "query": query_without_page(request),
        }
        if form.is_valid():
            page = page_of(self._chosen(form.cleaned_data), request)
            context |= {
                "page": page,
                "months": by_month(self.open(page.object_list)),
                "chosen_kind": dict(KINDS).get(form.cleaned_data["kind"], ""),
            }
        return render(request, "records/timeline.html", self.get_context_data(**context))

    def _chosen(self, asked: dict[str, Any]) -> Any:
        versions = self.latest_versions()
        if asked["kind"]:
            versions = versions.filter(record__kind=asked["kind"])
        if asked["source"]:
            versions = versions.filter(record__source=asked["source"])
        if asked["year"]:
            versions = versions.filter(record__occurred_date__year=int(asked["year"]))
        if asked["earliest"]:
            versions = versions.filter(record__occurred_date__gte=asked["earliest"])
        if asked["latest"]:
            versions = versions.filter(record__occurred_date__lte=asked["latest"])
        return versions


def contents_of(facets: list[tuple[str, str, int | None, int]]) -> list[dict[str, Any]]:
    """List the kinds that there are, in the order of the tabs, each with its number of records."""
    counts: Counter[str] = Counter()
    for kind, _source, _year, records in facets:
        counts[kind] += records
    return [{"kind": kind, "label": label, "count": counts[kind]} for kind, label in KINDS if counts[kind]]


def by_month(opened: list[Opened]) -> list[tuple[str, list[Opened]]]:
    """Group records, in the order they came, under the month they happened; undated ones have none."""

    def month(one: Opened) -> date | None:
        return one.record.occurred_date.replace(day=1) if one.record.occurred_date else None

    return [
        (formats.date_format(first, "YEAR_MONTH_FORMAT") if first else "", list(group))
        for first, group in groupby(opened, key=month)
    ]
