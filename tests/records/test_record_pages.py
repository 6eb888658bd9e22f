"""The page of one record: its value, its history, its files, and what it says when something is wrong."""

import base64

import pytest
from django.urls import reverse

from audit.models import Event
from chain.models import Mismatch
from tests.records.factories import RecordFactory, allergy, many_records, medicine, result
from tests.records.pages import page, words
from tests.records.tampering import change_in_database, one_byte_changed


def tampered(version, column="data"):
    change_in_database("records_recordversion", column, version.pk, one_byte_changed)
    return version


class TestAResult:
    def test_shows_value_unit_range_and_day(self, hers, maria):
        record = RecordFactory(patient=maria, content=result(16.25, low=12.0, high=15.5))

        shown = words(page(hers, "record", record.pk))

        assert "<h1" in shown
        assert "16.25 g/dL" in shown
        assert "Reference range:" in shown
        assert "2 March 2026" in shown
        assert 'class="app-range"' in shown

    def test_has_no_plot_while_there_is_one_value(self, hers, haemoglobin_record):
        assert 'class="app-plot"' not in words(page(hers, "record", haemoglobin_record.pk))

    def test_plots_its_series_beside_a_table_that_says_the_same(self, hers, maria):
        records = [
            RecordFactory(patient=maria, content=result(value, day=day))
            for value, day in ((13.5, "2026-01-02"), (14.0, "2026-02-02"), (12.9, "2026-03-02"))
        ]

        shown = words(page(hers, "record", records[1].pk))

        plot = shown[shown.index('<svg class="app-plot"') :].partition("</svg>")[0]
        assert plot.count("<circle") == 3
        assert plot.count("app-plot__dot--current") == 1
        assert "Haemoglobin over time" in plot  # its title, for those who cannot see it
        assert "3 values from 2 January 2026 to 2 March 2026." in plot
        table = shown.partition("newest first")[2].partition("</table>")[0]
        assert [table.index(value) for value in ("12.9", "14.0", "13.5")] == sorted(
            table.index(value) for value in ("12.9", "14.0", "13.5")
        )
        assert reverse("records:record", args=[records[0].pk]) in table

    def test_leaves_another_unit_out_of_the_plot_and_says_so(self, hers, maria):
        for value, day in ((13.5, "2026-01-02"), (14.0, "2026-02-02")):
            RecordFactory(patient=maria, content=result(value, day=day))
        RecordFactory(patient=maria, content=result(135, unit="g/L", day="2026-02-20", low=120, high=155))
        record = RecordFactory(patient=maria, content=result(14.1, day="2026-03-02"))

        shown = words(page(hers, "record", record.pk))

        assert shown.count("<circle") - shown.count("app-proof__icon") == 3
        assert "1 value stands in the table but not in the plot" in shown

    def test_leaves_a_mistake_out_of_the_series(self, hers, maria):
        RecordFactory(patient=maria, content=result(99, day="2026-01-02", status="entered-in-error"))
        record = RecordFactory(patient=maria, content=result(13.5))

        assert 'class="app-plot"' not in words(page(hers, "record", record.pk))

    def test_shows_the_newest_of_a_very_long_series_and_itself(self, hers, maria, monkeypatch):
        monkeypatch.setattr("records.services.opening.LONGEST_SERIES", 3)
        monkeypatch.setattr("records.views.record.LONGEST_SERIES", 3)
        records = many_records(maria, 6)

        shown = words(page(hers, "record", records[5].pk))  # the oldest

        assert shown.count('class="app-plot__dot') == 4
        assert "Only the newest 3 values are shown." in shown

    def test_plots_each_part_of_a_panel(self, hers, maria):
        for day, systolic, diastolic in (("2026-01-02", 120, 80), ("2026-03-02", 131, 84)):
            record = RecordFactory(patient=maria, content=blood_pressure(systolic, diastolic, day=day))

        shown = words(page(hers, "record", record.pk))

        assert shown.count('<svg class="app-plot"') == 2
        assert "131 mmHg" in shown

    def test_keeps_the_written_precision(self, hers, maria):
        record = RecordFactory(
            patient=maria, content={**result(), "valueQuantity": {"value": 1.5, "unit": "g"}}
        )

        assert "1.5 g" in words(page(hers, "record", record.pk))

    def test_of_words_alone_needs_no_plot(self, hers, maria):
        content = {
            key: value for key, value in result().items() if key not in ("valueQuantity", "referenceRange")
        }
        record = RecordFactory(patient=maria, content={**content, "valueString": "Sinus rhythm"})

        assert "Sinus rhythm" in words(page(hers, "record", record.pk))


