"""Medicines and allergies at a glance."""

from dataclasses import replace

import pytest

from records.fhir.present import present
from records.glance import at_a_glance
from records.services.opening import Opened

NONE_KNOWN = {
    "resourceType": "AllergyIntolerance",
    "clinicalStatus": {"coding": [{"code": "inactive"}]},
    "code": {
        "coding": [{"system": "http://snomed.info/sct", "code": "716186003"}],
        "text": "No known allergies",
    },
}
PEANUTS = {
    "resourceType": "AllergyIntolerance",
    "clinicalStatus": {"coding": [{"code": "active"}]},
    "code": {"text": "Peanuts"},
}


class Anchored:
    has_failed = False


def opened(resource):
    return Opened(
        version=None, resource=resource, presented=present(resource), anchoring=Anchored(), is_intact=True
    )


class TestAtAGlance:
    def test_says_that_nothing_is_known_where_a_record_says_so(self):
        assert [one.presented.title for one in at_a_glance([opened(NONE_KNOWN)]).current] == [
            "No known allergies"
        ]

    @pytest.mark.parametrize("order", [1, -1])
    def test_says_what_is_known_instead_once_something_is(self, order):
        glance = at_a_glance([opened(NONE_KNOWN), opened(PEANUTS)][::order])

        assert [one.presented.title for one in glance.current] == ["Peanuts"]

    def test_leaves_out_a_statement_made_by_mistake(self):
        mistaken = {**NONE_KNOWN, "verificationStatus": {"coding": [{"code": "entered-in-error"}]}}

        assert at_a_glance([opened(mistaken)]).current == []

    def test_counts_what_cannot_be_trusted(self):
        assert at_a_glance([replace(opened(PEANUTS), is_intact=False)]).damaged == 1
