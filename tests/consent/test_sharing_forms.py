"""The questions on the way to a grant: one a page, in their order, with a way back and no way round."""

import base64
from datetime import date, timedelta

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from consent.answers import MOST_RECORDS, SESSION_KEY, Answers
from consent.categories import Sensitivity, sensitivity_token
from consent.forms import LastDayForm, LengthForm
from consent.models import Covers, Grant, GranteeKind, Ticket
from consent.services.granting import Draft, sign_grant
from doctors.models import Department
from records.models import Record
from tests.consent.factories import (
    ClinicianFactory,
    DepartmentFactory,
    other_hospital,
    this_hospital,
)
from tests.consent.test_views import key_of, page, press, text_of
from tests.records.factories import PatientFactory, RecordFactory, many_records

pytestmark = pytest.mark.django_db


@pytest.fixture
def maria():
    return PatientFactory(given_names="Maria", family_name="Rossi")


@pytest.fixture
def hers(client, maria):
    client.force_login(maria.user)
    return client


@pytest.fixture
def cardiology():
    return DepartmentFactory(name="Cardiology")


def answer(client, **pages):
    """Answer these pages one after the other; return the last response."""
    for name, given in pages.items():
        response = press(client, name.replace("_", "-"), answer=given)
        assert response.status_code == 302, text_of(response)
    return response


def signed_columns():
    return Ticket.objects.latest("created_at").content["columns"]


class TestThePath:
    def test_leads_from_one_question_to_the_next(self, hers, maria, cardiology, settings):
        key_of(maria)
        press(hers, "start")

        for name, given, following in (
            ("who", "department", "department"),
            ("department", str(cardiology.pk), "what"),
            ("what", "categories", "kinds"),
            ("kinds", ["result", "allergy"], "sensitive"),
            ("sensitive", [], "purpose"),
            ("purpose", "TREAT", "length"),
            ("length", "30", "check"),
        ):
            assert page(hers, name).status_code == 200
            response = press(hers, name, answer=given)
            assert response["Location"] == reverse(f"sharing:{following}")
        said = text_of(page(hers, "check"))
        response = press(hers, "check")

        assert "Cardiology of North Hospital may see parts of your record (Results, Allergies) until" in said
        assert response["Location"].startswith(f"{settings.CONSENT_URL}/enter/")
        columns = signed_columns()
        assert columns["department"] == str(cardiology.pk)
        assert columns["kinds"] == ["result", "allergy"]
        assert columns["sensitivities"] == []
        assert not Grant.objects.exists()  # until it is signed

    def test_lasts_until_the_end_of_its_last_day(self, hers, maria, cardiology):
        key_of(maria)
        self.to_the_length(hers, cardiology)
        last = timezone.localdate() + timedelta(days=10)
        day = {"until_day": last.day, "until_month": last.month, "until_year": last.year}
        assert answer(hers, length="date")["Location"] == reverse("sharing:last-day")
        assert press(hers, "last-day", **day)["Location"] == reverse("sharing:check")
        press(hers, "check")

        expires_at = timezone.datetime.fromisoformat(signed_columns()["expires_at"])
        assert timezone.localtime(expires_at).strftime("%Y-%m-%d %H:%M:%S") == f"{last} 23:59:59"

    def test_once_waits_thirty_days_for_its_occasion(self, hers, maria, cardiology):
        key_of(maria)
        self.to_the_length(hers, cardiology)
        answer(hers, length="once")
        assert "once, to treat you" in text_of(page(hers, "check"))
        press(hers, "check")

        assert signed_columns()["is_once"] is True

    def to_the_length(self, client, department):
        press(client, "start")
        answer(client, who="department", department=str(department.pk), what="summary")
        answer(client, sensitive=[], purpose="TREAT")

    @pytest.mark.parametrize("name", ["what", "kinds", "sensitive", "purpose", "length", "last-day", "check"])
    def test_cannot_be_entered_in_its_middle(self, hers, name):
        assert page(hers, name)["Location"] == reverse("sharing:who")
        assert press(hers, name, answer="30")["Location"] == reverse("sharing:who")

    def test_goes_back_from_each_page(self, hers, cardiology):
        self.to_the_length(hers, cardiology)

        assert reverse("sharing:purpose") in page(hers, "length").content.decode()
        assert reverse("sharing:sensitive") in page(hers, "purpose").content.decode()

    def test_goes_back_to_the_check_once_all_is_answered(self, hers, cardiology):
        self.to_the_length(hers, cardiology)
        answer(hers, length="30")

        shown = page(hers, "purpose").content.decode()
        assert f'href="{reverse("sharing:check")}"' in shown
        assert answer(hers, purpose="CAREMGT")["Location"] == reverse("sharing:check")

    def test_asks_again_about_sensitive_topics_when_more_is_shared(self, hers, cardiology):
        self.to_the_length(hers, cardiology)
        answer(hers, length="30", sensitive=["hiv"])

        assert answer(hers, what="everything")["Location"] == reverse("sharing:sensitive")
        assert "checked" not in page(hers, "sensitive").content.decode()

    def test_ticks_nothing_sensitive_by_itself(self, hers, cardiology):
        press(hers, "start")
        answer(hers, who="department", department=str(cardiology.pk), what="everything")

        assert "checked" not in page(hers, "sensitive").content.decode()

    def test_names_the_topics_that_were_ticked(self, hers, maria, cardiology):
        key_of(maria)
        self.to_the_length(hers, cardiology)
        answer(hers, length="30", sensitive=["hiv", "genetics"])
        assert "HIV, Genetics" in text_of(page(hers, "check"))
        press(hers, "check")

        assert signed_columns()["sensitivities"] == ["hiv", "genetics"]

    def test_without_a_key_goes_to_make_one_and_sign_and_keeps_the_answers(self, hers, cardiology):
        self.to_the_length(hers, cardiology)
        answer(hers, length="30")
        assert "Go on, make my key and sign" in text_of(page(hers, "check"))

        press(hers, "check")

        assert Ticket.objects.get().kind == Ticket.Kind.GRANT
        assert "You began to share with Cardiology" in text_of(page(hers, "index"))
        assert page(hers, "check").status_code == 200

    def test_is_over_once_it_was_signed(self, hers, maria, cardiology):
        key_of(maria)
        self.to_the_length(hers, cardiology)
        answer(hers, length="30")
        press(hers, "check")
        draft = Draft.from_content(Ticket.objects.get().content)
        sign_grant(
            draft, patient=maria, digest=bytes(32), call=[], after=None, by=maria.user, at=timezone.now()
        )

        assert page(hers, "check")["Location"] == reverse("sharing:who")
        assert "You began to share" not in text_of(page(hers, "index"))

    def test_can_be_left(self, hers, cardiology):
        self.to_the_length(hers, cardiology)

        press(hers, "leave")

        assert "Nothing was shared." in text_of(page(hers, "index"))
        assert page(hers, "length").status_code == 302

    def test_begins_anew_each_time(self, hers, cardiology):
        self.to_the_length(hers, cardiology)

        press(hers, "start")

        assert page(hers, "what").status_code == 302

    def test_keeps_its_answers_sealed(self, hers, cardiology):
        self.to_the_length(hers, cardiology)

        stored = Session.objects.get().get_decoded()[SESSION_KEY]
        assert str(cardiology.pk) not in stored
        assert b"department" not in base64.urlsafe_b64decode(stored)

    def test_begins_anew_when_the_answers_cannot_be_read(self, hers, cardiology):
        self.to_the_length(hers, cardiology)
        session = hers.session
        session[SESSION_KEY] = "damaged"
        session.save()

        assert page(hers, "length")["Location"] == reverse("sharing:who")


