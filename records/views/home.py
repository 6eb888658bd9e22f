"""The first page: what is new, who looked, what waits; medicines and allergies at a glance."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render

from audit.models import Event, Review
from consent.models import AccessRequest, BreakGlass
from consent.services.keys import has_keys, open_recovery
from consent.wording import sentence_of_request
from patients.notices import unseen_by
from records.access_log import OUTCOMES, describe
from records.glance import at_a_glance
from records.models import Kind
from records.views.page import NEWEST_FIRST, PatientPage

NEW_SHOWN = 5
OPENINGS_SHOWN = 5
# Of each kind the newest: what is current stands among them for everybody but a handful, and a link
# leads to all of them.
AT_A_GLANCE = 100
# An emergency is told on the first page until the next visit, and to whoever was never here for so long.
EMERGENCIES_OF = timedelta(days=90)


class Home(PatientPage):
    """For a patient, their first page; for a helper, that of whom they help; staff go on to the workspace."""

    is_for_helpers = True

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
                medicines=at_a_glance(one for one in opened if one.record.kind == Kind.MEDICINE),
                allergies=at_a_glance(one for one in opened if one.record.kind == Kind.ALLERGY),
                **({} if self.helping else self._own(openings, last_visit)),
            ),
        )

    def _own(self, openings: Any, last_visit: datetime | None) -> dict[str, Any]:
        """What concerns nobody but the patient: who looked, what waits for them, emergencies."""
        others = [*openings.exclude(actor_id=self.request.user.pk).newest_first()[:OPENINGS_SHOWN]]
        if others:
            # Who looked is read here as on its own page.
            self.note_reading()
        asked = AccessRequest.objects.open(self.now).filter(patient=self.patient)
        return {
            "openings": describe(others, viewer=self.request.user, versions=self.visible_versions()),
            "emergencies": self._emergencies(last_visit),
            "requests": [
                (one, sentence_of_request(one))
                for one in asked.select_related("clinician__institution").order_by("created_at", "pk")
            ],
            "recovery": open_recovery(self.patient),
            "has_keys": has_keys(self.patient),
            "unseen": unseen_by(self.patient).count(),
        }

    def _emergencies(self, last_visit: datetime | None) -> list[dict[str, Any]]:
        """Emergencies since the last visit, each with what the hospital does or did about it."""
        since = last_visit or self.now - EMERGENCIES_OF
        broken = [
            *BreakGlass.objects.filter(patient=self.patient, at__gt=since)
            .select_related("by")
            .order_by("-at", "pk")
        ]
        reviews = {
            review.subject: review
            for review in Review.objects.filter(
                patient_id=self.patient.pk,
                kind=Review.Kind.BREAK_GLASS,
                subject__in=[one.pk for one in broken],
            )
        }
        return [
            {
                "who": one.by.display_name,
                "person": one.by_id,
                "at": one.at,
                "until": one.expires_at,
                "reason": one.reason,
                "outcome": _outcome(reviews.get(one.pk)),
            }
            for one in broken
        ]

    def _newest(self, kind: Kind) -> Any:
        records = self.visible_records().of_kind(kind).newest_first()
        return records.values_list("pk", flat=True)[:AT_A_GLANCE]

    def _last_visit(self, openings: Any) -> datetime | None:
        """The last time this person saw something of this record before they signed in today."""
        signed_in: datetime | None = getattr(self.request.user, "last_login", None)
        if signed_in is None:
            return None
        before = openings.filter(actor_id=self.request.user.pk, at__lt=signed_in)
        return before.order_by("-at").values_list("at", flat=True).first()


def _outcome(review: Review | None) -> Any:
    """What the privacy officer found; nothing while they are at it."""
    return OUTCOMES.get(review.outcome, "") if review is not None and not review.is_open else ""
