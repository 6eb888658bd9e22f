"""Leaving a trace: of one patient, and of all who stood on one page."""

import uuid

import pytest

from audit import services as audit
from audit.models import Event
from audit.verification import recompute

pytestmark = pytest.mark.django_db


class TestRecordAll:
    def test_writes_one_line_a_patient_with_a_leaf_of_its_own(self, doctor_account, noon):
        patients = [uuid.uuid4() for _ in range(3)]

        audit.record_all(
            "patient.listed",
            at=noon,
            by=doctor_account,
            patient_ids=[*patients, patients[0]],
            address="192.0.2.7",
        )

        events = Event.objects.filter(name="patient.listed")
        assert {event.patient_id for event in events} == {*patients}
        assert len({event.leaf_id for event in events}) == 3
        assert all(event.facts["actorName"] == "Dr Ada Okafor" for event in events)
        assert all(event.facts["address"] == "192.0.2.7" for event in events)

    def test_commits_to_each_line(self, doctor_account, noon):
        events = audit.record_all(
            "patient.listed", at=noon, by=doctor_account, patient_ids=[uuid.uuid4() for _ in range(3)]
        )

        found = {one.leaf_id: one.commitment for one in recompute([event.leaf_id for event in events])}

        assert found == {event.leaf_id: bytes(event.leaf.commitment) for event in events}

    @pytest.mark.parametrize("count", [1, 60])
    def test_costs_as_many_queries_for_many_as_for_one(
        self, doctor_account, noon, count, django_assert_num_queries
    ):
        patients = [uuid.uuid4() for _ in range(count)]

        # The savepoint and its release, the leaves, the events.
        with django_assert_num_queries(4):
            audit.record_all("patient.listed", at=noon, by=doctor_account, patient_ids=patients)

    def test_writes_nothing_for_nobody(self, doctor_account, noon):
        audit.record_all("patient.listed", at=noon, by=doctor_account, patient_ids=[])

        assert not Event.objects.exists()


class TestListings:
    def test_are_not_openings(self, doctor_account, noon):
        audit.record("patient.listed", at=noon, by=doctor_account, patient_id=uuid.uuid4())

        assert not Event.objects.openings().exists()
        assert Event.objects.listings().count() == 1
