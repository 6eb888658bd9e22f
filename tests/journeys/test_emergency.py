"""A doctor breaks the glass, all whom it concerns see it, and after an hour the record is shut again."""

import re
import time
from datetime import UTC, datetime, timedelta
from importlib import import_module

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.conf import settings
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Role, User
from audit.models import Review
from consent.models import BreakGlass
from doctors.models import Clinician
from patients.models import Patient
from patients.services import invite
from records.services.importing import import_records
from tests.consent.factories import this_hospital
from tests.journeys.accessibility import assert_accessible
from tests.journeys.conftest import PHONE
from tests.records.bundles import PATIENT, bundle, found_in, observation

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]

PASSWORD = "correct horse battery staple"
REASON = "Unconscious after a fall, no history known"
FINDING = "Brought in by ambulance at that time; reading was needed to treat."


class Staff:
    """A member of staff and their browser."""

    def __init__(self, page, role, username, name):
        self.page = page
        self.user = User.objects.create_user(username, PASSWORD, role=role, display_name=name)
        self.secret = generate_totp_secret()
        TOTP.activate(self.user, self.secret)
        self.used = 0

    def code(self):
        """A code that the authenticator app shows about now, and that was not used yet."""
        # Each may be used once; the portal takes those half a minute before and after.
        self.used = max(self.used + 1, int(time.time()) // 30)
        return format_hotp_value(hotp_value(self.secret, self.used))

    def when_they_sign_in(self):
        self.page.goto("/workspace/")
        self.page.get_by_text("Hospital staff: sign in with user name and password").click()
        self.page.get_by_label("User name").fill(self.user.username)
        self.page.get_by_role("textbox", name="Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Continue").click()
        self.page.get_by_label("Code").fill(self.code())
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        expect(self.page).to_have_url(re.compile("/workspace/"))

    def when_their_screen_was_left_open(self, minutes):
        cookie = next(c for c in self.page.context.cookies() if c["name"] == settings.SESSION_COOKIE_NAME)
        session = import_module(settings.SESSION_ENGINE).SessionStore(cookie["value"])
        for record in session[AUTHENTICATION_METHODS_SESSION_KEY]:
            record["at"] -= minutes * 60
        session.save()

    def then_the_page_says(self, words):
        expect(self.page.locator("#main")).to_contain_text(words)


class Doctor(Staff):
    """Dr Okafor, who treats nobody here."""

    def __init__(self, page):
        super().__init__(page, Role.DOCTOR, "okafor", "Dr Ada Okafor")
        Clinician.objects.create(user=self.user, institution=this_hospital(), name="Dr Ada Okafor")

    def when_she_finds_the_patient(self, patient):
        self.page.get_by_role("link", name="Find a patient").first.click()
        assert_accessible(self.page)
        self.page.get_by_label("Family name").fill(patient.family_name)
        self.page.get_by_label("Birth date").fill(patient.birth_date.isoformat())
        self.page.get_by_role("button", name="Find", exact=True).click()
        self.then_the_page_says(patient.full_name)
        assert_accessible(self.page)
        expect(self.page.get_by_role("link", name=re.compile("Open the chart"))).to_have_count(0)

    def when_she_wants_to_break_the_glass(self):
        self.page.get_by_role("link", name=re.compile("Break the glass")).click()

    def then_she_is_asked_for_her_second_factor(self):
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Show that it is still you")
        assert not BreakGlass.objects.exists()

    def when_she_shows_it(self):
        self.page.get_by_label("Code").fill(self.code())
        self.page.get_by_role("button", name="Continue").click()

    def when_she_says_why(self):
        assert_accessible(self.page)
        self.page.get_by_label("What has happened?").fill(REASON)
        self.page.get_by_role("button", name="Break the glass").click()

    def then_she_reads_the_chart(self):
        broken = BreakGlass.objects.get()
        closes = timezone.localtime(broken.expires_at).strftime("%H:%M")
        self.then_the_page_says(f"it closes at {closes}.")
        self.then_the_page_says(REASON)
        self.then_the_page_says("Haemoglobin")
        expect(self.page.get_by_role("link", name="Write a note")).to_have_count(0)
        assert_accessible(self.page)
        self.chart = self.page.url

    def then_the_chart_is_gone(self):
        answer = self.page.goto(self.chart)
        assert answer.status == 404
        expect(self.page.locator("body")).not_to_contain_text("Haemoglobin")


class Amina:
    """The patient and her telephone."""

    def __init__(self, page):
        self.page = page
        import_records(found_in(bundle(PATIENT, observation())), source="lab", at=datetime.now(UTC))
        self.patient = Patient.objects.get()

    def when_she_makes_her_passkey(self):
        _invitation, code = invite(patient=self.patient, by=None, at=datetime.now(UTC))
        self.page.goto("/invitation/")
        self.page.get_by_label("code").first.fill(code)
        for part, value in (("Day", "day"), ("Month", "month"), ("Year", "year")):
            self.page.get_by_label(part).fill(str(getattr(self.patient.birth_date, value)))
        self.page.get_by_role("button", name="Continue").click()
        self.page.get_by_role("button", name="Make passkey").click()
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Amina")

    def then_her_first_page_says(self, words):
        self.page.goto("/")
        expect(self.page.get_by_role("main")).to_contain_text(words)
        assert_accessible(self.page)

    def then_who_looked_shows_the_emergency(self):
        self.page.goto("/record/who-looked/")
        main = self.page.get_by_role("main")
        expect(main).to_contain_text("Dr Ada Okafor")
        expect(main.get_by_text("Emergency", exact=True).first).to_be_visible()
        assert_accessible(self.page)


class PrivacyOfficer(Staff):
    """Petra Novak, who looks into each emergency."""

    def __init__(self, page):
        super().__init__(page, Role.PRIVACY_OFFICER, "novak", "Petra Novak")

    def then_it_waits_for_her(self):
        self.page.get_by_role("link", name="To review").first.click()
        self.then_the_page_says("Emergency opening")
        assert_accessible(self.page)

    def when_she_opens_it(self):
        review = Review.objects.open().get()
        self.page.locator(f'a[href$="/{review.pk}/"]').first.click()
        self.then_the_page_says(REASON)
        self.then_the_page_says("1 opening under this emergency")
        assert_accessible(self.page)

    def then_it_cannot_be_closed_without_a_finding(self):
        self.page.get_by_label("In order: there was a good reason").check()
        self.page.get_by_role("button", name="Close with this finding").click()
        self.then_the_page_says("There is a problem")
        assert Review.objects.open().exists()

    def when_she_closes_it(self):
        self.page.get_by_label("In order: there was a good reason").check()
        self.page.get_by_label("What you found").fill(FINDING)
        self.page.get_by_role("button", name="Close with this finding").click()
        expect(self.page.locator("#main")).to_contain_text("closed", ignore_case=True)
        assert not Review.objects.open().exists()


def test_an_emergency_opens_one_record_for_an_hour_and_is_answered_for(browse, time_machine):
    amina = Amina(browse(PHONE))
    amina.when_she_makes_her_passkey()

    doctor = Doctor(browse())
    doctor.when_they_sign_in()
    doctor.when_she_finds_the_patient(amina.patient)
    doctor.when_their_screen_was_left_open(minutes=6)
    doctor.when_she_wants_to_break_the_glass()
    doctor.then_she_is_asked_for_her_second_factor()
    doctor.when_she_shows_it()
    doctor.when_she_says_why()
    doctor.then_she_reads_the_chart()

    amina.then_her_first_page_says("Your record was opened in an emergency")
    amina.then_her_first_page_says(REASON)
    amina.then_who_looked_shows_the_emergency()

    officer = PrivacyOfficer(browse())
    officer.when_they_sign_in()
    officer.then_it_waits_for_her()
    officer.when_she_opens_it()
    officer.then_it_cannot_be_closed_without_a_finding()
    officer.when_she_closes_it()
    amina.then_her_first_page_says("privacy officer looked into it")

    time_machine.move_to(datetime.now(UTC) + timedelta(minutes=60))
    doctor.then_the_chart_is_gone()
