"""On which ground records are opened: told to the access log, and used up where it is for once."""

import threading
from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction

from audit.models import Event, Ground
from consent.categories import Kind, Sensitivity
from consent.models import Grant
from consent.rules import Action
from consent.services.revoking import revoke_grant
from records.models import RecordVersion
from records.services.grounds import reason_to_read, require
from records.services.opening import open_list, open_record
from tests.consent.factories import BreakGlassFactory, CareFactory, ClinicianFactory, GrantFactory
from tests.records.factories import PatientFactory, RecordFactory, allergy

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
HIV_LABEL = {
    "meta": {"security": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "HIV"}]}
}


@pytest.fixture
def maria(db):
    return PatientFactory()


@pytest.fixture
def result(maria):
    return version_of(RecordFactory(patient=maria))


@pytest.fixture
def penicillin(maria):
    return version_of(RecordFactory(patient=maria, content=allergy("Penicillin")))


@pytest.fixture
def reader(db):
    return ClinicianFactory()


def version_of(record):
    return RecordVersion.objects.select_related("record__patient").get(record=record)


def reason(versions, reader, noon):
    return reason_to_read(versions, by=reader.user, patient=versions[0].record.patient, at=noon)


class TestReasonToRead:
    def test_is_the_first_ground_that_holds(self, maria, result, reader, noon):
        grant = GrantFactory(patient=maria, to=reader, starts_at=noon)
        assert reason([result], reader, noon).grants == (grant.pk,)

        broken = BreakGlassFactory(patient=maria, by=reader.user, at=noon)
        told = reason([result], reader, noon)
        assert (told.ground, told.break_glass, told.grants) == (Ground.BREAK_GLASS, broken.pk, ())

        CareFactory(patient=maria, clinician=reader)
        told = reason([result], reader, noon)
        assert (told.ground, told.facts) == (Ground.TREATMENT, {})

    def test_names_the_grants_that_were_needed_and_no_others(self, maria, result, penicillin, reader, noon):
        results = GrantFactory(patient=maria, to=reader, kinds=[Kind.RESULT], starts_at=noon)
        allergies = GrantFactory(patient=maria, to=reader, kinds=[Kind.ALLERGY], starts_at=noon)
        GrantFactory(patient=maria, to=reader, kinds=[Kind.VISIT], starts_at=noon)

        assert reason([result], reader, noon).grants == (results.pk,)
        assert set(reason([result, penicillin], reader, noon).grants) == {results.pk, allergies.pk}

    def test_refuses_all_when_one_of_them_is_reached_by_nothing(
        self, maria, result, penicillin, reader, noon
    ):
        GrantFactory(patient=maria, to=reader, kinds=[Kind.RESULT], starts_at=noon)

        with pytest.raises(PermissionDenied):
            reason([result, penicillin], reader, noon)

    def test_refuses_what_is_sensitive_and_was_not_named(self, maria, reader, noon):
        sensitive = version_of(RecordFactory(patient=maria, versions=[HIV_LABEL]))
        GrantFactory(patient=maria, to=reader, starts_at=noon)
        with pytest.raises(PermissionDenied):
            reason([sensitive], reader, noon)

        GrantFactory(patient=maria, to=reader, sensitivities=[Sensitivity.HIV], starts_at=noon)
        assert reason([sensitive], reader, noon).ground == Ground.GRANT

    def test_refuses_a_record_of_another_patient_on_every_ground(self, maria, result, reader, noon):
        other = PatientFactory()
        for patient in (maria, other):
            CareFactory(patient=patient, clinician=reader)

        with pytest.raises(PermissionDenied):
            reason_to_read([result], by=reader.user, patient=other, at=noon)
        with pytest.raises(PermissionDenied):
            reason_to_read([result], by=reader.user, patient=None, at=noon)

    def test_ends_at_the_moment_of_a_revocation(self, maria, result, reader, noon):
        grant = GrantFactory(patient=maria, to=reader, starts_at=noon)
        open_record(result, by=reader.user, at=noon)

        revoke_grant(grant=grant, by=maria.user, at=noon)

        with pytest.raises(PermissionDenied):
            open_record(result, by=reader.user, at=noon)
        assert Event.objects.openings().count() == 1

    def test_stands_in_the_access_log_with_its_grants(self, maria, result, reader, noon):
        grant = GrantFactory(patient=maria, to=reader, starts_at=noon)

        open_record(result, by=reader.user, at=noon)

        event = Event.objects.openings().get()
        assert event.ground == Ground.GRANT
        assert event.facts["grants"] == [str(grant.pk)]


