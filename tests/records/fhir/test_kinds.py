"""Conditions, allergies, medicines, vaccinations, visits and documents as people read them."""

import pytest

from records.fhir.present import bytes_of, index_of, present
from tests.records.fhir.samples import SNOMED, coded, rows_of


class TestACondition:
    def test_says_since_when_and_how_it_stands(self):
        found = present(
            {
                "resourceType": "Condition",
                "code": {"text": "Asthma"},
                "clinicalStatus": coded("active"),
                "verificationStatus": coded("provisional"),
                "onsetDateTime": "2019-05",
                "abatementAge": {"value": 40, "code": "a"},
            }
        )

        assert (found.title, found.status) == ("Asthma", ("Active", "Provisional"))
        assert rows_of(found) == {"Began": "May 2019", "Ended": "at the age of 40 years"}
        assert found.occurred.precision == "month"

    def test_says_clearly_when_it_was_ruled_out(self):
        found = present(
            {"resourceType": "Condition", "code": {"text": "Asthma"}, "verificationStatus": coded("refuted")}
        )

        assert found.is_negated
        assert found.notes[0] == "This was looked into and ruled out."

    def test_says_clearly_when_it_was_a_mistake(self):
        found = present({"resourceType": "Condition", "verificationStatus": coded("entered-in-error")})

        assert found.is_entered_in_error
        assert found.notes[0] == "This was recorded by mistake and should not be relied on."
        assert found.title == "Condition"


class TestAnAllergy:
    def test_shows_reactions_and_risk(self):
        found = present(
            {
                "resourceType": "AllergyIntolerance",
                "code": {"text": "Penicillin"},
                "criticality": "high",
                "category": ["medication"],
                "reaction": [{"manifestation": [{"text": "Hives"}], "severity": "severe"}],
            }
        )

        assert found.summary == "Hives (severe)"
        assert rows_of(found) == {"To what": "Medicine", "Risk": "High risk", "Reaction": "Hives (severe)"}

    def test_repeats_a_statement_of_no_known_allergy_and_makes_none_up(self):
        stated = {"resourceType": "AllergyIntolerance", "code": coded("716186003", "No known allergy")}

        assert present(stated).title == "No known allergy"
        assert present(stated).is_none_known
        assert present({"resourceType": "AllergyIntolerance"}).title == "Allergy"

    def test_keeps_no_information_apart_from_none_known(self):
        system = "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips"
        none = present(
            {"resourceType": "AllergyIntolerance", "code": coded("no-known-allergies", system=system)}
        )
        silent = present(
            {"resourceType": "AllergyIntolerance", "code": coded("no-allergy-info", system=system)}
        )

        assert (none.is_none_known, none.is_no_information) == (True, False)
        assert (silent.is_none_known, silent.is_no_information) == (False, True)


class TestAMedicine:
    def test_says_how_to_take_it(self):
        dosage = {
            "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
            "timing": {"repeat": {"frequency": 2, "period": 1, "periodUnit": "d"}},
            "route": {"text": "by mouth"},
            "asNeededBoolean": True,
        }
        found = present(
            {
                "resourceType": "MedicationRequest",
                "status": "active",
                "intent": "order",
                "medicationCodeableConcept": {"text": "Ibuprofen"},
                "dosageInstruction": [dosage],
            }
        )

        assert (found.kind, found.title) == ("medicine", "Ibuprofen")
        assert found.summary == "1 tablet, twice a day, by mouth, as needed"

    @pytest.mark.parametrize(
        ("repeat", "words"),
        [
            ({"frequency": 1, "period": 1, "periodUnit": "d"}, "once a day"),
            ({"frequency": 1, "period": 8, "periodUnit": "h"}, "every 8 hours"),
            ({"period": 1, "periodUnit": "wk"}, "once a week"),
            ({"frequency": 5, "period": 1, "periodUnit": "d"}, "5 times every day"),
            (
                {"frequency": 1, "period": 1, "periodUnit": "d", "boundsDuration": {"value": 7, "code": "d"}},
                "once a day, for 7 days",
            ),
        ],
    )
    def test_says_how_often(self, repeat, words):
        found = present({"resourceType": "MedicationStatement", "dosage": [{"timing": {"repeat": repeat}}]})

        assert found.summary == words

    def test_finds_its_name_in_what_it_contains(self):
        statement = {
            "resourceType": "MedicationStatement",
            "medicationReference": {"reference": "#m"},
            "contained": [{"resourceType": "Medication", "id": "m", "code": coded("L02BG03", "Anastrozole")}],
        }

        assert present(statement).title == "Anastrozole"
        assert index_of(statement).tokens == (f"{SNOMED}|L02BG03",)

    @pytest.mark.parametrize(
        ("more", "words"),
        [
            ({"status": "not-taken"}, "This records that the medicine is not taken."),
            ({"status": "not-done"}, "This records that the medicine was not given."),
            ({"doNotPerform": True}, "This is an instruction not to take or give this medicine."),
        ],
    )
    def test_says_clearly_when_it_is_not_taken(self, more, words):
        found = present({"resourceType": "MedicationStatement", **more})

        assert found.is_negated
        assert words in found.notes


