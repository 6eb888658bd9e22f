"""A patient shares with a department, answers a doctor, and stops while the chain cannot be reached."""

import re
import subprocess
import sys

import pytest
from django.conf import settings as configured
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from chain.client import current_node
from chain.deployment import CONSENT_REGISTRY, contracts
from consent.models import Covers, Grant, Purpose
from consent.services.requests import ask_access
from patients.services import invite
from tests.accounts.signing_in import sign_in
from tests.conftest import CHECKOUT
from tests.consent.factories import ClinicianFactory, DepartmentFactory
from tests.journeys.accessibility import assert_accessible
from tests.journeys.conftest import PHONE
from tests.records.factories import PatientFactory, RecordFactory, allergy, result

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

NOBODY_THERE = "http://127.0.0.1:9"


class Journey:
    """Amina on her telephone, Dr Khan of cardiology at his desk, and the chain."""

    def __init__(self, page, desk, settings, portal_url):
        self.page, self.desk, self.settings, self.portal_url = page, desk, settings, portal_url

    # The hospital

    def given_amina_has_a_record(self):
        self.amina = PatientFactory(given_names="Amina", family_name="Diallo", with_account=False)
        RecordFactory(patient=self.amina, content=allergy("Peanuts"))
        RecordFactory(patient=self.amina, content=result())

    def given_dr_khan_works_in_cardiology(self):
        self.khan = ClinicianFactory(
            name="Dr Imran Khan", department=DepartmentFactory(name="Cardiology"), specialty="Heart surgery"
        )
        self.when_dr_khan_signs_in()

    def when_dr_khan_signs_in(self):
        cookie = sign_in(self.khan.user).cookies["sessionid"].value
        self.desk.context.add_cookies([{"name": "sessionid", "value": cookie, "url": self.portal_url}])

    def given_dr_khan_asks_for_a_summary(self):
        self.request = ask_access(
            patient=self.amina,
            clinician=self.khan,
            covers=Covers.SUMMARY,
            kinds=[],
            purpose=Purpose.SECOND_OPINION,
            reason="Before we decide about the operation",
            days=30,
            by=self.khan.user,
            at=timezone.now(),
        )

    def when_dr_khan_opens_the_chart(self):
        return self.desk.goto(reverse("workspace:chart", args=[self.amina.pk]))

    def then_dr_khan_sees_the_summary_and_nothing_else(self):
        assert self.when_dr_khan_opens_the_chart().status == 200
        expect(self.desk.locator("#main")).to_contain_text("Peanuts")
        expect(self.desk.locator("#main")).not_to_contain_text("Haemoglobin")

    def then_dr_khan_finds_nothing(self):
        assert self.when_dr_khan_opens_the_chart().status == 404

    # Amina

    def when_she_signs_in_for_the_first_time(self):
        _invitation, code = invite(patient=self.amina, by=None, at=timezone.now())
        born = self.amina.birth_date
        self.page.goto("/invitation/")
        self.page.get_by_label("code").first.fill(code)
        for label, number in (("Day", born.day), ("Month", born.month), ("Year", born.year)):
            self.page.get_by_label(label).fill(str(number))
        self.press("Continue")
        self.press("Make passkey")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Amina")

    def when_she_signs_in_again(self):
        self.page.goto(reverse("account_login"))
        self.press("Sign in with your passkey")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Amina")

    def when_she_opens(self, name, *args):
        self.page.goto(reverse(name, args=args))
        assert_accessible(self.page)

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def when_she_answers(self, question, chosen=None):
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(question)
        assert_accessible(self.page)
        if chosen:
            self.page.get_by_label(chosen).check()
        self.press("Continue")

    def when_she_shares_her_summary_with_cardiology(self):
        self.when_she_opens("sharing:index")
        self.press("Share with someone")
        self.when_she_answers("Who do you want to share with?", "A department")
        self.when_she_answers("Which department?", "Cardiology, North Hospital")
        self.when_she_answers("What do you want to share?", "A summary")
        self.when_she_answers("Do you want to share sensitive topics, too?")
        self.when_she_answers("Why do you share it?", "To treat me")
        self.when_she_answers("For how long?", "For 30 days")
        expect(self.page.get_by_role("main")).to_contain_text(
            "Cardiology of North Hospital may see a summary of your record until"
        )
        assert_accessible(self.page)
        self.press("Go on, make my key and sign")

    def when_she_makes_her_key_and_signs(self):
        self.page.get_by_label("Name of this key").fill("My phone")
        self.press("Make my key")
        self.press("Use my new key")
        self.press("Share, and confirm with my passkey")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("You are sharing")

    def when_she_comes_back(self):
        self.page.get_by_role("button", name=re.compile("Back to")).click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Sharing")
        assert_accessible(self.page)

    def when_she_agrees_to_what_dr_khan_asks(self):
        self.when_she_opens("home")
        self.page.get_by_role("link", name="Answer Dr Imran Khan").click()
        expect(self.page.get_by_role("main")).to_contain_text("Before we decide about the operation")
        assert_accessible(self.page)
        self.press("Agree")
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Check what you share")
        self.press("Go on, make my key and sign")

    def when_she_stops_sharing(self):
        self.when_she_opens("sharing:index")
        self.page.get_by_role("link", name=re.compile("Stop sharing")).click()
        assert_accessible(self.page)
        self.press("Stop sharing")

    def then_the_page_says(self, *sentences):
        for words in sentences:
            expect(self.page.get_by_role("main")).to_contain_text(words)
        assert_accessible(self.page)

    def when_she_downloads_the_evidence(self, folder):
        self.when_she_opens("sharing:grant", Grant.objects.get().pk)
        with self.page.expect_download() as waiting:
            self.page.get_by_role("link", name="Download the evidence").click()
        self.evidence = folder / "evidence.json"
        waiting.value.save_as(self.evidence)

    # The chain, and anyone

    def when_the_chain_cannot_be_reached(self):
        self.rpc, self.settings.CHAIN_RPC_URL = self.settings.CHAIN_RPC_URL, NOBODY_THERE

    def when_the_chain_is_back(self):
        self.settings.CHAIN_RPC_URL = self.rpc

    def then_the_contract_says(self, *, is_active):
        grant = Grant.objects.get()
        answer = current_node().call(
            CONSENT_REGISTRY,
            contracts().consent_registry,
            "isActive",
            bytes(self.amina.pseudonym.value),
            bytes(grant.digest),
        )
        assert answer == is_active

    def then_the_contract_ends_it_by_itself(self):
        grant = Grant.objects.get()
        asked = bytes(self.amina.pseudonym.value), bytes(grant.digest)
        last = int(grant.expires_at.timestamp()) - 1
        where = contracts().consent_registry
        answers = current_node().call_all(
            CONSENT_REGISTRY, where, "isActiveAt", [(*asked, last), (*asked, last + 1)]
        )
        assert answers == [True, False]

    def then_a_stranger_can_check_the_evidence(self):
        done = subprocess.run(
            [
                *(sys.executable, "-I", CHECKOUT / "verify" / "verify.py"),
                *(self.evidence, "--rpc", configured.CHAIN_RPC_URL),
            ],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def journey(deployed, browse, settings, portal_url):
    journey = Journey(browse(PHONE), browse(), settings, portal_url)
    journey.given_amina_has_a_record()
    journey.given_dr_khan_works_in_cardiology()
    journey.when_she_signs_in_for_the_first_time()
    return journey


def test_a_patient_shares_a_summary_and_stops_while_the_chain_is_down(journey, chain_catches_up, tmp_path):
    journey.then_dr_khan_finds_nothing()
    journey.when_she_shares_her_summary_with_cardiology()
    journey.when_she_makes_her_key_and_signs()
    journey.when_she_comes_back()
    journey.then_the_page_says("You signed it.", "On its way to the public register. It holds here already.")
    journey.then_dr_khan_sees_the_summary_and_nothing_else()
    chain_catches_up()
    journey.when_she_opens("sharing:index")
    journey.then_the_page_says("In the public register since")
    journey.then_the_contract_says(is_active=True)
    journey.when_she_downloads_the_evidence(tmp_path)
    journey.then_a_stranger_can_check_the_evidence()

    journey.when_the_chain_cannot_be_reached()
    journey.when_she_stops_sharing()
    journey.then_the_page_says(
        "You stopped sharing.", "The public register will be told as soon as it can be reached."
    )
    journey.then_dr_khan_finds_nothing()
    journey.when_the_chain_is_back()
    journey.then_the_contract_says(is_active=True)
    chain_catches_up()
    journey.when_she_opens("sharing:grant", Grant.objects.get().pk)
    journey.then_the_page_says("The public register has known that you stopped it since")
    journey.then_the_contract_says(is_active=False)


def test_a_patient_agrees_to_what_a_doctor_asks(journey):
    journey.given_dr_khan_asks_for_a_summary()
    journey.then_dr_khan_finds_nothing()
    journey.when_she_agrees_to_what_dr_khan_asks()
    journey.when_she_makes_her_key_and_signs()
    journey.when_she_comes_back()
    journey.then_the_page_says("Dr Imran Khan of North Hospital may see a summary of your record")
    journey.then_dr_khan_sees_the_summary_and_nothing_else()
    journey.when_she_opens("sharing:request", journey.request.pk)
    journey.then_the_page_says("You agreed on")


def test_what_a_patient_shared_ends_by_itself(journey, chain_catches_up, time_machine):
    journey.when_she_shares_her_summary_with_cardiology()
    journey.when_she_makes_her_key_and_signs()
    chain_catches_up()
    journey.then_the_contract_says(is_active=True)
    journey.then_the_contract_ends_it_by_itself()
    journey.then_dr_khan_sees_the_summary_and_nothing_else()

    time_machine.move_to(Grant.objects.get().expires_at)
    journey.when_dr_khan_signs_in()
    journey.then_dr_khan_finds_nothing()
    journey.when_she_signs_in_again()
    journey.when_she_opens("sharing:index")
    journey.then_the_page_says("You share your record with nobody.")
    journey.when_she_opens("sharing:grant", Grant.objects.get().pk)
    journey.then_the_page_says("Ran out on")
