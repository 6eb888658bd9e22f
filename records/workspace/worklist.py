"""The doctor's first page: whom I treat, why, and what is new about them."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.addresses import address_of
from accounts.models import Role
from accounts.sites import MenuEntry, WorkspacePage, workspace
from audit.models import Event, Ground
from consent.rules import patients_readable_by
from doctors.models import CareRelationship
from patients.listing import Listing, record_listed
from patients.numbers import number_of
from patients.search import matching
from records.models import RecordVersion
from records.views.page import query_without_page

A_PAGE = 25
BEFORE_ALL = datetime(1900, 1, 1, tzinfo=UTC)


class WorklistForm(forms.Form):
    """Which of my patients the list shows."""

    q = forms.CharField(label=_("Find a patient"), required=False, max_length=200)
    reason = forms.ChoiceField(label=_("Why"), required=False)
    only_new = forms.BooleanField(label=_("Only with something new"), required=False)

    def __init__(self, data: Any, *, reasons: list[str]) -> None:
        super().__init__(data)
        field = self.fields["reason"]
        if isinstance(field, forms.ChoiceField):
            field.choices = [("", _("Every reason")), *((reason, reason) for reason in reasons)]


@workspace.page(
    "patients/",
    name="my_patients",
    roles=[Role.DOCTOR],
    menu=MenuEntry(_("My patients"), "groups", 10),
    is_home=True,
)
class MyPatients(WorkspacePage):
    """
    The worklist. Everything on it, counts included, starts from whom this doctor treats now.

    The number of queries does not depend on how many patients there are.
    """

    title = _("My patients")
    template_name = "records/my_patients.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        mine = treated_by(request.user, at=now)
        reasons = [*mine.order_by("reason").values_list("reason", flat=True).distinct()]
        form = WorklistForm(request.GET, reasons=reasons)
        chosen = self._chosen(mine, form, now)
        page = Paginator(chosen.order_by("-started_at", "pk"), A_PAGE).get_page(request.GET.get("page"))
        record_listed(
            [care.patient_id for care in page.object_list],
            listing=Listing.WORKLIST,
            by=request.user,
            at=now,
            ground=Ground.TREATMENT.value,
            is_search=bool(request.GET.get("q", "").strip()),
            address=address_of(request),
        )
        return self.render_to_response(
            self.get_context_data(
                form=form,
                is_filtering=bool(form.is_valid() and any(form.cleaned_data.values())),
                total=mine.count(),
                page=page,
                rows=[row(care) for care in page.object_list],
                query=query_without_page(request),
            )
        )

    def _chosen(self, mine: Any, form: WorklistForm, now: datetime) -> Any:
        if not form.is_valid():
            return mine.none()
        asked = form.cleaned_data
        if asked["q"].strip():
            mine = mine.filter(
                patient__in=matching(patients_readable_by(self.request.user, at=now), asked["q"]).values("pk")
            )
        if asked["reason"]:
            mine = mine.filter(reason=asked["reason"])
        if asked["only_new"]:
            mine = mine.filter(new_records__gt=0)
        return mine


def treated_by(doctor: Any, *, at: datetime) -> Any:
    """
    Choose whom this doctor treats at this moment, each with when they last opened the chart, and how many
    versions by others have come since.
    """
    last_opened = Event.objects.filter(
        patient_id=OuterRef("patient_id"), actor_id=doctor.pk, name="chart.opened"
    ).order_by("-at")
    care = CareRelationship.objects.active(at).of_clinician(doctor)
    care = care.annotate(last_opened_at=Subquery(last_opened.values("at")[:1]))
    since = Coalesce(OuterRef("last_opened_at"), BEFORE_ALL)
    of_patient = RecordVersion.objects.filter(record__patient=OuterRef("patient_id"), created_at__gt=since)
    by_others = of_patient.exclude(by=doctor).order_by().values("record__patient")
    new = by_others.annotate(count=Count("pk")).values_list("count")
    return (
        care.annotate(new_records=Coalesce(Subquery(new), 0))
        .select_related("patient")
        .prefetch_related("patient__identifiers")
    )


def row(care: Any) -> dict[str, Any]:
    """What the list shows of one patient."""
    return {
        "care": care,
        "patient": care.patient,
        "number": number_of(care.patient),
        "age": care.patient.age(timezone.localdate()),
        "is_first_time": care.last_opened_at is None,
        "new_records": care.new_records,
    }
