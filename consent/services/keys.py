"""What becomes of a patient's consent passkeys: enrolled, let in, removed, recovered when all are lost."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from eth_utils import encode_hex, keccak

from accounts.models import User
from audit import services as audit
from audit.models import Ground
from consent.models import Pseudonym, Recovery, Relay, Signer
from consent.models.keys import SignerQuerySet
from patients import notices
from patients.models import Notice, Patient

# As many as the registry takes.
MOST_KEYS = 16
KEY_MAKERS = (Relay.Kind.ENROL, Relay.Kind.ADD_SIGNER)


class AlreadyEnrolled(Exception):
    """This patient has keys already. Nothing has changed."""


class NotEnrolled(Exception):
    """This patient has no keys, so there is none to add to, to remove or to replace."""


class KeyKnown(Exception):
    """This passkey has been enrolled before."""


class TooManyKeys(Exception):
    """The registry takes sixteen keys for a patient, and no more."""


class LastKey(Exception):
    """The only key cannot be removed: nobody could sign any more."""


class KeyNotUsable(Exception):
    """This key was removed or replaced meanwhile. Nothing has changed."""


class RecoveryOpen(Exception):
    """A recovery of this patient's keys is under way already."""


class RecoveryClosed(Exception):
    """This recovery was carried out, vetoed or withdrawn before. Nothing has changed."""


@dataclass(frozen=True)
class NewKey:
    """
    A passkey that was just made on the consent host and has proved that it signs.

    :param signer: as ERC-7913 writes it
    :param credential: AttestedCredentialData, as fido2 reads it
    """

    name: str
    signer: bytes
    credential_id: bytes
    credential: bytes


def has_keys(patient: Patient) -> bool:
    """Whether this patient can sign consents."""
    return usable_signers(patient).exists()


def usable_signers(patient: Patient) -> SignerQuerySet:
    """Choose the keys whose signature counts for this patient, in the order in which they were made."""
    signers: SignerQuerySet = Signer.objects.filter(pseudonym__patient=patient)
    return signers.usable().order_by("created_at", "pk")


def open_recovery(patient: Patient) -> Recovery | None:
    """Return the recovery of this patient's keys that is under way, if there is one."""
    return Recovery.objects.open().filter(patient=patient).first()


def relay_that_makes(signer: Signer) -> Relay | None:
    """Return what has to be in a block before the registry knows this key, if it does not yet."""
    waiting = Relay.objects.unfinished().filter(patient=signer.pseudonym.patient_id, kind__in=KEY_MAKERS)
    return next((relay for relay in waiting if bytes(signer.signer) in relay.new_signers), None)


@transaction.atomic
def enrol(
    *,
    patient: Patient,
    pseudonym: bytes,
    key: NewKey,
    digest: bytes,
    call: list[Any],
    by: User,
    at: datetime,
) -> Signer:
    """
    Keep a patient's first key; it counts here at once, and its enrolment waits to be relayed.

    Whoever calls has checked that the key itself signed `digest`.

    :param pseudonym: the 32 bytes in the form that was signed
    :param call: the arguments of `ConsentRegistry.enrol`, as `Relay.call` holds them
    :raises AlreadyEnrolled: if the patient has keys
    """
    _lock(patient)
    if has_keys(patient):
        raise AlreadyEnrolled
    known, _ = Pseudonym.objects.get_or_create(
        patient=patient, defaults={"value": pseudonym, "created_at": at}
    )
    if bytes(known.value) != pseudonym:
        raise AlreadyEnrolled
    signer = _keep(key, pseudonym=known, at=at, accepted_at=at)
    Relay.queue(Relay.Kind.ENROL, patient=patient, call=call, digest=digest, at=at)
    notices.notify(patient.pk, Notice.Kind.KEY, at)
    _trace("consent.key_enrolled", patient, by=by, at=at, signer=signer.pk)
    return signer


