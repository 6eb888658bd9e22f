"""Which parts of a result may be proven one by one."""

from decimal import Decimal

import pytest

from records.parts import parts_of
from tests.records.factories import medicine, result

READ = result(Decimal("13.5"))  # as the store reads it: numbers keep what was written


class TestPartsOf:
    def test_names_value_unit_test_and_day_with_their_places(self):
        parts = {part.pointer: part.text for part in parts_of(result(Decimal("1.50")))}

        assert parts == {
            "/code/text": "Haemoglobin",
            "/valueQuantity/value": "1.50",
            "/valueQuantity/unit": "g/dL",
            "/effectiveDateTime": "2026-03-02",
        }

    def test_marks_what_is_the_value(self):
        assert [part.pointer for part in parts_of(READ) if part.is_value] == ["/valueQuantity/value"]

    def test_takes_the_name_from_the_codes_where_there_is_no_text(self):
        content = {**READ, "code": {"coding": [{"code": "718-7"}, {"display": "Hemoglobin"}]}}

        assert parts_of(content)[0].pointer == "/code/coding/1/display"

    def test_names_the_parts_of_a_panel(self):
        component = {"code": {"text": "Systolic"}, "valueQuantity": {"value": 120, "unit": "mmHg"}}
        content = {"resourceType": "Observation", "code": {"text": "Pressure"}, "component": [component]}

        assert "Value (Systolic)" in [part.label for part in parts_of(content)]
        assert "/component/0/valueQuantity/value" in [part.pointer for part in parts_of(content)]

    @pytest.mark.parametrize(
        "content",
        [
            None,
            medicine("Metformin", "active"),
            {"resourceType": "Observation", "code": {"text": "Not measured"}},
            {"resourceType": "Observation", "valueQuantity": None, "component": [None, "odd"]},
        ],
    )
    def test_offers_nothing_where_there_is_no_value(self, content):
        assert parts_of(content) == []
