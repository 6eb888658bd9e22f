"""Real records: HL7's own examples of patient summaries, and whatever lies beside the checkout."""

from functools import cache

import pytest
from django.utils import translation

from records.fhir.reading import Entry, read
from tests.conftest import IPS_EXAMPLES, SHARED_DATA


def files():
    found = sorted((IPS_EXAMPLES / "example").glob("*.json"))
    return found + sorted(SHARED_DATA.glob("*/*.gz"))


@cache
def every_entry():
    """Every resource of every example, read once."""
    return tuple(one for path in files() for one in read(path) if isinstance(one, Entry))


@pytest.fixture(scope="session")
def examples():
    found = files()
    assert found, "npm ci brings the examples"
    return found


@pytest.fixture(scope="session")
def entries(examples):
    return every_entry()


@pytest.fixture(scope="session")
def resolver(entries):
    """What each reference of an entry leads to, among all examples."""
    store = {(one.resource_type, one.id): one.content for one in entries}

    def of(entry):
        def resolve(reference):
            found = entry.scope.find(reference) if entry.scope else None
            return store.get(found or tuple(reference.split("/")[-2:]))

        return resolve

    return of


@pytest.fixture(autouse=True)
def _english():
    with translation.override("en"):
        yield
