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

# Kind, source, year, and how many records there are of them.
Facet = tuple[str, str, int | None, int]


class Timeline(PatientPage):
    """
    Contents with counts, and the records by month, newest first, twenty a page.

    The number of queries does not depend on how much there is: one finds kinds, years and places with
    their counts, and the page's records are opened together.
    """

    is_for_helpers = True

    def get(self, request: HttpRequest) -> HttpResponse:
        facets = [
            *self.visible_records()
            .values_list("kind", "source", ExtractYear("occurred_date"))
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
            asked = form.cleaned_data
            page = page_of(self._chosen(asked), request, count=count_in(facets, asked))
            context |= {
                "page": page,
                "months": by_month(self.open(self.latest_of(page.object_list))),
                "chosen_kind": dict(KINDS).get(form.cleaned_data["kind"], ""),
            }
        else:
            # The contents with their counts stand there all the same.
            self.open([])
        return render(request, "records/timeline.html", self.get_context_data(**context))

    def _chosen(self, asked: dict[str, Any]) -> Any:
        records = self.visible_records().between(asked["earliest"], asked["latest"]).newest_first()
        if asked["kind"]:
            records = records.of_kind(asked["kind"])
        if asked["source"]:
            records = records.filter(source=asked["source"])
        if asked["year"]:
            records = records.filter(occurred_date__year=int(asked["year"]))
        return records


def count_in(facets: list[Facet], asked: dict[str, Any]) -> int | None:
    """Add up how many records a filter leaves; None where it asks for days, which the facets do not know."""
    if asked["earliest"] or asked["latest"]:
        return None
    return sum(
        records
        for kind, source, year, records in facets
        if asked["kind"] in ("", kind)
        and asked["source"] in ("", source)
        and asked["year"] in ("", str(year))
    )


def contents_of(facets: list[Facet]) -> list[dict[str, Any]]:
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