class TestOtherKinds:
    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (medicine("Metformin 500 mg", "active"), ["Metformin 500 mg", "Active", "5 January 2026"]),
            (allergy("Peanuts"), ["Peanuts", "Active"]),
            (
                {"resourceType": "Condition", "code": {"text": "Asthma"}, "onsetDateTime": "2011"},
                ["Asthma", "2011"],
            ),
            (
                {
                    **{"resourceType": "Immunization", "status": "completed"},
                    **{"vaccineCode": {"text": "Tetanus"}, "occurrenceDateTime": "2024-05-03"},
                },
                ["Tetanus", "3 May 2024"],
            ),
            (
                {
                    **{"resourceType": "Procedure", "status": "completed", "code": {"text": "Appendectomy"}},
                    **{"performedPeriod": {"start": "2019-02-03", "end": "2019-02-04"}},
                },
                ["Appendectomy", "3 February 2019"],
            ),
            (
                {
                    **{"resourceType": "Encounter", "status": "finished", "class": {"code": "EMER"}},
                    **{"period": {"start": "2020-02-03T10:00:00Z"}},
                },
                ["Emergency visit", "3 February 2020"],
            ),
            (
                {
                    **{
                        "resourceType": "CarePlan",
                        "status": "active",
                        "intent": "plan",
                        "title": "Walk daily",
                    },
                    **{"activity": [{"detail": {"status": "scheduled", "description": "Thirty minutes"}}]},
                },
                ["Walk", "Thirty minutes"],
            ),
        ],
        ids=lambda value: value["resourceType"] if isinstance(value, dict) else "",
    )
    def test_are_told_to_people_and_not_as_json(self, hers, maria, content, said):
        record = RecordFactory(patient=maria, content=content)

        shown = words(page(hers, "record", record.pk))

        for expected in said:
            assert expected in shown
        assert "resourceType" not in shown
        assert '{"' not in shown


class TestHistory:
    @pytest.fixture
    def corrected(self, maria, doctor_account):
        return RecordFactory(
            patient=maria,
            versions=[{"valueQuantity": {"value": 135, "unit": "g/dL"}}, {}],
            reason="the unit was wrong",
            by=doctor_account,
        )

    def test_says_in_words_what_was_corrected_when_and_by_whom(self, hers, corrected):
        shown = words(page(hers, "record", corrected.pk))

        assert "Corrected: the unit was wrong" in shown
        assert "Dr Ada Okafor" in shown
        assert "1 March 2026" in shown
        assert reverse("records:version", args=[corrected.pk, 1]) in shown

    def test_marks_an_older_version_as_older(self, hers, corrected):
        shown = words(page(hers, "version", corrected.pk, 1))

        assert "This is not the latest version" in shown
        assert "135 g/dL" in shown
        assert 'class="app-plot"' not in shown

    def test_sends_the_latest_versions_number_to_the_record_itself(self, hers, corrected):
        assert page(hers, "version", corrected.pk, 2).url == reverse("records:record", args=[corrected.pk])

    def test_does_not_call_the_latest_version_old(self, hers, corrected):
        assert "This is not the latest version" not in words(page(hers, "record", corrected.pk))

    def test_of_an_untouched_record_says_that_nothing_changed(self, hers, haemoglobin_record):
        shown = words(page(hers, "record", haemoglobin_record.pk))

        assert "Nothing has been changed since it was recorded." in shown


