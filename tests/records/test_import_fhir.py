"""The command: paths in, report out, exit status for scripts."""

import gzip
import io
import json

import pytest
from django.core.management import CommandError, call_command

from records.models import Record
from tests.records.bundles import PATIENT, bundle, observation

pytestmark = pytest.mark.django_db


def run(*args):
    out = io.StringIO()
    try:
        call_command("import_fhir", *args, stdout=out)
        status = 0
    except SystemExit as ended:
        status = ended.code
    return status, out.getvalue()


class TestImportFhir:
    def test_takes_a_folder_of_everything(self, tmp_path):
        (tmp_path / "a.json").write_text(json.dumps(PATIENT))
        (tmp_path / "b.ndjson.gz").write_bytes(
            gzip.compress(f"{observation('one')}\n{observation('two')}\n".encode())
        )
        (tmp_path / "c.json").write_text(bundle(observation("three"), kind="searchset"))

        status, printed = run(str(tmp_path))

        assert status == 0
        assert "4 imported" in printed
        assert Record.objects.count() == 4

    def test_ends_with_1_and_the_reason_when_something_was_refused(self, tmp_path):
        (tmp_path / "bad.json").write_text("{")

        status, printed = run(str(tmp_path / "bad.json"), "--json")

        assert status == 1
        (fault,) = json.loads(printed)["rejected"]
        assert fault["source"] == "bad.json"
        assert fault["reason"]

    def test_names_a_path_that_does_not_exist(self, tmp_path):
        status, printed = run(str(tmp_path / "nowhere.json"))

        assert status == 1
        assert "nowhere.json" in printed

    @pytest.mark.parametrize("patient", ["nobody", "00000000-0000-0000-0000-000000000000"])
    def test_says_what_to_do_when_there_is_no_such_patient(self, tmp_path, patient):
        with pytest.raises(CommandError, match="no patient with this id") as refused:
            run(str(tmp_path), "--patient", patient)

        assert refused.value.returncode == 2
