"""Sensitive categories: by label, by code, by name, and what a record takes over from others."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.categories import Sensitivity
from records.fhir.references import Link
from records.fhir.sensitivity import inherits, rows, sensitivities_of
from records.fhir.tables import RESOURCE_TYPES
from tests.records.fhir.samples import SNOMED, coded, observation
from tests.records.fhir.strategies import resources

CONFIDENTIALITY = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ICD_10, ICD_10_CM = "http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm"
LOINC, RXNORM, ATC = (
    "http://loinc.org",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://www.whocc.no/atc",
)
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "formats" / "sensitive-categories.md"


def label(code, system=CONFIDENTIALITY):
    return {"system": system, "code": code}


def labelled(*labels):
    return observation(meta={"security": list(labels)})


def condition(code, system=SNOMED, **more):
    return {"resourceType": "Condition", "code": coded(code, system=system), **more}


class TestLabels:
    @pytest.mark.parametrize("code", ["R", "V"])
    def test_restrict_without_saying_why(self, code):
        assert sensitivities_of(labelled(label(code))) == {"restricted"}

    @pytest.mark.parametrize("code", ["U", "L", "M", "N"])
    def test_of_ordinary_confidentiality_say_nothing(self, code):
        assert sensitivities_of(labelled(label(code))) == set()

    @pytest.mark.parametrize(
        ("code", "categories"),
        [
            ("HIV", {"hiv"}),
            ("PSY", {"mental_health"}),
            ("MH", {"mental_health"}),
            ("BH", {"mental_health"}),
            ("SEX", {"sexual_health"}),
            ("STD", {"sexual_health"}),
            ("ETH", {"substance_use"}),
            ("ETHUD", {"substance_use"}),
            ("OPIOIDUD", {"substance_use"}),
            ("42CFRPart2", {"substance_use"}),
            ("GDIS", {"genetics"}),
            ("SICKLE", {"genetics"}),
            ("SPI", {"mental_health", "substance_use"}),
            ("SDV", {"restricted"}),
            ("PRS", {"restricted"}),
        ],
    )
    def test_name_a_category(self, code, categories):
        assert sensitivities_of(labelled(label(code, ACT))) == categories

    def test_that_name_one_say_why_another_restricts(self):
        assert sensitivities_of(labelled(label("R"), label("HIV", ACT))) == {"hiv"}

    def test_that_restrict_are_not_explained_by_a_code(self):
        resource = condition("86406008", meta={"security": [label("R")]})

        assert sensitivities_of(resource) == {"hiv", "restricted"}

    def test_from_a_later_edition_restrict(self):
        assert sensitivities_of(labelled(label("NEWLYMADE", ACT))) == {"restricted"}

    def test_of_other_systems_are_not_read(self):
        assert sensitivities_of(labelled(label("R", "https://example.org/owner"))) == set()

    def test_are_known_by_older_addresses_and_without_one(self):
        older = label("V", "http://hl7.org/fhir/v3/Confidentiality")
        numbered = label("PSY", "urn:oid:2.16.840.1.113883.5.4")

        assert sensitivities_of(labelled(older)) == {"restricted"}
        assert sensitivities_of(labelled(numbered)) == {"mental_health"}
        assert sensitivities_of(labelled({"code": "R"})) == {"restricted"}

    def test_count_on_what_is_contained(self):
        inner = {"resourceType": "Observation", "id": "i", "meta": {"security": [label("HIV", ACT)]}}

        assert sensitivities_of(observation(contained=[inner])) == {"hiv"}

    def test_count_on_a_section(self):
        url = "http://hl7.org/fhir/uv/security-label-ds4p/StructureDefinition/extension-inline-sec-label"
        section = {"extension": [{"url": url, "valueCoding": label("SUD", ACT)}]}

        assert sensitivities_of({"resourceType": "Composition", "section": [section]}) == {"substance_use"}

    def test_are_also_what_a_document_says_of_itself(self):
        composition = {"resourceType": "Composition", "confidentiality": "R"}
        document = {"resourceType": "DocumentReference", "securityLabel": [{"coding": [label("PSY", ACT)]}]}

        assert sensitivities_of(composition) == {"restricted"}
        assert sensitivities_of(document) == {"mental_health"}


class TestCodes:
    @pytest.mark.parametrize(
        ("system", "code", "categories"),
        [
            (ICD_10, "F32.1", {"mental_health"}),
            (ICD_10, "F03", {"mental_health"}),
            (ICD_10, "F10.2", {"substance_use"}),
            (ICD_10, "B24", {"hiv"}),
            (ICD_10, "Z21", {"hiv"}),
            (ICD_10, "A54.9", {"sexual_health"}),
            (ICD_10, "O04", {"sexual_health"}),
            (ICD_10, "F64.0", {"mental_health", "sexual_health"}),
            (ICD_10, "Q90.9", {"genetics"}),
            (ICD_10, "T74.1", {"restricted"}),
            (ICD_10_CM, "F11.20", {"substance_use"}),
            (ICD_10_CM, "F1120", {"substance_use"}),
            (ICD_10_CM, "Z15.01", {"genetics"}),
            ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "F32.1!", {"mental_health"}),
            ("urn:oid:2.16.840.1.113883.6.90", "B20", {"hiv"}),
            ("http://hl7.org/fhir/sid/icd-9-cm", "296.20", {"mental_health"}),
            ("http://hl7.org/fhir/sid/icd-9-cm", "042", {"hiv"}),
            ("http://id.who.int/icd/release/11/mms", "6A70.1", {"mental_health"}),
            ("http://id.who.int/icd/release/11/mms", "NE61&XM05/6C43.3", {"mental_health", "substance_use"}),
            (SNOMED, "86406008", {"hiv"}),
            (SNOMED, "7200002", {"substance_use"}),
            (SNOMED, "370143000:246112005=24484000", {"mental_health"}),
            (LOINC, "25836-8", {"hiv"}),
            (LOINC, "48018-6", {"genetics"}),
            (LOINC, "28627-8", {"mental_health"}),
            (ATC, "J05AR03", {"hiv"}),
            (ATC, "N06AB06", {"mental_health"}),
            (ATC, "N07BC02", {"substance_use"}),
            (ATC, "G03AA07", {"sexual_health"}),
            (RXNORM, "352364", {"substance_use"}),
            ("http://terminology.hl7.org/CodeSystem/v2-0074", "GE", {"genetics"}),
            ("http://www.genenames.org/geneId", "HGNC:1100", {"genetics"}),
            ("https://cielterminology.org", "856", {"hiv"}),
        ],
    )
    def test_name_a_category(self, system, code, categories):
        assert sensitivities_of(condition(code, system)) == categories

    @pytest.mark.parametrize(
        ("system", "code"),
        [
            (ICD_10, "E11.9"),
            (ICD_10, "F17.2"),  # tobacco
            (ICD_10_CM, "F17.210"),
            (ICD_10, "Z34.0"),  # a pregnancy that goes well
            (ICD_10, "K76.0"),  # a fatty liver that is not alcohol's
            (ATC, "N07BA01"),
            (ATC, "N05CD08"),
            (ATC, "J05AE30"),
            (SNOMED, "44054006"),
            (LOINC, "718-7"),
            ("http://example.org/local", "F32.1"),
        ],
    )
    def test_leave_alone_what_is_not_on_the_list(self, system, code):
        assert sensitivities_of(condition(code, system)) == set()

    def test_are_known_as_openmrs_writes_them_under_another_system(self):
        assert sensitivities_of(condition("856" + "A" * 33, LOINC)) == {"hiv"}

    def test_count_wherever_they_stand(self):
        psychiatric = coded("F32.1", system=ICD_10)
        for more in (
            {"category": [psychiatric]},
            {"component": [{"code": coded("29463-7", system=LOINC), "valueCodeableConcept": psychiatric}]},
            {"extension": [{"url": "http://example.org/why", "valueCodeableConcept": psychiatric}]},
            {"contained": [{"resourceType": "Condition", "id": "c", "code": psychiatric}]},
        ):
            assert sensitivities_of(observation(**more)) == {"mental_health"}

    def test_count_in_a_medicine_that_a_prescription_contains(self):
        medicine = {"resourceType": "Medication", "id": "m", "code": coded("J05AR03", system=ATC)}
        prescription = {
            "resourceType": "MedicationRequest",
            "contained": [medicine],
            "medicationReference": {"reference": "#m"},
        }

        assert sensitivities_of(prescription) == {"hiv"}

    def test_are_not_needed_by_a_sequence_of_genes(self):
        assert sensitivities_of({"resourceType": "MolecularSequence"}) == {"genetics"}


class TestNames:
    def test_of_a_medicine_are_enough_where_its_code_is_not_on_the_list(self):
        display = "24 HR Bupropion Hydrochloride 150 MG Extended Release Oral Tablet"

        assert sensitivities_of(
            condition("993541", RXNORM, note=[]) | {"code": coded("993541", display)}
        ) == {"mental_health"}

    def test_of_a_concept_without_any_code_count(self):
        assert sensitivities_of({"resourceType": "Condition", "code": {"text": "HIV-1 infection"}}) == {"hiv"}

    def test_in_a_reference_count_whatever_it_leads_to(self):
        reason = {"reference": "Condition/1", "display": "Opioid use disorder"}

        assert sensitivities_of({"resourceType": "Encounter", "reasonReference": [reason]}) == {
            "substance_use"
        }

    @pytest.mark.parametrize(
        "name",
        [
            "Hearing aids",
            "Non-alcoholic fatty liver disease",
            "ST depression",
            "Respiratory depression",
            "Normal pregnancy",
            "HPV, quadrivalent",
            "Archive",
        ],
    )
    def test_that_only_sound_alike_do_not(self, name):
        assert sensitivities_of({"resourceType": "Condition", "code": {"text": name}}) == set()

    @pytest.mark.parametrize(
        "more",
        [
            {"note": [{"text": "Asked about HIV"}]},
            {"text": {"status": "generated", "div": "<div>HIV</div>"}},
            {"valueString": "HIV"},
        ],
    )
    def test_in_sentences_are_not_read(self, more):
        assert sensitivities_of(observation(**more)) == set()


class TestInherits:
    @pytest.mark.parametrize(
        ("resource_type", "pointer"),
        [
            ("MedicationRequest", "/reasonReference/0"),
            ("MedicationRequest", "/medicationReference"),
            ("Observation", "/focus/0"),
            ("Observation", "/basedOn/0"),
            ("Observation", "/hasMember/1"),
            ("DiagnosticReport", "/result/3"),
            ("Encounter", "/diagnosis/0/condition"),
            ("CarePlan", "/addresses/0"),
            ("Composition", "/section/0/entry/2"),
            ("DocumentReference", "/context/related/0"),
            ("DocumentReference", "/context/encounter/0"),
            ("Composition", "/encounter"),
        ],
    )
    def test_from_what_it_is_about(self, resource_type, pointer):
        assert inherits({"resourceType": resource_type}, Link(pointer, "Condition/1"))

    @pytest.mark.parametrize(
        ("resource_type", "pointer"),
        [
            ("Observation", "/encounter"),
            ("MedicationAdministration", "/context"),
            ("DiagnosticReport", "/encounter"),
            ("Claim", "/item/0/encounter/0"),
        ],
    )
    def test_not_from_where_it_was_done(self, resource_type, pointer):
        assert not inherits({"resourceType": resource_type}, Link(pointer, "Encounter/1"))

    def test_from_its_visit_where_it_is_a_report_as_a_document(self):
        report = {"resourceType": "DiagnosticReport", "presentedForm": [{"contentType": "application/pdf"}]}

        assert inherits(report, Link("/encounter", "Encounter/1"))


class TestTheList:
    def test_names_only_categories_that_a_grant_can_name(self):
        assert {row["category"] for row in rows()} == {*Sensitivity.values, "none"}

    def test_has_each_row_once(self):
        keys = [(row["category"], row["system"], row["code"]) for row in rows()]

        assert len(keys) == len(set(keys))

    def test_has_ranges_whose_ends_can_be_compared(self):
        for row in rows():
            low, dash, high = row["code"].partition("-")
            if dash and row["system"] in ("icd-10", "icd-10-cm", "icd-9-cm", "icd-11", "atc"):
                assert len(low) == len(high), row
                assert low < high, row

    def test_has_only_sources_and_systems_that_the_document_explains(self):
        text = DOCUMENT.read_text(encoding="utf-8")

        for row in rows():
            assert f"`{row['source']}`" in text, row
            assert f"`{row['system']}`" in text, row

    def test_explains_each_exception(self):
        for row in rows():
            assert row["category"] != "none" or row["name"], row


class TestAnyResource:
    def test_of_the_examples_is_judged(self, entries):
        for entry in entries:
            assert sensitivities_of(entry.content) <= set(Sensitivity.values)

    @given(data=st.data())
    def test_of_any_shape_is_judged(self, data):
        resource = data.draw(resources(data.draw(st.sampled_from(sorted(RESOURCE_TYPES)))))

        assert sensitivities_of(resource) <= set(Sensitivity.values)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "meta",
                            "security",
                            "securityLabel",
                            "coding",
                            "code",
                            "system",
                            "display",
                            "text",
                            "url",
                            "resourceType",
                            "confidentiality",
                            "extension",
                            "valueCoding",
                        ]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=20,
        )
    )
    def test_of_no_shape_at_all_is_judged(self, nonsense):
        assert sensitivities_of({"resourceType": "Composition", "meta": nonsense, "code": nonsense}) <= set(
            Sensitivity.values
        )
