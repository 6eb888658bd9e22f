"""What the privacy officer sees: openings by number, and what does not hold, in words."""

import pytest
from django.urls import reverse
from django.utils import timezone

from audit import services as audit
from audit.models import Event
from chain.models import Mismatch
from patients.numbers import new_number, number_of
from patients.registration import add_identifier
from tests.records.factories import PatientFactory, RecordFactory
from tests.records.tampering import change_in_database, one_byte_changed
from tests.workspace.test_worklist import queries_of

EVENTS = "/workspace/audit/event/"


@pytest.fixture
def opened(as_doctor, amina, haemoglobin):
    """Amina's chart, opened by her doctor."""
    add_identifier(amina, new_number())
    as_doctor.get(f"/workspace/patients/{amina.pk}/chart/")


@pytest.mark.django_db
class TestOpenings:
    def test_say_who_whose_when_and_on_which_ground(self, as_privacy_officer, opened, amina):
        page = as_privacy_officer.get(EVENTS).content.decode()

        assert "Dr Ada Okafor" in page
        assert number_of(amina) in page
        assert "Opened the chart" in page
        assert "Treats the patient" in page

    def test_name_no_patient_and_nothing_clinical(self, as_privacy_officer, opened):
        page = as_privacy_officer.get(EVENTS).content.decode()

        assert "Diallo" not in page
        assert "Haemoglobin" not in page

    def test_are_found_by_the_patients_number(self, as_privacy_officer, opened, amina, boris):
        amina.refresh_tokens()
        amina.save()

        def count(**asked):
            return as_privacy_officer.get(EVENTS, asked).context["cl"].result_count

        assert count(q=number_of(amina)) > 0
        assert count(q=number_of(amina)[:5]) == 0
        assert count(q=number_of(amina), what="chart.opened") == 1

    @pytest.mark.parametrize(
        ("asked", "count"),
        [
            ({"what": "openings"}, 1),
            ({"role": "doctor"}, 1),
            ({"role": "billing"}, 0),
            ({"ground": "treatment"}, 1),
            ({"ground": "own_record"}, 0),
            ({"ground": "break_glass"}, 0),
            ({"what": "chart.opened", "days": "1"}, 1),
        ],
    )
    def test_are_filtered(self, as_privacy_officer, opened, asked, count):
        assert as_privacy_officer.get(EVENTS, asked).context["cl"].result_count == count

    def test_are_counted_on_the_first_page(self, as_privacy_officer, opened):
        page = as_privacy_officer.get("/workspace/privacy/")

        assert page.context["openings_today"] == 1
        assert [one["count"] for one in page.context["grounds"]] == [1]

    def test_leave_out_lists_and_reading_unless_they_are_asked_for(
        self, as_doctor, as_privacy_officer, opened
    ):
        as_doctor.get("/workspace/patients/")
        as_privacy_officer.get(EVENTS)

        def names(**asked):
            return {event.name for event in as_privacy_officer.get(EVENTS, asked).context["cl"].result_list}

        assert not names() & {"patient.listed", "log.read"}
        assert names(what="listings") == {"patient.listed", "log.read"}
        assert names(what="everything") >= {"chart.opened", "patient.listed", "log.read"}
        assert names(what="log.read") == {"log.read"}

    def test_cannot_be_opened_for_a_change(self, as_privacy_officer, opened):
        assert as_privacy_officer.get(f"{EVENTS}add/").status_code == 404

    def test_say_from_where_and_lead_to_a_page_each(self, as_privacy_officer, opened):
        line = Event.objects.get(name="chart.opened")

        listed = as_privacy_officer.get(EVENTS).content.decode()

        assert "127.0.0.1" in listed
        assert reverse("workspace:log_line", args=[line.pk]) in listed


