"""References: found, conditional, relative, leading nowhere."""

import io
import json
from functools import partial

import pytest

from records.fhir.reading import Entry, read
from records.fhir.references import (
    Link,
    Scope,
    identity_in,
    links_in,
    named_in,
    patient_links,
    patient_of,
    resolve,
)

UUID = "61ebe359-bfdc-4613-8bf2-c5e300945f0a"


class Store:
    """A store that keeps two resources."""

    def has(self, resource_type, resource_id):
        return (resource_type, resource_id) == ("Patient", "kept")

    def by_identifier(self, resource_type, system, value):
        return "d1" if (resource_type, system, value) == ("Practitioner", "http://npi", "99") else None


@pytest.fixture
def scope():
    made = Scope()
    made.add(full_url=f"urn:uuid:{UUID}", identity=("Patient", "p1"))
    made.add(full_url="https://a.example/fhir/Patient/p2", identity=("Patient", "p2"))
    made.add(
        full_url="",
        identity=("Practitioner", "d7"),
        identifiers=[{"system": "http://npi", "value": "7|8"}, {"value": "alone"}],
    )
    made.add(
        full_url="", identity=("Practitioner", "d8"), identifiers=[{"system": "http://npi", "value": "twice"}]
    )
    made.add(
        full_url="", identity=("Practitioner", "d9"), identifiers=[{"system": "http://npi", "value": "twice"}]
    )
    return made


class TestResolvingWithinABundle:
    @pytest.mark.parametrize(
        ("reference", "identity"),
        [
            (f"urn:uuid:{UUID}", ("Patient", "p1")),
            (f"urn:uuid:{UUID.upper()}", ("Patient", "p1")),
            ("https://a.example/fhir/Patient/p2", ("Patient", "p2")),
            ("https://a.example/fhir/Patient/p2/_history/3", ("Patient", "p2")),
            ("Patient/p1", ("Patient", "p1")),
            ("Patient/p1/_history/3", ("Patient", "p1")),
            ("https://elsewhere.example/r4/Patient/p2", ("Patient", "p2")),
            ("Practitioner?identifier=http://npi|7%7C8", ("Practitioner", "d7")),
            ("Practitioner?identifier=alone", ("Practitioner", "d7")),
            ("Practitioner?identifier=http://npi|twice", None),
            ("Practitioner?identifier=http://npi|none", None),
            ("Practitioner?name=Smith", None),
            ("Observation/p1", None),
            ("urn:uuid:00000000-0000-0000-0000-000000000000", None),
            ("urn:oid:1.2.3", None),
            ("#contained", None),
            ("", None),
            ("nonsense", None),
        ],
    )
    def test_finds(self, scope, reference, identity):
        assert resolve(reference, scope=scope) == identity

    def test_finds_by_an_id_that_is_the_uuid(self):
        made = Scope()
        made.add(full_url="", identity=("Encounter", UUID))

        assert made.find(f"urn:uuid:{UUID}") == ("Encounter", UUID)


class TestResolvingAgainstTheStore:
    @pytest.mark.parametrize(
        ("reference", "identity"),
        [
            ("Patient/kept", ("Patient", "kept")),
            ("Patient/unknown", None),
            ("https://elsewhere.example/fhir/Patient/kept", None),
            ("Practitioner?identifier=http://npi|99", ("Practitioner", "d1")),
            ("Practitioner?identifier=http://npi|1", None),
        ],
    )
    def test_finds(self, reference, identity):
        assert resolve(reference, lookup=Store()) == identity

    def test_asks_the_bundle_first(self, scope):
        scope.add(full_url="Patient/kept", identity=("Patient", "p9"))

        assert resolve("Patient/kept", scope=scope, lookup=Store()) == ("Patient", "p9")


class TestTheLinksOfAResource:
    def test_are_found_wherever_they_stand(self):
        resource = {
            "resourceType": "Observation",
            "subject": {"reference": "Patient/p1"},
            "performer": [{"display": "someone"}, {"reference": "#d"}],
            "extension": [{"url": "u", "valueReference": {"reference": "Device/1"}}],
            "contained": [{"resourceType": "Device", "owner": {"reference": "Organization/o"}}],
        }

        assert links_in(resource) == [
            Link("/subject", "Patient/p1"),
            Link("/performer/1", "#d"),
            Link("/extension/0/valueReference", "Device/1"),
            Link("/contained/0/owner", "Organization/o"),
        ]

    def test_escape_their_pointers(self):
        assert links_in({"a/b~c": {"reference": "x"}}) == [Link("/a~1b~0c", "x")]


