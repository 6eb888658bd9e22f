"""Staff who have shown their second factor, two patients of whom the doctor treats one, and their records."""

import time

import pytest
from allauth.account.internal.flows.login import (
    _AUTHENTICATION_METHODS_USER_SESSION_KEY,
    AUTHENTICATION_METHODS_SESSION_KEY,
)
from allauth.account.internal.userkit import user_id_to_str
from allauth.mfa.models import Authenticator
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from doctors.models import CareRelationship, Clinician, Institution
from tests.records.factories import PatientFactory, RecordFactory


def signed_in(user):
    """Return a browser in which this member of staff has signed in with both factors."""
    Authenticator.objects.get_or_create(user=user, type=Authenticator.Type.TOTP, data={"secret": "x"})
    browser = Client()
    browser.force_login(user)
    session = browser.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "mfa", "type": "totp", "at": time.time()}]
    session[_AUTHENTICATION_METHODS_USER_SESSION_KEY] = user_id_to_str(user)
    session.save()
    return browser


@pytest.fixture
def hospital(db):
    return Institution.objects.create(
        name="North Hospital", portal_url="http://portal.localhost:8000", is_this_hospital=True
    )


@pytest.fixture
def clinician(doctor_account, hospital):
    return Clinician.objects.create(user=doctor_account, institution=hospital, name="Dr Ada Okafor")


@pytest.fixture
def amina(db):
    return PatientFactory(given_names="Amina", family_name="Diallo", with_account=False)


@pytest.fixture
def boris(db):
    """A patient whom nobody treats."""
    return PatientFactory(given_names="Boris", family_name="Ivanov", with_account=False)


@pytest.fixture
def care(clinician, amina):
    return CareRelationship.objects.create(
        clinician=clinician, patient=amina, reason="cardiology clinic", started_at=timezone.now()
    )


@pytest.fixture
def haemoglobin(amina):
    return RecordFactory(patient=amina)


@pytest.fixture
def as_doctor(doctor_account, care):
    """The doctor's browser; the doctor treats Amina."""
    return signed_in(doctor_account)


@pytest.fixture
def as_officer(records_officer):
    return signed_in(records_officer)


@pytest.fixture
def as_privacy_officer(privacy_officer):
    return signed_in(privacy_officer)


@pytest.fixture
def as_clerk(billing_clerk):
    return signed_in(billing_clerk)


@pytest.fixture
def browsers(as_doctor, as_officer, as_privacy_officer, as_clerk):
    return {
        Role.DOCTOR: as_doctor,
        Role.RECORDS_OFFICER: as_officer,
        Role.PRIVACY_OFFICER: as_privacy_officer,
        Role.BILLING: as_clerk,
    }
