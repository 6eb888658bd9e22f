"""Finding a patient, asking them for access, and what they allowed."""

from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.rate_limit import RateLimit
from audit.models import Event
from consent.models import AccessRequest, Covers
from consent.services.granting import answer
from consent.services.revoking import revoke_grant
from consent.workspace import finding
from doctors.models import Institution
from patients.numbers import new_number
from patients.registration import Identifier
from tests.consent.factories import AccessRequestFactory, ClinicianFactory, DepartmentFactory, GrantFactory
from tests.records.factories import PatientFactory, RecordFactory

pytestmark = pytest.mark.django_db
FIND, REQUESTS, SHARED = "/workspace/find/", "/workspace/requests/", "/workspace/shared/"
ASKED = {
    "covers": "summary",
    "purpose": "TREAT",
    "days": "30",
    "reason": "You come to my clinic on Monday.",
}


@pytest.fixture
def clara(db):
    """A patient with an account and a number of this hospital, whom nobody treats."""
    return PatientFactory(given_names="Clara", family_name="De la Cruz", identifiers=[new_number()])


def number_of(patient):
    return patient.identifiers.get().value


def ask_page(patient):
    return f"/workspace/patients/{patient.pk}/ask/"


def found(answer):
    return [hit["patient"] for hit in answer.context.get("hits", [])]


class TestFindPatient:
    def test_finds_by_the_whole_number(self, as_doctor, clara):
        assert found(as_doctor.post(FIND, {"number": number_of(clara)})) == [clara]
        assert found(as_doctor.post(FIND, {"number": number_of(clara)[:-1]})) == []

    def test_finds_by_another_systems_number(self, as_doctor):
        insured = PatientFactory(identifiers=[Identifier("urn:insurer", "AB 12-34")])

        assert found(as_doctor.post(FIND, {"number": "ab 12-34"})) == [insured]

    @pytest.mark.parametrize("name", ["De la Cruz", "de LA cruz"])
    def test_finds_by_family_name_and_birth_date(self, as_doctor, clara, name):
        answer = as_doctor.post(FIND, {"family_name": name, "birth_date": "1980-03-04"})

        assert found(answer) == [clara]

    @pytest.mark.parametrize(
        ("name", "born"), [("Cruz", "1980-03-04"), ("Clara", "1980-03-04"), ("De la Cruz", "1980-03-05")]
    )
    def test_finds_nobody_by_less(self, as_doctor, clara, name, born):
        answer = as_doctor.post(FIND, {"family_name": name, "birth_date": born})

        assert found(answer) == []
        assert "Nobody matches" in answer.content.decode()

    @pytest.mark.parametrize("number", ["Clara", "1980-03-04", "%"])
    def test_takes_no_name_and_no_day_for_a_number(self, as_doctor, clara, number):
        assert found(as_doctor.post(FIND, {"number": number})) == []

    @pytest.mark.parametrize(
        "asked",
        [{}, {"family_name": "De la Cruz"}, {"birth_date": "1980-03-04"}, {"birth_date": "2999-01-01"}],
    )
    def test_asks_for_what_is_missing(self, as_doctor, clara, asked):
        answer = as_doctor.post(FIND, asked)

        assert answer.status_code == 422
        assert "There is a problem" in answer.content.decode()

    def test_says_who_it_is_and_gives_no_hint_of_the_record(self, as_doctor, clara):
        before = as_doctor.post(FIND, {"number": number_of(clara)}).content.decode()
        RecordFactory(patient=clara)
        after = as_doctor.post(FIND, {"number": number_of(clara)}).content.decode()

        assert "Clara De la Cruz" in before
        assert "4 March 1980" in before
        assert "Open the chart" not in before
        assert len(before) == len(after)

    def test_is_no_list_to_look_through(self, as_doctor):
        for _number in range(6):
            PatientFactory(family_name="Twin", birth_date=date(1990, 1, 1))

        answer = as_doctor.post(FIND, {"family_name": "Twin", "birth_date": "1990-01-01"})

        assert answer.status_code == 422
        assert found(answer) == []
        assert "Use the patient number" in answer.content.decode()
        assert not Event.objects.filter(name="patient.found").exists()

    def test_leaves_a_line_with_each_patient_who_is_shown(self, as_doctor, doctor_account, clara, boris):
        as_doctor.post(FIND, {"number": number_of(clara)})

        event = Event.objects.get(name="patient.found")
        assert (event.patient_id, event.actor_id) == (clara.pk, doctor_account.pk)
        assert number_of(clara) not in str(event.facts)

    def test_is_read_by_the_patient_who_was_found(self, as_doctor, client, clara):
        as_doctor.post(FIND, {"number": number_of(clara)})
        client.force_login(clara.user)

        page = client.get("/record/who-looked/lists/").content.decode()

        assert "looked you up by your number, or by name and birth date" in page

    def test_stops_who_looks_for_many(self, as_doctor, clara, monkeypatch):
        monkeypatch.setattr(finding, "LIMIT", RateLimit("find_patient", attempts=2, seconds=10**6))
        for _number in range(2):
            assert as_doctor.post(FIND, {"number": "0"}).status_code == 200

        answer = as_doctor.post(FIND, {"number": number_of(clara)})

        assert answer.status_code == 429
        assert found(answer) == []

    def test_takes_nothing_from_the_address(self, as_doctor, clara):
        page = as_doctor.get(FIND, {"number": number_of(clara)})

        assert found(page) == []
        assert number_of(clara) not in page.content.decode()

    def test_leads_to_the_chart_where_there_is_a_ground(self, as_doctor, clara, clinician, amina):
        GrantFactory(patient=clara, to=clinician, starts_at=timezone.now())

        page = as_doctor.post(FIND, {"number": number_of(clara)}).content.decode()
        assert f"/workspace/patients/{clara.pk}/chart/" in page
        assert f"/workspace/patients/{clara.pk}/emergency/" in page

        treated = as_doctor.post(FIND, {"family_name": "Diallo", "birth_date": "1980-03-04"}).content.decode()
        assert f"/workspace/patients/{amina.pk}/chart/" in treated
        assert f"/workspace/patients/{amina.pk}/emergency/" not in treated


