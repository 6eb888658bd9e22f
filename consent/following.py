"""
What `ConsentRegistry` announced about our patients, taken in; and taken back when its block is gone.

The moments are those of the blocks. Patients of other hospitals, and whoever only bears a pseudonym that we
do not know, are none of our business. What nobody here decided (a revocation that came another way, a grant
that we do not hold) is taken at the chain's word where that protects the patient, and else named to a person.
"""

from datetime import datetime
from typing import Any

import structlog
from eth_utils import decode_hex

from audit import services as audit
from chain import topics
from chain.deployment import CONSENT_REGISTRY
from chain.findings import Finding, heal, note
from chain.models import Event, Mismatch
from chain.topics import EventHandler
from chain.watching import is_ours
from consent.models import EndedBy, Grant, Pseudonym, Recovery, Signer
from consent.services.keys import carry_out_recovery
from patients import notices
from patients.models import Notice

logger = structlog.get_logger(__name__)


def register() -> None:
    """Have the registry's events followed."""
    for event, handler in HANDLERS.items():
        topics.register_event(CONSENT_REGISTRY.name, event, handler)


def strange_grant(event: Event) -> Finding:
    """Name a grant that stands on the chain for a patient of ours and is not held here."""
    return Finding(
        Mismatch.Kind.CONTRACT,
        f"grant {event.arguments['grant']} on the chain",
        f"the chain announced it in block {event.block.number} for a patient of this hospital, and no such "
        "grant is held here",
    )


def strange_key(event: Event) -> Finding:
    """Name a key that stands on the chain for a patient of ours and is not known here."""
    return Finding(
        Mismatch.Kind.CONTRACT,
        f"signer {event.arguments['signer']} on the chain",
        f"the chain announced it in block {event.block.number} for a patient of this hospital, and no such "
        "key was made here",
    )


def strange_enrolment(event: Event) -> Finding:
    """Name a pseudonym of ours that another institution took."""
    return Finding(
        Mismatch.Kind.CONTRACT,
        f"pseudonym {event.arguments['patient']} on the chain",
        f"institution {event.arguments['institution']} enrolled it in block {event.block.number}, and it is "
        "a pseudonym of this hospital",
    )


def strange_recovery(event: Event) -> Finding:
    """Name a recovery that was proposed in our name and not by us."""
    return Finding(
        Mismatch.Kind.CONTRACT,
        f"recovery {event.arguments['number']} of {event.arguments['patient']} on the chain",
        f"the chain announced it in block {event.block.number}, and nobody here proposed it",
    )


# Enrolment and keys


def _enrolled(event: Event, at: datetime) -> None:
    pseudonyms = _pseudonyms(event)
    if not pseudonyms.exists():
        return
    if is_ours(event):
        pseudonyms.update(on_chain_at=event.block.at)
    else:
        logger.error("consent.pseudonym_taken", block=event.block.number)
        note(strange_enrolment(event), at=at)


def _not_enrolled(event: Event, at: datetime) -> None:
    _pseudonyms(event).filter(on_chain_at=event.block.at).update(on_chain_at=None)
    heal(strange_enrolment(event), at=at)


def _signer_added(event: Event, at: datetime) -> None:
    if not _pseudonyms(event).exists():
        return
    if not _signers(event).update(on_chain_at=event.block.at):
        logger.error("consent.strange_key", block=event.block.number)
        note(strange_key(event), at=at)


def _signer_not_added(event: Event, at: datetime) -> None:
    _signers(event).filter(on_chain_at=event.block.at).update(on_chain_at=None)
    heal(strange_key(event), at=at)


def _signer_removed(event: Event, at: datetime) -> None:
    # Removed here before, as a rule; but anybody may relay what the patient signed.
    _signers(event).filter(removed_at=None).update(removed_at=event.block.at)


def _signer_not_removed(event: Event, at: datetime) -> None:
    _signers(event).filter(removed_at=event.block.at).update(removed_at=None)


# Grants


def _granted(event: Event, at: datetime) -> None:
    if not _pseudonyms(event).exists():
        return
    if not _grants(event).update(on_chain_at=event.block.at):
        logger.error("consent.strange_grant", block=event.block.number)
        note(strange_grant(event), at=at)


def _not_granted(event: Event, at: datetime) -> None:
    _grants(event).filter(on_chain_at=event.block.at).update(on_chain_at=None)
    heal(strange_grant(event), at=at)


def _revoked(event: Event, at: datetime) -> None:
    grant = _grants(event).select_for_update().first()
    if grant is None:
        return
    grant.off_chain_at = event.block.at
    if grant.revoked_at is None:
        # The patient signed it elsewhere, or our rows are from before. Either way their no holds.
        grant.revoked_at = event.block.at
        grant.ended_by = EndedBy.CHAIN
        audit.record(
            "consent.revoked_on_chain",
            at=at,
            by=None,
            patient_id=grant.patient_id,
            purpose=grant.purpose,
            grant=str(grant.pk),
        )
        notices.notify(grant.patient_id, Notice.Kind.GRANT, at)
    grant.save(update_fields=["off_chain_at", "revoked_at", "ended_by"])


