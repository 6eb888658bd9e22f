"""Imports from the workspace: what is taken, what is refused with clear words, and trying again."""

import gzip
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from kombu.exceptions import OperationalError

from records.models import ImportFault, ImportJob
from records.services.jobs import run_import, start_import
from records.workspace.imports import plain

IMPORTS = "/workspace/imports/"
PATIENT = {"resourceType": "Patient", "id": "p", "name": [{"family": "Okonkwo"}], "birthDate": "1970-01-01"}
GOOD = {
    "resourceType": "Condition",
    "id": "c",
    "subject": {"reference": "Patient/p"},
    "code": {"text": "Asthma"},
    "clinicalStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]
    },
}
BAD = {"resourceType": "Condition", "id": "d", "subject": {"reference": "Patient/p"}, "code": "Asthma"}


def ndjson(*resources):
    return "\n".join(json.dumps(resource) for resource in resources).encode()


def upload(browser, content, name="records.ndjson", source="St Mary"):
    return browser.post(IMPORTS, {"file": SimpleUploadedFile(name, content), "source": source})


@pytest.fixture
def job(records_officer, noon):
    """An import with one bad line, read to the end."""
    made = start_import(
        content=ndjson(PATIENT, GOOD, BAD),
        file_name="r.ndjson",
        source="St Mary",
        by=records_officer,
        at=noon,
    )
    run_import(made, at=timezone.now())
    return ImportJob.objects.get()


@pytest.mark.django_db
class TestUpload:
    def test_keeps_the_file_and_leads_to_its_progress(self, as_officer, records_officer):
        answer = upload(as_officer, ndjson(PATIENT))

        job = ImportJob.objects.get()
        assert answer.url == f"{IMPORTS}{job.pk}/"
        assert job.content() == ndjson(PATIENT)
        assert (job.source, job.by) == ("St Mary", records_officer)

    def test_keeps_the_file_when_the_broker_is_lost(
        self, as_officer, monkeypatch, django_capture_on_commit_callbacks
    ):
        def nobody_listens(*args, **kwargs):
            raise OperationalError

        monkeypatch.setattr("records.services.jobs.current_app.send_task", nobody_listens)

        with django_capture_on_commit_callbacks(execute=True):
            answer = upload(as_officer, ndjson(PATIENT))

        assert answer.status_code == 302
        assert "Waits for a worker" in as_officer.get(answer.url).content.decode()

    def test_takes_a_compressed_file(self, as_officer):
        upload(as_officer, gzip.compress(ndjson(PATIENT), mtime=0), name="records.ndjson.gz")

        assert ImportJob.objects.exists()

    @pytest.mark.parametrize(
        ("name", "content", "words"),
        [
            ("scan.pdf", b"%PDF-1.7", "is not a FHIR file"),
            ("records.json", b"<Bundle/>", "does not begin with"),
            ("records.json", gzip.compress(b"{}", mtime=0), "not what its name says"),
            ("records.json.gz", b"{}", "not what its name says"),
            ("records.json", b"", "empty"),
        ],
    )
    def test_says_what_is_wrong_with_a_file(self, as_officer, name, content, words):
        answer = upload(as_officer, content, name=name)

        assert answer.status_code == 422
        assert words in answer.content.decode()
        assert not ImportJob.objects.exists()

    def test_says_what_to_do_with_a_file_that_is_too_large(self, as_officer, settings):
        settings.IMPORT_MAX_BYTES = 10

        page = upload(as_officer, ndjson(PATIENT)).content.decode()

        assert "manage.py import_fhir" in page
        assert not ImportJob.objects.exists()

    def test_wants_to_know_where_records_come_from(self, as_officer):
        assert upload(as_officer, ndjson(PATIENT), source="").status_code == 422


@pytest.mark.django_db
class TestReport:
    def test_names_what_was_refused_and_why(self, as_officer, job):
        page = as_officer.get(f"{IMPORTS}{job.pk}/").content.decode()

        fault = ImportFault.objects.get()
        assert "1 resource was refused" in page
        assert fault.reason[:20] in page
        assert "Try again" in page

    def test_can_be_saved_as_a_table(self, as_officer, job):
        answer = as_officer.get(f"{IMPORTS}{job.pk}/refused.csv")

        lines = answer.content.decode("utf-8-sig").splitlines()
        assert answer["Content-Type"].startswith("text/csv")
        assert lines[0] == "Where in the file,Why it was refused"
        assert len(lines) == 2

    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x"])
    def test_holds_no_formula(self, text):
        assert plain(text) == f"'{text}"
        assert plain("Bundle.entry[3]") == "Bundle.entry[3]"


@pytest.mark.django_db
class TestProgress:
    def test_is_asked_for_again_until_the_import_has_ended(self, as_officer):
        upload(as_officer, ndjson(PATIENT))
        job = ImportJob.objects.get()

        waiting = as_officer.get(f"{IMPORTS}{job.pk}/progress/")
        run_import(job, at=timezone.now())
        ended = as_officer.get(f"{IMPORTS}{job.pk}/progress/")

        assert "every 2s" in waiting.content.decode()
        assert "HX-Refresh" not in waiting
        assert "every 2s" not in ended.content.decode()
        assert ended["HX-Refresh"] == "true"

    def test_works_without_javascript_by_fetching_the_page_anew(self, as_officer):
        upload(as_officer, ndjson(PATIENT))
        job = ImportJob.objects.get()

        assert '<meta http-equiv="refresh"' in as_officer.get(f"{IMPORTS}{job.pk}/").content.decode()
        run_import(job, at=timezone.now())
        assert '<meta http-equiv="refresh"' not in as_officer.get(f"{IMPORTS}{job.pk}/").content.decode()


@pytest.mark.django_db
class TestRetry:
    def test_reads_the_file_again(self, as_officer, job):
        as_officer.post(f"{IMPORTS}{job.pk}/retry/")

        job.refresh_from_db()
        assert job.state == ImportJob.State.WAITING

    def test_is_not_offered_where_everything_was_taken(self, as_officer):
        upload(as_officer, ndjson(PATIENT))
        job = ImportJob.objects.get()
        run_import(job, at=timezone.now())

        page = as_officer.post(f"{IMPORTS}{job.pk}/retry/", follow=True).content.decode()

        job.refresh_from_db()
        assert job.state == ImportJob.State.FINISHED
        assert "There is nothing to try again" in page

    def test_happens_by_a_form_only(self, as_officer, job):
        assert as_officer.get(f"{IMPORTS}{job.pk}/retry/").status_code == 405