class TestWrongTurns:
    @pytest.mark.parametrize(
        ("name", "given", "said"),
        [
            ("who", {}, "Choose who you want to share with"),
            ("who", {"answer": "everybody"}, "Choose who you want to share with"),
            ("department", {}, "Choose a department from the list"),
            ("hospital", {"answer": "nonsense"}, "Choose a hospital from the list"),
            ("doctor", {}, "Choose a doctor from the list"),
        ],
    )
    def test_are_told_first_and_beside_the_question(self, hers, cardiology, name, given, said):
        other_hospital()
        ClinicianFactory()

        response = press(hers, name, **given)

        assert response.status_code == 422
        assert "<title>Error:" in response.content.decode()
        assert text_of(response).count(said) == 2
        assert 'href="#id_answer"' in response.content.decode()

    def test_kinds_are_at_least_one(self, hers, cardiology):
        press(hers, "start")
        answer(hers, who="department", department=str(cardiology.pk), what="categories")

        assert "Choose at least one kind of records" in text_of(press(hers, "kinds"))

    def test_a_department_that_is_gone_is_asked_for_again(self, hers, maria, cardiology):
        key_of(maria)
        TestThePath().to_the_length(hers, cardiology)
        answer(hers, length="30")
        Department.objects.all().delete()

        response = hers.post(reverse("sharing:check"), follow=True)

        assert "You cannot share with them any more." in text_of(response)
        assert not Ticket.objects.exists()

    def test_a_doctor_who_left_is_asked_for_again(self, hers, maria):
        key_of(maria)
        doctor = ClinicianFactory()
        press(hers, "start")
        answer(hers, who="person", doctor=str(doctor.pk), what="summary")
        answer(hers, sensitive=[], purpose="TREAT", length="30")
        User.objects.filter(pk=doctor.user_id).update(is_active=False)

        assert page(hers, "check")["Location"] == reverse("sharing:who")


