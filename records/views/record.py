"""One record: what it says, how it came to say so, and its files to take away."""

import uuid
from typing import Any, TypeVar

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from records.access_log import DOWNLOAD
from records.attachments import attachments_in
from records.models import Kind, RecordVersion
from records.plots import RangeBar, range_bar
from records.series import Line, lines_of
from records.services.opening import LONGEST_SERIES, Opened, open_record, open_series
from records.views.page import PatientPage, address_of

# What was written elsewhere never runs on our origin, even if a browser is talked into showing it.
DOWNLOAD_POLICY = "sandbox; default-src 'none'"

Answer = TypeVar("Answer", bound=HttpResponseBase)


class RecordPage(PatientPage):
    """A page about one version of one record that this patient may see; any other is not found."""

    is_for_helpers = True

    def version(self, pk: uuid.UUID, number: int | None = None) -> RecordVersion:
        """Find a version by its number, or the current one."""
        versions = self.visible_versions().select_related("record__patient")
        chosen = versions.latest() if number is None else versions.filter(number=number)
        return get_object_or_404(chosen, record_id=pk)

    def opened(self, version: RecordVersion, *, purpose: str = "") -> Opened:
        """Open a version, which leaves a line in the access log and checks its commitment."""
        return open_record(
            version, by=self.request.user, at=self.now, purpose=purpose, address=address_of(self.request)
        )

    def history(self, version: RecordVersion) -> list[RecordVersion]:
        """All versions of the same record, newest first, without what they say."""
        versions = self.visible_versions().filter(record_id=version.record_id).select_related("by", "record")
        return [*versions.defer("data", "secret").order_by("-number")]

    def show(self, version: RecordVersion) -> HttpResponse:
        opened = self.opened(version)
        is_latest = version.number == version.record.latest_version
        lines: list[Line] = []
        is_cut = False
        if is_latest and opened.is_trusted and version.record.kind == Kind.RESULT:
            series = open_series(
                opened.record, by=self.request.user, at=self.now, address=address_of(self.request)
            )
            lines = lines_of(opened, series)
            is_cut = len(series) >= LONGEST_SERIES
        history = self.history(version)
        context = self.get_context_data(
            opened=opened,
            record=opened.record,
            version=opened.version,
            presented=opened.presented,
            is_latest=is_latest,
            history=[in_words(one, shown=version) for one in history],
            replaced_at=next((one.created_at for one in history if one.number == version.number + 1), None),
            attachments=attachments_in(opened.resource),
            lines=lines,
            longest=LONGEST_SERIES if is_cut else None,
            bars=bars_of(opened),
        )
        return render(self.request, "records/record.html", context)


class RecordDetail(RecordPage):
    """The current version of a record."""

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        return self.show(self.version(pk))


class VersionDetail(RecordPage):
    """An older version, which says that it is one; the current one has its own address."""

    def get(self, request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
        version = self.version(pk, number)
        if version.number == version.record.latest_version:
            return redirect("records:record", pk=pk)
        return self.show(version)


class DownloadRecord(RecordPage):
    """The FHIR JSON exactly as it is stored: no byte is added or rearranged."""

    def get(self, request: HttpRequest, pk: uuid.UUID, number: int) -> HttpResponse:
        opened = self.opened(self.version(pk, number), purpose=DOWNLOAD)
        if not opened.is_trusted:
            return not_intact(request, opened)
        response = HttpResponse(opened.version.document, content_type="application/fhir+json")
        return as_download(response, file_name(opened.version, "json"))


class DownloadAttachment(RecordPage):
    """A file that stands inside a record."""

    def get(self, request: HttpRequest, pk: uuid.UUID, number: int, index: int) -> HttpResponse:
        opened = self.opened(self.version(pk, number), purpose=DOWNLOAD)
        if not opened.is_trusted:
            return not_intact(request, opened)
        files = attachments_in(opened.resource)
        if index >= len(files) or not files[index].is_here:
            raise Http404
        response = HttpResponse(files[index].content, content_type=files[index].content_type)
        return as_download(response, files[index].file_name)


def in_words(version: RecordVersion, *, shown: RecordVersion) -> dict[str, Any]:
    """Tell one version as a line of the history; the one that is shown is no link."""
    if version.number == 1:
        title = _("Recorded")
    elif version.reason:
        title = _("Corrected: %(reason)s") % {"reason": version.reason}
    else:
        title = _("Changed by %(source)s, without a reason given") % {"source": version.record.source}
    moment = date_format(timezone.localtime(version.created_at), "j F Y, H:i")
    name = getattr(version.by, "display_name", "")
    return {
        "title": title,
        "moment": _("%(moment)s, by %(name)s") % {"moment": moment, "name": name} if name else moment,
        "text": _("This is what you see here.") if version.pk == shown.pk else "",
        "address": ""
        if version.pk == shown.pk
        else reverse("records:version", args=[version.record_id, version.number]),
    }


def bars_of(opened: Opened) -> list[tuple[Any, RangeBar | None]]:
    """Pair each value with its reference range as a bar."""
    measurements = opened.presented.measurements if opened.presented else ()
    return [
        (one, range_bar(one.value, low=one.low, high=one.high) if one.value is not None else None)
        for one in measurements
    ]


def as_download(response: Answer, name: str) -> Answer:
    """Have the browser save an answer under this name, and never show or run it."""
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response.headers["Content-Security-Policy"] = DOWNLOAD_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def file_name(version: RecordVersion, extension: str, prefix: str = "") -> str:
    """Name a download by kind and day, so that a folder of them reads as a list."""
    day = version.record.occurred_date or timezone.localdate(version.created_at)
    return f"{prefix}{version.record.kind}-{day.isoformat()}-version-{version.number}.{extension}"


def not_intact(request: HttpRequest, opened: Opened) -> HttpResponse:
    """Refuse to hand out what is not what was anchored, and say what to do."""
    context: dict[str, Any] = {
        "record": opened.record,
        "version": opened.version,
    }
    return render(request, "records/not_intact.html", context, status=409)
