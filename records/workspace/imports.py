"""The records officer's imports: upload a file, watch it being read, see what was refused and why."""

import csv
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.forms import StaffForm
from accounts.models import Role
from accounts.sites import MenuEntry, WorkspacePage, workspace
from records.models import ImportJob
from records.services.jobs import JobIsRunning, lost_jobs, retry_import, start_import
from records.views.page import query_without_page

OFFICER = [Role.RECORDS_OFFICER]
A_PAGE = 25
FAULTS_SHOWN = 100
# Of files that FHIR comes in, by what they are called; what is inside is judged by the import.
ENDINGS = (".json", ".ndjson", ".json.gz", ".ndjson.gz")
# A worker that is up takes a job at once; longer than this, and the page says that nobody has.
WAITS_TOO_LONG_SECONDS = 60


class UploadForm(StaffForm):
    """A file of records, and where it comes from."""

    file = forms.FileField(label=_("File"), widget=forms.FileInput(attrs={"accept": ",".join(ENDINGS)}))
    source = forms.CharField(
        label=_("Where the records come from"),
        max_length=200,
        widget=forms.TextInput(attrs={"list": "sources"}),
        help_text=_(
            "The system or hospital that wrote them, always under the same name: a file read again under the"
            " same name changes nothing, under another name it would be taken for other records."
        ),
    )

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if not file.name.lower().endswith(ENDINGS):
            raise forms.ValidationError(
                _(
                    "%(name)s is not a FHIR file. Choose one that ends in .json or .ndjson,"
                    " or one of these as .gz."
                ),
                params={"name": file.name},
            )
        if file.size > settings.IMPORT_MAX_BYTES:
            raise forms.ValidationError(
                _(
                    "The file has %(size)s, and at most %(limit)s can be sent here. Ask the operator to"
                    " import it with manage.py import_fhir, which has no limit."
                ),
                params={
                    "size": filesizeformat(file.size),
                    "sources": [
                        *ImportJob.objects.order_by("source").values_list("source", flat=True).distinct()[:30]
                    ],
                    "limit": filesizeformat(settings.IMPORT_MAX_BYTES),
                },
            )
        head = file.read(64)
        file.seek(0)
        is_gzip = head.startswith(b"\x1f\x8b")
        if is_gzip != file.name.lower().endswith(".gz"):
            raise forms.ValidationError(
                _("The file is not what its name says: one of the two is compressed (.gz).")
            )
        if not is_gzip and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] not in (b"{", b""):
            raise forms.ValidationError(
                _("This is not FHIR in JSON: it does not begin with “{”. FHIR in XML can't be read.")
            )
        return file


@workspace.page("imports/", name="imports", roles=OFFICER, menu=MenuEntry(_("Imports"), "upload_file", 50))
class Imports(WorkspacePage):
    """Every import, newest first, and a form for the next one."""

    title = _("Imports")
    template_name = "records/imports.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        jobs = ImportJob.objects.defer("file").select_related("by").order_by("-created_at", "pk")
        page = Paginator(jobs, A_PAGE).get_page(self.request.GET.get("page"))
        return super().get_context_data(
            **{
                "form": UploadForm(),
                "page": page,
                "jobs": [job_words(job, at=timezone.now()) for job in page.object_list],
                "sources": [
                    *ImportJob.objects.order_by("source").values_list("source", flat=True).distinct()[:30]
                ],
                "limit": filesizeformat(settings.IMPORT_MAX_BYTES),
                "query": query_without_page(self.request),
                **kwargs,
            }
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form), status=422)
        file = form.cleaned_data["file"]
        job = start_import(
            content=file.read(),
            file_name=file.name,
            source=form.cleaned_data["source"].strip(),
            by=request.user,
            at=timezone.now(),
        )
        return redirect("workspace:import", pk=job.pk)


