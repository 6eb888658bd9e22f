"""“Who looked”: every opening in words, for the patient alone."""

from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.models import Role
from audit.models import Event
from records.services.opening import open_list, open_record
from tests.records.factories import PatientFactory, RecordFactory, many_records
from tests.records.pages import page, words
from tests.records.tampering import change_in_database, one_byte_changed

MOST_QUERIES = 13


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