class TestAHostileRecord:
    NARRATIVE = (
        '<div xmlns="http://www.w3.org/1999/xhtml"><p onclick="steal()">Harmless words'
        '<script>alert("x")</script><img src="https://evil.example/x.png"/>'
        '<a href="javascript:alert(1)">click</a><iframe src="https://evil.example"></iframe></p></div>'
    )

    def test_cannot_bring_a_script_onto_the_page(self, hers, maria):
        content = result(text={"status": "additional", "div": self.NARRATIVE})
        record = RecordFactory(patient=maria, content=content)

        shown = words(page(hers, "record", record.pk))

        assert "Harmless words" in shown
        for hostile in ("steal()", "alert(", "evil.example", "javascript:", "<iframe", "<img"):
            assert hostile not in shown

    def test_has_its_words_escaped_wherever_they_stand(self, hers, maria):
        markup = "<script>alert(1)</script><b>x</b>"
        content = {
            **result(note=[{"text": markup}]),
            "code": {"text": markup},
            "component": [{"code": {"text": markup}, "valueString": markup}],
        }
        record = RecordFactory(patient=maria, source=f"Lab {markup}", content=content)

        for address in ("home", "records:timeline", "records:openings"):
            assert "<script>alert(1)" not in words(hers.get(reverse(address)))
        for name, args in (("record", [record.pk]), ("proof", [record.pk, 1])):
            shown = words(page(hers, name, *args))
            assert "&lt;script&gt;alert(1)" in shown
            assert "<script>alert(1)" not in shown
            assert "<b>x</b>" not in shown


class TestATamperedRecord:
    @pytest.mark.parametrize("column", ["data", "secret"])
    def test_is_marked_with_what_to_do(self, hers, haemoglobin_record, column):
        tampered(haemoglobin_record.versions.get(), column)

        response = page(hers, "record", haemoglobin_record.pk)

        assert response.status_code == 200
        assert "Does not match what was anchored" in words(response)
        assert "What to do:" in words(response)

    def test_shows_its_mark_in_lists_and_does_not_hide_the_others(self, hers, maria, haemoglobin_record):
        tampered(haemoglobin_record.versions.get())
        RecordFactory(patient=maria, content=allergy("Pollen"))

        for address in ("home", "records:timeline"):
            response = hers.get(reverse(address))
            assert response.status_code == 200
            assert "Does not match what was anchored" in words(response)
            assert "Pollen" in words(response)

    def test_is_left_out_of_the_medicines_and_said_to_be(self, hers, maria):
        record = RecordFactory(patient=maria, content=medicine("Metformin", "active"))
        tampered(record.versions.get())

        glance = words(hers.get(reverse("home"))).partition("At a glance")[2]

        assert "1 record here cannot be trusted" in glance

    @pytest.mark.parametrize("name", ["download", "download-proof", "attachment"])
    def test_is_not_handed_out(self, hers, haemoglobin_record, name):
        tampered(haemoglobin_record.versions.get())
        number = [0] if name == "attachment" else []

        response = page(hers, name, haemoglobin_record.pk, 1, *number)

        assert response.status_code == 409
        assert "Does not match what was anchored" in words(response)

    def test_explains_itself_on_the_page_of_its_proof(self, hers, haemoglobin_record):
        tampered(haemoglobin_record.versions.get())

        shown = words(page(hers, "proof", haemoglobin_record.pk, 1))

        assert "Does not match what was anchored" in shown
        assert reverse("records:download-proof", args=[haemoglobin_record.pk, 1]) not in shown

    def test_is_anyone_whose_leaf_the_check_of_the_log_found_wrong(self, hers, haemoglobin_record, noon):
        leaf = haemoglobin_record.versions.get().leaf
        Mismatch.objects.create(
            kind="chain", subject="head", leaf=leaf, cause="The chain holds another root.", found_at=noon
        )

        for name, args in (("record", []), ("proof", [1])):
            shown = words(page(hers, name, haemoglobin_record.pk, *args))
            assert "Do not rely on it." in shown
        assert page(hers, "download", haemoglobin_record.pk, 1).status_code == 409

    def test_older_version_does_not_spoil_the_latest(self, hers, maria):
        record = RecordFactory(patient=maria, versions=[{"status": "preliminary"}, {}])
        tampered(record.versions.get(number=1))

        assert "Does not match" not in words(page(hers, "record", record.pk))
        assert "Does not match" in words(page(hers, "version", record.pk, 1))


class TestDownloadRecord:
    def test_hands_out_the_very_bytes_that_are_stored(self, hers, haemoglobin_record):
        version = haemoglobin_record.versions.get()

        response = page(hers, "download", haemoglobin_record.pk, 1)

        assert response.content == version.document
        assert response["Content-Type"] == "application/fhir+json"
        assert response["Content-Disposition"].startswith("attachment")
        assert "sandbox" in response["Content-Security-Policy"]
        assert response["Cache-Control"] == "no-store"


