"""
Takes what was signed, and what the hospital decided, to `ConsentRegistry`: the outbox's way out.

What holds here was decided when its row was written, so the chain may be away for days and nothing waits for
it but the rows. Each is tried on the node before anybody pays. What the contract refuses ends here under the
contract's own name, and so does the grant that it was to carry; what the chain has already, by whomever, is
done.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from eth_utils import encode_hex, keccak

from chain.abi import RevertReason
from chain.client import Node, NodeError, NodeUnavailable, Reverted, WrongChain, current_node
from chain.deployment import (
    CONSENT_REGISTRY,
    CONSENT_VERIFIER,
    Contracts,
    check_contracts,
    contracts,
    institution_number,
)
from chain.models import Transaction
from chain.signing import operator
from chain.transactions import GasAboveCap, submit
from consent.models import Recovery, Relay
from consent.services.refused import end_refused_keys
from consent.services.revoking import end_refused
from consent.signing.calls import CallMalformed, arguments_of
from patients.models import Patient

logger = structlog.get_logger(__name__)

Kind, State = Relay.Kind, Relay.State

# Rows in one run, so that whoever waits for a grant does not wait for a thousand others to be tried first.
AT_ONCE = 200
# Until what cannot be judged now is tried again.
PAUSE = timedelta(minutes=1)

MINED = (Transaction.State.MINED, Transaction.State.FINAL)
# Of these nothing is to be said yet.
ON_THE_WAY = (Transaction.State.SIGNED, Transaction.State.SENT)
# What may still befall a transaction that was mined: see Transaction.MOVES and its index.
UNSETTLED = (*ON_THE_WAY, Transaction.State.REVERTED, Transaction.State.DROPPED)

# What the contracts say of a form. Anything else is trouble of the hospital's or of the node's, which passes.
JUDGEMENTS = CONSENT_REGISTRY.error_names | CONSENT_VERIFIER.error_names
# The contract's clock has not come so far.
NOT_YET = {"TooEarly"}
# Where this is the answer there is nothing left to do: what was to be ended is not there, or has ended.
MOOT = {
    Kind.REVOKE: {"GrantUnknown"},
    Kind.REVOKE_BY_INSTITUTION: {"GrantUnknown", "NotEnrolled"},
    Kind.VETO_RECOVERY: {"NoRecoveryWaits", "WrongRecovery"},
    Kind.WITHDRAW_RECOVERY: {"NoRecoveryWaits", "NotEnrolled"},
    Kind.RECOVER: {"NoRecoveryWaits"},
}


def relay_waiting(at: datetime) -> int:
    """
    See what became of what was sent, sign what may go now, and return how many that were.

    Two workers may do this at once, and either may die at any point: a row is locked while it is signed, and
    is linked to its transaction in the database transaction that stores the signed bytes.

    :raises NodeUnavailable: if the node does not answer; every row waits as it is
    :raises NotDeployed, NotOurContract: if there is no registry to relay to
    :raises FeeTooHigh: if the chain asks more than the settings allow
    """
    settle(at)
    due = list(Relay.objects.due(at).values_list("pk", flat=True)[:AT_ONCE])
    if not due:
        return 0
    node, where = current_node(), contracts()
    check_contracts(node, where)
    return sum(_relay(pk, node, where, at) for pk in due)


def settle(at: datetime) -> None:
    """
    Follow the transactions of what was sent: done once mined, and waiting again if nothing came of it.

    A block may vanish, so even what was done is looked at again when its transaction is not in one any more.
    """
    decided = Relay.objects.filter(state=State.SENT).exclude(transaction__state__in=ON_THE_WAY)
    undone = Relay.objects.filter(state=State.DONE, transaction__state__in=UNSETTLED)
    for pk in [*decided.values_list("pk", flat=True), *undone.values_list("pk", flat=True)]:
        with transaction.atomic():
            relay = Relay.objects.select_for_update(skip_locked=True).filter(pk=pk).first()
            if relay is not None and relay.transaction_id is not None:
                _settle(relay, Transaction.objects.get(pk=relay.transaction_id), at)


def queue_recoveries(at: datetime) -> int:
    """Queue `recover` for each recovery whose three days are over, and return how many that were."""
    queued = 0
    due = Recovery.objects.open().filter(recoverable_at__lte=at)
    for pk in due.exclude(relays__kind=Kind.RECOVER).values_list("pk", flat=True):
        with transaction.atomic():
            patient = Patient.objects.select_for_update().get(recoveries=pk)
            recovery = Recovery.objects.get(pk=pk)
            # Vetoed, withdrawn or queued by another worker while we came here.
            if not recovery.is_due(at) or recovery.relays.filter(kind=Kind.RECOVER).exists():
                continue
            Relay.queue(
                Kind.RECOVER,
                patient=patient,
                call=[encode_hex(bytes(patient.pseudonym.value))],
                recovery=recovery,
                after=recovery.relays.filter(kind=Kind.PROPOSE_RECOVERY).first(),
                at=at,
            )
            queued += 1
    return queued


def _settle(relay: Relay, carrier: Transaction, at: datetime) -> None:
    if carrier.state in MINED:
        if relay.state == State.SENT:
            _move(relay, State.DONE, finished_at=at)
    elif carrier.state in ON_THE_WAY:
        if relay.state == State.DONE:
            _move(relay, State.SENT, finished_at=None)
    elif relay.state in (State.SENT, State.DONE):
        # Dropped, or refused when it was mined although the node had let it pass. Trying it anew tells what
        # the contract has against it now, or finds that somebody else has relayed it.
        logger.warning("relay.lost", relay=relay.pk, kind=relay.kind, transaction=carrier.state)
        pause = PAUSE if carrier.state == Transaction.State.REVERTED else timedelta()
        _move(relay, State.WAITING, transaction=None, finished_at=None, not_before=at + pause)


def _relay(pk: int, node: Node, where: Contracts, at: datetime) -> bool:
    """Try one row on the node, and sign it or end it; say whether it was signed."""
    relay = Relay.objects.get(pk=pk)
    try:
        data = CONSENT_REGISTRY.calldata(relay.kind, *arguments_of(relay.kind, relay.call))
        # Tried once more where it is signed; here it fails without holding up others who sign.
        node.estimate_gas(sender=operator().address, to=where.consent_registry, data=data)
        return _sign(relay, where, data, at)
    except (CallMalformed, GasAboveCap) as error:
        _refuse(relay, type(error).__name__, at)
    except Reverted as error:
        _judge(relay, error.reason, node, where, at)
    except (NodeUnavailable, WrongChain):
        raise
    except NodeError as error:
        # What the node calls an error without a name of its own must not hold up the others.
        _postpone(relay, type(error).__name__, at)
    return False


def _sign(relay: Relay, where: Contracts, data: bytes, at: datetime) -> bool:
    with transaction.atomic():
        # Cancelled, or taken by another worker, while we asked.
        locked = Relay.objects.due(at).select_for_update(skip_locked=True, of=("self",)).filter(pk=relay.pk)
        row = locked.first()
        if row is None:
            return False
        carrier = submit(
            purpose=f"consent.{Kind(relay.kind).name.lower()}",
            to=where.consent_registry,
            data=data,
            at=at,
            gas_cap=settings.CHAIN_RELAY_GAS_CAP,
        )
        _move(row, State.SENT, transaction=carrier, cause="")
    return True


def _judge(relay: Relay, reason: RevertReason, node: Node, where: Contracts, at: datetime) -> None:
    """Do what the contract's refusal asks for."""
    if reason.name in NOT_YET or reason.name not in JUDGEMENTS:
        _postpone(relay, reason.name, at)
    elif _stands(relay, node, where):
        _finish(relay, State.DONE, at)
    elif reason.name in MOOT.get(Kind(relay.kind), ()):
        _finish(relay, State.CANCELLED, at, cause=reason.name)
    else:
        _refuse(relay, reason.name, at)