def _not_revoked(event: Event, at: datetime) -> None:
    # What was ended here stays so: nothing opens again because a block was replaced. If the chain never
    # hears of the revocation again, the comparison names it.
    _grants(event).filter(off_chain_at=event.block.at).update(off_chain_at=None)


# Recoveries


def _recovery_proposed(event: Event, at: datetime) -> None:
    recoverable_at = datetime.fromtimestamp(event.arguments["recoverableAt"], tz=event.block.at.tzinfo)
    if not _recoveries(event).update(recoverable_at=recoverable_at) and _pseudonyms(event).exists():
        logger.error("consent.strange_recovery", block=event.block.number)
        note(strange_recovery(event), at=at)


def _recovery_not_proposed(event: Event, at: datetime) -> None:
    _recoveries(event).update(recoverable_at=None)
    heal(strange_recovery(event), at=at)


def _recovery_vetoed(event: Event, at: datetime) -> None:
    _close(event, "vetoed_at")


def _recovery_not_vetoed(event: Event, at: datetime) -> None:
    _reopen(event, "vetoed_at")


def _recovery_withdrawn(event: Event, at: datetime) -> None:
    _close(event, "withdrawn_at")


def _recovery_not_withdrawn(event: Event, at: datetime) -> None:
    _reopen(event, "withdrawn_at")


def _recovered(event: Event, at: datetime) -> None:
    recovery = _recoveries(event).first()
    if recovery is not None:
        carry_out_recovery(recovery, at=event.block.at)


def _not_recovered(event: Event, at: datetime) -> None:
    """Give the keys of before back, and take the new ones, until the block comes again."""
    recovery = _recoveries(event).filter(carried_out_at=event.block.at).first()
    if recovery is None or _has_other_open(recovery):
        return
    signers = Signer.objects.filter(pseudonym__patient=recovery.patient_id)
    signers.filter(removed_at=event.block.at).update(removed_at=None)
    signers.filter(recovery=recovery, accepted_at=event.block.at).update(accepted_at=None)
    recovery.carried_out_at = None
    recovery.save(update_fields=["carried_out_at"])


def _close(event: Event, field: str) -> None:
    """End a recovery that was ended on the chain first, as by a veto that somebody else relayed."""
    recovery = _recoveries(event).select_for_update().first()
    if recovery is not None and recovery.is_open():
        setattr(recovery, field, event.block.at)
        recovery.save(update_fields=[field])
        Signer.objects.filter(recovery=recovery, removed_at=None).update(removed_at=event.block.at)


def _reopen(event: Event, field: str) -> None:
    recovery = _recoveries(event).filter(**{field: event.block.at}).first()
    if recovery is None or _has_other_open(recovery):
        return
    setattr(recovery, field, None)
    recovery.save(update_fields=[field])
    Signer.objects.filter(recovery=recovery, removed_at=event.block.at).update(removed_at=None)


def _has_other_open(recovery: Recovery) -> bool:
    return Recovery.objects.open().filter(patient=recovery.patient_id).exclude(pk=recovery.pk).exists()


# Which rows an event is about


def _pseudonyms(event: Event) -> Any:
    return Pseudonym.objects.filter(value=_bytes(event, "patient"))


def _signers(event: Event) -> Any:
    signers = Signer.objects.filter(pseudonym__value=_bytes(event, "patient"))
    return signers.filter(hash=_bytes(event, "signer"))


def _grants(event: Event) -> Any:
    grants = Grant.objects.filter(patient__pseudonym__value=_bytes(event, "patient"))
    return grants.filter(digest=_bytes(event, "grant"))


def _recoveries(event: Event) -> Any:
    recoveries = Recovery.objects.filter(patient__pseudonym__value=_bytes(event, "patient"))
    return recoveries.filter(number=event.arguments["number"])


def _bytes(event: Event, name: str) -> bytes:
    return decode_hex(event.arguments[name])


# What is announced of a patient of ours without our knowledge, by event.
STRANGE = {
    "PatientEnrolled": strange_enrolment,
    "SignerAdded": strange_key,
    "Granted": strange_grant,
    "RecoveryProposed": strange_recovery,
}

HANDLERS = {
    "PatientEnrolled": EventHandler(handle=_enrolled, undo=_not_enrolled),
    "SignerAdded": EventHandler(handle=_signer_added, undo=_signer_not_added),
    "SignerRemoved": EventHandler(handle=_signer_removed, undo=_signer_not_removed),
    "Granted": EventHandler(handle=_granted, undo=_not_granted),
    "Revoked": EventHandler(handle=_revoked, undo=_not_revoked),
    "RevokedByInstitution": EventHandler(handle=_revoked, undo=_not_revoked),
    "RecoveryProposed": EventHandler(handle=_recovery_proposed, undo=_recovery_not_proposed),
    "RecoveryVetoed": EventHandler(handle=_recovery_vetoed, undo=_recovery_not_vetoed),
    "RecoveryWithdrawn": EventHandler(handle=_recovery_withdrawn, undo=_recovery_not_withdrawn),
    "PatientRecovered": EventHandler(handle=_recovered, undo=_not_recovered),
}
