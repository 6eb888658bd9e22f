"""Everything else as people read it, and what every record is found by."""

from datetime import date
from decimal import Decimal

import pytest
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from records.fhir.present import Presented, index_of, kind_of, present
from records.fhir.tables import RESOURCE_TYPES
from tests.records.fhir.samples import LOINC, coded, observation, rows_of
from tests.records.fhir.strategies import resources


class TestAnythingElse:
    def test_is_shown_as_labels_and_values(self):
        found = present(
            {
                "resourceType": "CarePlan",
                "status": "active",
                "title": "Walking",
                "created": "2019-05-12",
                "activity": [{"detail": {"status": "completed", "description": "Walk"}}],
            }
        )

        assert (found.kind, found.title) == ("other", "Walking")
        activity = next(row for row in found.rows if row.label == "Activity")
        assert [(row.label, row.value) for row in activity.rows[0].rows] == [
            ("Status", "Completed"),
            ("Description", "Walk"),
        ]

    def test_shows_extensions_by_the_end_of_their_address(self):
        found = present(
            {
                "resourceType": "Patient",
                "extension": [{"url": "https://a.example/shoe-size", "valueDecimal": Decimal("41.50")}],
            }
        )

        assert [(row.label, row.value) for row in found.more] == [("Shoe size", "41.50")]

    def test_warns_of_a_qualifier_it_does_not_know(self):
        found = present(
            {"resourceType": "Procedure", "modifierExtension": [{"url": "u/not", "valueBoolean": True}]}
        )

        assert "may change its meaning" in found.notes[0]
        assert [(row.label, row.value) for row in found.more] == [("Not", "Yes")]

    def test_says_why_a_value_is_missing(self):
        masked = {
            "extension": [
                {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "masked"}
            ]
        }

        assert rows_of(present({"resourceType": "Patient", "_birthDate": masked})) == {
            "Date of birth": "Withheld"
        }

    def test_names_a_reference_that_leads_nowhere(self):
        found = present({"resourceType": "Procedure", "recorder": {"reference": "Practitioner/gone"}})

        assert [row.value for row in found.more] == ["Practitioner (not part of this record)"]


class TestANarrative:
    def narrative(self, div, status="additional"):
        return present({"resourceType": "Procedure", "text": {"status": status, "div": div}})

    def test_loses_everything_that_acts(self):
        found = self.narrative(
            '<div xmlns="http://www.w3.org/1999/xhtml" onclick="x()"><script>x()</script><style>p{}</style>'
            '<h1 class="a">Hip</h1><a href="https://evil.example">link</a><img src="https://track.example/p.png"/>'
            '<p style="position:fixed" id="i">new</p><form action="/"><input name="a"/></form></div>'
        )

        assert found.narrative == "<div><p><strong>Hip</strong></p>link<p>new</p></div>"

    @pytest.mark.parametrize(
        "div", ["plain text", "", "<p>no div</p>", "<div><script>1</script></div>", "<div> </div>"]
    )
    def test_is_left_out_when_it_says_nothing_or_is_no_xhtml(self, div):
        assert self.narrative(div).narrative is None

    def test_that_is_left_out_is_mentioned(self):
        assert "could not be shown" in self.narrative("plain text").notes[0]

    def test_is_marked_when_a_machine_made_it(self):
        assert self.narrative("<div>x</div>", "generated").is_narrative_generated


class TestTheIndex:
    @pytest.mark.parametrize(
        ("resource", "day"),
        [
            ({"resourceType": "Condition", "onsetDateTime": "2019"}, date(2019, 1, 1)),
            ({"resourceType": "Condition", "recordedDate": "2019-05"}, date(2019, 5, 1)),
            (
                {"resourceType": "Encounter", "period": {"start": "2019-05-12T23:30:00-08:00"}},
                date(2019, 5, 12),
            ),
            ({"resourceType": "Procedure", "performedPeriod": {"end": "2019-05"}}, date(2019, 5, 31)),
            ({"resourceType": "MedicationRequest", "authoredOn": "2019-05-12"}, date(2019, 5, 12)),
            (
                {"resourceType": "Observation", "effectiveTiming": {"event": ["2019-05-12"]}},
                date(2019, 5, 12),
            ),
            ({"resourceType": "CarePlan", "period": {"start": "2019"}}, date(2019, 1, 1)),
            ({"resourceType": "Flag", "period": {"start": "2019"}}, date(2019, 1, 1)),
            ({"resourceType": "Patient", "birthDate": "1974-12-25"}, None),
            ({"resourceType": "Observation", "effectiveDateTime": "someday"}, None),
            ({"resourceType": "Observation"}, None),
        ],
    )
    def test_knows_when_it_happened(self, resource, day):
        assert index_of(resource).occurred_from == day

    def test_knows_kind_codes_status_and_category(self):
        found = index_of(
            observation(
                category=[coded("laboratory", system="http://c")],
                component=[{"code": coded("8480-6", system=LOINC)}],
            )
        )

        assert (found.kind, found.status, found.title) == ("result", "final", "Body weight")
        assert found.tokens == (f"{LOINC}|29463-7", f"{LOINC}|8480-6", "http://c|laboratory")
        assert found.categories == ("laboratory",)

    def test_is_the_same_in_every_language(self):
        weight = observation(valueQuantity={"value": 1})
        english = index_of(weight)
        with translation.override("de"):
            assert index_of(weight) == english

    def test_knows_a_kind_for_every_type(self):
        assert {kind_of(one) for one in RESOURCE_TYPES} == {
            "condition",
            "medicine",
            "allergy",
            "result",
            "immunisation",
            "procedure",
            "visit",
            "document",
            "other",
        }


class TestEveryRecord:
    def test_of_the_examples_has_a_title_and_a_place(self, entries, resolver):
        for one in entries:
            found = present(one.content, resolver(one))
            assert found.title
            assert index_of(one.content, resolver(one)).kind == found.kind
            told = [row for row in [*found.rows, *found.more] if row.value or row.rows]
            assert told or found.measurements or found.narrative, one.path
            assert "{'" not in str([row.value for row in told]), one.path

    @settings(deadline=None, max_examples=100)
    @given(st.sampled_from(sorted(RESOURCE_TYPES)).flatmap(resources), st.data())
    def test_however_odd_is_presented(self, resource, data):
        others = data.draw(st.lists(resources("Observation", 3), max_size=2))

        found = present(resource, lambda reference: next(iter(others), None))

        assert isinstance(found, Presented)
        assert found.title
        assert index_of(resource)
        assert "<script" not in (found.narrative or "")
