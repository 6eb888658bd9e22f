"""What the privacy officer sees: openings by number, and what does not hold, in words."""

import pytest
from django.utils import timezone

from chain.models import Mismatch
from patients.numbers import new_number, number_of
from patients.registration import add_identifier
from tests.records.factories import RecordFactory

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
            ({"what": "chart.opened", "days": "1"}, 1),
        ],
    )
    def test_are_filtered(self, as_privacy_officer, opened, asked, count):
        assert as_privacy_officer.get(EVENTS, asked).context["cl"].result_count == count

    def test_are_counted_on_the_first_page(self, as_privacy_officer, opened):
        page = as_privacy_officer.get("/workspace/privacy/")

        assert page.context["openings_today"] == 1
        assert [one["count"] for one in page.context["grounds"]] == [1]

    def test_cannot_be_opened_for_a_change(self, as_privacy_officer, opened):
        assert as_privacy_officer.get(f"{EVENTS}add/").status_code == 404


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