@pytest.mark.django_db
class TestOneLine:
    def test_says_which_kind_of_record_was_seen_and_nothing_that_it_says(
        self, as_privacy_officer, opened, amina
    ):
        line = Event.objects.get(name="chart.opened")

        shown = as_privacy_officer.get(reverse("workspace:log_line", args=[line.pk])).content.decode()

        assert "Results, 2 March 2026, version 1" in shown
        assert number_of(amina) in shown
        assert "Haemoglobin" not in shown
        assert "Diallo" not in shown

    def test_is_told_when_it_was_changed(self, as_privacy_officer, opened):
        line = Event.objects.get(name="chart.opened")
        change_in_database("audit_event", "sealed_detail", line.pk, one_byte_changed)

        for address in (EVENTS, reverse("workspace:log_line", args=[line.pk])):
            shown = as_privacy_officer.get(address)
            assert shown.status_code == 200
            assert "this line was changed" in shown.content.decode().lower()

    def test_is_not_found_where_it_is_about_no_patient(self, as_privacy_officer, privacy_officer):
        line = audit.record("import.started", at=timezone.now(), by=privacy_officer)

        assert as_privacy_officer.get(reverse("workspace:log_line", args=[line.pk])).status_code == 404


@pytest.mark.django_db
class TestReadingTheLog:
    def read(self):
        return Event.objects.filter(name="log.read")

    def test_leaves_one_line_a_patient_on_the_page(
        self, as_privacy_officer, opened, amina, boris, privacy_officer
    ):
        as_privacy_officer.get(EVENTS)

        assert sorted(event.patient_id for event in self.read()) == sorted([amina.pk, boris.pk])
        event = self.read().of_patient(amina.pk).get()
        assert event.actor_id == privacy_officer.pk
        assert event.ground == "staff_duty"

    def test_leaves_none_for_whom_a_search_leaves_out(self, as_privacy_officer, opened, amina, boris):
        amina.refresh_tokens()
        amina.save()

        as_privacy_officer.get(EVENTS, {"q": number_of(amina)})

        assert {event.patient_id for event in self.read()} == {amina.pk}

    def test_of_one_line_names_it(self, as_privacy_officer, opened):
        line = Event.objects.get(name="chart.opened")

        as_privacy_officer.get(reverse("workspace:log_line", args=[line.pk]))

        assert self.read().get().facts["opening"] == str(line.pk)

    def test_makes_as_many_queries_for_many_patients_as_for_one(self, as_privacy_officer, opened):
        queries_of(as_privacy_officer, EVENTS)
        few = queries_of(as_privacy_officer, EVENTS)
        for _number in range(15):
            PatientFactory(with_account=False)

        assert queries_of(as_privacy_officer, EVENTS) == few


@pytest.mark.django_db
class TestFailedVerifications:
    @pytest.fixture
    def mismatch(self, amina):
        version = RecordFactory(patient=amina).versions.get()
        return Mismatch.objects.create(
            kind=Mismatch.Kind.LEAF,
            subject=f"record version {version.pk}",
            leaf=version.leaf,
            cause="the stored bytes do not decrypt",
            found_at=timezone.now(),
        )

    def test_stand_first_and_say_what_to_do(self, as_privacy_officer, mismatch):
        page = as_privacy_officer.get("/workspace/privacy/").content.decode()

        assert "1 thing does not match what was anchored" in page
        assert "the stored bytes do not decrypt" in page
        assert "Keep the database and its backups as they are" in page

    def test_are_listed_until_they_hold_again(self, as_privacy_officer, mismatch):
        address = "/workspace/chain/mismatch/"
        assert as_privacy_officer.get(address, {"state": "open"}).context["cl"].result_count == 1

        mismatch.resolved_at = timezone.now()
        mismatch.save()

        assert as_privacy_officer.get(address, {"state": "open"}).context["cl"].result_count == 0
        assert "Holds again since" in as_privacy_officer.get(address).content.decode()

    def test_say_so_when_there_is_none(self, as_privacy_officer):
        page = as_privacy_officer.get("/workspace/privacy/").content.decode()

        assert "Everything matches what was anchored" in page


@pytest.mark.django_db
class TestBilling:
    def test_says_honestly_that_there_is_nothing_yet(self, as_clerk, amina):
        page = as_clerk.get("/workspace/billing/").content.decode()

        assert "No invoices yet" in page
        assert "Diallo" not in page
