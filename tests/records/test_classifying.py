"""How sensitive records are once they are stored: over versions, references, and rows from before."""

import json
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
from django.db import connection, transaction

from consent.categories import Kind, Sensitivity, sensitivity_token
from records.models import Record, RecordReference, RecordVersion
from records.services.classifying import classify, unclassified
from records.services.importing import import_records
from records.services.inheriting import names_of
from records.services.opening import open_list
from records.tasks import classify_records
from tests.consent.factories import ClinicianFactory, GrantFactory
from tests.records.bundles import PATIENT, bundle, found_in, observation
from tests.records.factories import PatientFactory, RecordFactory
from tests.records.tampering import change_in_database, one_byte_changed

SNOMED, ATC = "http://snomed.info/sct", "http://www.whocc.no/atc"
HIV, DEPRESSION, BRONCHITIS = "86406008", "370143000", "10509002"


def concept(code, system=SNOMED):
    return {"coding": [{"system": system, "code": code}]}


def condition(fhir_id="why", code=HIV, *, patient="amina", **more):
    return {
        "resourceType": "Condition",
        "id": fhir_id,
        "code": concept(code),
        "subject": {"reference": f"Patient/{patient}"},
        **more,
    }


def prescription(fhir_id="pills", *, patient="amina", **more):
    return {
        "resourceType": "MedicationRequest",
        "id": fhir_id,
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{patient}"},
        **({"medicationCodeableConcept": {"text": "Vitamin C"}} if "medicationReference" not in more else {}),
        **more,
    }


def visit(fhir_id="visit", *, because):
    return {
        "resourceType": "Encounter",
        "id": fhir_id,
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/amina"},
        "reasonReference": [{"reference": because}],
    }


def letter(fhir_id="letter", *, visit="Encounter/visit"):
    return {
        "resourceType": "DocumentReference",
        "id": fhir_id,
        "status": "current",
        "subject": {"reference": "Patient/amina"},
        "content": [{"attachment": {"contentType": "text/plain", "data": "SGVsbG8="}}],
        "context": {"encounter": [{"reference": visit}]},
    }


CLINIC = {
    "resourceType": "Location",
    "id": "clinic",
    "type": [concept("PSY", "http://terminology.hl7.org/CodeSystem/v3-RoleCode")],
}


def at_the_clinic(fhir_id="talk"):
    return {
        "resourceType": "Encounter",
        "id": fhir_id,
        "status": "finished",
        "class": {"code": "AMB"},
        "subject": {"reference": "Patient/amina"},
        "location": [{"location": {"reference": "Location/clinic"}}],
    }


def reason(target="Condition/why"):
    return {"reasonReference": [{"reference": target}]}


def imported(*resources, at, source="clinic"):
    report = import_records(found_in(bundle(*resources)), source=source, at=at)
    assert report.faults == []


def sensitivities(fhir_id):
    return names_of(Record.objects.get(fhir_id=fhir_id))


def forget(*fhir_ids):
    """Leave records as they were before there were sensitivities."""
    Record.objects.filter(fhir_id__in=fhir_ids).update(sensitivities=None)


@pytest.mark.django_db
class TestStoring:
    def test_classifies_what_comes_in(self, noon):
        imported(PATIENT, condition(), condition("cough", BRONCHITIS), at=noon)

        assert sensitivities("why") == {"hiv"}
        assert sensitivities("cough") == set()
        assert unclassified() == []

    def test_writes_tokens_that_tell_nothing_and_are_different_for_each_patient(self, noon):
        ben = {**PATIENT, "id": "ben", "identifier": [{"system": "urn:example:mrn", "value": "MRN-18"}]}
        ben["name"] = [{"family": "Osei", "given": ["Ben"]}]
        imported(PATIENT, ben, condition(), condition("his", patient="ben"), at=noon)

        hers, his = Record.objects.get(fhir_id="why"), Record.objects.get(fhir_id="his")
        assert [bytes(token) for token in hers.sensitivities] == [
            sensitivity_token(hers.patient_id, Sensitivity.HIV)
        ]
        assert bytes(hers.sensitivities[0]) != bytes(his.sensitivities[0])

    def test_keeps_what_an_earlier_version_was(self, noon):
        patient = PatientFactory()
        diagnosis = {"resourceType": "Condition", "code": concept(HIV)}
        record = RecordFactory(
            patient=patient,
            content=diagnosis,
            versions=[{}, {"code": concept(DEPRESSION)}, {"code": concept(BRONCHITIS)}],
        )

        record.refresh_from_db()
        assert names_of(record) == {"hiv", "mental_health"}

    def test_keeps_a_record_unclassified_that_nobody_has_classified_yet(self, noon):
        patient = PatientFactory()
        record = RecordFactory(patient=patient, fhir_id="old")
        forget("old")

        RecordFactory(patient=patient, fhir_id="old", content={"resourceType": "Observation"} | _weight())

        record.refresh_from_db()
        assert record.latest_version == 2
        assert record.sensitivities is None


