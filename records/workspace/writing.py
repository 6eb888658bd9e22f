"""What a doctor writes in the chart: a note, and a correction as a new version."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from accounts.addresses import address_of
from accounts.forms import StaffForm
from accounts.models import Role
from accounts.sites import workspace
from audit.models import Ground
from consent.rules import Action
from patients.listing import Listing, record_listed
from records.access_log import CORRECTION
from records.services.opening import Opened
from records.services.writing import Refused, correct_record, write_note
from records.workspace.chart import ChartPage
from records.workspace.correcting import CorrectionForm
from records.workspace.record import RecordInChart


class NoteForm(StaffForm):
    """A note as the patient and the next doctor will read it."""

    title = forms.CharField(
        label=_("Title"), max_length=120, help_text=_("For example: Visit, cardiology clinic.")
    )
    text = forms.CharField(label=_("Note"), max_length=20_000, widget=forms.Textarea(attrs={"rows": 14}))


@workspace.page("patients/<uuid:pk>/notes/write/", name="write_note", roles=[Role.DOCTOR])
class WriteNote(ChartPage):
    """Write a note. It is a record like any other: kept for ever, anchored, and read by the patient."""

    action = Action.WRITE
    title = _("Write a note")
    template_name = "records/write_note.html"

    def render_to_response(self, context: dict[str, Any], **response_kwargs: Any) -> HttpResponse:
        # The head of the chart stands above the form, and nothing of the record is opened.
        record_listed(
            [self.patient.pk],
            listing=Listing.NOTE,
            by=self.request.user,
            at=self.now,
            ground=Ground.TREATMENT.value,
            address=address_of(self.request),
        )
        return super().render_to_response(context, **response_kwargs)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"form": NoteForm(), **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = NoteForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        try:
            version = write_note(patient=self.patient, **form.cleaned_data, by=request.user, at=self.now)
        except Refused as refused:
            form.add_error(None, str(refused))
            return self.render_to_response(self.get_context_data(form=form), status=422)
        messages.success(request, _("Your note is in the record. The patient can read it now."))
        return redirect("workspace:chart_record", pk=self.patient.pk, record=version.record_id)


@workspace.page(
    "patients/<uuid:pk>/records/<uuid:record>/correct/", name="correct_record", roles=[Role.DOCTOR]
)
class CorrectRecord(RecordInChart):
    """Correct a record. What stood before stays beside it, with who changed it and why."""

    action = Action.WRITE
    title = _("Correct a record")
    template_name = "records/correct_record.html"

    def get(self, request: HttpRequest, *args: Any, pk: UUID, record: UUID, **kwargs: Any) -> HttpResponse:
        opened = self.opened(self.version(record), purpose=CORRECTION)
        form = None
        if opened.is_trusted and opened.resource is not None:
            form = CorrectionForm(None, resource=opened.resource, version=opened.version.number)
        return self._page(opened, form)

    def post(self, request: HttpRequest, *args: Any, pk: UUID, record: UUID, **kwargs: Any) -> HttpResponse:
        opened = self.opened(self.version(record), purpose=CORRECTION)
        if not opened.is_trusted or opened.resource is None:
            raise PermissionDenied
        form = CorrectionForm(request.POST, resource=opened.resource, version=opened.version.number)
        if form.is_valid():
            if form.cleaned_data["version"] != opened.version.number:
                form.add_error(
                    None,
                    _(
                        "Somebody corrected this record while you were writing."
                        " Nothing of yours was saved: look at it anew."
                    ),
                )
            else:
                try:
                    correct_record(
                        record=opened.record,
                        document=form.corrected(),
                        reason=form.cleaned_data["reason"],
                        by=request.user,
                        at=self.now,
                    )
                except Refused as refused:
                    for fault in refused.faults:
                        form.add_error(None, str(fault))
                else:
                    messages.success(request, _("Corrected. The version before stays in the history."))
                    return redirect("workspace:chart_record", pk=self.patient.pk, record=opened.record.pk)
        return self._page(opened, form, status=422)

    def _page(self, opened: Opened, form: CorrectionForm | None, status: int = 200) -> HttpResponse:
        context = self.get_context_data(
            form=form, opened=opened, presented=opened.presented, record=opened.record, version=opened.version
        )
        return self.render_to_response(context, status=status)