class TestWhoseRecordItIs:
    @pytest.mark.parametrize(
        ("resource", "patient"),
        [
            ({"resourceType": "Patient", "id": "p1"}, "p1"),
            ({"resourceType": "Observation", "subject": {"reference": "Patient/p1"}}, "p1"),
            ({"resourceType": "Observation", "subject": {"reference": "Group/p1"}}, None),
            ({"resourceType": "Immunization", "patient": {"reference": "Patient/p1/_history/4"}}, "p1"),
            ({"resourceType": "Immunization", "patient": {"reference": "http://a.example/Patient/p1"}}, None),
            ({"resourceType": "Coverage", "beneficiary": {"reference": "Patient/p1"}}, "p1"),
            ({"resourceType": "Schedule", "actor": [{}, {"reference": "Patient/p1"}]}, "p1"),
            ({"resourceType": "Practitioner", "id": "d1"}, None),
            ({"resourceType": "Organization", "partOf": {"reference": "Patient/p1"}}, None),
            ({"resourceType": "Observation", "subject": {"reference": "#p"}}, None),
            ({"resourceType": "Observation"}, None),
            ({}, None),
        ],
    )
    def test_is_read_from_the_compartment(self, resource, patient):
        assert patient_of(resource) == patient

    def test_prefers_the_patient_to_who_wrote_it_down(self):
        resource = {
            "resourceType": "AllergyIntolerance",
            "recorder": {"reference": "Patient/mother"},
            "patient": {"reference": "Patient/child"},
        }

        assert patient_of(resource) == "child"

    def test_is_found_through_the_bundle(self, scope):
        resource = {"resourceType": "Condition", "subject": {"reference": f"urn:uuid:{UUID}"}}

        assert patient_of(resource) is None
        assert patient_of(resource, lambda reference: resolve(reference, scope=scope)) == "p1"

    def test_understands_a_reference_that_has_only_an_identifier(self):
        resource = {
            "resourceType": "Condition",
            "subject": {"identifier": {"system": "http://mrn", "value": "17"}},
        }

        assert patient_links(resource) == [Link("/subject", "Patient?identifier=http://mrn|17")]

    def test_is_known_for_every_clinical_example(self, entries):
        strangers = set()
        for one in entries:
            if one.scope and patient_of(one.content, partial(resolve, scope=one.scope)) is None:
                strangers.add(one.resource_type)

        assert strangers <= {"Device", "Location", "Medication", "Provenance"} | {
            "Organization",
            "Practitioner",
            "PractitionerRole",
        }


class TestIdentities:
    @pytest.mark.parametrize(
        ("content", "full_url", "identity"),
        [
            ({"resourceType": "Patient", "id": "a"}, f"urn:uuid:{UUID}", ("Patient", "a")),
            ({"resourceType": "Patient"}, f"urn:uuid:{UUID}", ("Patient", UUID)),
            ({"resourceType": "Patient"}, "https://a.example/Patient/7", ("Patient", "7")),
            ({"resourceType": "Patient"}, "", None),
            ({}, "https://a.example/Patient/7", None),
        ],
    )
    def test_come_from_the_resource_or_its_full_url(self, content, full_url, identity):
        assert identity_in(content, full_url) == identity

    def test_are_made_the_same_each_time_from_a_full_url_that_names_another_type(self):
        first = identity_in({"resourceType": "Group"}, "https://a.example/Patient/7")

        assert first == identity_in({"resourceType": "Group"}, "https://a.example/Patient/7")
        assert first[0] == "Group"
        assert first[1] != "7"

    def test_named_in_a_reference_are_of_known_types_only(self):
        assert named_in("Patient/1") == ("Patient", "1")
        assert named_in("Nobody/1") is None

    def test_named_in_a_reference_are_ours_only_where_it_is_relative(self):
        assert named_in("https://elsewhere.example/fhir/Patient/1") is None


class TestTheReferencesOfRealBundles:
    def test_resolve_within_every_published_summary(self, examples):
        for path in examples:
            if not path.name.startswith("Bundle-"):
                continue
            for one in read(path):
                dangling = [
                    link.reference
                    for link in links_in(one.content)
                    if not link.is_contained and resolve(link.reference, scope=one.scope) is None
                ]
                assert len(dangling) <= 2, (path.name, one.path, dangling)

    def test_resolve_when_a_transaction_uses_urns(self):
        content = {
            "resourceType": "Bundle",
            "type": "transaction",
            "entry": [
                {
                    "resource": {
                        "resourceType": "Observation",
                        "subject": {"reference": f"urn:uuid:{UUID}"},
                    }
                },
                {"fullUrl": f"urn:uuid:{UUID}", "resource": {"resourceType": "Patient"}},
            ],
        }
        found = list(read(io.BytesIO(json.dumps(content).encode())))

        assert all(isinstance(one, Entry) for one in found)
        assert resolve(f"urn:uuid:{UUID}", scope=found[0].scope) == ("Patient", found[1].id)
