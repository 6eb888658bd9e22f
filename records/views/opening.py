"""“Who looked”: every opening of the patient's record, and the questions that they ask about them."""

import uuid
from datetime import datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from audit import services as audit
from audit.models import Event, Ground, Review
from audit.reviews import open_review
from patients import notices
from patients.models import Notice
from records.access_log import DOWNLOAD, Found, describe, people_in, search, with_purpose
from records.export.audit_events import bundle_of
from records.forms import OpeningsForm, QuestionForm
from records.views.page import PatientPage, address_of, page_of, query_without_page
from records.views.record import as_download


class LogPage(PatientPage):
    """A page of the access log. Reading it leaves a line, too, which nothing counts as an opening."""

    @property
    def reader(self) -> Any:
        """Who is signed in: a patient, or there would be no page."""
        return self.request.user

    def openings(self) -> Any:
        """Every opening of this patient's record."""
        return Event.objects.of_patient(self.patient.pk).openings()

    def listings(self) -> Any:
        """Where else somebody saw the patient's name; what they did themselves is left out."""
        events = Event.objects.of_patient(self.patient.pk).listings()
        return events.exclude(actor_id=self.reader.pk)

    def event(self, pk: uuid.UUID) -> Event:
        """Find an event of either kind; any other is not found."""
        both = self.openings() | Event.objects.of_patient(self.patient.pk).listings()
        event: Event = get_object_or_404(both.select_related("leaf"), pk=pk)
        return event


class Openings(LogPage):
    """All openings, newest first, searched by words and filtered by who, what, why and when."""

    def get(self, request: HttpRequest) -> HttpResponse:
        openings = self.openings()
        form = OpeningsForm(request.GET, people=people_in(openings, viewer=self.reader))
        context: dict[str, Any] = {
            "form": form,
            "query": query_without_page(request),
            "listing_count": self.listings().count(),
            "is_told": self.patient.is_told_of_openings,
            "has_email": bool(self.patient.email),
        }
        if form.is_valid():
            chosen = self._chosen(openings, form.cleaned_data).newest_first()
            words = form.cleaned_data["q"].strip()
            found = search(chosen, words, viewer=self.reader) if words else None
            rows: Any = found.ids if found else chosen
            page = page_of(rows, request)
            context |= {
                "page": page,
                "found": found,
                "openings": describe(
                    self._events_on(page, found), viewer=self.reader, versions=self.visible_versions()
                ),
            }
            self.note_reading()
        return render(request, "records/openings.html", self.get_context_data(**context))

    def _events_on(self, page: Any, found: Found | None) -> Any:
        if found is None:
            return page.object_list
        return Event.objects.filter(pk__in=page.object_list).newest_first()

    def _chosen(self, openings: Any, asked: dict[str, Any]) -> Any:
        kind, _colon, value = asked["who"].partition(":")
        if kind == OpeningsForm.OTHERS:
            openings = openings.exclude(actor_id=self.reader.pk)
        elif kind == "role":
            openings = openings.filter(actor_role=value)
        elif kind == "person":
            openings = openings.filter(actor_id=uuid.UUID(value))
        if asked["what"] == OpeningsForm.ASKED:
            questions = Review.objects.filter(kind=Review.Kind.QUESTION, patient_id=self.patient.pk)
            openings = openings.filter(
                Q(pk__in=questions.values("event")) | Q(ground=Ground.BREAK_GLASS.value)
            )
        elif asked["what"] == DOWNLOAD:
            openings = openings.filter(purpose=DOWNLOAD)
        elif asked["what"]:
            openings = openings.filter(name=asked["what"]).exclude(purpose=DOWNLOAD)
        if asked["ground"]:
            openings = openings.filter(ground=asked["ground"])
        if asked["purpose"]:
            openings = openings.filter(with_purpose(asked["purpose"]))
        if asked["emergencies"]:
            openings = openings.filter(ground=Ground.BREAK_GLASS.value)
        if asked["earliest"]:
            openings = openings.filter(at__gte=_midnight(asked["earliest"]))
        if asked["latest"]:
            openings = openings.filter(at__lt=_midnight(asked["latest"]) + timedelta(days=1))
        return openings


class Listings(LogPage):
    """Where the patient's name stood among others: lists, searches, the register, the log itself."""

    def get(self, request: HttpRequest) -> HttpResponse:
        page = page_of(self.listings().newest_first(), request)
        listings = describe(page.object_list, viewer=self.reader, versions=self.visible_versions())
        self.note_reading()
        context = self.get_context_data(page=page, listings=listings)
        return render(request, "records/listings.html", context)


