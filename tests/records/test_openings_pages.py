"""“Who looked”: every opening in words, for the patient alone."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import Role, User
from audit.models import Event, Review
from audit.reviews import close
from consent.services.emergencies import break_glass
from doctors.models import Clinician, Institution
from patients import notices
from patients.listing import Listing, record_listed
from patients.models import Notice
from patients.notices import notify
from records.services.opening import open_list, open_record
from tests.records.factories import PatientFactory, RecordFactory, many_records
from tests.records.pages import page, words
from tests.records.tampering import change_in_database, one_byte_changed

MOST_QUERIES = 19


@pytest.fixture
def opened_by_doctor(maria, treating, haemoglobin_record, noon):
    """Maria's doctor opened her result at noon on 12 May 2026."""
    open_record(haemoglobin_record.versions.get(), by=treating, at=noon)
    return Event.objects.openings().get()


class TestOpenings:
    def test_say_who_why_when_and_what(self, hers, opened_by_doctor, haemoglobin_record):
        shown = words(page(hers, "openings"))

        assert "Dr Ada Okafor opened a record" in shown
        assert "Treats you at this hospital" in shown
        assert "12 May 2026, 12:00" in shown
        assert "See the record: Results, 2 March 2026" in shown
        assert reverse("records:version", args=[haemoglobin_record.pk, 1]) in shown

    def test_are_read_on_the_first_page_too_which_leaves_a_line(self, hers, maria, opened_by_doctor):
        assert "Dr Ada Okafor" in words(hers.get(reverse("home")))

        read = Event.objects.get(name="log.read")
        assert (read.patient_id, read.actor_id, read.ground) == (maria.pk, maria.user_id, "own_record")

    def test_of_another_patient_are_not_told(self, client, opened_by_doctor):
        client.force_login(PatientFactory().user)

        assert "Dr Ada Okafor" not in words(page(client, "openings"))

    def test_are_not_found_by_staff(self, client, opened_by_doctor, treating):
        client.force_login(treating)

        assert page(client, "openings").status_code == 404

    def test_include_the_patients_own(self, hers, haemoglobin_record):
        page(hers, "record", haemoglobin_record.pk)

        assert "You opened a record" in words(page(hers, "openings"))

    def test_tell_a_download_from_an_opening(self, hers, haemoglobin_record):
        page(hers, "download", haemoglobin_record.pk, 1)

        assert "You downloaded a record" in words(page(hers, "openings"))

    def test_say_what_will_appear_when_nobody_looked(self, hers):
        assert "Nobody has opened your record yet." in words(page(hers, "openings"))

    def test_come_newest_first_and_in_pages(self, hers, maria, treating, haemoglobin_record, noon):
        version = haemoglobin_record.versions.get()
        for days in range(21):
            open_record(version, by=treating, at=noon + timedelta(days=days))

        first, second = words(page(hers, "openings")), words(page(hers, "openings", page="2"))

        assert first.index("1 June 2026") < first.index("31 May 2026")
        assert "12 May 2026" not in first
        assert "12 May 2026" in second
        assert "Page 2 of 2" in second

    def test_survive_a_line_that_was_changed_in_the_database(self, hers, opened_by_doctor):
        change_in_database("audit_event", "sealed_detail", opened_by_doctor.pk, one_byte_changed)

        for address in ("home", "records:openings"):
            response = hers.get(reverse(address))
            assert response.status_code == 200
            assert "This line was changed after it was written." in words(response)

    @pytest.mark.parametrize("number", [2, 19])
    def test_ask_the_database_the_same_number_of_times(
        self, hers, maria, treating, number, noon, django_assert_max_num_queries
    ):
        many_records(maria, number)
        versions = [record.versions.get() for record in maria.records.all()]
        for version in versions:
            open_record(version, by=treating, at=noon)
        open_list(versions, by=treating, at=noon, patient=maria)

        with django_assert_max_num_queries(MOST_QUERIES):
            page(hers, "openings")