class TestChoosingADoctor:
    def test_lists_those_of_this_hospital(self, hers):
        ClinicianFactory(name="Dr Here", specialty="Oncology")
        ClinicianFactory(name="Dr Elsewhere", institution=other_hospital())

        said = text_of(page(hers, "doctor"))

        assert "Dr Here, Oncology" in said
        assert "Dr Elsewhere" not in said

    def test_finds_by_name_specialty_and_department(self, hers, cardiology):
        ClinicianFactory(name="Dr Imran Khan", department=cardiology)
        ClinicianFactory(name="Dr Lena Brandt", specialty="Oncology")

        for words, found, not_found in (
            ("khan", "Imran Khan", "Lena Brandt"),
            ("ONCO", "Lena Brandt", "Imran Khan"),
            ("imran cardio", "Imran Khan", "Lena Brandt"),
        ):
            said = text_of(hers.get(reverse("sharing:doctor"), {"q": words}))
            assert found in said
            assert not_found not in said

    def test_says_that_nobody_fits(self, hers):
        ClinicianFactory()

        said = text_of(hers.get(reverse("sharing:doctor"), {"q": "nobody"}))

        assert "No doctor of this hospital fits “nobody”." in said

    def test_shows_a_search_once_there_are_many(self, hers):
        ClinicianFactory()
        assert 'role="search"' not in page(hers, "doctor").content.decode()
        for _ in range(20):
            ClinicianFactory()

        assert "There are more doctors than are shown." in text_of(page(hers, "doctor"))

    def test_takes_one_who_was_found(self, hers):
        doctor = ClinicianFactory(name="Dr Zuletzt")
        for _ in range(20):
            ClinicianFactory()

        response = press(hers, "doctor", answer=str(doctor.pk), q="zuletzt")

        assert response["Location"] == reverse("sharing:what")

    def test_takes_nobody_who_was_not_listed(self, hers):
        elsewhere = ClinicianFactory(institution=other_hospital())

        assert press(hers, "doctor", answer=str(elsewhere.pk)).status_code == 422

    def test_a_hospital_known_from_afar_can_be_chosen(self, hers, maria):
        key_of(maria)
        this_hospital()
        south = other_hospital("South Hospital")
        press(hers, "start")
        assert "North Hospital (this hospital)" in text_of(page(hers, "hospital"))
        answer(hers, who="institution", hospital=str(south.pk), what="summary")
        answer(hers, sensitive=[], purpose="TREAT", length="30")
        press(hers, "check")

        assert signed_columns()["institution"] == str(south.pk)


class TestHowLong:
    def form(self, chosen, kind=GranteeKind.PERSON):
        return LengthForm({"answer": chosen}, answers=Answers(grantee_kind=kind.value))

    @pytest.mark.parametrize("chosen", ["once", "30", "91", "365", "date"])
    def test_is_one_of_the_usual_lengths_or_a_day(self, chosen):
        assert self.form(chosen).is_valid()

    @pytest.mark.parametrize("chosen", ["", "9999", "-1"])
    def test_is_nothing_else(self, chosen):
        assert not self.form(chosen).is_valid()

    def test_is_never_once_for_somebody_who_helps(self):
        assert not self.form("once", kind=GranteeKind.PROXY).is_valid()
        assert self.form("365", kind=GranteeKind.PROXY).is_valid()


class TestLastDay:
    TODAY = date(2026, 5, 12)

    def form(self, day):
        parts = dict(zip(("until_day", "until_month", "until_year"), day, strict=True))
        return LastDayForm(parts, today=self.TODAY)

    @pytest.mark.parametrize(
        ("day", "said"),
        [
            (("", "", ""), "Enter the last day"),
            (("31", "2", "2027"), "Enter a real date, such as 27 3 2027"),
            (("11", "5", "2026"), "The last day must be today or later"),
            (("12", "5", "2028"), "The last day must be within two years"),
        ],
    )
    def test_is_never_in_the_past_nor_beyond_two_years(self, day, said):
        assert self.form(day).errors == {"until": [said]}

    @pytest.mark.parametrize("day", [("12", "5", "2026"), ("11", "5", "2028")])
    def test_may_be_today_and_two_years(self, day):
        assert self.form(day).is_valid()


