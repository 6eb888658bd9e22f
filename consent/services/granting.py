"""Consents begin: written down, signed by the patient or attested by the hospital. Their end: `revoking`."""

import json
import secrets
import uuid
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from accounts.models import User
from audit import columns
from audit import services as audit
from audit.models import Ground
from chain.commitment import Header, commit
from chain.log import append_leaf
from consent.categories import Kind, Sensitivity, sensitivity_token
from consent.documents import Grantee, Terms, consent_document
from consent.models import (
    AccessRequest,
    Basis,
    Covers,
    Grant,
    GranteeKind,
    Purpose,
    Relay,
)
from patients.models import Notice, Patient
from patients.notices import notify

TOPIC = "consent"


class PeriodInvalid(Exception):
    """A consent ends after it begins, and in the future."""


class NothingCovered(Exception):
    """A consent that covers no record says nothing."""


class OfAnotherPatient(Exception):
    """A consent, and what it answers or renews, are one patient's."""


@dataclass(frozen=True)
class Draft:
    """A consent that was written down and waits for the patient's signature."""

    id: uuid.UUID
    document: bytes
    secret: bytes
    grantee_text: str
    columns: dict[str, Any]

    @property
    def header(self) -> Header:
        return _header(self.id)

    @property
    def scope(self) -> bytes:
        """The commitment to the document: the grant's leaf, and what stands on the chain."""
        return commit(self.document, self.header, self.secret)

    def as_content(self) -> dict[str, Any]:
        """Return it as JSON can hold it, for the ticket to the consent host."""
        return {
            "id": str(self.id),
            "document": b64encode(self.document).decode(),
            "secret": b64encode(self.secret).decode(),
            "grantee": self.grantee_text,
            "columns": self.columns,
        }

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> "Draft":
        return cls(
            id=uuid.UUID(content["id"]),
            document=b64decode(content["document"]),
            secret=b64decode(content["secret"]),
            grantee_text=content["grantee"],
            columns=content["columns"],
        )


def header_of(grant: Grant) -> Header:
    """What the leaf of `grant` binds besides its document."""
    return _header(grant.id)


def _header(id: uuid.UUID) -> Header:
    return Header(
        topic=TOPIC,
        resource_type="Consent",
        id=str(id),
        version=1,
        author=settings.PORTAL_URL,
        previous=None,
    )


def prepare_grant(
    patient: Patient,
    terms: Terms,
    *,
    at: datetime,
    request: AccessRequest | None = None,
    renews: Grant | None = None,
) -> Draft:
    """
    Write a consent down, for the patient to read and sign. Nothing is stored yet.

    :raises PeriodInvalid: if it would end before it begins, or has ended
    :raises NothingCovered: if it covers no kind and no record
    :raises OfAnotherPatient: if `request` or `renews` is not this patient's
    """
    # In whole seconds, as the document and the chain have it.
    expires_at = terms.expires_at.replace(microsecond=0)
    if not terms.starts_at < expires_at or expires_at <= at:
        raise PeriodInvalid
    if not terms.kinds and not terms.single_records:
        raise NothingCovered
    if any(one is not None and one.patient_id != patient.pk for one in (request, renews)):
        raise OfAnotherPatient
    id = uuid.uuid4()
    grantee = terms.grantee
    hospital = grantee.hospital
    return Draft(
        id=id,
        document=consent_document(patient, terms, id=id, at=at),
        secret=secrets.token_bytes(32),
        grantee_text=grantee.text,
        columns={
            "grantee_kind": grantee.kind.value,
            "institution": str(hospital.pk) if hospital else None,
            "department": str(grantee.department.pk) if grantee.department else None,
            "clinician": str(grantee.clinician.pk) if grantee.clinician else None,
            "proxy": str(grantee.proxy.pk) if grantee.proxy else None,
            "covers": Covers(terms.covers).value,
            "kinds": [kind.value for kind in terms.kinds],
            "record_ids": [str(record) for record in terms.single_records],
            "sensitivities": [Sensitivity(one).value for one in terms.sensitivities],
            "purpose": Purpose(terms.purpose).value,
            "starts_at": terms.starts_at.isoformat(),
            "expires_at": expires_at.isoformat(),
            "is_once": terms.is_once,
            "request": str(request.pk) if request else None,
            "renews": str(renews.pk) if renews else None,
        },
    )


@transaction.atomic
def sign_grant(
    draft: Draft,
    *,
    patient: Patient,
    digest: bytes,
    call: list[Any],
    after: Relay | None,
    by: User,
    at: datetime,
) -> Grant:
    """
    Keep a consent that the patient's key signed; it holds here at once, and waits to be relayed.

    Whoever calls has checked the signature over `digest`.

    :param call: the arguments of `ConsentRegistry.grant`, as `Relay.call` holds them
    :param after: what has to be in a block first, such as the enrolment of the key
    :raises PeriodInvalid: if it ended while it waited to be signed
    :raises OfAnotherPatient: if the draft was written for somebody else
    """
    grant = _keep(draft, patient=patient, basis=Basis.SIGNED, digest=digest, by=by, at=at)
    Relay.queue(Relay.Kind.GRANT, patient=patient, call=call, digest=digest, grant=grant, after=after, at=at)
    return grant


