"""One record in the chart: what it says, its mark of proof, its versions, its files."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from accounts.models import Role
from accounts.sites import workspace
from records.access_log import DOWNLOAD
from records.attachments import attachments_in
from records.models import Kind, RecordVersion
from records.series import lines_of
from records.services.opening import Opened, open_record, open_series
from records.views.page import address_of
from records.views.record import as_download
from records.workspace.chart import ChartPage, source_name
from records.workspace.differences import differences


class RecordInChart(ChartPage):
    """A page about one version of one record of a patient whom this doctor treats."""

    def opened(self, version: RecordVersion, *, purpose: str = "") -> Opened:
        return open_record(
            version, by=self.request.user, at=self.now, purpose=purpose, address=address_of(self.request)
        )

    def history(self, version: RecordVersion) -> list[RecordVersion]:
        """All versions of the same record, newest first, without what they say."""
        versions = self.visible_versions().filter(record_id=version.record_id).select_related("by", "record")
        return [*versions.defer("data", "secret").order_by("-number")]


@workspace.page("patients/<uuid:pk>/records/<uuid:record>/", name="chart_record", roles=[Role.DOCTOR])
@workspace.page(
    "patients/<uuid:pk>/records/<uuid:record>/versions/<int:number>/",
    name="chart_version",
    roles=[Role.DOCTOR],
)
class ChartRecord(RecordInChart):
    """A record's current version, or an older one, which says that it is one."""

    title = _("Record")
    template_name = "records/chart_record.html"

    def get(
        self,
        request: HttpRequest,
        *args: Any,
        pk: UUID,
        record: UUID,
        number: int | None = None,
        **kwargs: Any,
    ) -> HttpResponse:
        version = self.version(record, number)
        opened = self.opened(version)
        is_latest = version.number == version.record.latest_version
        lines: Any = []
        if is_latest and opened.is_trusted and version.record.kind == Kind.RESULT:
            lines = lines_of(
                opened, open_series(version.record, by=request.user, at=self.now, address=address_of(request))
            )
        changes: Any = []
        if version.previous_id and opened.is_trusted:
            before = self.opened(self.version(record, version.number - 1))
            changes = differences(before.resource, opened.resource) if before.is_trusted else []
        return self.render_to_response(
            self.get_context_data(
                opened=opened,
                presented=opened.presented,
                record=opened.record,
                version=opened.version,
                source=source_name(opened.record.source),
                is_latest=is_latest,
                history=self.history(version),
                changes=changes,
                attachments=attachments_in(opened.resource) if opened.is_trusted else [],
                lines=lines,
            )
        )


@workspace.page(
    "patients/<uuid:pk>/records/<uuid:record>/versions/<int:number>/files/<int:index>/",
    name="chart_file",
    roles=[Role.DOCTOR],
)
class ChartFile(RecordInChart):
    """A file that stands inside a record, to be saved and never shown on our origin."""

    def get(
        self, request: HttpRequest, *args: Any, pk: UUID, record: UUID, number: int, index: int, **kwargs: Any
    ) -> HttpResponse:
        opened = self.opened(self.version(record, number), purpose=DOWNLOAD)
        files = attachments_in(opened.resource) if opened.is_trusted else []
        if index >= len(files) or not files[index].is_here:
            raise Http404
        response = HttpResponse(files[index].content, content_type=files[index].content_type)
        return as_download(response, files[index].file_name)
