"""Handing the evidence of a signed consent to the patient who signed it."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.models import User
from audit import services as audit
from audit.models import Ground
from chain.deployment import NotDeployed, contracts
from consent.evidence import EvidenceInvalid, evidence_of, write_evidence
from consent.models import Grant, Relay
from consent.models.grants import DocumentDamaged
from consent.services.granting import grantee_of, header_of
from consent.signing.calls import CallMalformed, arguments_of


class NoEvidence(Exception):
    """Nobody's key signed this consent: it is the hospital's word about a paper."""


class EvidenceDamaged(NoEvidence):
    """What is stored is not what was signed, so every verifier would refuse it."""


@transaction.atomic
def take_evidence(grant: Grant, *, by: User, at: datetime) -> bytes:
    """
    Return the evidence of a consent as a file (docs/formats/consent-evidence.md), and log that it was taken.

    :raises NoEvidence: if no key signed it
    :raises EvidenceDamaged: if what is stored does not belong together
    """
    relay = grant.relays.filter(kind=Relay.Kind.GRANT).select_related("transaction").first()
    if not grant.is_signed or relay is None:
        raise NoEvidence
    try:
        evidence = _evidence_of(grant, relay)
    except (EvidenceInvalid, DocumentDamaged, CallMalformed, NotDeployed, ValueError) as error:
        raise EvidenceDamaged from error
    audit.record(
        "consent.evidence_taken",
        at=at,
        by=by,
        patient_id=grant.patient_id,
        ground=Ground.OWN_RECORD,
        purpose=grant.purpose,
        grant=str(grant.pk),
    )
    return evidence


def _evidence_of(grant: Grant, relay: Relay) -> bytes:
    form, (signer, signature) = arguments_of("grant", relay.call)
    names = ("patient", "grantee", "scope", "expiry", "nonce", "deadline")
    sent = relay.transaction
    return write_evidence(
        evidence_of(
            document=grant.document,
            header=header_of(grant),
            secret=grant.secret,
            grantee_text=grantee_of(grant).text,
            form=dict(zip(names, form, strict=True)),
            chain_id=settings.CHAIN_ID,
            registry=contracts().consent_registry,
            signer=signer,
            signature=signature,
            transaction=sent.hash if sent is not None else None,
        )
    )
