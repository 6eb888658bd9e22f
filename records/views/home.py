"""The first page: what is new, who looked, what waits; medicines and allergies at a glance."""

from datetime import datetime
from typing import Any

from django.db.models import Q
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
# Of each kind the newest: what is current stands among them for everybody but a handful, and a link
# leads to all of them.
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
        newest = [*new.order_by("-created_at", *NEWEST_FIRST).values_list("pk", flat=True)[:NEW_SHOWN]]
        at_hand = [*self._newest(Kind.MEDICINE), *self._newest(Kind.ALLERGY)]
        shown = Q(pk__in=newest) | Q(record__in=at_hand)
        opened = self.open(current.filter(shown).order_by(*NEWEST_FIRST))
        others = openings.exclude(actor_id=request.user.pk).newest_first()[:OPENINGS_SHOWN]
        return render(
            request,
            "records/home.html",
            self.get_context_data(
                patient=self.patient,
                last_visit=last_visit,
                new=sorted(
                    (one for one in opened if one.version.pk in newest),
                    key=lambda one: newest.index(one.version.pk),
                ),
                new_count=new.count(),
                openings=describe(others, viewer=request.user, versions=self.visible_versions()),
                medicines=at_a_glance(one for one in opened if one.record.kind == Kind.MEDICINE),
                allergies=at_a_glance(one for one in opened if one.record.kind == Kind.ALLERGY),
            ),
        )

    def _newest(self, kind: Kind) -> Any:
        records = self.visible_records().of_kind(kind).newest_first()
        return records.values_list("pk", flat=True)[:AT_A_GLANCE]

    def _last_visit(self, openings: Any) -> datetime | None:
        """The last time this patient saw something of their record before they signed in today."""
        signed_in: datetime | None = getattr(self.request.user, "last_login", None)
        if signed_in is None:
            return None
        before = openings.filter(actor_id=self.request.user.pk, at__lt=signed_in)
        return before.order_by("-at").values_list("at", flat=True).first()
