"""What an officer with the database's own password can do to the trail, and how the log's check names it."""

import json
import uuid
from datetime import timedelta
from io import StringIO

import pgtrigger
import pytest
from django.core.management import call_command
from django.db import ProgrammingError, connection, transaction

from audit import services as audit
from audit.models import Event, Review
from chain.checking import check_log
from chain.models import Leaf, Mismatch
from chain.sealing import seal
from tests.records.tampering import change_in_database, one_byte_changed

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient_id():
    return uuid.uuid4()


@pytest.fixture
def trail(doctor_account, patient_id, noon):
    """Five openings of one record, sealed into a head."""
    events = [
        audit.record(
            "chart.opened",
            at=noon + timedelta(minutes=minutes),
            by=doctor_account,
            patient_id=patient_id,
            ground="treatment",
        )
        for minutes in range(5)
    ]
    seal(noon + timedelta(hours=1))
    return events


def findings(noon):
    return check_log(noon + timedelta(days=1), with_chain=False).findings


def behind_the_triggers_back(statement, *parameters):
    with pgtrigger.ignore(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(statement, parameters)


class TestTheTrigger:
    def test_deletes_no_line(self, trail):
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
            Event.objects.filter(pk=trail[2].pk).delete()

    def test_changes_no_line(self, trail):
        with pytest.raises(ProgrammingError, match="Cannot update or delete"), transaction.atomic():
            Event.objects.filter(pk=trail[2].pk).update(ground="own_record")


class TestTheCheck:
    def test_finds_nothing_in_a_sound_trail(self, trail, noon):
        assert findings(noon) == []

    def test_names_the_place_of_a_line_that_was_deleted(self, trail, noon):
        gone = trail[2]
        behind_the_triggers_back("DELETE FROM audit_event WHERE id = %s", gone.pk)

        (finding,) = findings(noon)

        leaf = Leaf.objects.get(pk=gone.leaf_id)
        assert finding.kind == Mismatch.Kind.LEAF
        assert f"(leaf {leaf.pk}, index {leaf.index})" in finding.subject
        assert finding.cause == "there is nothing left of the access that this leaf commits to"

    def test_names_the_gap_where_the_leaf_went_with_its_line(self, trail, noon):
        gone = trail[2]
        index = Leaf.objects.get(pk=gone.leaf_id).index
        behind_the_triggers_back("DELETE FROM audit_event WHERE id = %s", gone.pk)
        behind_the_triggers_back("DELETE FROM chain_leaf WHERE id = %s", gone.leaf_id)

        (finding,) = findings(noon)

        assert finding.kind == Mismatch.Kind.GAP
        assert finding.subject == f"leaf at index {index}"

    @pytest.mark.parametrize(
        ("column", "change"),
        [
            ("sealed_detail", one_byte_changed),
            ("sealed_secret", one_byte_changed),
            ("ground", lambda _old: "own_record"),
            ("at", lambda old: old - timedelta(days=1)),
            ("actor_id", lambda _old: uuid.uuid4()),
            ("patient_id", lambda _old: uuid.uuid4()),
            ("name", lambda _old: "patient.listed"),
        ],
    )
    def test_names_the_line_of_which_anything_was_changed(self, trail, noon, column, change):
        change_in_database("audit_event", column, trail[3].pk, change)

        (finding,) = findings(noon)

        assert f"audit event {trail[3].pk}" in finding.subject
        assert "changed" in finding.cause

    def test_puts_it_into_the_privacy_officers_queue(self, trail, noon):
        behind_the_triggers_back("DELETE FROM audit_event WHERE id = %s", trail[2].pk)

        findings(noon)

        assert Review.objects.get().mismatch.leaf_id == trail[2].leaf_id

    def test_fails_as_a_command_too(self, trail, noon):
        behind_the_triggers_back("DELETE FROM audit_event WHERE id = %s", trail[2].pk)
        out = StringIO()

        with pytest.raises(SystemExit) as ended:
            call_command("check_log", "--json", stdout=out)

        assert ended.value.code != 0
        assert "there is nothing left of the access" in json.dumps(json.loads(out.getvalue()))