class TestSingleRecords:
    @pytest.fixture
    def on_the_way(self, hers, maria, cardiology):
        key_of(maria)
        press(hers, "start")
        answer(hers, who="department", department=str(cardiology.pk))
        assert answer(hers, what="documents")["Location"] == reverse("share-records")
        return hers

    def choose(self, client, records, listed=None, **more):
        given = {"record": [r.pk for r in records], "listed": [r.pk for r in listed or records], **more}
        return client.post(reverse("share-records"), given)

    def test_are_chosen_from_the_list_and_named_in_the_document(self, on_the_way, maria):
        record = RecordFactory(patient=maria)
        assert "Haemoglobin" in text_of(on_the_way.get(reverse("share-records")))

        assert self.choose(on_the_way, [record])["Location"] == reverse("sharing:sensitive")
        answer(on_the_way, sensitive=[], purpose="TREAT", length="30")
        assert "Haemoglobin, 2 March 2026" in text_of(page(on_the_way, "check"))
        press(on_the_way, "check")

        ticket = Ticket.objects.get()
        assert signed_columns()["record_ids"] == [str(record.pk)]
        assert b"Haemoglobin, 2 March 2026" in base64.b64decode(ticket.content["document"])

    def test_of_somebody_else_are_never_taken(self, on_the_way, maria):
        hers, others = RecordFactory(patient=maria), RecordFactory()

        self.choose(on_the_way, [hers, others])
        answer(on_the_way, sensitive=[], purpose="TREAT", length="30")
        press(on_the_way, "check")

        assert signed_columns()["record_ids"] == [str(hers.pk)]

    def test_stay_chosen_over_the_pages_of_the_list(self, on_the_way, maria):
        records = many_records(maria, 25)
        newest, oldest = records[0], records[-1]

        turned = self.choose(on_the_way, [newest], listed=records[:20], turn="2")
        assert turned["Location"] == reverse("share-records") + "?page=2"
        assert "1 record is chosen so far." in text_of(on_the_way.get(turned["Location"]))
        self.choose(on_the_way, [oldest], listed=records[20:])
        answer(on_the_way, sensitive=[], purpose="TREAT", length="30")
        press(on_the_way, "check")

        assert {*signed_columns()["record_ids"]} == {str(newest.pk), str(oldest.pk)}

    def test_can_be_unticked_again(self, on_the_way, maria):
        first, second = RecordFactory(patient=maria), RecordFactory(patient=maria)
        self.choose(on_the_way, [first, second], turn="1")

        self.choose(on_the_way, [second], listed=[first, second])

        answers = Answers.of(on_the_way)
        assert list(answers.records) == [str(second.pk)]

    def test_are_at_least_one(self, on_the_way, maria):
        record = RecordFactory(patient=maria)

        response = self.choose(on_the_way, [], listed=[record])

        assert response.status_code == 422
        assert "Choose at least one record" in text_of(response)

    def test_are_not_too_many(self, on_the_way, maria):
        records = many_records(maria, MOST_RECORDS + 1)

        response = self.choose(on_the_way, records)

        assert response.status_code == 422
        assert "Choose 50 records or fewer." in text_of(response)

    def test_that_are_sensitive_are_told_before_the_topics_are_ticked(self, on_the_way, maria):
        record, unsorted = RecordFactory(patient=maria), RecordFactory(patient=maria)
        token = sensitivity_token(maria.pk, Sensitivity.HIV)
        Record.objects.filter(pk=record.pk).update(sensitivities=[token])
        Record.objects.filter(pk=unsorted.pk).update(sensitivities=None)

        self.choose(on_the_way, [record, unsorted])

        said = text_of(page(on_the_way, "sensitive"))
        assert "is marked: HIV. It is shared only if you tick that." in said
        assert "has not been sorted yet" in said

    def test_that_are_not_sensitive_are_told_so(self, on_the_way, maria):
        record = RecordFactory(patient=maria)
        Record.objects.update(sensitivities=[])
        self.choose(on_the_way, [record])

        assert "None of the records that you chose is marked" in text_of(page(on_the_way, "sensitive"))

    def test_begin_from_the_page_of_one(self, hers, maria, cardiology):
        key_of(maria)
        record = RecordFactory(patient=maria)
        shown = hers.get(reverse("records:record", args=[record.pk])).content.decode()
        assert reverse("records:share-this", args=[record.pk]) in shown

        response = hers.post(reverse("records:share-this", args=[record.pk]))
        assert response["Location"] == reverse("sharing:who")
        answer(hers, who="department", department=str(cardiology.pk), sensitive=[], purpose="TREAT")
        answer(hers, length="30")
        press(hers, "check")

        assert signed_columns()["covers"] == Covers.DOCUMENTS
        assert signed_columns()["record_ids"] == [str(record.pk)]

    def test_of_somebody_else_begin_nothing(self, hers, maria):
        others = RecordFactory()

        share = reverse("records:share-this", args=[others.pk])
        assert hers.post(share).status_code == 404
        assert hers.get(share).status_code == 404

        assert SESSION_KEY not in hers.session

    def test_cannot_be_chosen_before_who(self, hers):
        assert hers.get(reverse("share-records"))["Location"] == reverse("sharing:who")
