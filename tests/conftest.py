"""What every test has: a moment that stands still, and people."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings

from accounts.models import Role, User

CHECKOUT = Path(__file__).resolve().parent.parent
SHARED_DATA = CHECKOUT.parent / "shared" / "data"
IPS_EXAMPLES = CHECKOUT / "node_modules" / "hl7.fhir.uv.ips"

# Where a test looks for a leak, more is better: pytest --hypothesis-profile=thorough
settings.register_profile("thorough", max_examples=2_000)


@pytest.fixture(scope="session", autouse=True)
def _redis_space_of_its_own(worker_id):
    """Two workers of one test run must neither read nor empty each other's caches and rate limits."""
    from django.conf import settings
    from django.core.cache import caches

    # Clearing the cache empties a whole database of Redis: each worker has its own, apart from the broker's.
    number = 1 + int(worker_id.removeprefix("gw")) % 14 if worker_id.startswith("gw") else 15
    broker = settings.BROKER_URL.rpartition("/")[0]
    settings.CACHES["default"]["LOCATION"] = f"{broker}/{number}"
    settings.CACHES["default"]["KEY_PREFIX"] = f"test-{worker_id}-{os.getpid()}"
    if hasattr(caches._connections, "default"):
        # Opened while the tests were being collected.
        del caches["default"]


@pytest.fixture
def noon():
    return datetime(2026, 5, 12, 12, 0, tzinfo=UTC)


def _user(role, name):
    return User.objects.create_user(f"{role}-{name}".lower().replace(" ", "-"), role=role, display_name=name)


@pytest.fixture
def doctor_account(db):
    return _user(Role.DOCTOR, "Dr Ada Okafor")


@pytest.fixture
def records_officer(db):
    return _user(Role.RECORDS_OFFICER, "Rosa Lindqvist")


@pytest.fixture
def privacy_officer(db):
    return _user(Role.PRIVACY_OFFICER, "Petra Novak")


@pytest.fixture
def billing_clerk(db):
    return _user(Role.BILLING, "Ben Clarke")
