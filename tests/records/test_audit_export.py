"""The access log as FHIR AuditEvents: valid, complete, in the shape of IHE BALP, and itself logged."""

import json
import tracemalloc
from datetime import timedelta

import pytest
from django.urls import reverse

from audit import services as audit
from audit.models import Event
from patients.models import Patient
from records.export import audit_events as export
from records.export.audit_events import PATIENT_READ, bundle_of
from records.services.opening import open_list, open_record
from records.services.storing import faults_of
from tests.records.factories import PatientFactory, many_records
from tests.records.tampering import change_in_database, one_byte_changed

DCM = "http://dicom.nema.org/resources/ontology/DCM"


def bundle(patient, at):
    raw = b"".join(bundle_of(patient, at=at))
    assert not faults_of(raw), [str(fault) for fault in faults_of(raw)]
    return json.loads(raw)


def resources(patient, at):
    return [entry["resource"] for entry in bundle(patient, at)["entry"]]


def codes(elements):
    return [element["type"]["coding"][0]["code"] for element in elements]


@pytest.fixture
def read_by_doctor(maria, treating, haemoglobin_record, noon):
    """Maria's doctor opened her result, from a known address."""
    open_record(haemoglobin_record.versions.get(), by=treating, at=noon, address="192.0.2.7")
    return Event.objects.get(name="record.opened")


@pytest.fixture
def audit_event(maria, read_by_doctor, noon):
    (found,) = (one for one in resources(maria, noon) if one["subtype"][-1]["code"] == "record.opened")
    return found


class TestARead:
    """One AuditEvent, compared with what the profile IHE.BasicAudit.PatientRead asks for."""

    def test_claims_the_profile_and_keeps_its_codes(self, audit_event, read_by_doctor):
        assert audit_event["meta"]["profile"] == [PATIENT_READ]
        assert audit_event["id"] == str(read_by_doctor.pk)
        assert audit_event["type"]["code"] == "rest"
        assert audit_event["subtype"][0] == {
            "system": "http://hl7.org/fhir/restful-interaction",
            "code": "vread",
            "display": "vread",
        }
        assert (audit_event["action"], audit_event["outcome"]) == ("R", "0")
        assert audit_event["recorded"] == "2026-05-12T12:00:00.000+00:00"

    def test_has_client_server_and_user(self, audit_event, treating, settings):
        client, server, user = audit_event["agent"]

        assert client["type"]["coding"][0] == {
            "system": DCM,
            "code": "110152",
            "display": "Destination Role ID",
        }
        assert client["network"] == {"address": "192.0.2.7", "type": "2"}
        assert server["type"]["coding"][0]["code"] == "110153"
        assert server["who"] == audit_event["source"]["observer"]
        assert server["network"]["address"] == settings.PORTAL_URL
        assert user["type"]["coding"][0]["code"] == "IRCP"
        assert user["requestor"] is True
        assert user["name"] == "Dr Ada Okafor"
        assert user["who"]["identifier"]["value"] == str(treating.pk)
        assert user["role"][0]["coding"][0]["code"] == "doctor"
        assert "network" not in user
        assert not client["requestor"]
        assert not server["requestor"]

    def test_names_the_patient_the_version_and_the_line(
        self, audit_event, maria, haemoglobin_record, read_by_doctor
    ):
        patient, data, line = audit_event["entity"]

        assert patient["what"] == {"reference": f"Patient/{maria.pk}"}
        assert (patient["type"]["code"], patient["role"]["code"]) == ("1", "1")
        assert data["what"]["reference"] == f"Observation/{haemoglobin_record.pk}/_history/1"
        assert (data["type"]["code"], data["role"]["code"]) == ("2", "4")
        assert line["type"]["code"] == "XrequestId"
        assert line["what"]["identifier"]["value"] == f"urn:uuid:{read_by_doctor.pk}"

    def test_says_what_for_and_on_which_ground(self, audit_event):
        assert audit_event["purposeOfEvent"][0]["coding"][0]["code"] == "TREAT"
        assert audit_event["entity"][0]["detail"] == [{"type": "ground", "valueString": "treatment"}]


