"""Breaking the glass in the workspace: a fresh second factor, a reason, and an hour."""

import time
from datetime import timedelta

import pytest
from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.urls import reverse
from django.utils import timezone

from audit.models import Event, Review
from consent.models import BreakGlass
from doctors.models import Institution
from patients.models import Notice
from tests.consent.factories import BreakGlassFactory, GrantFactory
from tests.records.factories import RecordFactory

pytestmark = pytest.mark.django_db
REASON = "Unconscious, no history known"


def page_of(patient):
    return f"/workspace/patients/{patient.pk}/emergency/"


def chart_of(patient):
    return f"/workspace/patients/{patient.pk}/chart/"


def showed_second_factor(browser, *, minutes_ago):
    session = browser.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        {"method": "mfa", "type": "totp", "at": time.time() - minutes_ago * 60}
    ]
    session.save()


class TestThePage:
    def test_says_what_will_happen_and_opens_nothing(self, as_doctor, boris):
        page = as_doctor.get(page_of(boris)).content.decode()

        assert "Boris Ivanov" in page
        assert "for 60 minutes" in page
        assert "The patient and the privacy officer are told at once" in page
        assert not BreakGlass.objects.exists()
        assert as_doctor.get(chart_of(boris)).status_code == 404

    def test_asks_for_the_second_factor_if_it_was_shown_longer_ago(self, as_doctor, boris):
        showed_second_factor(as_doctor, minutes_ago=6)

        answer = as_doctor.get(page_of(boris))

        assert answer.status_code == 302
        assert answer.url.startswith(reverse("account_reauthenticate"))
        assert f"next=%2Fworkspace%2Fpatients%2F{boris.pk}%2Femergency%2F" in answer.url

    def test_says_to_those_who_treat_the_patient_that_they_need_it_not(self, as_doctor, amina):
        showed_second_factor(as_doctor, minutes_ago=6)

        page = as_doctor.get(page_of(amina)).content.decode()

        assert "You treat this patient" in page
        assert 'name="reason"' not in page

    def test_leads_to_the_chart_while_it_stands_open(self, as_doctor, boris, doctor_account):
        BreakGlassFactory(patient=boris, by=doctor_account, at=timezone.now() - timedelta(minutes=10))

        page = as_doctor.get(page_of(boris)).content.decode()

        assert "You opened this record at" in page
        assert 'name="reason"' not in page
        assert chart_of(boris) in page

    def test_is_offered_beside_a_grant(self, as_doctor, boris, clinician):
        GrantFactory(patient=boris, to=clinician, kinds=["allergy"], starts_at=timezone.now())

        assert 'name="reason"' in as_doctor.get(page_of(boris)).content.decode()

    def test_gives_no_hint_of_the_record(self, as_doctor, boris):
        before = as_doctor.get(page_of(boris)).content
        RecordFactory(patient=boris)
        after = as_doctor.get(page_of(boris)).content

        assert len(before) == len(after)

    def test_is_not_for_a_doctor_whom_this_hospital_has_not_entered(self, as_doctor, clinician, boris):
        clinician.institution = Institution.objects.create(name="South", portal_url="http://south.test")
        clinician.save()

        assert as_doctor.get(page_of(boris)).status_code == 403
        assert as_doctor.post(page_of(boris), {"reason": REASON}).status_code == 403

    def test_is_not_found_for_nobody(self, as_doctor):
        address = "/workspace/patients/00000000-0000-4000-8000-000000000000/emergency/"

        assert as_doctor.get(address).status_code == 404


class TestBreaking:
    def test_opens_the_chart_and_says_until_when(self, as_doctor, boris):
        page = as_doctor.post(page_of(boris), {"reason": REASON}, follow=True).content.decode()

        broken = BreakGlass.objects.get()
        closes = timezone.localtime(broken.expires_at).strftime("%H:%M")
        assert f"it closes at {closes}" in page
        assert REASON in page
        assert "Write a note" not in page
        assert Review.objects.open().get().subject == broken.pk
        assert Notice.objects.get(patient=boris).kind == "break_glass"

    def test_logs_what_was_read_under_it(self, as_doctor, boris):
        RecordFactory(patient=boris)
        as_doctor.post(page_of(boris), {"reason": REASON}, follow=True)

        event = Event.objects.of_patient(boris.pk).get(name="chart.opened")
        assert event.ground == "break_glass"
        assert event.facts["breakGlass"] == str(BreakGlass.objects.get().pk)

    def test_looks_at_the_second_factor_again_and_keeps_what_was_written(self, as_doctor, boris):
        showed_second_factor(as_doctor, minutes_ago=6)

        answer = as_doctor.post(page_of(boris), {"reason": REASON})

        page = answer.content.decode()
        assert answer.status_code == 422
        assert "Confirm once more that it is you" in page
        assert REASON in page
        assert not BreakGlass.objects.exists()

    @pytest.mark.parametrize("reason", ["", "help", "an emergency"])
    def test_owes_a_reason(self, as_doctor, boris, reason):
        answer = as_doctor.post(page_of(boris), {"reason": reason})

        assert answer.status_code == 422
        assert "There is a problem" in answer.content.decode()
        assert not BreakGlass.objects.exists()

    def test_opens_nothing_twice(self, as_doctor, boris):
        as_doctor.post(page_of(boris), {"reason": REASON})

        page = as_doctor.post(page_of(boris), {"reason": REASON}, follow=True).content.decode()

        assert "Nothing was opened anew." in page
        assert BreakGlass.objects.count() == 1

    def test_opens_nothing_to_those_who_treat_the_patient(self, as_doctor, amina):
        as_doctor.post(page_of(amina), {"reason": REASON})

        assert not BreakGlass.objects.exists()

    @pytest.mark.parametrize("role", ["as_officer", "as_privacy_officer", "as_clerk"])
    def test_is_for_doctors_only(self, boris, role, request):
        answer = request.getfixturevalue(role).post(page_of(boris), {"reason": REASON})

        assert answer.status_code == 403
        assert not BreakGlass.objects.exists()


class TestAfterwards:
    def test_is_found_for_an_hour_and_not_a_moment_longer(self, as_doctor, boris, doctor_account):
        now = timezone.now()
        open_still = BreakGlassFactory(patient=boris, by=doctor_account, at=now - timedelta(minutes=59))
        assert as_doctor.get(chart_of(open_still.patient)).status_code == 200

    def test_closes_by_itself(self, as_doctor, boris, doctor_account):
        BreakGlassFactory(patient=boris, by=doctor_account, at=timezone.now() - timedelta(minutes=60))

        assert as_doctor.get(chart_of(boris)).status_code == 404
        assert 'name="reason"' in as_doctor.get(page_of(boris)).content.decode()

    def test_opens_nothing_to_a_colleague(self, as_doctor, boris):
        BreakGlassFactory(patient=boris, at=timezone.now())

        assert as_doctor.get(chart_of(boris)).status_code == 404

    @pytest.mark.parametrize("rest", ["notes/write/", "records/{record}/correct/"])
    def test_lets_nobody_write(self, as_doctor, boris, doctor_account, rest):
        record = RecordFactory(patient=boris)
        BreakGlassFactory(patient=boris, by=doctor_account, at=timezone.now())
        address = f"/workspace/patients/{boris.pk}/{rest.format(record=record.pk)}"

        assert as_doctor.get(address).status_code == 403
        assert as_doctor.post(address, {"title": "a", "text": "b"}).status_code == 403
        shown = as_doctor.get(f"/workspace/patients/{boris.pk}/records/{record.pk}/").content.decode()
        assert "Correct this record" not in shown
