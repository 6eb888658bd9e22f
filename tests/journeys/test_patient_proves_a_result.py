"""From a letter to a proof that a stranger accepts, and what everybody sees when a byte was changed."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime

import pytest
from django.conf import settings
from django.core.management import call_command
from playwright.sync_api import expect

from chain.models import Mismatch
from patients.models import Patient
from patients.services import invite
from records.models import RecordVersion
from records.services.importing import import_records
from tests.conftest import CHECKOUT
from tests.journeys.accessibility import assert_accessible
from tests.journeys.conftest import PHONE
from tests.records.bundles import PATIENT, bundle, found_in, observation
from tests.records.tampering import change_in_database, one_byte_changed

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

NOW = datetime.now(UTC)


class Journey:
    """Amina, her browser, and the hospital behind it."""

    def __init__(self, page, folder):
        self.page, self.folder = page, folder

    # The hospital

    def given_amina_has_results_here(self):
        low_and_high = [{"low": {"value": 12, "unit": "g/dL"}, "high": {"value": 16, "unit": "g/dL"}}]
        results = [
            observation(f"hb-{month}", f"1{month}.50", day=f"2026-0{month}-02", referenceRange=low_and_high)
            for month in range(1, 5)
        ]
        import_records(found_in(bundle(PATIENT, *results)), source="lab", at=NOW)
        self.amina = Patient.objects.get()
        self.version = RecordVersion.objects.get(record__fhir_id="hb-4")

    def when_the_workers_anchor(self):
        call_command("anchor", "--wait", "--json")

    def when_an_officer_changes_one_byte_in_the_database(self):
        change_in_database("records_recordversion", "data", self.version.pk, one_byte_changed)

    def then_the_check_names_exactly_that_row(self, capsys):
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            call_command("check_log", "--json")
        report = json.loads(capsys.readouterr().out.splitlines()[-1])
        (finding,) = report["findings"]
        assert ended.value.code == 1
        assert str(self.version.pk) in finding["subject"]
        assert Mismatch.objects.open().get().leaf == self.version.leaf

    # Amina

    def given_amina_has_her_letter(self):
        _invitation, self.code = invite(patient=self.amina, by=None, at=NOW)

    def when_she_makes_her_passkey(self):
        self.page.goto("/invitation/")
        assert_accessible(self.page)
        self.page.get_by_label("code").first.fill(self.code)
        self.page.get_by_label("Day").fill("4")
        self.page.get_by_label("Month").fill("3")
        self.page.get_by_label("Year").fill("1980")
        self.page.get_by_role("button", name="Continue").click()
        assert_accessible(self.page)
        self.page.get_by_role("button", name="Make passkey").click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Amina")

    def when_she_signs_out_and_in_again(self):
        self.page.get_by_role("link", name="Sign out").click()
        self.page.get_by_role("button", name="Sign out").click()
        self.page.goto("/account/login/")
        assert_accessible(self.page)
        self.page.get_by_role("button", name="Sign in with your passkey").click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Amina")
        assert_accessible(self.page)

    def when_she_opens_the_result(self):
        self.page.goto("/record/")
        assert_accessible(self.page)
        self.page.get_by_role("link", name=re.compile("Haemoglobin")).first.click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Haemoglobin")

    def then_she_reads_value_and_plot(self):
        expect(self.page.get_by_text("14.50").first).to_be_visible()
        expect(self.page.locator("svg[role=img]").first).to_be_visible()
        assert_accessible(self.page)

    def then_the_result_is_marked(self, words):
        self.page.reload()
        expect(self.page.locator(".app-proof").first).to_contain_text(words)

    def when_she_downloads_the_proof(self, name="Download the proof of the whole record"):
        self.page.locator(".app-proof a").first.click()
        assert_accessible(self.page)
        with self.page.expect_download() as waiting:
            self.page.get_by_role("button", name=name).click()
        self.proof = self.folder / "proof.json"
        waiting.value.save_as(self.proof)

    def when_one_character_of_it_is_flipped(self):
        text = self.proof.read_text()
        place = text.index("14.50")
        self.damaged = self.folder / "damaged.json"
        self.damaged.write_text(text[:place] + "9" + text[place + 1 :])

    # Anyone

    def then_the_page_says(self, proof, words, page=None):
        page = page or self.page
        page.goto("/verify")
        assert_accessible(page)
        page.locator("input[type=file]").set_input_files(proof)
        expect(page.get_by_role("main")).to_contain_text(words, timeout=20_000)
        assert_accessible(page)

    def then_the_program_says(self, proof, words, *, code):
        """Run the verifier as a stranger would: no part of the portal on its path."""
        done = subprocess.run(
            [sys.executable, "-I", CHECKOUT / "verify" / "verify.py", proof, "--rpc", settings.CHAIN_RPC_URL],
            capture_output=True,
            text=True,
            cwd=self.folder,
            timeout=60,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert words in done.stdout + done.stderr


def test_an_invited_patient_reads_a_result_and_proves_it_to_a_stranger(
    deployed, browse, tmp_path, live_server, capsys
):
    amina = Journey(browse(PHONE), tmp_path)
    amina.given_amina_has_results_here()
    amina.given_amina_has_her_letter()
    amina.when_she_makes_her_passkey()
    amina.when_she_signs_out_and_in_again()
    amina.when_she_opens_the_result()
    amina.then_she_reads_value_and_plot()
    amina.then_the_result_is_marked("Recorded")
    amina.when_the_workers_anchor()
    amina.then_the_result_is_marked("Anchored")
    amina.when_she_downloads_the_proof()
    amina.when_one_character_of_it_is_flipped()
    stranger = browse()
    amina.then_the_page_says(amina.proof, "North Hospital", page=stranger)
    amina.then_the_page_says(amina.damaged, "does not match", page=stranger)
    amina.when_an_officer_changes_one_byte_in_the_database()
    amina.then_the_check_names_exactly_that_row(capsys)
    amina.page.goto(f"/record/{amina.version.record_id}/")
    amina.then_the_result_is_marked("Does not match what was anchored")
    live_server.stop()
    amina.then_the_program_says(amina.proof, "North Hospital", code=0)
    amina.then_the_program_says(amina.damaged, "does not match", code=1)