@transaction.atomic
def attest_grant(patient: Patient, terms: Terms, *, paper_reference: str, by: User, at: datetime) -> Grant:
    """
    Record a consent that the patient gave on paper.

    It is the hospital's word and not the patient's signature: it is shown as such, and never goes to
    `ConsentRegistry`. The patient is told, who knows best whether they gave it.

    :param paper_reference: where the signed paper is kept
    :raises PeriodInvalid, NothingCovered: as `prepare_grant` does
    """
    draft = prepare_grant(patient, terms, at=at)
    notify(patient.pk, Notice.Kind.GRANT, at)
    return _keep(
        draft,
        patient=patient,
        basis=Basis.ATTESTED,
        digest=None,
        by=by,
        at=at,
        paper_reference=paper_reference,
    )


def _keep(
    draft: Draft,
    *,
    patient: Patient,
    basis: Basis,
    digest: bytes | None,
    by: User,
    at: datetime,
    paper_reference: str = "",
) -> Grant:
    told = draft.columns
    if json.loads(draft.document)["patient"]["reference"] != f"Patient/{patient.pk}":
        raise OfAnotherPatient
    if datetime.fromisoformat(told["expires_at"]) <= at:
        raise PeriodInvalid
    leaf = append_leaf(topic=TOPIC, commitment=draft.scope, at=at)
    grant = Grant.objects.create(
        id=draft.id,
        patient=patient,
        basis=basis,
        grantee_kind=told["grantee_kind"],
        institution_id=told["institution"],
        department_id=told["department"],
        clinician_id=told["clinician"],
        proxy_id=told["proxy"],
        covers=told["covers"],
        kinds=told["kinds"],
        record_ids=told["record_ids"],
        sensitivities=[sensitivity_token(patient.pk, one) for one in told["sensitivities"]],
        purpose=told["purpose"],
        starts_at=datetime.fromisoformat(told["starts_at"]),
        expires_at=datetime.fromisoformat(told["expires_at"]),
        is_once=told["is_once"],
        created_at=at,
        by=by,
        sealed_document=columns.seal(draft.document),
        sealed_secret=columns.seal(draft.secret),
        leaf=leaf,
        request_id=told["request"],
        renews_id=told["renews"],
        paper_reference=paper_reference,
        digest=digest,
    )
    if grant.request is not None:
        answer(grant.request, is_accepted=True, by=by, at=at)
    trace("consent.granted" if digest else "consent.attested", grant, by=by, at=at)
    return grant


@transaction.atomic
def answer(request: AccessRequest, *, is_accepted: bool, by: User, at: datetime, words: str = "") -> bool:
    """
    Note the patient's answer to a doctor's request, and say whether it was still open.

    One that was answered, withdrawn or ran out before stays as it was.
    """
    request = AccessRequest.objects.select_for_update().get(pk=request.pk)
    if not request.is_open(at):
        return False
    request.answered_at = at
    request.is_accepted = is_accepted
    request.answer = words
    request.save(update_fields=["answered_at", "is_accepted", "answer"])
    audit.record(
        "consent.request_accepted" if is_accepted else "consent.request_declined",
        at=at,
        by=by,
        patient_id=request.patient_id,
        ground=Ground.OWN_RECORD,
        request=str(request.pk),
    )
    return True


def terms_of(grant: Grant, *, starts_at: datetime, expires_at: datetime) -> Terms:
    """Return what a grant says, with other dates: to renew it."""
    return Terms(
        grantee=grantee_of(grant, proxy_name=helper_in(grant)),
        covers=Covers(grant.covers),
        purpose=Purpose(grant.purpose),
        starts_at=starts_at,
        expires_at=expires_at,
        is_once=grant.is_once,
        chosen_kinds=[Kind(kind) for kind in grant.kinds],
        records=titles_in(grant),
        sensitivities=sensitivities_in(grant),
    )


def grantee_of(grant: Grant, *, proxy_name: str = "") -> Grantee:
    """Return to whom a grant gives access."""
    kind = grant.grantee_kind
    return Grantee(
        institution=grant.institution if kind == GranteeKind.INSTITUTION else None,
        department=grant.department,
        clinician=grant.clinician,
        proxy=grant.proxy,
        proxy_name=proxy_name,
    )


def helper_in(grant: Grant) -> str:
    """Return the name of the helper whom a grant names, as the patient was shown it."""
    if grant.grantee_kind != GranteeKind.PROXY:
        return ""
    return str(grant.content["provision"]["actor"][0]["reference"].get("display", ""))


def titles_in(grant: Grant) -> dict[uuid.UUID, str]:
    """Return the single records that a grant names, each as the patient was shown it."""
    items = grant.content["provision"].get("data", [])
    return {uuid.UUID(item["reference"]["reference"]): item["reference"].get("display", "") for item in items}


def sensitivities_in(grant: Grant) -> list[Sensitivity]:
    """Return the sensitive topics that a grant names."""
    named = {bytes(token) for token in grant.sensitivities}
    return [one for one in Sensitivity if sensitivity_token(grant.patient_id, one) in named]


def trace(name: str, grant: Grant, *, by: User | None, at: datetime, **facts: Any) -> None:
    """Leave a line in the access log of what became of a grant."""
    ground = Ground.OWN_RECORD if grant.is_given_by(by) else Ground.STAFF_DUTY
    audit.record(
        name,
        at=at,
        by=by,
        patient_id=grant.patient_id,
        ground=ground if by else "",
        purpose=grant.purpose,
        grant=str(grant.pk),
        **facts,
    )