class TestAskAccess:
    def test_shows_what_the_patient_will_read_before_anything_is_asked(self, as_doctor, clara):
        page = as_doctor.post(ask_page(clara), {**ASKED, "step": "preview"}).content.decode()

        assert "What the patient reads" in page
        assert "a summary of your record" in page
        assert "to treat you" in page
        assert "You come to my clinic on Monday." in page
        assert not AccessRequest.objects.exists()

    def test_lets_it_be_changed_without_losing_a_word(self, as_doctor, clara):
        page = as_doctor.post(ask_page(clara), {**ASKED, "step": "change"})

        assert page.context["form"]["reason"].value() == ASKED["reason"]
        assert not AccessRequest.objects.exists()

    def test_asks(self, as_doctor, clara, clinician):
        answer = as_doctor.post(
            ask_page(clara), {**ASKED, "covers": "categories", "kinds": ["allergy", "result"], "step": "send"}
        )

        assert answer.url == REQUESTS
        request = AccessRequest.objects.get()
        assert (request.patient, request.clinician) == (clara, clinician)
        assert request.kinds == ["result", "allergy"]
        assert (request.days, request.reason) == (30, ASKED["reason"])

    @pytest.mark.parametrize(
        "change",
        [
            {"reason": ""},
            {"days": "0"},
            {"days": "366"},
            {"covers": "documents"},
            {"covers": "categories"},
            {"covers": "categories", "kinds": "directory"},
            {"purpose": "HPAYMT"},
        ],
    )
    def test_asks_for_nothing_that_makes_no_sense(self, as_doctor, clara, change):
        answer = as_doctor.post(ask_page(clara), {**ASKED, **change, "step": "send"})

        assert answer.status_code == 422
        assert not AccessRequest.objects.exists()

    def test_does_not_ask_the_same_twice(self, as_doctor, clara):
        as_doctor.post(ask_page(clara), {**ASKED, "step": "send"})

        answer = as_doctor.post(ask_page(clara), {**ASKED, "step": "send"})

        assert answer.status_code == 409
        assert AccessRequest.objects.count() == 1
        assert "You have asked already" in as_doctor.get(ask_page(clara)).content.decode()

    def test_says_to_those_who_treat_the_patient_that_they_see_it_already(self, as_doctor, amina):
        assert "read the whole record already" in as_doctor.get(ask_page(amina)).content.decode()

    def test_gives_no_hint_of_the_record(self, as_doctor, clara):
        before = as_doctor.get(ask_page(clara)).content
        RecordFactory(patient=clara)

        assert len(as_doctor.get(ask_page(clara)).content) == len(before)

    def test_asks_in_nobody_elses_name(self, as_doctor, clinician, clara):
        clinician.institution = Institution.objects.create(name="South", portal_url="http://south.test")
        clinician.save()

        assert as_doctor.post(ask_page(clara), {**ASKED, "step": "send"}).status_code == 403

    @pytest.mark.parametrize("role", ["as_officer", "as_privacy_officer", "as_clerk"])
    def test_is_for_doctors_only(self, clara, role, request):
        browser = request.getfixturevalue(role)

        assert browser.get(ask_page(clara)).status_code == 403
        assert browser.post(ask_page(clara), {**ASKED, "step": "send"}).status_code == 403


