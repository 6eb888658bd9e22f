"""Notes and corrections: who may write, and what stays."""

import json

import pytest
from django.core.exceptions import PermissionDenied

from records.models import RecordVersion
from records.services.writing import Refused, correct_record, write_note
from tests.records.bundles import observation


class TestCorrectRecord:
    def test_adds_a_version_and_keeps_the_one_before(self, her_doctor, haemoglobin, noon):
        corrected = correct_record(
            record=haemoglobin.record,
            document=observation("hb", "15.30").encode(),
            reason="The value was misread",
            by=her_doctor,
            at=noon,
        )

        assert corrected.number == 2
        assert corrected.reason == "The value was misread"
        assert b"13.50" in RecordVersion.objects.get(pk=haemoglobin.pk).document
        assert b"15.30" in corrected.document

    @pytest.mark.parametrize(
        ("document", "about"),
        [
            (observation("another"), "keeps the type and the id"),
            (json.dumps({"resourceType": "Patient", "id": "hb"}), "keeps the type and the id"),
            (observation("hb", "13.50", day="2026-03-02"), "Nothing was changed"),
            ("not json", "JSON"),
            (observation("hb", status="nonsense"), "status"),
        ],
    )
    def test_refuses_what_is_no_correction(self, her_doctor, haemoglobin, noon, document, about):
        with pytest.raises(Refused, match=about):
            correct_record(
                record=haemoglobin.record, document=document.encode(), reason="x", by=her_doctor, at=noon
            )

        assert RecordVersion.objects.filter(record=haemoglobin.record).count() == 1

    @pytest.mark.parametrize("who", ["doctor_account", "records_officer", "billing_clerk"])
    def test_refuses_whoever_does_not_treat_the_patient(self, request, haemoglobin, noon, who):
        with pytest.raises(PermissionDenied):
            correct_record(
                record=haemoglobin.record,
                document=observation("hb", "1").encode(),
                reason="x",
                by=request.getfixturevalue(who),
                at=noon,
            )

    def test_refuses_the_patient(self, amina, haemoglobin, noon):
        with pytest.raises(PermissionDenied):
            correct_record(record=haemoglobin.record, document=b"{}", reason="x", by=amina.user, at=noon)


class TestWriteNote:
    def test_keeps_the_words_as_a_document_of_the_patient(self, her_doctor, amina, noon):
        version = write_note(
            patient=amina, title="Clinic visit", text="Feels well. «Très bien.»", by=her_doctor, at=noon
        )

        assert version.record.kind == "document"
        assert version.record.patient == amina
        assert version.by == her_doctor

    def test_refuses_whoever_does_not_treat_the_patient(self, amina, doctor_account, noon):
        with pytest.raises(PermissionDenied):
            write_note(patient=amina, title="x", text="y", by=doctor_account, at=noon)