class TestDownloadAttachment:
    @pytest.fixture
    def letter(self, maria):
        def attachment(content_type, data, title):
            encoded = base64.b64encode(data).decode()
            return {"attachment": {"contentType": content_type, "data": encoded, "title": title}}

        return RecordFactory(
            patient=maria,
            content={
                **{
                    "resourceType": "DocumentReference",
                    "status": "current",
                    "description": "Discharge letter",
                },
                "content": [
                    attachment("application/pdf", b"%PDF-1.7 letter", "Letter"),
                    attachment("text/html", b"<script>alert(1)</script>", "Page"),
                    attachment("text/plain", b"Dear colleague,\n<i>thank you</i>", "Note"),
                    {"attachment": {"contentType": "application/pdf", "url": "https://example.org/x.pdf"}},
                ],
            },
        )

    def test_hands_out_the_file_under_its_type(self, hers, letter):
        response = page(hers, "attachment", letter.pk, 1, 0)

        assert response.content == b"%PDF-1.7 letter"
        assert response["Content-Type"] == "application/pdf"
        assert response["Content-Disposition"] == 'attachment; filename="Letter.pdf"'
        assert response["X-Content-Type-Options"] == "nosniff"

    def test_hands_out_a_type_that_may_carry_script_as_mere_bytes(self, hers, letter):
        response = page(hers, "attachment", letter.pk, 1, 1)

        assert response["Content-Type"] == "application/octet-stream"
        assert response["Content-Disposition"].startswith("attachment")

    def test_has_nothing_for_a_file_that_lies_elsewhere(self, hers, letter):
        assert page(hers, "attachment", letter.pk, 1, 3).status_code == 404

    def test_shows_a_plain_letter_on_the_page(self, hers, letter):
        shown = words(page(hers, "record", letter.pk))

        assert "&lt;i&gt;thank you&lt;/i&gt;" in shown
        assert "is not inside this record, but kept elsewhere" in shown


class TestProof:
    def test_says_what_it_shows_and_what_not(self, hers, haemoglobin_record):
        shown = words(page(hers, "proof", haemoglobin_record.pk, 1))

        assert "It will not show that what is written there is right" in shown
        assert "waits to be anchored" in shown

    def test_never_takes_an_empty_choice_for_everything(self, hers, haemoglobin_record):
        response = page(hers, "download-proof", haemoglobin_record.pk, 1, only="parts")

        assert response.status_code == 400
        assert "Tick at least one part to prove." in words(response)

    def test_refuses_a_part_that_is_not_in_the_record(self, hers, haemoglobin_record):
        response = page(hers, "download-proof", haemoglobin_record.pk, 1, element="/subject/reference")

        assert response.status_code == 400
        assert "One of those parts is not in this version" in words(response)


class TestInArabic:
    @pytest.mark.parametrize("address", ["home", "records:timeline", "records:openings"])
    def test_every_list_runs_from_right_to_left(self, hers, haemoglobin_record, address):
        hers.cookies["django_language"] = "ar"

        response = hers.get(reverse(address))

        assert response.status_code == 200
        assert 'dir="rtl"' in words(response)

    def test_a_record_runs_from_right_to_left(self, hers, maria):
        for day in ("2026-01-02", "2026-02-02"):
            record = RecordFactory(patient=maria, content=result(day=day))
        hers.cookies["django_language"] = "ar"

        for name, args in (("record", [record.pk]), ("proof", [record.pk, 1])):
            shown = words(page(hers, name, *args))
            assert 'dir="rtl"' in shown
        assert Event.objects.openings().exists()


def blood_pressure(systolic, diastolic, *, day):
    def part(code, name, value):
        return {
            "code": {"coding": [{"system": "http://loinc.org", "code": code}], "text": name},
            "valueQuantity": {"value": value, "unit": "mmHg"},
        }

    return {
        "resourceType": "Observation",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}], "text": "Blood pressure"},
        "effectiveDateTime": day,
        "component": [part("8480-6", "Systolic", systolic), part("8462-4", "Diastolic", diastolic)],
    }
