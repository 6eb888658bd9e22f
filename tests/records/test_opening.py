"""Opening records: what is shown, what is logged, and what a tampered row looks like."""

import pytest
from django.core.exceptions import PermissionDenied

from audit.models import Event
from chain.anchoring import AnchoringState
from patients.models import Notice
from patients.notices import tell_of_openings
from records.models import RecordVersion
from records.services.opening import open_list, open_record, open_series
from tests.records.tampering import change_in_database, one_byte_changed


class TestOpenRecord:
    def test_shows_the_patient_their_own_record(self, amina, haemoglobin, noon):
        opened = open_record(haemoglobin, by=amina.user, at=noon)

        assert opened.is_intact
        assert opened.resource["valueQuantity"]["unit"] == "g/dL"
        assert opened.anchoring.state == AnchoringState.WAITING

    def test_leaves_a_line_that_names_the_version_and_the_ground(self, her_doctor, haemoglobin, noon):
        open_record(haemoglobin, by=her_doctor, at=noon, address="192.0.2.7")

        event = Event.objects.openings().get()
        assert event.name == "record.opened"
        assert event.ground == "treatment"
        assert event.facts["versions"] == [str(haemoglobin.id)]
        assert event.facts["address"] == "192.0.2.7"
        assert event.leaf.topic == "access"

    @pytest.mark.parametrize(
        "stranger", ["doctor_account", "billing_clerk", "records_officer", "privacy_officer"]
    )
    def test_refuses_whoever_has_no_ground(self, request, haemoglobin, stranger, noon):
        with pytest.raises(PermissionDenied):
            open_record(haemoglobin, by=request.getfixturevalue(stranger), at=noon)

        assert not Event.objects.openings().exists()

    def test_shows_nothing_when_the_line_cannot_be_written(self, amina, haemoglobin, noon, monkeypatch):
        def raise_disk_full(*args, **kwargs):
            raise OSError("disk full")

        monkeypatch.setattr("records.services.opening.audit.record", raise_disk_full)

        with pytest.raises(OSError, match="disk full"):
            open_record(haemoglobin, by=amina.user, at=noon)

    @pytest.mark.parametrize("column", ["data", "secret"])
    def test_says_so_when_a_byte_was_changed_in_the_database(self, amina, haemoglobin, noon, column):
        change_in_database("records_recordversion", column, haemoglobin.pk, one_byte_changed)

        opened = open_record(haemoglobin, by=amina.user, at=noon)

        assert not opened.is_intact
        assert opened.anchoring.state == AnchoringState.FAILED
        assert opened.anchoring.cause

    def test_says_so_when_a_column_that_was_committed_to_was_changed(self, amina, haemoglobin, noon):
        change_in_database("records_recordversion", "author", haemoglobin.pk, lambda _old: "http://elsewhere")

        assert not open_record(haemoglobin, by=amina.user, at=noon).is_intact


class TestOpenList:
    def test_is_one_event_in_a_constant_number_of_queries(self, amina, noon, django_assert_num_queries):
        versions = RecordVersion.objects.visible_to(amina.user, at=noon).latest()
        with django_assert_num_queries(8):
            opened = open_list(versions, by=amina.user, at=noon, patient=amina)

        assert len(opened) == 3
        assert Event.objects.openings().count() == 1

    def test_refuses_versions_of_another_patient(self, amina, haemoglobin, noon):
        from patients.models import Patient

        other = Patient.objects.create(family_name="Osei", user=None)
        other.user, amina.user = amina.user, None
        amina.save()
        other.save()

        with pytest.raises(PermissionDenied):
            open_list([haemoglobin], by=other.user, at=noon, patient=other)


class TestOpenSeries:
    def test_finds_what_measures_the_same_oldest_first(self, amina, haemoglobin, noon):
        series = open_series(haemoglobin.record, by=amina.user, at=noon)

        assert [one.record.fhir_id for one in series] == ["hb", "hb-2"]


class TestTellingThePatient:
    @pytest.fixture
    def watchful(self, amina):
        """Amina, who wants to know when somebody else opens her record."""
        tell_of_openings(amina, True)
        return amina

    def test_that_somebody_else_looked(self, watchful, haemoglobin, her_doctor, noon):
        open_record(haemoglobin, by=her_doctor, at=noon)

        assert Notice.objects.get().kind == Notice.Kind.OPENING

    def test_not_of_what_they_looked_at_themselves(self, watchful, haemoglobin, noon):
        open_record(haemoglobin, by=watchful.user, at=noon)

        assert not Notice.objects.exists()

    def test_not_unless_they_want_it(self, amina, haemoglobin, her_doctor, noon):
        open_record(haemoglobin, by=her_doctor, at=noon)

        assert not Notice.objects.exists()