@pytest.mark.django_db
class TestInheriting:
    def test_makes_a_prescription_as_sensitive_as_its_reason(self, noon):
        imported(PATIENT, condition(), prescription(**reason()), at=noon)

        assert sensitivities("pills") == {"hiv"}

    def test_does_so_when_the_reason_arrives_later(self, noon):
        imported(PATIENT, prescription(**reason()), at=noon)
        assert sensitivities("pills") == set()

        imported(condition(), at=noon)

        assert sensitivities("pills") == {"hiv"}

    def test_does_so_when_the_reason_turns_out_sensitive_later(self, noon):
        imported(PATIENT, condition(code=BRONCHITIS), prescription(**reason()), at=noon)

        imported(condition(code=HIV), at=noon)

        assert sensitivities("pills") == {"hiv"}

    def test_takes_its_medicine_too(self, noon):
        medicine = {"resourceType": "Medication", "id": "art", "code": concept("J05AR03", ATC)}
        imported(
            PATIENT, medicine, prescription(medicationReference={"reference": "Medication/art"}), at=noon
        )

        assert sensitivities("pills") == {"hiv"}

    def test_takes_the_clinic_that_is_nobodys_record(self, noon):
        imported(PATIENT, CLINIC, at_the_clinic(), at=noon)

        talk = Record.objects.get(fhir_id="talk")
        assert Record.objects.get(fhir_id="clinic").kind == Kind.DIRECTORY
        assert [bytes(token) for token in talk.sensitivities] == [
            sensitivity_token(talk.patient_id, Sensitivity.MENTAL_HEALTH)
        ]

    def test_goes_over_any_number_of_steps_in_any_order(self, noon):
        imported(PATIENT, letter(), at=noon)
        imported(visit(because="Condition/why"), at=noon)
        assert sensitivities("letter") == set()

        imported(condition(), at=noon)

        assert sensitivities("visit") == {"hiv"}
        assert sensitivities("letter") == {"hiv"}

    def test_leaves_a_weight_taken_on_the_way_alone(self, noon):
        weight = observation("weight", encounter={"reference": "Encounter/visit"})
        imported(PATIENT, condition(), visit(because="Condition/why"), weight, at=noon)

        assert sensitivities("weight") == set()

    def test_ends_where_records_refer_to_each_other(self, noon):
        imported(
            PATIENT,
            observation("one", hasMember=[{"reference": "Observation/two"}]),
            observation(
                "two", derivedFrom=[{"reference": "Observation/one"}], focus=[{"reference": "Condition/why"}]
            ),
            condition(),
            at=noon,
        )

        assert sensitivities("one") == sensitivities("two") == {"hiv"}

    def test_does_not_make_a_whole_record_as_restricted_as_its_patient(self, noon):
        label = {"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R"}
        imported({**PATIENT, "meta": {"security": [label]}}, observation("weight"), at=noon)

        assert sensitivities("amina") == {"restricted"}
        assert sensitivities("weight") == set()

    def test_holds_for_what_only_an_earlier_version_refers_to(self, noon):
        imported(PATIENT, prescription(**reason()), at=noon)
        imported(prescription(), at=noon)

        imported(condition(), at=noon)

        assert sensitivities("pills") == {"hiv"}

    def test_withholds_what_is_about_a_record_that_is_not_classified(self, noon):
        imported(PATIENT, condition(code=BRONCHITIS), at=noon)
        forget("why")

        imported(prescription(**reason()), at=noon)

        assert sensitivities("pills") is None
        classify_records()
        assert sensitivities("pills") == set()

    def test_never_reaches_into_another_patients_record(self, noon):
        ben = {**PATIENT, "id": "ben", "identifier": [{"system": "urn:example:mrn", "value": "MRN-18"}]}
        ben["name"] = [{"family": "Osei", "given": ["Ben"]}]
        imported(PATIENT, ben, condition(patient="ben"), prescription(**reason()), at=noon)

        assert sensitivities("pills") == set()


