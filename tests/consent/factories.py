"""
Consents and who they are for, in the words of the domain.

They go through the real services, so a grant made here has its document, its leaf and, if signed, its relay:
`GrantFactory(patient=maria, to=ClinicianFactory(), kinds=[Kind.RESULT], days=30)`.
"""

import secrets
import uuid
from datetime import timedelta

import factory

from accounts.models import Role, User
from consent.categories import Kind
from consent.documents import Grantee, Terms
from consent.models import AccessRequest, BreakGlass, Covers, Grant, Purpose
from consent.services.granting import attest_grant, prepare_grant, sign_grant
from consent.services.revoking import revoke_grant
from doctors.models import CareRelationship, Clinician, Department, Institution
from doctors.services import start_care
from tests.records.factories import SPRING, PatientFactory


def this_hospital():
    """The hospital whose portal this is; there is one."""
    return Institution.objects.filter(is_this_hospital=True).first() or Institution.objects.create(
        name="North Hospital", portal_url="http://portal.localhost", is_this_hospital=True
    )


def other_hospital(name="South Hospital"):
    return Institution.objects.get_or_create(
        name=name, defaults={"portal_url": f"http://{uuid.uuid4().hex[:12]}.localhost"}
    )[0]


def staff(role, name=""):
    return User.objects.create_user(f"{role}-{uuid.uuid4().hex[:12]}", role=role, display_name=name)


class DepartmentFactory(factory.Factory):
    """A department, of this hospital unless `institution` says otherwise."""

    class Meta:
        model = Department

    name = factory.Sequence(lambda number: f"Cardiology {number}")
    institution = factory.LazyFunction(this_hospital)

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return Department.objects.create(**kwargs)


class ClinicianFactory(factory.Factory):
    """A doctor with an account, of this hospital unless `institution` says otherwise."""

    class Meta:
        model = Clinician

    name = factory.Sequence(lambda number: f"Dr Ada Okafor {number}")
    institution = factory.LazyFunction(this_hospital)
    department = None
    user = factory.LazyAttribute(lambda one: staff(Role.DOCTOR, one.name))

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return Clinician.objects.create(**kwargs)


class CareFactory(factory.Factory):
    """That a doctor treats a patient."""

    class Meta:
        model = CareRelationship

    patient = factory.SubFactory(PatientFactory)
    clinician = factory.SubFactory(ClinicianFactory)
    reason = "Cardiology clinic"
    by = None
    at = SPRING

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        return start_care(**kwargs)


class TermsFactory(factory.Factory):
    """
    What a patient says yes to. `to` is whoever may read: a clinician, a department, an institution, or the
    account of somebody who helps. `kinds` or `records` alone say what it covers, too.
    """

    class Meta:
        model = Terms

    to = factory.SubFactory(ClinicianFactory)
    covers = None
    kinds = ()
    records = ()
    sensitivities = ()
    purpose = Purpose.TREATMENT
    starts_at = SPRING
    days = 30
    expires_at = None
    is_once = False

    @classmethod
    def _create(cls, model_class, *args, to, covers, kinds, records, days, expires_at, **kwargs):
        if covers is None:
            covers = Covers.CATEGORIES if kinds else Covers.DOCUMENTS if records else Covers.EVERYTHING
        return Terms(
            grantee=grantee(to),
            covers=covers,
            chosen_kinds=[Kind(kind) for kind in kinds],
            records={getattr(record, "pk", record): "Haemoglobin, 2 March 2026" for record in records},
            expires_at=expires_at or kwargs["starts_at"] + timedelta(days=days),
            **kwargs,
        )

    # Terms are written down and not stored.
    _build = _create


class GrantFactory(factory.Factory):
    """
    A grant that the patient signed, under a digest that is made up; see `TermsFactory` for what it says.

    `attested=True` for one on paper; `revoked_at` for one that the patient ended then; `on_chain=True` if
    its relay got through.
    """

    class Meta:
        model = Grant

    patient = factory.SubFactory(PatientFactory)
    attested = False
    revoked_at = None
    on_chain = False
    request = None
    at = factory.LazyAttribute(lambda one: getattr(one, "starts_at", SPRING))

    @classmethod
    def _create(cls, model_class, *args, patient, attested, revoked_at, on_chain, request, at, **terms):
        terms = TermsFactory(**terms)
        owner = patient.user or User.objects.create_user(uuid.uuid4().hex, role=Role.PATIENT)
        if attested:
            officer = staff(Role.RECORDS_OFFICER, "Rosa Lindqvist")
            grant = attest_grant(patient, terms, paper_reference="Folder 12", by=officer, at=at)
        else:
            grant = sign_grant(
                prepare_grant(patient, terms, at=at, request=request),
                patient=patient,
                digest=secrets.token_bytes(32),
                call=[],
                after=None,
                by=owner,
                at=at,
            )
        if on_chain:
            grant.on_chain_at = at
            grant.save(update_fields=["on_chain_at"])
            grant.relays.update(state="done", finished_at=at)
        if revoked_at:
            revoke_grant(grant=grant, by=owner, at=revoked_at)
        return Grant.objects.get(pk=grant.pk)


class BreakGlassFactory(factory.Factory):
    """An emergency that a doctor declared."""

    class Meta:
        model = BreakGlass

    patient = factory.SubFactory(PatientFactory)
    by = factory.LazyFunction(lambda: ClinicianFactory().user)
    reason = "Unconscious in the emergency room"
    at = SPRING

    @classmethod
    def _create(cls, model_class, *args, at, **kwargs):
        return BreakGlass.objects.create(at=at, expires_at=at + BreakGlass.LASTS, **kwargs)


class AccessRequestFactory(factory.Factory):
    """A doctor asked a patient for access."""

    class Meta:
        model = AccessRequest

    patient = factory.SubFactory(PatientFactory)
    clinician = factory.SubFactory(ClinicianFactory)
    covers = Covers.SUMMARY
    kinds = ()
    purpose = Purpose.TREATMENT
    reason = "Your referral for a second opinion"
    days = 30
    at = SPRING

    @classmethod
    def _create(cls, model_class, *args, at, kinds, **kwargs):
        return AccessRequest.objects.create(
            created_at=at, expires_at=at + timedelta(days=30), kinds=[*kinds], **kwargs
        )


def grantee(to):
    """Name somebody as those to whom a patient gives access."""
    if isinstance(to, Clinician):
        return Grantee(clinician=to)
    if isinstance(to, Department):
        return Grantee(department=to)
    if isinstance(to, Institution):
        return Grantee(institution=to)
    return Grantee(proxy=to, proxy_name="Fatou Diallo")