def _stands(relay: Relay, node: Node, where: Contracts) -> bool:
    """
    Say whether the chain has already what this was to bring there.

    Anybody may relay a form that a patient signed, and a database may have been restored from before it did.
    """

    def ask(function: str, *questions: Any) -> Any:
        return node.call(CONSENT_REGISTRY, where.consent_registry, function, *questions)

    patient, *rest = arguments_of(relay.kind, relay.call)
    match relay.kind:
        case Kind.GRANT:
            granted, _, _ = ask("termOf", patient[0], bytes(relay.digest or b""))
            return bool(granted)
        case Kind.REVOKE | Kind.REVOKE_BY_INSTITUTION:
            _, _, revoked = ask("termOf", patient, rest[0])
            return bool(revoked)
        case Kind.ENROL:
            enrolled_by, _ = ask("patientOf", patient)
            return bool(enrolled_by == institution_number(node, where))
        case Kind.ADD_SIGNER:
            (added,) = relay.new_signers
            return bool(ask("isSigner", patient, keccak(added)))
        case Kind.REMOVE_SIGNER:
            enrolled_by, _ = ask("patientOf", patient)
            return bool(enrolled_by) and not ask("isSigner", patient, rest[0])
        case Kind.PROPOSE_RECOVERY:
            _, recoverable_at, signers = ask("recoveryOf", patient)
            return bool(recoverable_at) and [*signers] == [keccak(one) for one in relay.new_signers]
    return False


def _refuse(relay: Relay, cause: str, at: datetime) -> None:
    """End what the contract did not take, and with it what only held because it would."""
    with transaction.atomic():
        if _finish(relay, State.REFUSED, at, cause=cause):
            logger.error("relay.refused", relay=relay.pk, kind=relay.kind, cause=cause)
            end_refused(relay, cause, at=at)
            end_refused_keys(relay, cause, at=at)
            if relay.kind == Kind.REVOKE:
                _revoke_by_our_word(relay, at)


def _revoke_by_our_word(relay: Relay, at: datetime) -> None:
    """Tell the registry ourselves what it did not take from the patient's key: the no stands either way."""
    Relay.queue(
        Kind.REVOKE_BY_INSTITUTION, patient=relay.patient, call=relay.call[:2], grant=relay.grant, at=at
    )


def _finish(relay: Relay, state: str, at: datetime, *, cause: str = "") -> bool:
    with transaction.atomic():
        locked = Relay.objects.select_for_update().get(pk=relay.pk)
        if locked.state != State.WAITING:
            return False
        _move(locked, state, finished_at=at, cause=cause[:200])
    return True


def _postpone(relay: Relay, cause: str, at: datetime) -> None:
    logger.warning("relay.postponed", relay=relay.pk, kind=relay.kind, cause=cause)
    waiting = Relay.objects.filter(pk=relay.pk, state=State.WAITING)
    waiting.update(not_before=at + PAUSE, cause=cause[:200])


def _move(relay: Relay, state: str, **facts: Any) -> None:
    relay.state = state
    for name, value in facts.items():
        setattr(relay, name, value)
    relay.save(update_fields=["state", *facts])