@pytest.mark.django_db
class TestClassifying:
    @pytest.fixture
    def before(self, noon):
        """A store from before there were sensitivities: a chain of three, and a clinic of nobody's."""
        imported(
            PATIENT,
            letter(),
            visit(because="Condition/why"),
            condition(),
            at_the_clinic(),
            CLINIC,
            observation(),
            at=noon,
        )
        Record.objects.update(sensitivities=None)
        RecordReference.objects.update(inherits=False)

    def test_finds_what_imports_would_have_found(self, before):
        classify_records()

        assert unclassified() == []
        assert {name: sensitivities(name) for name in ("letter", "visit", "why", "talk", "hb")} == {
            "letter": {"hiv"},
            "visit": {"hiv"},
            "why": {"hiv"},
            "talk": {"mental_health"},
            "hb": set(),
        }

    def test_begins_with_the_directory_from_which_others_inherit(self, before):
        (_source, first), *_others = unclassified()

        assert first is None

    def test_twice_changes_nothing(self, before):
        classify_records()
        once = list(Record.objects.order_by("pk").values_list("pk", "sensitivities"))

        classify_records()

        assert list(Record.objects.order_by("pk").values_list("pk", "sensitivities")) == once

    def test_goes_on_where_it_was_stopped(self, before):
        classify(*unclassified()[0])
        assert unclassified()

        classify_records()

        assert unclassified() == []
        assert sensitivities("talk") == {"mental_health"}

    def test_reads_every_version(self, noon):
        patient = PatientFactory()
        diagnosis = {"resourceType": "Condition", "code": concept(HIV)}
        RecordFactory(
            patient=patient,
            fhir_id="dropped",
            content=diagnosis,
            versions=[{}, {"code": concept(BRONCHITIS)}],
        )
        forget("dropped")

        classify_records()

        assert sensitivities("dropped") == {"hiv"}

    def test_finds_what_an_earlier_version_refers_to_though_nobody_kept_it(self, noon):
        imported(PATIENT, condition(), prescription(**reason()), at=noon)
        imported(prescription(), at=noon)
        forget("pills")
        RecordReference.objects.filter(record__fhir_id="pills", number=1).delete()

        classify_records()

        assert sensitivities("pills") == {"hiv"}

    def test_takes_a_version_that_was_tampered_with_for_everything(self, amina, haemoglobin):
        change_in_database("records_recordversion", "data", haemoglobin.pk, one_byte_changed)
        forget("hb")

        classify_records()

        assert sensitivities("hb") == set(Sensitivity.values)

    def test_leaves_what_is_classified_as_it_is(self, before, django_assert_num_queries):
        classify_records()

        with django_assert_num_queries(1):
            classify_records()


@pytest.mark.django_db(transaction=True)
class TestClassifyingBesideAnImport:
    def test_waits_for_it_and_reads_what_it_wrote(self, noon):
        imported(PATIENT, condition(code=BRONCHITIS), at=noon)
        forget("why")

        with ThreadPoolExecutor(max_workers=1) as worker:
            with transaction.atomic():
                imported(condition(code=HIV), at=noon)
                classifying = worker.submit(_classify_elsewhere)
                # It can't be done before the import is, so this is over as soon as the time is.
                done, _not_done = wait([classifying], timeout=0.5)
                assert not done
            classifying.result(timeout=30)

        assert sensitivities("why") == {"hiv"}


def _classify_elsewhere():
    try:
        classify_records()
    finally:
        connection.close()


@pytest.mark.django_db
class TestWithholding:
    """What a grant reaches, end to end: from the bytes that came in to what somebody can see."""

    @pytest.fixture
    def reader(self, noon):
        imported(PATIENT, condition(), prescription(**reason()), observation(), at=noon)
        return ClinicianFactory()

    def seen(self, reader, noon):
        visible = Record.objects.visible_to(reader.user, at=noon)
        return set(visible.exclude(resource_type="Patient").values_list("fhir_id", flat=True))

    def test_hides_the_sensitive_and_nothing_else(self, reader, noon):
        GrantFactory(patient=_patient(), to=reader, starts_at=noon)

        assert self.seen(reader, noon) == {"hb"}

    def test_ends_where_the_grant_names_the_category(self, reader, noon):
        GrantFactory(patient=_patient(), to=reader, starts_at=noon, sensitivities=(Sensitivity.HIV,))

        assert self.seen(reader, noon) == {"why", "pills", "hb"}

    def test_covers_what_nobody_has_classified(self, reader, noon):
        GrantFactory(patient=_patient(), to=reader, starts_at=noon, sensitivities=tuple(Sensitivity))
        forget("hb")

        assert self.seen(reader, noon) == {"why", "pills"}

    def test_keeps_what_is_hidden_out_of_the_page_of_what_refers_to_it(self, noon):
        imported(PATIENT, condition("cough", BRONCHITIS), prescription(**reason("Condition/cough")), at=noon)
        reader, patient = ClinicianFactory(), _patient()
        diagnosis = Record.objects.get(fhir_id="cough")
        Record.objects.filter(pk=diagnosis.pk).update(
            sensitivities=[sensitivity_token(patient.pk, Sensitivity.RESTRICTED)]
        )
        GrantFactory(patient=patient, to=reader, starts_at=noon)
        pills = RecordVersion.objects.filter(record__fhir_id="pills")

        (theirs,) = open_list(pills, by=reader.user, at=noon, patient=patient)
        (own,) = open_list(pills, by=_account(patient), at=noon, patient=patient)

        assert BRONCHITIS in json.dumps(_texts(own))
        assert BRONCHITIS not in json.dumps(_texts(theirs))


def _patient():
    return Record.objects.get(resource_type="Patient").patient


def _account(patient):
    from accounts.models import Role, User

    patient.user = User.objects.create_user("amina", role=Role.PATIENT)
    patient.save()
    return patient.user


def _texts(opened):
    presented = opened.presented
    return [presented.summary, *([row.label, row.value] for row in (*presented.rows, *presented.more))]


def _weight():
    return {"status": "final", "code": {"text": "Weight"}}
