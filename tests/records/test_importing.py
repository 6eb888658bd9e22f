"""Importing: what comes in, what is refused, and what a second run does."""

import json

import pytest

from audit.models import Event
from patients.models import Patient
from records.models import Kind, Record, RecordReference, RecordVersion, SearchToken
from records.services.importing import import_records
from records.tokens import code_token
from tests.conftest import IPS_EXAMPLES, SHARED_DATA
from tests.records.bundles import PATIENT, bundle, found_in, observation

pytestmark = pytest.mark.django_db


def another_patient(fhir_id):
    return {"resourceType": "Patient", "id": fhir_id, "name": [{"family": "Osei"}], "birthDate": "1990-01-01"}


def imported(text, noon, **options):
    return import_records(found_in(text), source="lab", at=noon, **options)


class TestImportRecords:
    def test_keeps_the_bytes_of_each_resource_as_they_came(self, noon):
        written = observation(value="1.50")

        imported(bundle(PATIENT, written), noon)

        version = RecordVersion.objects.get(record__fhir_id="hb")
        assert version.document == written.encode()
        assert b"1.50" in version.document

    def test_registers_the_patient_whose_resource_it_meets(self, noon):
        imported(bundle(PATIENT), noon)

        patient = Patient.objects.get()
        assert patient.full_name == "Amina Diallo"
        assert patient.birth_date.isoformat() == "1980-03-04"
        assert Patient.objects.matching("diallo MRN-17").get() == patient

    def test_changes_nothing_the_second_time(self, noon):
        text = bundle(PATIENT, observation())
        imported(text, noon)

        report = imported(text, noon)

        assert (report.imported, report.changed, report.unchanged, report.rejected) == (0, 0, 2, 0)
        assert RecordVersion.objects.count() == 2
        assert Patient.objects.count() == 1

    def test_makes_a_changed_resource_a_new_version(self, noon):
        imported(bundle(PATIENT, observation(value="1.50")), noon)

        report = imported(bundle(PATIENT, observation(value="1.5")), noon)

        assert report.changed == 1
        first, second = RecordVersion.objects.filter(record__fhir_id="hb").order_by("number")
        assert (first.number, second.number) == (1, 2)
        assert second.previous == first
        assert second.record.latest_version == 2

    def test_reports_a_bad_resource_with_its_place_and_loses_nothing_else(self, noon):
        bad = {**json.loads(observation("bad")), "status": "nonsense"}

        report = imported(bundle(PATIENT, bad, observation("good")), noon)

        assert report.imported == 2
        (fault,) = report.faults
        assert "entry[1]" in fault.path
        assert "status" in fault.path
        assert fault.reason

    def test_refuses_alone_what_has_more_elements_than_a_commitment_takes(self, noon):
        named_a_million_times = {**PATIENT, "id": "many", "name": [{"given": ["x"] * (2**20 + 1)}]}

        report = imported(bundle(named_a_million_times, PATIENT, observation()), noon)

        assert report.imported == 2
        (fault,) = report.faults
        assert "at most" in fault.reason

    def test_keeps_two_versions_of_one_record_in_one_file_in_their_order(self, noon):
        report = imported(bundle(PATIENT, observation(value="1"), observation(value="2")), noon)

        assert (report.imported, report.changed) == (2, 1)

    def test_finds_the_patient_who_comes_after_their_records(self, noon):
        report = imported(bundle(observation(), PATIENT), noon)

        assert report.imported == 2
        assert Record.objects.get(fhir_id="hb").patient == Patient.objects.get()

    def test_refuses_a_record_of_nobody_known(self, noon):
        report = imported(bundle(PATIENT, observation(patient="somebody-else")), noon)

        (fault,) = report.faults
        assert "--patient" in fault.reason
        assert not Record.objects.filter(fhir_id="hb").exists()

    def test_takes_a_record_of_nobody_known_for_the_patient_it_is_told(self, noon):
        imported(bundle(PATIENT), noon)
        amina = Patient.objects.get()

        imported(observation(patient="somebody-else"), noon, patient=amina)

        assert Record.objects.get(fhir_id="hb").patient == amina

    def test_refuses_a_record_that_is_already_another_patients(self, noon):
        imported(bundle(PATIENT, observation()), noon)
        ben = another_patient("ben")

        report = imported(bundle(ben, observation(patient="ben", value="9")), noon)

        (fault,) = report.faults
        assert "another patient" in fault.reason
        assert RecordVersion.objects.filter(record__fhir_id="hb").count() == 1

    def test_takes_two_resources_for_one_person_when_number_and_birth_date_agree(self, noon):
        imported(bundle(PATIENT), noon)

        import_records(found_in(bundle({**PATIENT, "id": "other-id"})), source="clinic", at=noon)

        assert Patient.objects.count() == 1

    def test_leaves_a_doubtful_match_to_a_person(self, noon):
        imported(bundle(PATIENT), noon)
        doubtful = {**PATIENT, "id": "other-id", "birthDate": "1981-03-04"}

        report = import_records(found_in(bundle(doubtful)), source="clinic", at=noon)

        assert report.rejected == 1
        assert Patient.objects.count() == 1

    def test_takes_over_a_changed_name(self, noon):
        imported(bundle(PATIENT), noon)

        imported(bundle({**PATIENT, "name": [{"family": "Diallo-Smith", "given": ["Amina"]}]}), noon)

        assert Patient.objects.get().family_name == "Diallo-Smith"
        assert Patient.objects.matching("diallo-smith").exists()

    def test_queues_one_leaf_a_version(self, noon):
        imported(bundle(PATIENT, observation()), noon)

        versions = RecordVersion.objects.select_related("leaf")
        assert {version.leaf.topic for version in versions} == {"record"}
        assert len({bytes(version.leaf.commitment) for version in versions}) == 2

    def test_leaves_no_word_of_a_record_in_the_clear(self, noon):
        imported(bundle(PATIENT, observation()), noon)

        for row in RecordVersion.objects.all():
            assert b"Hemoglobin" not in bytes(row.data)
            assert b"Diallo" not in bytes(row.data)
        for event in Event.objects.all():
            assert b"Diallo" not in bytes(event.sealed_detail)


