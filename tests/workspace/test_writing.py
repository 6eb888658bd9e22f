"""What a doctor writes from the chart: notes and corrections, each a version for ever."""

import json

import pytest

from records.fhir.strict import parse
from records.models import RecordVersion
from records.workspace.correcting import CorrectionForm, editable, written


def latest(patient):
    return RecordVersion.objects.filter(record__patient=patient).latest().order_by("-created_at").first()


@pytest.mark.django_db
class TestWriteNote:
    def test_keeps_a_note_that_the_chart_shows(self, as_doctor, amina, doctor_account):
        answer = as_doctor.post(
            f"/workspace/patients/{amina.pk}/notes/write/",
            {"title": "Visit", "text": "Feels well.\nCome back."},
        )

        version = latest(amina)
        assert version.record.resource_type == "DocumentReference"
        assert version.by == doctor_account
        assert "Feels well." in as_doctor.get(answer.url).content.decode()

    def test_keeps_nothing_without_words(self, as_doctor, amina):
        answer = as_doctor.post(
            f"/workspace/patients/{amina.pk}/notes/write/", {"title": "Visit", "text": " "}
        )

        assert answer.status_code == 422
        assert "There is a problem" in answer.content.decode()
        assert latest(amina) is None

    def test_writes_into_no_record_of_a_patient_of_others(self, as_doctor, boris):
        answer = as_doctor.post(f"/workspace/patients/{boris.pk}/notes/write/", {"title": "a", "text": "b"})

        assert answer.status_code == 404
        assert latest(boris) is None


@pytest.mark.django_db
class TestCorrect:
    def filled(self, as_doctor, amina, record, **changes):
        """The form as the page offers it, with some boxes changed by their label."""
        page = as_doctor.get(f"/workspace/patients/{amina.pk}/records/{record.pk}/correct/")
        form = page.context["form"]
        data = {name: form[name].value() for name in form.fields}
        for name, (pointer, _value) in form.pointers.items():
            if pointer in changes:
                data[name] = changes[pointer]
        data["reason"] = changes.get("reason", "")
        return data

    def correct(self, as_doctor, amina, record, **changes):
        data = self.filled(as_doctor, amina, record, **changes)
        return as_doctor.post(f"/workspace/patients/{amina.pk}/records/{record.pk}/correct/", data)

    def test_makes_a_new_version_with_author_and_reason(self, as_doctor, amina, haemoglobin, doctor_account):
        changes = {"/valueQuantity/value": "7.10", "reason": "typed wrongly"}

        answer = self.correct(as_doctor, amina, haemoglobin, **changes)

        assert answer.status_code == 302
        version = latest(amina)
        assert version.number == 2
        assert version.by == doctor_account
        assert version.reason == "typed wrongly"
        assert b'"value":7.10' in version.document

    def test_leaves_everything_else_as_it_was_written(self, as_doctor, amina, haemoglobin):
        before = json.loads(haemoglobin.versions.get().document)

        self.correct(
            as_doctor, amina, haemoglobin, **{"/valueQuantity/value": "7.1", "reason": "typed wrongly"}
        )

        after = json.loads(latest(amina).document)
        assert after.pop("valueQuantity") == {"value": 7.1, "unit": "g/dL"}
        before.pop("valueQuantity")
        assert after == before

    def test_owes_a_reason(self, as_doctor, amina, haemoglobin):
        answer = self.correct(as_doctor, amina, haemoglobin, **{"/valueQuantity/value": "7.1"})

        assert answer.status_code == 422
        assert latest(amina).number == 1

    def test_refuses_what_is_no_number(self, as_doctor, amina, haemoglobin):
        changes = {"/valueQuantity/value": "about 7", "reason": "typed wrongly"}

        answer = self.correct(as_doctor, amina, haemoglobin, **changes)

        assert "Write a number" in answer.content.decode()
        assert latest(amina).number == 1

    def test_says_why_fhir_refuses_it(self, as_doctor, amina, haemoglobin):
        answer = self.correct(
            as_doctor, amina, haemoglobin, **{"/status": "perhaps", "reason": "typed wrongly"}
        )

        assert answer.status_code == 422
        assert "status" in answer.content.decode()
        assert latest(amina).number == 1

    def test_refuses_a_correction_of_a_version_that_was_corrected_meanwhile(
        self, as_doctor, amina, haemoglobin
    ):
        data = self.filled(as_doctor, amina, haemoglobin, **{"/valueQuantity/value": "8", "reason": "late"})
        self.correct(
            as_doctor, amina, haemoglobin, **{"/valueQuantity/value": "7", "reason": "typed wrongly"}
        )

        answer = as_doctor.post(f"/workspace/patients/{amina.pk}/records/{haemoglobin.pk}/correct/", data)

        assert "Somebody corrected this record" in answer.content.decode()
        assert latest(amina).number == 2

    def test_corrects_the_text_of_a_note(self, as_doctor, amina):
        as_doctor.post(
            f"/workspace/patients/{amina.pk}/notes/write/", {"title": "Visit", "text": "Left knee."}
        )
        record = latest(amina).record

        changes = {"/content/0/attachment/data": "Right knee.", "reason": "wrong side"}
        answer = self.correct(as_doctor, amina, record, **changes)

        assert "Right knee." in as_doctor.get(answer.url).content.decode()


class TestCorrectionForm:
    def test_offers_neither_identity_nor_owner(self):
        resource = {
            "resourceType": "Observation",
            "id": "a",
            "meta": {"versionId": "1"},
            "subject": {"reference": "Patient/1", "display": "Amina"},
            "note": [{"text": "fasting"}],
            "code": {"coding": [{"system": "http://loinc.org", "code": "1"}]},
        }

        assert [pointer for pointer, _value in editable(resource)] == ["/note/0/text", "/code/coding/0/code"]

    def test_drops_a_narrative_that_would_go_on_saying_what_stood_before(self):
        resource = {
            "resourceType": "Observation",
            "status": "final",
            "text": {"status": "generated", "div": "<div>13.5</div>"},
        }
        form = CorrectionForm(
            {"element-0": "amended", "reason": "typed wrongly", "version": "1"}, resource=resource, version=1
        )

        assert form.is_valid()
        assert json.loads(form.corrected()) == {"resourceType": "Observation", "status": "amended"}

    def test_writes_numbers_to_the_digit(self):
        raw = b'{"a":1.50,"b":[0.000,-7,1E+2],"c":"\xc3\xa9\\n\\"","d":null,"e":true}'

        assert parse(written(parse(raw)).encode()) == parse(raw)
        assert '"a":1.50' in written(parse(raw))
        assert "0.000" in written(parse(raw))

    def test_takes_a_slash_in_a_name_for_what_it_is(self):
        form = CorrectionForm(
            {"element-0": "new", "reason": "r", "version": "1"}, resource={"a/b~c": "old"}, version=1
        )

        assert form.is_valid()
        assert json.loads(form.corrected()) == {"a/b~c": "new"}