@transaction.atomic
def add_signer(
    *,
    patient: Patient,
    key: NewKey,
    let_in_by: Signer,
    digest: bytes,
    call: list[Any],
    by: User,
    at: datetime,
) -> Signer:
    """
    Keep another key, which one of before let in; both have signed `digest`.

    :param call: the arguments of `ConsentRegistry.addSigner`
    :raises KeyNotUsable: if the key that lets it in was removed meanwhile
    :raises TooManyKeys: if the patient has sixteen
    """
    _lock(patient)
    if not usable_signers(patient).filter(pk=let_in_by.pk).exists():
        raise KeyNotUsable
    if usable_signers(patient).count() >= MOST_KEYS:
        raise TooManyKeys
    signer = _keep(key, pseudonym=let_in_by.pseudonym, at=at, accepted_at=at)
    Relay.queue(
        Relay.Kind.ADD_SIGNER,
        patient=patient,
        call=call,
        digest=digest,
        at=at,
        after=relay_that_makes(let_in_by),
    )
    notices.notify(patient.pk, Notice.Kind.KEY, at)
    _trace("consent.key_added", patient, by=by, at=at, signer=signer.pk)
    return signer


@transaction.atomic
def remove_signer(
    *, signer: Signer, signed_by: Signer, digest: bytes, call: list[Any], by: User, at: datetime
) -> None:
    """
    Let a key count no more; here at once, on the chain when that was relayed.

    :param signed_by: the key that signed `digest`, which may be the one that goes
    :raises LastKey: if it is the only one
    :raises KeyNotUsable: if one of the two was removed meanwhile
    """
    patient = signer.pseudonym.patient
    _lock(patient)
    usable = usable_signers(patient)
    if usable.filter(pk__in={signer.pk, signed_by.pk}).count() != len({signer.pk, signed_by.pk}):
        raise KeyNotUsable
    if usable.count() == 1:
        raise LastKey
    signer.removed_at = at
    signer.save(update_fields=["removed_at"])
    # Behind all that is on its way: what the key signed while it counted must not meet a registry that
    # has forgotten it.
    last = Relay.objects.unfinished().filter(patient=patient).order_by("created_at", "pk").last()
    Relay.queue(Relay.Kind.REMOVE_SIGNER, patient=patient, call=call, digest=digest, at=at, after=last)
    notices.notify(patient.pk, Notice.Kind.KEY, at)
    _trace("consent.key_removed", patient, by=by, at=at, signer=signer.pk)


@transaction.atomic
def start_recovery(*, patient: Patient, checked: str, by: User, at: datetime) -> Recovery:
    """
    Note that an officer had the patient in front of them, so that they may make a new key.

    The patient is told at once: whoever still has a key can say no.

    :param checked: how the officer knew who it was
    :raises NotEnrolled: if the patient has no keys; they can enrol without any of this
    :raises RecoveryOpen: if one is under way
    """
    _lock(patient)
    if not has_keys(patient):
        raise NotEnrolled
    if open_recovery(patient) is not None:
        raise RecoveryOpen
    recovery = Recovery.objects.create(patient=patient, checked=checked, by=by, created_at=at)
    notices.notify(patient.pk, Notice.Kind.RECOVERY, at)
    _trace("consent.recovery_started", patient, by=by, at=at, recovery=recovery.pk)
    return recovery


@transaction.atomic
def propose_recovery(
    *,
    recovery: Recovery,
    number: int,
    key: NewKey,
    digest: bytes,
    call: list[Any],
    by: User,
    at: datetime,
) -> Signer:
    """
    Propose a new key in the place of all that were lost; the new key has signed `digest`.

    It counts when the registry has carried the recovery out, three days after the proposal is in a block.

    :param number: one more than that of the last recovery that the registry knows
    :raises RecoveryClosed: if it ended meanwhile, or has a proposal already
    """
    recovery = _locked(recovery)
    if recovery.proposed_at is not None:
        raise RecoveryClosed
    patient = recovery.patient
    signer = _keep(key, pseudonym=patient.pseudonym, at=at, accepted_at=None, recovery=recovery)
    recovery.number = number
    recovery.proposed_at = at
    recovery.save(update_fields=["number", "proposed_at"])
    enrolling = Relay.objects.unfinished().filter(patient=patient, kind=Relay.Kind.ENROL).first()
    Relay.queue(
        Relay.Kind.PROPOSE_RECOVERY,
        patient=patient,
        call=call,
        digest=digest,
        at=at,
        after=enrolling,
        recovery=recovery,
    )
    notices.notify(patient.pk, Notice.Kind.RECOVERY, at)
    _trace("consent.recovery_proposed", patient, by=by, at=at, recovery=recovery.pk)
    return signer