class TestTheFilterOfOpenings:
    @pytest.fixture(autouse=True)
    def _two_readers(self, hers, opened_by_doctor, haemoglobin_record):
        page(hers, "record", haemoglobin_record.pk)

    def test_finds_one_person(self, hers, treating):
        shown = words(page(hers, "openings", who=f"person:{treating.pk}"))

        assert "Dr Ada Okafor opened" in shown
        assert "You opened" not in shown

    @pytest.mark.parametrize("who", ["others", f"role:{Role.DOCTOR}"])
    def test_finds_everybody_else_or_one_role(self, hers, who):
        shown = words(page(hers, "openings", who=who))

        assert "Dr Ada Okafor opened" in shown
        assert "You opened" not in shown

    @pytest.mark.parametrize(("day", "is_found"), [(("11", "5", "2026"), False), (("12", "5", "2026"), True)])
    def test_includes_the_last_day(self, hers, day, is_found):
        query = dict(zip(("latest_day", "latest_month", "latest_year"), day, strict=True))

        shown = words(page(hers, "openings", who="others", **query))

        assert ("Dr Ada Okafor opened" in shown) == is_found
        assert ("No opening fits this filter." in shown) != is_found

    @pytest.mark.parametrize("who", ["person:nonsense", "role:patient", "everything"])
    def test_says_what_is_wrong_with_it(self, hers, who):
        shown = words(page(hers, "openings", who=who))

        assert "Choose somebody from the list." in shown
        assert "<title>Error: Who looked" in shown


class TestTheSearch:
    @pytest.fixture(autouse=True)
    def _two_readers(self, hers, opened_by_doctor, haemoglobin_record, treating, noon):
        page(hers, "record", haemoglobin_record.pk)
        open_record(
            haemoglobin_record.versions.get(), by=treating, at=noon + timedelta(days=1), address="192.0.2.7"
        )

    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("okafor", 2),
            ("Doctor OKAFOR", 2),
            ("treats", 2),
            ("192.0.2.7", 1),
            ("13 May 2026", 1),
            ("Okafor 192.0.2", 1),
            ("you", 1),
            ("dentist", 0),
        ],
    )
    def test_finds_by_who_why_from_where_and_when(self, hers, text, count):
        shown = words(page(hers, "openings", q=text))

        if text == "you":
            # "You" is a word of many sentences.
            assert "You opened a record" in shown
            return
        assert shown.count("Dr Ada Okafor opened a record") == count
        assert ("No opening fits this filter." in shown) == (count == 0)

    def test_goes_together_with_the_filter(self, hers):
        shown = words(
            page(hers, "openings", q="okafor", latest_day="12", latest_month="5", latest_year="2026")
        )

        assert shown.count("Dr Ada Okafor opened a record") == 1

    def test_says_how_far_it_looked_if_that_is_not_everything(self, hers, monkeypatch):
        monkeypatch.setattr("records.access_log.SEARCHED", 3)

        shown = words(page(hers, "openings", q="okafor"))

        assert shown.count("Dr Ada Okafor opened a record") == 1
        assert "Your words were looked for back to" in shown

    def test_says_nothing_of_that_if_it_is_everything(self, hers):
        assert "Your words were looked for" not in words(page(hers, "openings", q="okafor"))

    def test_comes_in_pages(self, hers, haemoglobin_record, treating, noon):
        for days in range(25):
            open_record(haemoglobin_record.versions.get(), by=treating, at=noon + timedelta(days=days))

        assert words(page(hers, "openings", q="okafor", page=2)).count("Dr Ada Okafor opened") == 7

    def test_survives_a_line_that_was_changed(self, hers, opened_by_doctor):
        change_in_database("audit_event", "sealed_detail", opened_by_doctor.pk, one_byte_changed)

        assert page(hers, "openings", q="okafor").status_code == 200


