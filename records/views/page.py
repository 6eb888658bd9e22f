"""What the patient's pages share: whose they are, and what a list of records needs to be shown."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import F, QuerySet
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.generic.base import ContextMixin, View

from accounts.addresses import address_of
from audit import services as audit
from audit.models import Ground
from consent.helping import Helping, end, helped_by, wants_to_help
from consent.views.page import own_record_only
from patients.models import Patient
from patients.rules import patient_of
from records.fhir.present import type_label
from records.models import Record, RecordVersion
from records.services.opening import Opened, open_list

__all__ = ["NEWEST_FIRST", "PatientPage", "address_of", "page_of", "query_without_page"]

A_PAGE = 20


class PatientPage(ContextMixin, View):
    """
    A page of the signed-in patient's own record, or of the record of somebody whom they help.

    For everybody else there is nothing at these addresses. `self.now` is the one moment of the
    request: what is visible and what the access log says agree about it. A page is a helper's only if it
    says so; there `patient` is the person helped, for as long as they allow it.
    """

    http_method_names = ["get", "head", "options"]
    extra_context = {"type_label": type_label}
    is_for_helpers = False

    patient: Patient
    helping: Helping | None
    now: datetime

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.now = timezone.now()
        patient = patient_of(request.user)
        self.is_for_patient = patient is not None
        self.helping = helped_by(request, at=self.now) if patient is not None else None
        if self.helping is not None and self.is_for_helpers:
            self.patient = self.helping.patient
        elif patient is not None:
            self.patient = patient

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.is_for_patient:
            return self.answer_others(request)
        if self.helping is not None and not self.is_for_helpers:
            return own_record_only(request)
        if self.helping is None and wants_to_help(request):
            end(request)
            messages.warning(
                request,
                _("You can no longer see the record of the person you helped. This is your own record."),
            )
        return super().dispatch(request, *args, **kwargs)

    def answer_others(self, request: HttpRequest) -> HttpResponseBase:
        raise Http404

    def visible_records(self) -> Any:
        """Every record that this patient may see; lists, counts and filters start here."""
        return Record.objects.visible_to(self.request.user, at=self.now).of_patient(self.patient)

    def visible_versions(self) -> Any:
        """Every version that this patient may see."""
        return RecordVersion.objects.visible_to(self.request.user, at=self.now).filter(
            record__patient=self.patient
        )

    def latest_of(self, records: Iterable[Record]) -> Any:
        """
        The current versions of a page of records, newest first as they were.

        Sorted twice on purpose: first all records by their index, without any ciphertext, and then the
        few that are shown. In one query PostgreSQL would sort every row of the record with its bytes.
        """
        return (
            self.visible_versions()
            .latest()
            .filter(record__in=[record.pk for record in records])
            .order_by(*NEWEST_FIRST)
        )

    def open(self, versions: Any) -> list[Opened]:
        """Open these versions, a queryset or a list, which leaves one line in the access log."""
        return open_list(
            versions,
            by=self.request.user,
            at=self.now,
            patient=self.patient,
            address=address_of(self.request),
        )

    def note_reading(self, **facts: Any) -> None:
        """Write that the patient read who opened their record; call it before the answer."""
        user: Any = self.request.user
        audit.record(
            "log.read",
            at=self.now,
            by=user,
            patient_id=self.patient.pk,
            ground=Ground.OWN_RECORD.value,
            address=address_of(self.request),
            **facts,
        )


# The order of `Record.objects.newest_first()`, seen from a version.
NEWEST_FIRST = (F("record__occurred_date").desc(nulls_last=True), "-record__created_at", "record_id")


def page_of(rows: QuerySet[Any], request: HttpRequest, *, count: int | None = None) -> Page[Any]:
    """
    Cut out the page that was asked for: the first for nonsense, the last for a number too high.

    :param count: how many rows there are, from whoever knows it without asking again
    """
    paginator: Paginator[Any] = Paginator(rows, A_PAGE)
    if count is not None:
        paginator.count = count
    return paginator.get_page(request.GET.get("page"))


def query_without_page(request: HttpRequest) -> str:
    """Return the search as it was asked, so that the next page keeps it."""
    asked = request.GET.copy()
    asked.pop("page", None)
    return asked.urlencode()