class TestMyRequests:
    def words(self, browser):
        return browser.get(REQUESTS).content.decode()

    def test_says_what_will_appear(self, as_doctor):
        assert "You have not asked anybody yet" in self.words(as_doctor)

    def test_shows_my_own_only(self, as_doctor, clinician, clara, boris):
        AccessRequestFactory(patient=clara, clinician=clinician, at=timezone.now())
        AccessRequestFactory(patient=boris, at=timezone.now())

        page = self.words(as_doctor)

        assert "Waits for the patient" in page
        assert "Clara" in page
        assert "Boris" not in page

    def test_tells_a_yes_with_its_end(self, as_doctor, clinician, clara):
        now = timezone.now()
        asked = AccessRequestFactory(patient=clara, clinician=clinician, at=now)
        grant = GrantFactory(
            patient=clara, to=clinician, covers=Covers.SUMMARY, starts_at=now, days=7, request=asked
        )

        page = self.words(as_doctor)
        assert "Allowed" in page
        assert f"until {timezone.localtime(grant.expires_at):%-d %B %Y}" in page
        assert f"/workspace/patients/{clara.pk}/chart/" in page

        revoke_grant(grant=grant, by=clara.user, at=timezone.now())
        page = self.words(as_doctor)
        assert "Allowed, and ended since" in page
        assert f"/workspace/patients/{clara.pk}/chart/" not in page

    def test_tells_a_no_in_the_patients_words(self, as_doctor, clinician, clara):
        asked = AccessRequestFactory(patient=clara, clinician=clinician, at=timezone.now())
        answer(asked, is_accepted=False, words="Ask my own doctor.", by=clara.user, at=timezone.now())

        assert "Ask my own doctor." in self.words(as_doctor)

    def test_tells_that_nobody_answered(self, as_doctor, clinician, clara):
        AccessRequestFactory(patient=clara, clinician=clinician, at=timezone.now() - timedelta(days=31))

        assert "Not answered in time" in self.words(as_doctor)

    def test_makes_as_many_queries_for_many_as_for_one(self, as_doctor, clinician, clara):
        def queries():
            with CaptureQueriesContext(connection) as made:
                as_doctor.get(REQUESTS)
            return len(made)

        AccessRequestFactory(patient=clara, clinician=clinician, at=timezone.now())
        queries()
        one = queries()
        for _number in range(9):
            AccessRequestFactory(clinician=clinician, at=timezone.now())

        assert queries() == one


class TestWithdraw:
    def page(self, request):
        return f"{REQUESTS}{request.pk}/withdraw/"

    def test_asks_once_and_does_it(self, as_doctor, clinician, clara):
        request = AccessRequestFactory(patient=clara, clinician=clinician, at=timezone.now())

        assert "Withdraw this request" in as_doctor.get(self.page(request)).content.decode()
        assert AccessRequest.objects.open(timezone.now()).exists()
        as_doctor.post(self.page(request))

        assert not AccessRequest.objects.open(timezone.now()).exists()
        assert "Withdrawn" in as_doctor.get(REQUESTS).content.decode()

    def test_changes_nothing_after_an_answer(self, as_doctor, clinician, clara):
        request = AccessRequestFactory(patient=clara, clinician=clinician, at=timezone.now())
        answer(request, is_accepted=False, by=clara.user, at=timezone.now())

        page = as_doctor.post(self.page(request), follow=True).content.decode()

        assert "Nothing has changed" in page

    def test_is_not_found_for_another_doctors_request(self, as_doctor, clara):
        request = AccessRequestFactory(patient=clara, at=timezone.now())

        assert as_doctor.get(self.page(request)).status_code == 404
        assert as_doctor.post(self.page(request)).status_code == 404