class TestFiltersByReason:
    @pytest.fixture(autouse=True)
    def _an_emergency(self, emergency, hers, haemoglobin_record):
        page(hers, "record", haemoglobin_record.pk)

    @pytest.mark.parametrize(
        "asked",
        [{"emergencies": "on"}, {"ground": "break_glass"}, {"purpose": "BTG"}, {"what": "glass.broken"}],
    )
    def test_leave_the_emergency(self, hers, asked):
        shown = words(page(hers, "openings", **asked))

        assert "Dr Zoe Adler" in shown
        assert "You opened a record" not in shown

    @pytest.mark.parametrize(
        "asked", [{"ground": "own_record"}, {"purpose": "PATRQT"}, {"what": "record.opened", "who": ""}]
    )
    def test_leave_what_the_patient_did(self, hers, asked):
        assert "You opened a record" in words(page(hers, "openings", **asked))

    @pytest.mark.parametrize("field", ["what", "ground", "purpose"])
    def test_say_what_is_wrong(self, hers, field):
        assert "Choose one from the list." in words(page(hers, "openings", **{field: "nonsense"}))


@pytest.fixture
def stranger(hospital_of_hers):
    """A doctor who treats somebody else."""
    user = User.objects.create_user("zoe", role=Role.DOCTOR, display_name="Dr Zoe Adler")
    Clinician.objects.create(user=user, institution=hospital_of_hers, name="Dr Zoe Adler")
    return user


@pytest.fixture
def hospital_of_hers(db):
    hospital, _created = Institution.objects.get_or_create(
        is_this_hospital=True, defaults={"name": "North Hospital", "portal_url": "http://portal.localhost"}
    )
    return hospital


@pytest.fixture
def emergency(maria, stranger, haemoglobin_record, noon):
    """Maria's record, opened in an emergency by a doctor who does not treat her."""
    broken = break_glass(
        patient=maria, reason="Unconscious after a fall", by=stranger, at=noon, address="192.0.2.9"
    )
    open_record(haemoglobin_record.versions.get(), by=stranger, at=noon + timedelta(minutes=1))
    return broken


class TestAnEmergency:
    def test_stands_out_with_its_reason_and_that_somebody_looks_into_it(self, hers, emergency):
        shown = words(page(hers, "openings"))

        assert "Dr Zoe Adler declared an emergency, to open your record" in shown
        assert "Unconscious after a fall" in shown
        assert "The privacy officer is looking into it." in shown
        assert shown.count("app-record--emergency") == 2

    def test_shows_what_the_hospital_found(self, hers, emergency, privacy_officer, noon):
        review = Review.objects.get(subject=emergency.pk)
        close(
            review,
            finding="The doctor was on call, and you could not be asked.",
            outcome=Review.Outcome.JUSTIFIED,
            by=privacy_officer,
            at=noon + timedelta(days=1),
        )

        opened = Event.objects.openings().get(name="record.opened")
        shown = words(page(hers, "opening", opened.pk))

        assert "There was a good reason" in words(page(hers, "openings", what="asked"))
        assert "What the hospital found: There was a good reason" in shown
        assert "The doctor was on call, and you could not be asked." in shown
        assert "13 May 2026" in shown


