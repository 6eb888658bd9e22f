"""The demo hospital of one machine: real example records, one account a role, and how to sign in."""

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
from doctors.models import CareRelationship, Clinician, Institution
from ehrportal.demo_records import demo_bundles
from patients.models import Patient
from patients.services import invite
from records.fhir.reading import Found, read
from records.services.importing import ImportReport, import_records

SOURCE = "example records"
STAFF = {
    Role.DOCTOR: ("doctor", "Dr Ada Okafor"),
    Role.BILLING: ("billing", "Ben Clarke"),
    Role.RECORDS_OFFICER: ("records", "Rosa Lindqvist"),
    Role.PRIVACY_OFFICER: ("privacy", "Petra Novak"),
}


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
        staff = [_staff_member(role, *names) for role, names in STAFF.items()]
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


def _staff_member(role: Role, username: str, name: str) -> StaffSignIn:
    user = User.objects.filter(username=username).first()
    if user is None:
        user = User.objects.create_user(username, password_of(username), role=role, display_name=name)
    if not Authenticator.objects.filter(user=user).exists():
        TOTP.activate(user, totp_secret_of(username))
    if role is Role.DOCTOR and not Clinician.objects.filter(user=user).exists():
        Clinician.objects.create(
            user=user, institution=this_hospital(), name=name, specialty="General medicine"
        )
    return StaffSignIn(role=str(role.label), name=name, username=username, password=password_of(username))


def this_hospital() -> Institution:
    hospital, _created = Institution.objects.get_or_create(
        is_this_hospital=True,
        defaults={"name": settings.HOSPITAL_NAME, "portal_url": settings.PORTAL_URL},
    )
    return hospital


def _treat_everybody(*, at: datetime) -> None:
    clinician = Clinician.objects.get(user__username=STAFF[Role.DOCTOR][0])
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