class TestReferences:
    DOCTOR = {"resourceType": "Practitioner", "id": "gp", "name": [{"family": "Mensah"}]}

    def by_doctor(self, fhir_id="hb"):
        return observation(fhir_id, performer=[{"reference": "Practitioner/gp"}])

    def test_lead_to_the_record_they_mean(self, noon):
        imported(bundle(PATIENT, self.DOCTOR, self.by_doctor()), noon)

        reference = RecordReference.objects.get(pointer="/performer/0")
        assert reference.target.kind == Kind.DIRECTORY

    def test_find_a_target_that_arrives_later(self, noon):
        imported(bundle(PATIENT, self.by_doctor()), noon)
        assert RecordReference.objects.get(pointer="/performer/0").target is None

        imported(json.dumps(self.DOCTOR), noon)

        assert RecordReference.objects.get(pointer="/performer/0").target.fhir_id == "gp"

    def test_never_lead_into_another_patients_record(self, noon):
        ben = another_patient("ben")
        prying = observation("prying", hasMember=[{"reference": "Observation/secret"}])

        imported(bundle(PATIENT, ben, observation("secret", patient="ben"), prying), noon)

        assert RecordReference.objects.get(pointer="/hasMember/0").target is None


class TestTokens:
    def test_find_a_series_without_a_word_in_the_clear(self, noon):
        imported(bundle(PATIENT, observation("a"), observation("b")), noon)

        assert Record.objects.with_token(code_token("http://loinc.org|718-7")).count() == 2
        assert not SearchToken.objects.filter(token__contains=b"718-7").exists()


class TestRealRecords:
    """The published examples of the International Patient Summary, and Synthea's patients where they are."""

    def test_official_examples_come_in_whole(self, noon):
        from records.fhir.reading import read

        examples = sorted((IPS_EXAMPLES / "example").glob("Bundle-*.json"))
        assert examples

        def find():
            for path in examples:
                yield from read(path)

        report = import_records(find, source="ips", at=noon)

        assert report.imported > 20
        assert import_records(find, source="ips", at=noon).imported == 0

    if SHARED_DATA.is_dir():

        def test_synthea_patients_come_in_twice_without_a_second_copy(self, noon):
            from records.fhir.reading import read

            paths = [SHARED_DATA / "synthea-2024-bulk", SHARED_DATA / "synthea-full-record"]

            def find():
                for path in paths:
                    yield from read(path)

            first = import_records(find, source="synthea", at=noon)
            assert first.faults == []
            assert first.imported > 1000

            second = import_records(find, source="synthea", at=noon)
            assert (second.imported, second.changed, second.unchanged) == (0, 0, first.imported)