class TestAskingAboutAnOpening:
    def test_starts_from_the_openings_page(self, hers, opened_by_doctor):
        assert "I don’t recognise this" in words(page(hers, "opening", opened_by_doctor.pk))
        assert "Dr Ada Okafor opened a record" in words(page(hers, "question", opened_by_doctor.pk))

    def test_comes_into_the_privacy_officers_queue(self, hers, maria, opened_by_doctor):
        response = ask(hers, opened_by_doctor, "I was abroad.")

        review = Review.objects.get()
        assert response.url == reverse("records:opening", args=[opened_by_doctor.pk])
        assert (review.kind, review.event, review.patient_id) == ("question", opened_by_doctor, maria.pk)
        assert review.details == "I was abroad."

    def test_is_shown_until_it_is_answered_and_with_its_answer(
        self, hers, opened_by_doctor, privacy_officer, noon
    ):
        ask(hers, opened_by_doctor, "I was abroad.")
        waiting = words(page(hers, "opening", opened_by_doctor.pk))
        assert "I was abroad." in waiting
        assert "The answer will appear here." in waiting
        assert "I don’t recognise this" not in waiting

        close(
            Review.objects.get(),
            finding="Dr Okafor read your result when it came in.",
            outcome=Review.Outcome.EXPLAINED,
            by=privacy_officer,
            at=noon,
        )

        answered = words(page(hers, "opening", opened_by_doctor.pk))
        assert "Dr Okafor read your result when it came in." in answered
        assert "Ask again" in answered
        assert "the privacy officer has answered" in words(page(hers, "openings", what="asked"))

    def test_happens_once_however_often_it_is_sent(self, hers, opened_by_doctor):
        ask(hers, opened_by_doctor, "I was abroad.")
        ask(hers, opened_by_doctor, "Hello?")

        assert Review.objects.count() == 1

    @pytest.mark.parametrize(
        ("text", "error"), [("", "Write what you want to know"), ("x" * 2001, "at most 2,000 characters")]
    )
    def test_says_what_is_wrong_beside_the_field(self, hers, opened_by_doctor, text, error):
        response = ask(hers, opened_by_doctor, text)

        assert response.status_code == 422
        assert error in words(response)
        assert not Review.objects.exists()

    def test_is_not_offered_for_what_one_did_oneself(self, hers, haemoglobin_record):
        page(hers, "record", haemoglobin_record.pk)
        own = Event.objects.get(name="record.opened")

        assert "I don’t recognise this" not in words(page(hers, "opening", own.pk))
        assert page(hers, "question", own.pk).status_code == 404
        assert ask(hers, own, "Who?").status_code == 404

    def test_is_not_found_by_another_patient(self, client, opened_by_doctor):
        client.force_login(PatientFactory().user)

        assert page(client, "question", opened_by_doctor.pk).status_code == 404
        assert ask(client, opened_by_doctor, "Who?").status_code == 404
        assert not Review.objects.exists()


def ask(client, event, text):
    return client.post(reverse("records:question", args=[event.pk]), {"words": text})


class TestLists:
    @pytest.fixture(autouse=True)
    def _listed(self, maria, records_officer, noon):
        record_listed(
            [maria.pk],
            listing=Listing.REGISTER,
            by=records_officer,
            at=noon,
            ground="staff_duty",
            address="192.0.2.3",
        )

    def test_stand_behind_a_link_and_not_among_the_openings(self, hers):
        shown = words(page(hers, "openings"))

        assert "Your name was also seen 1 time" in shown
        assert "Rosa Lindqvist" not in shown

    def test_say_who_saw_the_name_and_where(self, hers):
        shown = words(page(hers, "listings"))

        assert "Rosa Lindqvist saw your name" in shown
        assert "The hospital’s register of patients" in shown

    def test_have_a_page_each_from_which_one_can_ask(self, hers):
        event = Event.objects.listings().get()

        shown = words(page(hers, "opening", event.pk))

        assert "192.0.2.3" in shown
        assert "I don’t recognise this" in shown
        assert ask(hers, event, "Why?").status_code == 302

    def test_leave_out_what_the_patient_read(self, hers):
        page(hers, "openings")

        assert "Your name was also seen 1 time" in words(page(hers, "openings"))

    def test_of_another_patient_are_not_told(self, client):
        client.force_login(PatientFactory().user)

        assert "Your name was not seen anywhere else yet." in words(page(client, "listings"))


