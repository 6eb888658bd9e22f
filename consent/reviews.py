"""The privacy officer's queue: what waits, each with its evidence, and the one form that ends it."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.addresses import address_of
from accounts.forms import StaffForm
from accounts.models import Role, User
from accounts.sites import MenuEntry, WorkspacePage, staff_of, workspace
from audit import services as audit
from audit.models import Event, Ground, Review
from audit.reviews import AlreadyClosed, FindingMissing
from consent.models import BreakGlass
from consent.services.reviewing import close_review
from consent.trail import lines_of, with_patient_number
from doctors.models import CareRelationship
from patients.listing import Listing, record_listed
from patients.models import Notice

PRIVACY = [Role.PRIVACY_OFFICER]
A_PAGE = 25
# Of one emergency; a doctor opens some dozens in an hour.
MOST_OPENINGS = 200
# What else the same person opened around an opening that a patient asks about.
AROUND = timedelta(days=30)


class QueueForm(forms.Form):
    """Which reviews the queue shows."""

    kind = forms.ChoiceField(
        label=_("Kind"), required=False, choices=[("", _("Every kind")), *Review.Kind.choices]
    )
    state = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", _("Open and closed")), ("open", _("Open")), ("closed", _("Closed"))],
    )


class FindingForm(StaffForm):
    """How a review ends: what it comes to, and what was found."""

    outcome = forms.ChoiceField(
        label=_("What it comes to"),
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose what it comes to."),
            "invalid_choice": _("Choose one of these."),
        },
    )
    finding = forms.CharField(
        label=_("What you found"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={
            "required": _("Write what you found. Nothing leaves the queue without it."),
            "max_length": _("Write at most 4,000 characters."),
        },
    )

    def __init__(self, data: Any = None, *, review: Review) -> None:
        super().__init__(data)
        field = self.fields["outcome"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [(one.value, one.label) for one in review.outcomes]
        self.fields["finding"].help_text = (
            _("The patient reads this word for word. It stays as you write it.")
            if review.patient_id
            else _("It stays as you write it.")
        )


def open_counts() -> dict[str, Any]:
    """Count what waits, by kind and in all; for the queue and the first page."""
    kinds = {kind.value: Count("pk", filter=Q(kind=kind)) for kind in Review.Kind}
    found = Review.objects.open().aggregate(all=Count("pk"), **kinds)
    return {
        "total": found["all"],
        "kinds": [{"kind": kind, "label": kind.label, "count": found[kind.value]} for kind in Review.Kind],
    }


def rows_of(reviews: Any, *, at: Any) -> list[dict[str, Any]]:
    """What a list shows of reviews."""
    return [{"review": review, "days": (at - review.opened_at).days} for review in reviews]


@workspace.page(
    "privacy/reviews/", name="reviews", roles=PRIVACY, menu=MenuEntry(_("To review"), "fact_check", 15)
)
class Reviews(WorkspacePage):
    """The queue: open ones first, and of those the one that has waited longest."""

    title = _("To review")
    template_name = "consent/reviews.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        form = QueueForm(request.GET)
        reviews = with_patient_number(Review.objects.select_related("mismatch").queue())
        if form.is_valid():
            asked = form.cleaned_data
            reviews = reviews.filter(kind=asked["kind"]) if asked["kind"] else reviews
            if asked["state"]:
                reviews = reviews.filter(closed_at__isnull=asked["state"] == "open")
        page = Paginator(reviews, A_PAGE).get_page(request.GET.get("page"))
        record_listed(
            [review.patient_id for review in page.object_list if review.patient_id],
            listing=Listing.REVIEWS,
            by=staff_of(request),
            at=now,
            ground=Ground.STAFF_DUTY.value,
            address=address_of(request),
        )
        asked_for = request.GET.copy()
        asked_for.pop("page", None)
        return self.render_to_response(
            self.get_context_data(
                form=form,
                is_filtering=any(request.GET.get(name) for name in form.fields),
                counts=open_counts(),
                page=page,
                rows=rows_of(page.object_list, at=now),
                query=asked_for.urlencode(),
            )
        )


@workspace.page("privacy/reviews/<uuid:pk>/", name="review", roles=PRIVACY)
class ReviewDetail(WorkspacePage):
    """One review with its evidence, and the form that closes it."""

    template_name = "consent/review.html"
    review: Any

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        reviews = with_patient_number(Review.objects.select_related("mismatch__leaf", "event"))
        self.review = get_object_or_404(reviews, pk=kwargs["pk"])

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._answer(FindingForm(review=self.review))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = FindingForm(request.POST, review=self.review)
        if not form.is_valid():
            return self._answer(form, status=422)
        try:
            close_review(self.review, **form.cleaned_data, by=staff_of(request), at=timezone.now())
        except AlreadyClosed:
            messages.info(request, _("Somebody else has closed this meanwhile. Your finding was not kept."))
            return redirect("workspace:review", pk=self.review.pk)
        except FindingMissing:
            form.add_error("finding", _("Write what you found. Nothing leaves the queue without it."))
            return self._answer(form, status=422)
        messages.success(request, _("Closed, with your finding."))
        return redirect("workspace:reviews")

    def _answer(self, form: FindingForm, status: int = 200) -> HttpResponse:
        if self.review.patient_id:
            audit.record(
                "log.read",
                at=timezone.now(),
                by=staff_of(self.request),
                patient_id=self.review.patient_id,
                ground=Ground.STAFF_DUTY.value,
                address=address_of(self.request),
                review=str(self.review.pk),
            )
        closed_by = User.objects.filter(pk__in=[self.review.closed_by_id]).first()
        context = self.get_context_data(
            title=self.review.get_kind_display(),
            review=self.review,
            form=form,
            closed_by=closed_by.display_name if closed_by else "",
            days=(timezone.now() - self.review.opened_at).days,
            **evidence_of(self.review),
        )
        return self.render_to_response(context, status=status)


@workspace.page("privacy/log/<uuid:pk>/", name="log_line", roles=PRIVACY)
class LogLine(WorkspacePage):
    """One line of the trail with everything it holds: from where, what for, and each version shown."""

    title = _("One line of the access log")
    template_name = "consent/privacy_line.html"

    def get(self, request: HttpRequest, pk: UUID, **kwargs: Any) -> HttpResponse:
        events = with_patient_number(Event.objects.filter(patient_id__isnull=False).select_related("leaf"))
        event = get_object_or_404(events, pk=pk)
        audit.record(
            "log.read",
            at=timezone.now(),
            by=staff_of(request),
            patient_id=event.patient_id,
            ground=Ground.STAFF_DUTY.value,
            address=address_of(request),
            opening=str(event.pk),
        )
        [line] = lines_of([event])
        return self.render_to_response(
            self.get_context_data(
                line=line, patient_number=event.patient_number, anchoring=event.leaf.anchoring
            )
        )


def evidence_of(review: Review) -> dict[str, Any]:
    """Gather what a finding has to rest on."""
    if review.kind == Review.Kind.BREAK_GLASS:
        return _of_emergency(review)
    if review.kind == Review.Kind.QUESTION:
        return _of_question(review)
    return {}


def _of_emergency(review: Review) -> dict[str, Any]:
    broken = BreakGlass.objects.select_related("by", "patient__user").filter(pk__in=[review.subject]).first()
    if broken is None:
        return {}
    opened = Event.objects.of_patient(broken.patient_id).filter(
        actor_id=broken.by_id,
        ground=Ground.BREAK_GLASS.value,
        at__gte=broken.at,
        at__lt=broken.expires_at,
    )
    opened = opened.exclude(name="glass.broken").order_by("at", "id")
    told = Notice.objects.filter(
        patient=broken.patient, kind=Notice.Kind.BREAK_GLASS, created_at=broken.at
    ).first()
    return {
        "emergency": broken,
        "lines": lines_of(opened[:MOST_OPENINGS]),
        "line_count": opened.count(),
        "told_at": told.sent_at if told else None,
        "has_account": broken.patient.user_id is not None,
    }


def _of_question(review: Review) -> dict[str, Any]:
    event, patient_id = review.event, review.patient_id
    if event is None or patient_id is None:
        return {}
    care = CareRelationship.objects.filter(patient=patient_id, clinician__user=event.actor_id)
    around = Event.objects.of_patient(patient_id).openings()
    around = around.filter(actor_id=event.actor_id, at__gte=event.at - AROUND, at__lte=event.at + AROUND)
    around = around.exclude(pk=event.pk)
    return {
        "asked_about": lines_of([event])[0],
        "care": [{"care": one, "was_active": one.is_active(event.at)} for one in care.order_by("started_at")],
        "lines": lines_of(around.order_by("at", "id")[:MOST_OPENINGS]),
        "line_count": around.count(),
    }