@transaction.atomic
def veto_recovery(*, recovery: Recovery, digest: bytes, call: list[Any], by: User, at: datetime) -> None:
    """
    Stop a recovery by a key that was not lost after all. It ends here at once.

    :raises RecoveryClosed: if it ended before
    """
    recovery = _locked(recovery)
    recovery.vetoed_at = at
    recovery.save(update_fields=["vetoed_at"])
    _drop_proposal(recovery, Relay.Kind.VETO_RECOVERY, call=call, digest=digest, at=at)
    notices.notify(recovery.patient_id, Notice.Kind.RECOVERY, at)
    _trace("consent.recovery_vetoed", recovery.patient, by=by, at=at, recovery=recovery.pk)


@transaction.atomic
def withdraw_recovery(*, recovery: Recovery, by: User, at: datetime) -> None:
    """
    Take a recovery back, as the hospital or as the patient who found the key again.

    :raises RecoveryClosed: if it ended before
    """
    recovery = _locked(recovery)
    recovery.withdrawn_at = at
    recovery.save(update_fields=["withdrawn_at"])
    if recovery.proposed_at is not None:
        call = [encode_hex(bytes(recovery.patient.pseudonym.value))]
        _drop_proposal(recovery, Relay.Kind.WITHDRAW_RECOVERY, call=call, digest=None, at=at)
    notices.notify(recovery.patient_id, Notice.Kind.RECOVERY, at)
    _trace("consent.recovery_withdrawn", recovery.patient, by=by, at=at, recovery=recovery.pk)


@transaction.atomic
def carry_out_recovery(recovery: Recovery, *, at: datetime) -> None:
    """
    Let the proposed keys count in the place of all others, as the registry has just done.

    Called by what follows the chain; safe to run twice.
    """
    recovery = Recovery.objects.select_for_update().get(pk=recovery.pk)
    if recovery.carried_out_at is not None:
        return
    recovery.carried_out_at = at
    recovery.save(update_fields=["carried_out_at"])
    signers = Signer.objects.filter(pseudonym__patient=recovery.patient_id)
    signers.usable().exclude(recovery=recovery).update(removed_at=at)
    signers.filter(recovery=recovery).update(accepted_at=at, removed_at=None)
    notices.notify(recovery.patient_id, Notice.Kind.RECOVERY, at)
    _trace("consent.recovered", recovery.patient, by=None, at=at, recovery=recovery.pk)


def _drop_proposal(
    recovery: Recovery, kind: Relay.Kind, *, call: list[Any], digest: bytes | None, at: datetime
) -> None:
    """Forget the proposed keys, and tell the registry, unless it has not heard of them yet."""
    Signer.objects.filter(recovery=recovery).update(removed_at=at)
    on_the_way = Relay.objects.select_for_update().filter(recovery=recovery)
    on_the_way.filter(state=Relay.State.WAITING).update(state=Relay.State.CANCELLED, finished_at=at)
    proposal = on_the_way.filter(
        kind=Relay.Kind.PROPOSE_RECOVERY, state__in=[Relay.State.SENT, Relay.State.DONE]
    ).first()
    if proposal is not None:
        Relay.queue(
            kind,
            patient=recovery.patient,
            call=call,
            digest=digest,
            at=at,
            after=proposal,
            recovery=recovery,
        )


def _lock(patient: Patient) -> None:
    """Let one change of a patient's keys happen at a time."""
    Patient.objects.select_for_update().get(pk=patient.pk)


def _locked(recovery: Recovery) -> Recovery:
    _lock(recovery.patient)
    recovery = Recovery.objects.select_related("patient").get(pk=recovery.pk)
    if not recovery.is_open():
        raise RecoveryClosed
    return recovery


def _keep(
    key: NewKey,
    *,
    pseudonym: Pseudonym,
    at: datetime,
    accepted_at: datetime | None,
    recovery: Recovery | None = None,
) -> Signer:
    if Signer.objects.filter(credential_id=key.credential_id).exists():
        raise KeyKnown
    return Signer.objects.create(
        pseudonym=pseudonym,
        name=key.name,
        signer=key.signer,
        hash=keccak(key.signer),
        credential_id=key.credential_id,
        credential=key.credential,
        created_at=at,
        accepted_at=accepted_at,
        recovery=recovery,
    )


def _trace(name: str, patient: Patient, *, by: User | None, at: datetime, **facts: Any) -> None:
    ground = "" if by is None else Ground.OWN_RECORD if by.is_patient else Ground.STAFF_DUTY
    told: dict[str, Any] = {what: str(fact) for what, fact in facts.items()}
    audit.record(name, at=at, by=by, patient_id=patient.pk, ground=ground, **told)