class JobPage(WorkspacePage):
    """A page about one import. Its file is not fetched: it can be large, and nobody reads it here."""

    job: ImportJob

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        jobs = ImportJob.objects.defer("file").select_related("by")
        self.job = get_object_or_404(jobs, pk=kwargs["pk"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            **{
                "title": _("Import of %(file)s") % {"file": self.job.file_name},
                "job": self.job,
                "state": job_words(self.job, at=timezone.now()),
                "faults": self.job.faults.all()[:FAULTS_SHOWN],
                "faults_shown": FAULTS_SHOWN,
                "can_be_retried": can_be_retried(self.job, at=timezone.now()),
                **kwargs,
            }
        )


@workspace.page("imports/<uuid:pk>/", name="import", roles=OFFICER)
class Import(JobPage):
    """How far an import is, and its report. Without JavaScript the page fetches itself anew meanwhile."""

    template_name = "records/import.html"


@workspace.page("imports/<uuid:pk>/progress/", name="import_progress", roles=OFFICER)
class ImportProgress(JobPage):
    """The part of the page that htmx asks for every two seconds; once it has ended, the whole page again."""

    template_name = "records/_import_progress.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().get(request, *args, **kwargs)
        if has_ended(self.job):
            response.headers["HX-Refresh"] = "true"
        return response


@workspace.page("imports/<uuid:pk>/refused.csv", name="import_refused", roles=OFFICER)
class ImportRefused(JobPage):
    """What was refused as a table for a spreadsheet: where it stood, and why. Never its content."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = f'attachment; filename="refused-{self.job.pk}.csv"'
        # Spreadsheets take UTF-8 for something else unless it opens with this mark.
        response.write("\ufeff")
        writer = csv.writer(response)
        writer.writerow([_("Where in the file"), _("Why it was refused")])
        writer.writerows([plain(fault.path), plain(fault.reason)] for fault in self.job.faults.all())
        return response


@workspace.page("imports/<uuid:pk>/retry/", name="import_retry", roles=OFFICER)
class RetryImport(JobPage):
    """Run an import again from its kept file; what is in the store already stays as it is."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not can_be_retried(self.job, at=timezone.now()):
            messages.info(request, _("There is nothing to try again: everything in this file was taken."))
            return redirect("workspace:import", pk=self.job.pk)
        try:
            retry_import(self.job, by=request.user, at=timezone.now())
        except JobIsRunning:
            messages.info(request, _("This import is being read already."))
        return redirect("workspace:import", pk=self.job.pk)


def plain(text: str) -> str:
    """Keep a spreadsheet from taking a cell for a formula, whoever wrote the file it came from."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def has_ended(job: ImportJob) -> bool:
    return job.state in (ImportJob.State.FINISHED, ImportJob.State.FAILED)


def is_lost(job: ImportJob, *, at: datetime) -> bool:
    return not has_ended(job) and lost_jobs(at).filter(pk=job.pk).exists()


def can_be_retried(job: ImportJob, *, at: datetime) -> bool:
    """Whether there is something left to do: it stopped, lost its worker, or refused something."""
    is_over = job.state == ImportJob.State.FAILED or (
        job.state == ImportJob.State.FINISHED and job.rejected > 0
    )
    return is_over or is_lost(job, at=at)


def job_words(job: ImportJob, *, at: datetime) -> dict[str, Any]:
    """Say where an import stands, for its page and its line in the list. Makes no query."""
    words: Any
    total = job.imported + job.changed + job.unchanged + job.rejected
    if job.state == ImportJob.State.FINISHED:
        tone, label = ("warning", _("Finished, with refusals")) if job.rejected else ("good", _("Finished"))
        words = _("Read to the end.")
    elif job.state == ImportJob.State.FAILED:
        tone, label = "bad", _("Stopped by an error")
        words = _(
            "The portal stopped on an error of its own (%(error)s). What was read until then is kept."
        ) % {"error": job.error or _("unknown")}
    elif job.state == ImportJob.State.RUNNING:
        tone, label, words = "waiting", _("Being read"), _("A worker is reading the file.")
    else:
        tone, label, words = "waiting", _("Waiting"), _("Waits for a worker to take it.")
        if (at - job.created_at).total_seconds() > WAITS_TOO_LONG_SECONDS:
            words = _("No worker has taken it yet. It is not lost: see “Log, chain and workers”.")
    return {
        "job": job,
        "tone": tone,
        "label": label,
        "words": words,
        "total": total,
        "has_ended": has_ended(job),
        "percent": job.percent,
    }