class TestAVaccination:
    def test_shows_dose_disease_and_lot(self):
        found = present(
            {
                "resourceType": "Immunization",
                "status": "completed",
                "vaccineCode": {"text": "MMR"},
                "lotNumber": "A1",
                "occurrenceString": "in childhood",
                "primarySource": False,
                "protocolApplied": [
                    {
                        "doseNumberPositiveInt": 1,
                        "seriesDosesPositiveInt": 2,
                        "targetDisease": [{"text": "Measles"}],
                    }
                ],
            }
        )

        assert rows_of(found) == {
            "When": "in childhood",
            "Dose": "dose 1 of 2",
            "Against": "Measles",
            "Lot number": "A1",
        }
        assert found.notes == ("This vaccination was reported, not given by those who recorded it.",)

    def test_that_was_not_given_says_so(self):
        found = present(
            {"resourceType": "Immunization", "status": "not-done", "vaccineCode": {"text": "MMR"}}
        )

        assert (found.is_negated, found.status) == (True, ("Not given",))


class TestAVisit:
    def test_says_what_where_and_with_whom(self):
        doctor = {
            "resourceType": "Practitioner",
            "name": [{"given": ["Ada"], "family": "Okafor", "prefix": ["Dr"]}],
        }
        found = present(
            {
                "resourceType": "Encounter",
                "status": "finished",
                "class": {"code": "AMB"},
                "period": {"start": "2019-05-12T10:00:00+02:00", "end": "2019-05-12T10:30:00+02:00"},
                "participant": [{"individual": {"reference": "Practitioner/d"}}],
            },
            {"Practitioner/d": doctor}.get,
        )

        assert found.title == "Outpatient visit"
        assert rows_of(found)["When"] == "12 May 2019, 10:00 to 10:30"
        assert rows_of(found)["Seen by"] == "Dr Ada Okafor"


class TestADocument:
    def test_gives_its_files_with_the_place_of_their_bytes(self):
        attachment = {"contentType": "text/plain", "title": "Letter", "data": "RGVhciBBZGE="}
        found = present(
            {
                "resourceType": "DocumentReference",
                "status": "current",
                "content": [{"attachment": attachment}],
            }
        )
        file = found.files[0]

        assert (file.title, file.pointer, file.size, file.text) == (
            "Letter",
            "/content/0/attachment",
            8,
            "Dear Ada",
        )
        assert bytes_of(attachment) == b"Dear Ada"

    def test_shows_its_sections_and_why_one_is_empty(self):
        found = present(
            {
                "resourceType": "Composition",
                "title": "Summary",
                "section": [
                    {
                        "title": "Problems",
                        "text": {"status": "generated", "div": "<div>None<img src='x'/></div>"},
                    },
                    {"title": "Allergies", "emptyReason": coded("unavailable")},
                ],
            }
        )

        assert [one.title for one in found.sections] == ["Problems", "Allergies"]
        assert found.sections[0].narrative == "<div>None</div>"
        assert found.sections[1].empty_reason == "This information is not available."