class OpeningDetail(LogPage):
    """One opening, with every record that was seen in it, and what the hospital found or answered."""

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        event = self.event(pk)
        [opening] = describe([event], viewer=self.reader, versions=self.visible_versions())
        self.note_reading(opening=str(event.pk))
        context = self.get_context_data(opening=opening, anchoring=event.leaf.anchoring)
        return render(request, "records/opening.html", context)


class AskAboutOpening(LogPage):
    """“I don't recognise this”: a question to the privacy officer. One waits at a time for each opening."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
        event = self._event_to_ask_about(pk)
        return redirect("records:opening", pk=pk) if _is_asked(event) else self._answer(event, QuestionForm())

    def post(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
        event = self._event_to_ask_about(pk)
        form = QuestionForm(request.POST)
        if _is_asked(event):
            return redirect("records:opening", pk=pk)
        if not form.is_valid():
            return self._answer(event, form, status=422)
        open_review(
            kind=Review.Kind.QUESTION,
            at=self.now,
            by=self.reader,
            patient_id=self.patient.pk,
            event=event,
            details=form.cleaned_data["words"],
        )
        messages.success(
            request, _("Your question has gone to the privacy officer. The answer appears here.")
        )
        return redirect("records:opening", pk=pk)

    def _event_to_ask_about(self, pk: uuid.UUID) -> Event:
        event = self.event(pk)
        if event.actor_id == self.reader.pk:
            # Nobody has to be asked what one did oneself.
            raise Http404
        return event

    def _answer(self, event: Event, form: QuestionForm, status: int = 200) -> HttpResponse:
        [opening] = describe([event], viewer=self.reader, versions=self.visible_versions())
        context = self.get_context_data(form=form, opening=opening)
        return render(self.request, "records/question.html", context, status=status)


class TellMe(LogPage):
    """The switch: whether the patient is mailed when somebody else opens the record."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest) -> HttpResponse:
        wanted = request.POST.get("wanted") == "yes"
        with transaction.atomic():
            notices.tell_of_openings(self.patient, wanted)
            audit.record(
                "notices.switched_on" if wanted else "notices.switched_off",
                at=self.now,
                by=self.reader,
                patient_id=self.patient.pk,
                ground=Ground.OWN_RECORD.value,
                address=address_of(request),
            )
        messages.success(
            request,
            _("You will be told by e-mail when somebody else opens your record.")
            if wanted
            else _("You will not be told by e-mail of openings. Of emergencies you always are."),
        )
        return redirect("records:openings")


class Notices(PatientPage):
    """What happened of which the patient was, or would be, told by e-mail; seen from now on."""

    def get(self, request: HttpRequest) -> HttpResponse:
        page = page_of(self.patient.notices.newest_first(), request)
        shown = [_notice(one) for one in page.object_list]
        notices.mark_seen([*page.object_list], at=self.now)
        context = self.get_context_data(page=page, notices=shown)
        return render(request, "records/notices.html", context)


class DownloadLog(LogPage):
    """The whole access log as FHIR, in the shape that IHE gave to audit trails."""

    def get(self, request: HttpRequest) -> HttpResponseBase:
        audit.record(
            "log.exported",
            at=self.now,
            by=self.reader,
            patient_id=self.patient.pk,
            ground=Ground.OWN_RECORD.value,
            purpose=DOWNLOAD,
            address=address_of(request),
        )
        response = StreamingHttpResponse(
            bundle_of(self.patient, at=self.now), content_type="application/fhir+json"
        )
        return as_download(response, f"who-looked-{timezone.localdate(self.now).isoformat()}.json")


# Where a notice leads: the name of an address, and what is asked of it.
LEADS_TO = {
    Notice.Kind.OPENING.value: ("records:openings", "?who=others"),
    Notice.Kind.BREAK_GLASS.value: ("records:openings", "?emergencies=on"),
    Notice.Kind.REQUEST.value: ("sharing:index", ""),
    Notice.Kind.GRANT.value: ("sharing:index", ""),
    Notice.Kind.KEY.value: ("sharing:keys", ""),
    Notice.Kind.RECOVERY.value: ("sharing:keys", ""),
    Notice.Kind.QUESTION_ANSWERED.value: ("records:openings", "?what=asked"),
}


def _notice(notice: Notice) -> dict[str, Any]:
    """A notice in words, with the page where its matter stands."""
    name, query = LEADS_TO[notice.kind]
    return {
        "words": notice.get_kind_display(),
        "at": notice.created_at,
        "is_new": notice.seen_at is None,
        "address": reverse(name) + query,
    }


def _is_asked(event: Event) -> bool:
    """Whether a question about this opening waits for its answer."""
    return Review.objects.open().filter(event=event).exists()


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
