"""The demo hospital: its staff, and that it may be loaded at each start."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import Role, User
from consent.rules import patients_readable_by
from doctors.models import Clinician, Department
from ehrportal import demo
from ehrportal.demo_records import Example
from patients.models import Patient
from tests.records.bundles import PATIENT, bundle, observation

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _one_small_bundle(monkeypatch, settings):
    settings.IS_LOCAL = True
    content = bundle(PATIENT, observation()).encode()
    monkeypatch.setattr(demo, "demo_bundles", lambda: iter([Example("small.json", content)]))


def load():
    out = StringIO()
    call_command("load_demo", stdout=out)
    return out.getvalue()


class TestLoadDemo:
    def test_brings_somebody_for_each_role(self):
        load()

        assert {user.role for user in User.objects.all()} == {role for role in Role if role.is_staff}

    def test_has_a_doctor_who_treats_nobody(self):
        printed = load()

        treating, other = (
            User.objects.get(username=name) for name in (demo.TREATS_EVERYBODY, demo.TREATS_NOBODY)
        )
        now = timezone.now()
        assert list(patients_readable_by(treating, at=now)) == list(Patient.objects.all())
        assert not patients_readable_by(other, at=now).exists()
        assert f"{other.username} treats nobody" in printed

    def test_has_departments_with_a_doctor_each(self):
        load()

        assert {one.department.name for one in Clinician.objects.all()} == set(demo.DEPARTMENTS)

    def test_changes_nothing_the_second_time(self):
        def everything():
            return [model.objects.count() for model in (User, Clinician, Department, Patient)]

        first = load()
        before = everything()
        second = load()

        assert everything() == before
        for member in demo.STAFF:
            assert demo.password_of(member.username) in first
            assert demo.password_of(member.username) in second

    def test_gives_a_department_to_a_doctor_from_before_there_were_any(self):
        load()
        Clinician.objects.update(department=None)

        load()

        assert not Clinician.objects.filter(department=None).exists()

    def test_is_for_one_machine_only(self, settings):
        settings.IS_LOCAL = False

        with pytest.raises(CommandError):
            load()


class TestDemoCode:
    @pytest.mark.parametrize("member", demo.STAFF, ids=lambda member: member.username)
    def test_prints_six_digits_for_each(self, member):
        out = StringIO()

        call_command("demo_code", member.username, stdout=out)

        assert len(out.getvalue().strip()) == 6
