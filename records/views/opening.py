"""“Who looked”: every opening of the patient's record."""

import uuid
from datetime import datetime, time, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from audit.models import Event
from records.access_log import describe, people_in
from records.forms import OpeningsForm
from records.views.page import PatientPage, page_of, query_without_page


class Openings(PatientPage):
    """All openings, newest first, filtered by person or role and by day."""

    def get(self, request: HttpRequest) -> HttpResponse:
        openings = Event.objects.of_patient(self.patient.pk).openings()
        people = [person for person in people_in(openings) if person[0] != request.user.pk]
        form = OpeningsForm(request.GET, people=people)
        context: dict[str, Any] = {"form": form, "query": query_without_page(request)}
        if form.is_valid():
            page = page_of(self._chosen(openings.newest_first(), form.cleaned_data), request)
            context |= {
                "page": page,
                "openings": describe(page.object_list, viewer=request.user, versions=self.visible_versions()),
            }
        return render(request, "records/openings.html", self.get_context_data(**context))

    def _chosen(self, openings: Any, asked: dict[str, Any]) -> Any:
        kind, _colon, value = asked["who"].partition(":")
        if kind == OpeningsForm.OTHERS:
            openings = openings.exclude(actor_id=self.request.user.pk)
        elif kind == "role":
            openings = openings.filter(actor_role=value)
        elif kind == "person":
            openings = openings.filter(actor_id=uuid.UUID(value))
        if asked["earliest"]:
            openings = openings.filter(at__gte=_midnight(asked["earliest"]))
        if asked["latest"]:
            openings = openings.filter(at__lt=_midnight(asked["latest"]) + timedelta(days=1))
        return openings


class OpeningDetail(PatientPage):
    """One opening, with every record that was seen in it."""

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        openings = Event.objects.of_patient(self.patient.pk).openings().select_related("leaf")
        event = get_object_or_404(openings, pk=pk)
        [opening] = describe([event], viewer=request.user, versions=self.visible_versions())
        context = self.get_context_data(opening=opening, anchoring=event.leaf.anchoring)
        return render(request, "records/opening.html", context)


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
