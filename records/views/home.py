"""The first page: what is new, who looked, what waits; medicines and allergies at a glance."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from audit.models import Event
from records.access_log import describe
from records.glance import at_a_glance
from records.models import Kind
from records.views.page import NEWEST_FIRST, PatientPage

NEW_SHOWN = 5
OPENINGS_SHOWN = 5
# Enough for everybody but a handful; the page says so where there are more.
AT_A_GLANCE = 100


class Home(PatientPage):
    """For a patient, their first page; staff go on to their workspace."""

    def answer_others(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_staff:
            return redirect("/workspace/")
        # An account whose patient is gone, for instance merged with another.
        return render(request, "records/no_record.html", status=404)

    def get(self, request: HttpRequest) -> HttpResponse:
        openings = Event.objects.of_patient(self.patient.pk).openings()
        last_visit = self._last_visit(openings)
        current = self.visible_versions().latest()
        new = current.filter(created_at__gt=last_visit) if last_visit else current
        newest = [*new.order_by("-created_at", *NEWEST_FIRST)[:NEW_SHOWN]]
        medicines = [*self._newest(Kind.MEDICINE)]
        allergies = [*self._newest(Kind.ALLERGY)]
        opened = {one.version.pk: one for one in self.open({*newest, *medicines, *allergies})}
        others = openings.exclude(actor_id=request.user.pk).newest_first()[:OPENINGS_SHOWN]
        return render(
            request,
            "records/home.html",
            self.get_context_data(
                patient=self.patient,
                last_visit=last_visit,
                new=[opened[version.pk] for version in newest],
                new_count=new.count(),
                openings=describe(others, viewer=request.user, versions=self.visible_versions()),
                medicines=at_a_glance(opened[version.pk] for version in medicines[:AT_A_GLANCE]),
                allergies=at_a_glance(opened[version.pk] for version in allergies[:AT_A_GLANCE]),
                has_more_medicines=len(medicines) > AT_A_GLANCE,
            ),
        )

    def _newest(self, kind: Kind) -> Any:
        return self.latest_versions().filter(record__kind=kind)[: AT_A_GLANCE + 1]

    def _last_visit(self, openings: Any) -> datetime | None:
        """The last time this patient saw something of their record before they signed in today."""
        signed_in: datetime | None = getattr(self.request.user, "last_login", None)
        own = openings.filter(actor_id=self.request.user.pk)
        before = own.filter(at__lt=signed_in) if signed_in else own
        return before.order_by("-at").values_list("at", flat=True).first()