class TestReadingTheLog:
    @pytest.mark.parametrize("name", ["openings", "listings"])
    def test_leaves_a_line_that_is_no_opening(self, hers, maria, name):
        page(hers, name)

        event = Event.objects.of_patient(maria.pk).get(name="log.read")
        assert event.actor_id == maria.user_id
        assert event.ground == "own_record"
        assert event.facts["address"] == "127.0.0.1"
        assert not Event.objects.openings().exists()

    def test_of_one_opening_names_it(self, hers, maria, opened_by_doctor):
        page(hers, "opening", opened_by_doctor.pk)

        assert Event.objects.get(name="log.read").facts["opening"] == str(opened_by_doctor.pk)

    def test_shows_nothing_when_the_line_cannot_be_written(self, hers, monkeypatch):
        def raise_disk_full(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr("records.views.opening.audit.record", raise_disk_full)

        with pytest.raises(OSError, match="disk full"):
            page(hers, "openings")


class TestTheSwitch:
    def test_turns_mails_of_openings_on_and_off(self, hers, maria):
        for wanted, is_told in (("yes", True), ("no", False)):
            hers.post(reverse("records:tell-me"), {"wanted": wanted})
            maria.refresh_from_db()
            assert maria.is_told_of_openings is is_told

        assert Event.objects.filter(name__startswith="notices.switched").count() == 2

    def test_says_which_way_it_stands(self, hers, maria):
        maria.email = "maria@mail.test"
        maria.save()
        assert "Tell me when somebody else opens my record" in words(page(hers, "openings"))

        hers.post(reverse("records:tell-me"), {"wanted": "yes"})

        assert "Stop telling me of openings" in words(page(hers, "openings"))

    def test_says_when_there_is_no_address_to_mail_to(self, hers):
        shown = words(page(hers, "openings"))

        assert "The hospital has no e-mail address of yours." in shown
        assert "Tell me when somebody else opens my record" not in shown

    def test_is_not_found_by_staff(self, client, treating):
        client.force_login(treating)

        assert client.post(reverse("records:tell-me"), {"wanted": "yes"}).status_code == 404


class TestNotices:
    def test_say_what_happened_with_a_way_there_and_count_as_seen(self, hers, maria, noon):
        notify(maria.pk, Notice.Kind.BREAK_GLASS, noon)

        shown = words(page(hers, "notices"))

        assert "Your record was opened in an emergency" in shown
        assert reverse("records:openings") + "?emergencies=on" in shown
        assert "New" in shown
        assert Notice.objects.get().seen_at is not None
        assert ">\n            New" not in words(page(hers, "notices"))

    @pytest.mark.parametrize("kind", Notice.Kind)
    def test_each_have_words_and_lead_somewhere(self, hers, maria, kind, noon):
        notices.tell_of_openings(maria, True)
        notify(maria.pk, kind, noon)

        assert str(kind.label) in words(page(hers, "notices"))

    def test_say_what_will_appear_while_there_are_none(self, hers):
        assert "Nothing to tell yet." in words(page(hers, "notices"))

    def test_of_another_patient_are_not_told(self, client, maria, noon):
        notify(maria.pk, Notice.Kind.BREAK_GLASS, noon)
        client.force_login(PatientFactory().user)

        assert "Nothing to tell yet." in words(page(client, "notices"))
        assert Notice.objects.get().seen_at is None


class TestOneOpening:
    def test_lists_every_record_that_was_seen(self, hers, maria, treating, noon):
        many_records(maria, 3)
        versions = [record.versions.get() for record in maria.records.all()]
        open_list(versions, by=treating, at=noon, patient=maria)

        shown = words(page(hers, "opening", Event.objects.openings().get().pk))

        assert "3 records were seen" in shown
        assert "Dr Ada Okafor looked at a list of records" in shown
        for record in maria.records.all():
            assert str(record.pk) in shown

    def test_is_not_found_by_another_patient(self, client, opened_by_doctor):
        client.force_login(PatientFactory().user)

        assert page(client, "opening", opened_by_doctor.pk).status_code == 404

    def test_is_not_a_way_to_other_events(self, hers, maria):
        registered = Event.objects.of_patient(maria.pk).get(name="patient.registered")

        assert page(hers, "opening", registered.pk).status_code == 404
        assert RecordFactory(patient=maria)
