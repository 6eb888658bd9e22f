"""Imports as jobs: progress, refusals, retries, and workers that die."""

from datetime import timedelta

import pytest

from records.models import ImportJob, Record
from records.services import jobs
from records.services.jobs import JobIsRunning, retry_import, run_import, start_import
from tests.records.bundles import PATIENT, bundle, observation

GOOD = bundle(PATIENT, observation())
HALF_BAD = bundle(PATIENT, observation(), '{"resourceType": "Observation", "id": "bad"}')


@pytest.fixture
def started(db, records_officer, noon):
    def start(text):
        return start_import(
            content=text.encode(), file_name="lab.json", source="lab", by=records_officer, at=noon
        )

    return start


class TestStartImport:
    def test_keeps_the_file_encrypted_until_it_is_done(self, started):
        job = started(GOOD)

        assert b"Diallo" not in bytes(ImportJob.objects.get(pk=job.pk).file)
        assert job.content() == GOOD.encode()

    def test_tells_a_worker_after_the_commit_only(
        self, started, django_capture_on_commit_callbacks, monkeypatch
    ):
        sent = []
        monkeypatch.setattr(jobs.current_app, "send_task", lambda name, kwargs: sent.append((name, kwargs)))
        with django_capture_on_commit_callbacks(execute=True):
            job = started(GOOD)
            assert sent == []

        assert sent == [("records.tasks.run_import_job", {"job_id": str(job.id)})]


class TestRunImport:
    def test_brings_the_records_in_and_says_how_many(self, started, noon):
        job = started(GOOD)

        run_import(job, at=noon)

        job.refresh_from_db()
        assert job.state == ImportJob.State.FINISHED
        assert (job.imported, job.rejected, job.percent) == (2, 0, 100)
        assert job.file is None

    def test_reports_what_was_refused_and_keeps_the_file_for_a_retry(self, started, noon):
        job = started(HALF_BAD)

        run_import(job, at=noon)

        job.refresh_from_db()
        (fault,) = job.faults.all()
        assert "lab.json" in fault.path
        assert "entry[2]" in fault.path
        assert job.file is not None

    def test_leaves_a_job_to_the_worker_that_has_it(self, started, noon):
        job = started(GOOD)
        ImportJob.objects.update(state=ImportJob.State.RUNNING, heartbeat_at=noon)

        run_import(job, at=noon)

        assert not Record.objects.exists()

    def test_takes_over_from_a_worker_that_died(self, started, noon):
        job = started(GOOD)
        ImportJob.objects.update(state=ImportJob.State.RUNNING, heartbeat_at=noon)

        run_import(job, at=noon + timedelta(minutes=3))

        job.refresh_from_db()
        assert job.state == ImportJob.State.FINISHED

    def test_says_on_the_job_what_stopped_it(self, started, noon, monkeypatch):
        job = started(GOOD)

        def fail(*args, **kwargs):
            raise OSError("no space left on device")

        monkeypatch.setattr(jobs, "import_records", fail)
        with pytest.raises(OSError, match="no space"):
            run_import(job, at=noon)

        job.refresh_from_db()
        assert job.state == ImportJob.State.FAILED
        assert job.error == "OSError"
        assert job.file is not None


class TestRetryImport:
    def test_starts_a_failed_job_again(self, started, records_officer, noon):
        job = started(GOOD)
        ImportJob.objects.update(state=ImportJob.State.FAILED)

        retry_import(job, by=records_officer, at=noon)
        run_import(job, at=noon)

        job.refresh_from_db()
        assert job.state == ImportJob.State.FINISHED

    def test_leaves_a_running_job_alone(self, started, records_officer, noon):
        job = started(GOOD)
        ImportJob.objects.update(state=ImportJob.State.RUNNING, heartbeat_at=noon)

        with pytest.raises(JobIsRunning):
            retry_import(job, by=records_officer, at=noon)


class TestLostJobs:
    def test_are_those_that_nobody_touched_for_a_while(self, started, noon):
        started(GOOD)

        assert jobs.lost_jobs(noon + timedelta(minutes=1)).count() == 0
        assert jobs.lost_jobs(noon + timedelta(minutes=3)).count() == 1
