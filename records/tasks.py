"""The workers' doors to imports, and to classifying what was imported."""

from typing import Any

from celery import shared_task
from django.utils import timezone

from records.models import ImportJob
from records.services import classifying, jobs


@shared_task(acks_late=True)
def run_import_job(*, job_id: str, **kwargs: Any) -> None:
    """
    Work through one import.

    Safe to run any number of times: a job that another worker has is left to it, and importing a file
    twice changes nothing.
    """
    jobs.run_import(ImportJob.objects.select_related("by", "data_key").get(pk=job_id), at=timezone.now())


@shared_task
def resume_imports(**kwargs: Any) -> None:
    """
    Hand out again the imports whose worker died, or whose message the broker lost.

    Safe to run any number of times: it only sends what nobody has touched for a while.
    """
    for job_id in jobs.lost_jobs(timezone.now()).values_list("pk", flat=True):
        run_import_job.delay(job_id=str(job_id))


@shared_task
def classify_records(**kwargs: Any) -> None:
    """
    Find out how sensitive those records are of which nobody knows it yet; no grant reaches them until then.

    Safe to run any number of times: what is done stays done, a patient at a time, and two runs or a run
    and an import of the same source take turns.
    """
    for source, patient_id in classifying.unclassified():
        classifying.classify(source, patient_id)