class TestSharedWithMe:
    def test_says_what_will_appear(self, as_doctor):
        assert "Nobody shares a record with you now" in as_doctor.get(SHARED).content.decode()

    def test_shows_what_and_until_when(self, as_doctor, clinician, clara):
        grant = GrantFactory(
            patient=clara, to=clinician, kinds=["allergy", "medicine"], starts_at=timezone.now()
        )

        page = as_doctor.get(SHARED).content.decode()

        assert "Clara De la Cruz" in page
        assert "medicines, allergies" in page
        assert f"{timezone.localtime(grant.expires_at):%-d %B %Y}" in page
        assert "On paper" not in page

    @pytest.mark.parametrize("to", ["department", "hospital"])
    def test_shows_what_the_department_and_the_hospital_were_allowed(
        self, as_doctor, clinician, clara, hospital, to
    ):
        department = DepartmentFactory(institution=hospital)
        clinician.department = department
        clinician.save()
        GrantFactory(
            patient=clara, to=department if to == "department" else hospital, starts_at=timezone.now()
        )

        assert "Clara De la Cruz" in as_doctor.get(SHARED).content.decode()

    def test_shows_nothing_that_others_were_allowed(self, as_doctor, clara, hospital):
        GrantFactory(patient=clara, to=ClinicianFactory(institution=hospital), starts_at=timezone.now())
        GrantFactory(patient=clara, to=DepartmentFactory(institution=hospital), starts_at=timezone.now())

        assert "Clara" not in as_doctor.get(SHARED).content.decode()

    def test_marks_paper_as_weaker(self, as_doctor, clinician, clara):
        GrantFactory(patient=clara, to=clinician, attested=True, starts_at=timezone.now())

        assert "not signed by the patient" in as_doctor.get(SHARED).content.decode()

    def test_counts_only_what_may_be_read(self, as_doctor, clinician, clara):
        GrantFactory(patient=clara, to=clinician, kinds=["allergy"], starts_at=timezone.now())
        before = as_doctor.get(SHARED).context["rows"][0]["record_count"]
        RecordFactory(patient=clara)

        assert before == as_doctor.get(SHARED).context["rows"][0]["record_count"] == 0

    def test_names_what_ended_lately_without_a_way_to_it(self, as_doctor, clinician, clara):
        now = timezone.now()
        GrantFactory(
            patient=clara,
            to=clinician,
            starts_at=now - timedelta(days=9),
            revoked_at=now - timedelta(days=1),
        )

        page = as_doctor.get(SHARED).content.decode()

        assert "stopped by the patient" in page
        assert f"/workspace/patients/{clara.pk}/" not in page
        assert Event.objects.of_patient(clara.pk).get(name="patient.listed").ground == "staff_duty"

    def test_forgets_what_ended_long_ago(self, as_doctor, clinician, clara):
        now = timezone.now()
        GrantFactory(patient=clara, to=clinician, starts_at=now - timedelta(days=90), days=50)

        assert "Clara" not in as_doctor.get(SHARED).content.decode()

    def test_leaves_a_line_with_each_patient_who_is_shown(self, as_doctor, clinician, clara):
        GrantFactory(patient=clara, to=clinician, starts_at=timezone.now())

        as_doctor.get(SHARED)

        assert Event.objects.of_patient(clara.pk).get(name="patient.listed").ground == "grant"

    def test_makes_as_many_queries_for_many_as_for_one(self, as_doctor, clinician, clara):
        def queries():
            with CaptureQueriesContext(connection) as made:
                as_doctor.get(SHARED)
            return len(made)

        GrantFactory(patient=clara, to=clinician, starts_at=timezone.now())
        queries()
        one = queries()
        for _number in range(9):
            GrantFactory(to=clinician, starts_at=timezone.now())

        assert queries() == one
