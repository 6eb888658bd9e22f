"""Imports from the workspace: the row first, the work after, and a retry whenever a worker died."""

import io
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery import current_app
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from audit import services as audit
from records.fhir.reading import read
from records.models import DataKey, ImportFault, ImportJob
from records.services.importing import ImportReport, import_records

logger = structlog.get_logger(__name__)

# A running job whose row was not touched for so long has lost its worker.
LOST_AFTER = timedelta(minutes=2)


class JobIsRunning(Exception):
    """The import is being worked on, so it can't be started again."""


@transaction.atomic
def start_import(*, content: bytes, file_name: str, source: str, by: Any, at: datetime) -> ImportJob:
    """Keep an uploaded file, encrypted, as a job; the worker is told after the commit."""
    job = ImportJob(
        file_name=file_name[:200],
        source=source,
        by=by,
        created_at=at,
        data_key=DataKey.objects.for_patient(None),
    )
    job.keep(content)
    job.save(force_insert=True)
    audit.record("import.started", at=at, by=by, ground="staff_duty", job=str(job.id), bytes=job.size)
    _send(job)
    return job


@transaction.atomic
def retry_import(job: ImportJob, *, by: Any, at: datetime) -> None:
    """
    Run a job again, from the start: what is in the store already stays as it is.

    :raises JobIsRunning: if a worker is at it
    """
    job = ImportJob.objects.select_for_update().get(pk=job.pk)
    if job.state in (ImportJob.State.WAITING, ImportJob.State.RUNNING) and not _is_lost(job, at):
        raise JobIsRunning
    job.state = ImportJob.State.WAITING
    job.error = ""
    job.save(update_fields=["state", "error"])
    audit.record("import.retried", at=at, by=by, ground="staff_duty", job=str(job.id))
    _send(job)


def lost_jobs(at: datetime) -> Any:
    """Choose the jobs that wait or run, and that no worker has touched for a while."""
    silent = Q(heartbeat_at__lt=at - LOST_AFTER) | Q(heartbeat_at=None, created_at__lt=at - LOST_AFTER)
    return ImportJob.objects.filter(silent, state__in=[ImportJob.State.WAITING, ImportJob.State.RUNNING])


def run_import(job: ImportJob, *, at: datetime) -> None:
    """Work through a job's file, noting progress; whatever stops it is written on the job, and not lost."""
    if not _claim(job, at):
        return
    content = job.content()

    def note(report: ImportReport) -> None:
        ImportJob.objects.filter(pk=job.pk).update(
            heartbeat_at=timezone.now(), position=report.bytes_read, **_counts(report)
        )

    try:
        report = import_records(
            lambda: read(io.BytesIO(content), name=job.file_name),
            source=job.source,
            at=at,
            by=job.by,
            on_progress=note,
        )
    except Exception as error:
        logger.exception("import.failed", job=str(job.id))
        ImportJob.objects.filter(pk=job.pk).update(
            state=ImportJob.State.FAILED, error=type(error).__name__, ended_at=timezone.now()
        )
        raise
    _finish(job, report)


def _claim(job: ImportJob, at: datetime) -> bool:
    """Take the job for this worker; of two that try, one gets it."""
    free = Q(state=ImportJob.State.WAITING) | Q(pk__in=lost_jobs(at).values("pk"))
    return bool(
        ImportJob.objects.filter(free, pk=job.pk).update(
            state=ImportJob.State.RUNNING, heartbeat_at=at, position=0, ended_at=None
        )
    )


@transaction.atomic
def _finish(job: ImportJob, report: ImportReport) -> None:
    job.faults.all().delete()
    ImportFault.objects.bulk_create(
        ImportFault(
            job=job,
            path=": ".join(part for part in (fault.source, fault.path) if part)[:400],
            reason=fault.reason[:500],
        )
        for fault in report.faults
    )
    # The file stays while something was refused: a retry needs it.
    kept = {} if report.faults else {"file": None}
    ImportJob.objects.filter(pk=job.pk).update(
        state=ImportJob.State.FINISHED,
        ended_at=timezone.now(),
        position=job.size,
        **_counts(report),
        **kept,
    )


def _counts(report: ImportReport) -> dict[str, int]:
    return {
        "imported": report.imported,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "rejected": report.rejected,
    }


def _is_lost(job: ImportJob, at: datetime) -> bool:
    return lost_jobs(at).filter(pk=job.pk).exists()


def _send(job: ImportJob) -> None:
    # By name: the task looks down at this module.
    kwargs = {"job_id": str(job.id)}
    # Robust: with the broker lost the job is a row all the same, and `resume_imports` hands it out later.
    transaction.on_commit(
        lambda: current_app.send_task("records.tasks.run_import_job", kwargs=kwargs), robust=True
    )
