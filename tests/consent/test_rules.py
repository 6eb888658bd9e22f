"""The decision function, and the rows that must follow from it."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser

from accounts.models import Role, User
from audit.models import Ground
from consent.rules import Action, decide, patients_readable_by
from doctors.models import CareRelationship, Clinician, Institution
from patients.models import Patient

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(noon):
    """Two patients with accounts, every role of staff, a doctor who treats the first, one who did once."""
    hospital = Institution.objects.create(name="North", portal_url="http://north.test", is_this_hospital=True)
    users = {role.value: User.objects.create_user(role.value, role=role) for role in Role if role.is_staff}
    users["former"] = User.objects.create_user("former", role=Role.DOCTOR)
    users["stranger"] = User.objects.create_user("stranger", role=Role.DOCTOR)
    users["superuser"] = User.objects.create_user("root", role=Role.BILLING, is_superuser=True)
    users["gone"] = User.objects.create_user("gone", role=Role.DOCTOR, is_active=False)
    patients = []
    for name in ("first", "second"):
        users[name] = User.objects.create_user(name, role=Role.PATIENT)
        patients.append(Patient.objects.create(family_name=name, user=users[name]))
    yesterday = noon - timedelta(days=1)
    for name, ended_at in (("doctor", None), ("former", noon), ("gone", None)):
        clinician = Clinician.objects.create(user=users[name], institution=hospital, name=name)
        CareRelationship.objects.create(
            clinician=clinician, patient=patients[0], reason="x", started_at=yesterday, ended_at=ended_at
        )
    users["anonymous"] = AnonymousUser()
    return users, patients


MAY_READ_THE_FIRST = {"first": Ground.OWN_RECORD, "doctor": Ground.TREATMENT}
EVERYBODY = [
    "first", "second", "doctor", "former", "stranger", "gone", "billing", "records_officer",
    "privacy_officer", "superuser", "anonymous",
]  # fmt: skip


class TestDecide:
    @pytest.mark.parametrize("who", EVERYBODY)
    def test_lets_only_those_with_a_ground_read(self, people, noon, who):
        users, (first, _second) = people

        decision = decide(actor=users[who], action=Action.READ, patient=first, at=noon)

        assert decision.ground == MAY_READ_THE_FIRST.get(who)
        assert decision.allowed == (who in MAY_READ_THE_FIRST)

    @pytest.mark.parametrize("who", EVERYBODY)
    def test_lets_only_the_treating_doctor_write(self, people, noon, who):
        users, (first, _second) = people

        decision = decide(actor=users[who], action=Action.WRITE, patient=first, at=noon)

        assert decision.allowed == (who == "doctor")

    @pytest.mark.parametrize("who", EVERYBODY)
    @pytest.mark.parametrize("hours", [-48, 0, 48])
    def test_agrees_with_the_rows_that_lists_are_made_of(self, people, noon, who, hours):
        users, patients = people
        at = noon + timedelta(hours=hours)
        readable = set(patients_readable_by(users[who], at=at))

        for patient in patients:
            decision = decide(actor=users[who], action=Action.READ, patient=patient, at=at)
            assert decision.allowed == (patient in readable)
