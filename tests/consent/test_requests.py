"""Asking a patient for access: what is kept, what the patient reads, and when a question ends."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied

from accounts.models import Role, User
from audit.models import Event
from consent.categories import Kind
from consent.models import AccessRequest, Covers, Purpose
from consent.rules import Action, decide
from consent.services.granting import NothingCovered, PeriodInvalid, answer
from consent.services.requests import (
    AlreadyAsked,
    NotAskable,
    RequestNotOpen,
    ask_access,
    withdraw_request,
)
from doctors.models import Clinician, Institution
from patients.models import Notice
from tests.records.factories import PatientFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def hospital(db):
    return Institution.objects.create(name="North", portal_url="http://north.test", is_this_hospital=True)


@pytest.fixture
def clinician(doctor_account, hospital):
    return Clinician.objects.create(user=doctor_account, institution=hospital, name="Dr Ada Okafor")


@pytest.fixture
def amina(db):
    return PatientFactory(given_names="Amina", family_name="Diallo")


@pytest.fixture
def ask(amina, clinician, doctor_account, noon):
    def ask(**changes):
        return ask_access(
            **{
                "patient": amina,
                "clinician": clinician,
                "covers": Covers.SUMMARY,
                "kinds": (),
                "purpose": Purpose.TREATMENT,
                "reason": "You come to my clinic on Monday.",
                "days": 30,
                "by": doctor_account,
                "at": noon,
                **changes,
            }
        )

    return ask


class TestAskAccess:
    def test_asks_and_opens_nothing(self, ask, amina, doctor_account, noon):
        request = ask()

        assert AccessRequest.objects.open(noon).get() == request
        assert request.reason == "You come to my clinic on Monday."
        assert not decide(actor=doctor_account, action=Action.READ, patient=amina, at=noon).allowed

    def test_leaves_a_line_and_tells_the_patient(self, ask, amina):
        request = ask()

        event = Event.objects.get(name="consent.requested")
        assert event.patient_id == amina.pk
        assert event.purpose == Purpose.TREATMENT
        assert event.facts["request"] == str(request.pk)
        assert Notice.objects.get(patient=amina).kind == Notice.Kind.REQUEST

    def test_keeps_the_kinds_that_were_named_in_their_order(self, ask):
        request = ask(covers=Covers.CATEGORIES, kinds=[Kind.ALLERGY, Kind.RESULT, Kind.RESULT])

        assert request.kinds == ["result", "allergy"]

    def test_keeps_no_kinds_where_none_are_chosen(self, ask):
        assert ask(covers=Covers.EVERYTHING, kinds=[Kind.RESULT]).kinds == []

    def test_asks_for_something(self, ask):
        with pytest.raises(NothingCovered):
            ask(covers=Covers.CATEGORIES)

    @pytest.mark.parametrize(
        "changes",
        [
            {"covers": Covers.DOCUMENTS},
            {"covers": Covers.CATEGORIES, "kinds": [Kind.DIRECTORY]},
            {"purpose": Purpose.HELP},
            {"purpose": Purpose.PAYMENT},
        ],
    )
    def test_asks_for_nothing_that_only_a_patient_can_choose(self, ask, changes):
        with pytest.raises(NotAskable):
            ask(**changes)

    @pytest.mark.parametrize("days", [0, -1, 366])
    def test_lasts_from_a_day_to_a_year(self, ask, days):
        with pytest.raises(PeriodInvalid):
            ask(days=days)

    def test_is_not_asked_twice_while_it_waits(self, ask, noon):
        ask()

        with pytest.raises(AlreadyAsked):
            ask(days=7, reason="Again")

        assert AccessRequest.objects.count() == 1
        ask(covers=Covers.EVERYTHING)
        ask(at=noon + timedelta(days=30))

    def test_may_be_asked_again_after_a_no(self, ask, amina, noon):
        answer(ask(), is_accepted=False, words="No", by=amina.user, at=noon)

        assert ask().is_open(noon)

    def test_runs_out_unanswered_after_thirty_days(self, ask, noon):
        request = ask()

        assert request.is_open(noon + timedelta(days=29, hours=23))
        assert not request.is_open(noon + timedelta(days=30))

    def test_is_not_asked_in_another_doctors_name(self, ask):
        with pytest.raises(PermissionDenied):
            ask(by=User.objects.create_user("colleague", role=Role.DOCTOR))

    def test_is_not_asked_from_another_hospital(self, ask, clinician):
        clinician.institution = Institution.objects.create(name="South", portal_url="http://south.test")
        clinician.save()

        with pytest.raises(PermissionDenied):
            ask()


class TestWithdrawRequest:
    def test_ends_the_question(self, ask, doctor_account, noon):
        request = ask()

        withdraw_request(request, by=doctor_account, at=noon)

        assert not AccessRequest.objects.open(noon).exists()
        assert Event.objects.filter(name="consent.request_withdrawn").count() == 1

    def test_is_for_who_asked(self, ask, noon):
        with pytest.raises(PermissionDenied):
            withdraw_request(ask(), by=User.objects.create_user("colleague", role=Role.DOCTOR), at=noon)

    def test_comes_too_late_after_an_answer(self, ask, doctor_account, amina, noon):
        request = ask()
        answer(request, is_accepted=False, by=amina.user, at=noon)

        with pytest.raises(RequestNotOpen):
            withdraw_request(request, by=doctor_account, at=noon)

    def test_comes_too_late_when_it_ran_out(self, ask, doctor_account, noon):
        with pytest.raises(RequestNotOpen):
            withdraw_request(ask(), by=doctor_account, at=noon + timedelta(days=30))
