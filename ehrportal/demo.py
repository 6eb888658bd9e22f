"""The demo hospital of one machine: real example records, its staff, and how to sign in."""

import base64
import hmac
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.conf import settings
from django.db import transaction
from django.db.models import Count

from accounts.models import Role, User
from doctors.models import CareRelationship, Clinician, Department, Institution
from ehrportal.demo_records import demo_bundles
from patients.models import Patient
from patients.services import invite
from records.fhir.reading import Found, read
from records.services.importing import ImportReport, import_records

SOURCE = "example records"
DEPARTMENTS = ("Cardiology", "General medicine")


@dataclass(frozen=True)
class StaffMember:
    """Somebody who works at the demo hospital; doctors in a department."""

    role: Role
    username: str
    name: str
    department: str = ""


STAFF = (
    StaffMember(Role.DOCTOR, "doctor", "Dr Ada Okafor", "General medicine"),
    StaffMember(Role.DOCTOR, "cardiologist", "Dr Samuel Osei", "Cardiology"),
    StaffMember(Role.BILLING, "billing", "Ben Clarke"),
    StaffMember(Role.RECORDS_OFFICER, "records", "Rosa Lindqvist"),
    StaffMember(Role.PRIVACY_OFFICER, "privacy", "Petra Novak"),
)
# One doctor treats everybody; the other nobody, so that asking and an emergency can be tried.
TREATS_EVERYBODY, TREATS_NOBODY = "doctor", "cardiologist"


@dataclass(frozen=True)
class StaffSignIn:
    """User name, password and second factor of one member of staff."""

    role: str
    name: str
    username: str
    password: str


@dataclass(frozen=True)
class PatientSignIn:
    """The letter of the demo's patient; without a code they have made their account already."""

    name: str
    code: str
    birth_date: str


@dataclass(frozen=True)
class Demo:
    """What `load_demo` prints."""

    report: ImportReport
    staff: list[StaffSignIn]
    patient: PatientSignIn


class NotLocal(Exception):
    """The demo makes accounts whose passwords it prints, so it belongs on one machine only."""


def load(*, at: datetime) -> Demo:
    """
    Import the example records and make the accounts; what is there already stays as it is.

    :raises NotLocal: outside local settings
    """
    if not settings.IS_LOCAL:
        raise NotLocal("Use manage.py load_demo with local settings only: it prints passwords.")
    report = import_records(examples, source=SOURCE, at=at)
    with transaction.atomic():
        for name in DEPARTMENTS:
            Department.objects.get_or_create(institution=this_hospital(), name=name)
        staff = [_sign_in(member) for member in STAFF]
        _treat_everybody(at=at)
    return Demo(report=report, staff=staff, patient=_patient(at=at))


def examples() -> Iterator[Found]:
    """The example records, read as any import reads them."""
    for name, content in demo_bundles():
        yield from read(io.BytesIO(content), name=name)


def secret_of(purpose: str, username: str) -> str:
    """
    A secret of one demo account: random to others, and the same at each start of this machine.

    Derived rather than stored, so that it can be printed again.
    """
    digest = hmac.digest(settings.SECRET_KEY.encode(), f"demo {purpose} {username}".encode(), "sha256")
    return base64.b32encode(digest[:20]).decode()


def password_of(username: str) -> str:
    text = secret_of("password", username).lower()[:16]
    return "-".join(text[start : start + 4] for start in range(0, 16, 4))


def totp_secret_of(username: str) -> str:
    return secret_of("second factor", username)


def _sign_in(member: StaffMember) -> StaffSignIn:
    username = member.username
    user = User.objects.filter(username=username).first()
    if user is None:
        user = User.objects.create_user(
            username, password_of(username), role=member.role, display_name=member.name
        )
    if not Authenticator.objects.filter(user=user).exists():
        TOTP.activate(user, totp_secret_of(username))
    if member.role is Role.DOCTOR:
        _enter_doctor(user, member)
    return StaffSignIn(
        role=str(member.role.label), name=member.name, username=username, password=password_of(username)
    )


def _enter_doctor(user: User, member: StaffMember) -> None:
    department = Department.objects.get(institution=this_hospital(), name=member.department)
    clinician, _created = Clinician.objects.get_or_create(
        user=user,
        defaults={"institution": this_hospital(), "name": member.name, "specialty": member.department},
    )
    # A demo from before there were departments gets them; where somebody was moved, they stay.
    if clinician.department is None:
        clinician.department = department
        clinician.save(update_fields=["department"])


def this_hospital() -> Institution:
    hospital, _created = Institution.objects.get_or_create(
        is_this_hospital=True,
        defaults={"name": settings.HOSPITAL_NAME, "portal_url": settings.PORTAL_URL},
    )
    return hospital


def _treat_everybody(*, at: datetime) -> None:
    clinician = Clinician.objects.get(user__username=TREATS_EVERYBODY)
    treated = CareRelationship.objects.filter(clinician=clinician)
    CareRelationship.objects.bulk_create(
        CareRelationship(
            clinician=clinician, patient=patient, reason="General medicine clinic", started_at=at
        )
        for patient in Patient.objects.exclude(pk__in=treated.values("patient"))
    )


def _patient(*, at: datetime) -> PatientSignIn:
    """The patient with most records plays the patient; a letter is printed until it has been used."""
    patient = (
        Patient.objects.filter(records__source=SOURCE)
        .annotate(count=Count("records"))
        .order_by("-count", "pk")[0]
    )
    code = "" if patient.user else invite(patient=patient, by=None, at=at)[1]
    birth_date: Any = patient.birth_date
    return PatientSignIn(name=patient.full_name, code=code, birth_date=f"{birth_date:%d %m %Y}")