class TestOtherLines:
    def test_of_many_records_are_one_event_a_record_held_together(self, maria, treating, noon):
        many_records(maria, 3)
        versions = [record.versions.get() for record in maria.records.all()]
        open_list(versions, by=treating, at=noon, patient=maria, address="192.0.2.7")
        line = Event.objects.get(name="record.listed")

        events = [one for one in resources(maria, noon) if one["subtype"][-1]["code"] == "record.listed"]

        assert len({one["id"] for one in events}) == 3
        assert all(one["meta"]["profile"] == [PATIENT_READ] for one in events)
        assert {one["entity"][-1]["what"]["identifier"]["value"] for one in events} == {f"urn:uuid:{line.pk}"}
        assert {one["entity"][1]["what"]["identifier"]["value"] for one in events} == {
            f"urn:uuid:{version.pk}" for version in versions
        }

    def test_without_an_address_claim_no_profile(self, maria, treating, haemoglobin_record, noon):
        open_record(haemoglobin_record.versions.get(), by=treating, at=noon)

        (found,) = (one for one in resources(maria, noon) if one["subtype"][-1]["code"] == "record.opened")

        assert "meta" not in found
        assert codes(found["agent"]) == ["110153", "IRCP"]

    def test_of_an_emergency_and_of_grants_say_so(self, maria, doctor_account, noon):
        grant = "6f3f5b0e-3b57-4c4c-9b5e-0a7f3f0f8f11"
        for ground, purpose, facts in (
            ("break_glass", "", {}),
            ("grant", "CAREMGT", {"grants": [grant]}),
        ):
            audit.record(
                "chart.opened",
                at=noon,
                by=doctor_account,
                patient_id=maria.pk,
                ground=ground,
                purpose=purpose,
                **facts,
            )

        emergency, granted = (
            one for one in resources(maria, noon) if one["subtype"][-1]["code"] == "chart.opened"
        )
        if emergency["purposeOfEvent"][0]["coding"][0]["code"] != "BTG":
            emergency, granted = granted, emergency

        assert emergency["purposeOfEvent"][0]["coding"][0]["code"] == "BTG"
        assert granted["purposeOfEvent"][0]["coding"][0]["code"] == "CAREMGT"
        assert granted["entity"][1]["what"] == {"reference": f"Consent/{grant}"}

    def test_by_nobody_have_the_portal_alone_as_agent(self, maria, noon):
        audit.record("invitation.withdrawn", at=noon, by=None, patient_id=maria.pk)

        (found,) = (
            one for one in resources(maria, noon) if one["subtype"][-1]["code"] == "invitation.withdrawn"
        )

        assert codes(found["agent"]) == ["110153"]

    def test_that_were_changed_say_so_and_keep_the_rest_valid(self, maria, read_by_doctor, noon):
        change_in_database("audit_event", "sealed_detail", read_by_doctor.pk, one_byte_changed)

        (found,) = (one for one in resources(maria, noon) if one["subtype"][-1]["code"] == "record.opened")

        assert "changed after it was written" in found["outcomeDesc"]
        assert "meta" not in found


class TestTheBundle:
    def test_holds_every_line_of_this_patient_and_no_other(self, maria, read_by_doctor, noon):
        other = PatientFactory()
        audit.record("chart.opened", at=noon, by=None, patient_id=other.pk)

        found = bundle(maria, noon)

        lines = {one["resource"]["entity"][-1]["what"]["identifier"]["value"] for one in found["entry"]}
        assert lines == {f"urn:uuid:{event.pk}" for event in Event.objects.of_patient(maria.pk)}
        assert str(other.pk) not in json.dumps(found)
        assert all(one["fullUrl"] == f"urn:uuid:{one['resource']['id']}" for one in found["entry"])

    def test_of_an_empty_log_is_valid(self, db, noon):
        patient = Patient.objects.create()

        assert "entry" not in bundle(patient, noon)

    def test_is_read_piece_by_piece(self, maria, noon, monkeypatch):
        monkeypatch.setattr(export, "AT_ONCE", 5)
        for minutes in range(20):
            audit.record("chart.opened", at=noon + timedelta(minutes=minutes), by=None, patient_id=maria.pk)

        pieces = [*bundle_of(maria, at=noon)]

        # Head, four full pieces, what is left, and the end.
        assert len(pieces) == 7
        assert len(json.loads(b"".join(pieces))["entry"]) == 21

    def test_takes_no_more_memory_when_long(self, maria, noon):
        def peak():
            tracemalloc.start()
            for _piece in bundle_of(maria, at=noon):
                pass
            _now, highest = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            return highest

        def add(count):
            for minutes in range(count):
                audit.record(
                    "chart.opened", at=noon + timedelta(minutes=minutes), by=None, patient_id=maria.pk
                )

        add(export.AT_ONCE * 2)
        peak()
        short = peak()
        add(export.AT_ONCE * 4)

        assert peak() < short * 1.5


class TestTheDownload:
    def test_is_a_file_of_fhir(self, hers, read_by_doctor):
        response = hers.get(reverse("records:download-log"))

        found = json.loads(b"".join(response.streaming_content))
        assert response["Content-Type"] == "application/fhir+json"
        assert response["Content-Disposition"].startswith("attachment")
        assert found["resourceType"] == "Bundle"

    def test_leaves_a_line_which_is_in_it(self, hers, maria):
        response = hers.get(reverse("records:download-log"))

        event = Event.objects.get(name="log.exported")
        assert event.purpose == "download"
        assert str(event.pk) in b"".join(response.streaming_content).decode()

    @pytest.mark.parametrize("who", ["treating", "privacy_officer", "records_officer"])
    def test_is_not_found_by_staff(self, client, request, who, monkeypatch):
        monkeypatch.setattr("accounts.middleware.has_passed_second_factor", lambda request: True)
        client.force_login(request.getfixturevalue(who))

        assert client.get(reverse("records:download-log")).status_code == 404
