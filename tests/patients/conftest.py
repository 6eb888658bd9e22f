"""Rate limits of one test must not stop the next."""

import uuid

import pytest
from django.core.cache import caches


@pytest.fixture(autouse=True)
def _limits_of_its_own(monkeypatch):
    monkeypatch.setattr(caches["default"], "key_prefix", uuid.uuid4().hex)
