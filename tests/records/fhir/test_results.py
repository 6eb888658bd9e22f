"""Results as people read them: value, unit, range, and what the laboratory said."""

from decimal import Decimal

import pytest

from records.fhir.present import present
from tests.records.fhir.samples import LOINC, coded, observation, rows_of

INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


class TestAResult:
    def test_shows_the_value_with_its_unit_and_written_precision(self):
        found = present(observation(valueQuantity={"value": Decimal("70.50"), "unit": "kg"}))

        assert (found.kind, found.title, found.summary) == ("result", "Body weight", "70.50 kg")
        assert found.measurements[0].value == Decimal("70.50")
        assert str(found.measurements[0].value) == "70.50"

    def test_draws_its_range_and_says_what_the_laboratory_said(self):
        found = present(
            observation(
                valueQuantity={"value": Decimal("11.2"), "unit": "mmol/L"},
                referenceRange=[
                    {
                        "low": {"value": Decimal("3.9"), "unit": "mmol/L"},
                        "high": {"value": 6, "unit": "mmol/L"},
                    }
                ],
                interpretation=[coded("HH", system=INTERPRETATION)],
            )
        )
        one = found.measurements[0]

        assert (one.low, one.high, one.range_text) == (Decimal("3.9"), Decimal(6), "3.9 to 6 mmol/L")
        assert (one.interpretation, one.is_abnormal, one.is_critical) == ("Critically high", True, True)
        assert found.summary == "11.2 mmol/L (Critically high)"

    def test_draws_no_range_in_another_unit(self):
        one = present(
            observation(
                valueQuantity={"value": 11, "unit": "mmol/L"},
                referenceRange=[{"high": {"value": 100, "unit": "mg/dL"}}],
            )
        ).measurements[0]

        assert (one.low, one.high, one.range_text) == (None, None, "up to 100 mg/dL")

    def test_draws_no_range_where_several_apply(self):
        ranges = [
            {"low": {"value": 1}, "appliesTo": [{"text": "women"}]},
            {"low": {"value": 2}, "appliesTo": [{"text": "men"}]},
        ]
        one = present(observation(valueQuantity={"value": 5}, referenceRange=ranges)).measurements[0]

        assert one.low is None
        assert one.range_text == "1 or more (women); 2 or more (men)"

    def test_plots_no_value_that_is_only_a_bound(self):
        one = present(
            observation(valueQuantity={"value": 5, "comparator": "<", "unit": "mg/L"})
        ).measurements[0]

        assert (one.text, one.value) == ("less than 5 mg/L", None)

    def test_says_why_there_is_no_value(self):
        reason = coded("not-performed", system="http://terminology.hl7.org/CodeSystem/data-absent-reason")
        one = present(observation(dataAbsentReason=reason)).measurements[0]

        assert (one.text, one.is_absent) == ("Not measured", True)

    def test_shows_each_component_of_a_panel(self):
        pressure = present(
            observation(
                component=[
                    {
                        "code": coded("8480-6", "Systolic", LOINC),
                        "valueQuantity": {"value": 120, "unit": "mm[Hg]"},
                    },
                    {
                        "code": coded("8462-4", "Diastolic", LOINC),
                        "valueQuantity": {"value": 80, "unit": "mm[Hg]"},
                    },
                ]
            )
        )

        assert pressure.summary == "Systolic 120 mmHg, Diastolic 80 mmHg"
        assert [one.series for one in pressure.measurements] == [f"{LOINC}|8480-6", f"{LOINC}|8462-4"]

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            ({"valueCodeableConcept": {"text": "Blood group A"}}, "Blood group A"),
            ({"valueCodeableConcept": coded("10828004", "Positive")}, "Positive"),
            ({"valueCodeableConcept": coded("10828004")}, "10828004"),
            ({"valueString": "trace"}, "trace"),
            ({"valueBoolean": False}, "No"),
            ({"valueInteger": 3}, "3"),
            (
                {"valueRange": {"low": {"value": 1, "unit": "g"}, "high": {"value": 2, "unit": "g"}}},
                "1 to 2 g",
            ),
            ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "1:128"),
            ({"valueTime": "08:30:00"}, "08:30"),
            ({"valueDateTime": "2019-05"}, "May 2019"),
            ({"valuePeriod": {"start": "2019"}}, "since 2019"),
            ({"valueQuantity": {"value": 7, "unit": "%"}}, "7%"),
            ({"valueSampledData": {"data": "1 2 3"}}, "a recording of 3 points"),
        ],
    )
    def test_shows_every_shape_of_value(self, value, words):
        assert present(observation(**value)).summary == words

    def test_of_a_report_comes_from_what_it_refers_to(self):
        store = {"Observation/o1": observation(valueQuantity={"value": 70, "unit": "kg"})}
        report = {
            "resourceType": "DiagnosticReport",
            "status": "final",
            "code": {"text": "Check-up"},
            "result": [{"reference": "Observation/o1"}, {"reference": "Observation/gone"}],
        }

        found = present(report, store.get)

        assert [one.text for one in found.measurements] == ["70 kg"]
        assert rows_of(found)["Result"] == "Result (not part of this record)"

    def test_survives_panels_that_contain_each_other(self):
        store = {
            "Observation/a": observation(id="a", hasMember=[{"reference": "Observation/b"}]),
            "Observation/b": observation(id="b", valueInteger=1, hasMember=[{"reference": "Observation/a"}]),
        }

        assert [one.text for one in present(store["Observation/a"], store.get).measurements] == ["1"]