class TestForOnce:
    def test_begins_with_the_first_opening_and_ends_an_hour_later(self, maria, result, reader, noon):
        grant = GrantFactory(patient=maria, to=reader, is_once=True, starts_at=noon)

        open_record(result, by=reader.user, at=noon + HOUR)
        open_record(result, by=reader.user, at=noon + 1.9 * HOUR)

        grant.refresh_from_db()
        assert grant.used_at == noon + HOUR
        with pytest.raises(PermissionDenied):
            open_record(result, by=reader.user, at=noon + 2 * HOUR)

    def test_is_not_begun_by_an_empty_list(self, maria, reader, noon):
        grant = GrantFactory(patient=maria, to=reader, is_once=True, starts_at=noon)

        open_list(RecordVersion.objects.none(), by=reader.user, patient=maria, at=noon)

        grant.refresh_from_db()
        assert grant.used_at is None

    def test_is_kept_while_another_grant_does_or_one_is_begun_already(self, maria, result, reader, noon):
        begun = GrantFactory(patient=maria, to=reader, is_once=True, starts_at=noon)
        open_record(result, by=reader.user, at=noon)
        kept = GrantFactory(patient=maria, to=reader, is_once=True, starts_at=noon, at=noon)

        assert reason([result], reader, noon + HOUR / 2).grants == (begun.pk,)
        standing = GrantFactory(patient=maria, to=reader, starts_at=noon)
        assert reason([result], reader, noon + HOUR / 2).grants == (standing.pk,)
        kept.refresh_from_db()
        assert kept.used_at is None

    def test_is_not_begun_when_the_line_cannot_be_written(self, maria, result, reader, noon, monkeypatch):
        def raise_disk_full(*args, **kwargs):
            raise OSError("disk full")

        grant = GrantFactory(patient=maria, to=reader, is_once=True, starts_at=noon)
        monkeypatch.setattr("records.services.opening.audit.record", raise_disk_full)

        with pytest.raises(OSError, match="disk full"), transaction.atomic():
            open_record(result, by=reader.user, at=noon)

        grant.refresh_from_db()
        assert grant.used_at is None

    @pytest.mark.django_db(transaction=True)
    def test_is_begun_once_by_two_openings_at_the_same_moment(self, maria, result, reader, noon):
        grant = GrantFactory(patient=maria, to=reader, is_once=True, starts_at=noon)
        barrier, outcomes = threading.Barrier(2), []

        def one(at):
            try:
                barrier.wait()
                outcomes.append(open_record(result, by=reader.user, at=at).is_intact)
            finally:
                connection.close()

        moments = [noon, noon + HOUR / 60]
        threads = [threading.Thread(target=one, args=[at]) for at in moments]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert outcomes == [True, True]
        assert Event.objects.openings().count() == 2
        assert Grant.objects.get(pk=grant.pk).used_at in moments


class TestRequire:
    def test_goes_on_only_with_a_yes(self, maria, reader, noon):
        with pytest.raises(PermissionDenied):
            require(Action.READ, by=reader.user, patient=maria, at=noon)
        with pytest.raises(PermissionDenied):
            require(Action.READ, by=reader.user, patient=None, at=noon)

        GrantFactory(patient=maria, to=reader, starts_at=noon)
        assert require(Action.READ, by=reader.user, patient=maria, at=noon).is_partial
        with pytest.raises(PermissionDenied):
            require(Action.WRITE, by=reader.user, patient=maria, at=noon)
