"""Consents end: revoked by whoever gave them, or by the hospital for them, or refused by the contract."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from eth_utils import encode_hex

from accounts.models import User
from consent.models import EndedBy, Grant, Relay
from consent.services.granting import trace
from patients.models import Notice
from patients.notices import notify

# How long the hospital leaves a revocation to the patient's own key before it sends its own.
TO_SIGN_REVOCATION = timedelta(minutes=30)
# A relay that the chain has, or will hear of.
TAKEN_TO_THE_CHAIN = (Relay.State.WAITING, Relay.State.SENT, Relay.State.DONE)


class GrantNotActive(Exception):
    """This consent had ended already. Nothing has changed."""


@transaction.atomic
def revoke_grant(
    *, grant: Grant, by: User, at: datetime, will_sign: bool = False, paper_reference: str = ""
) -> None:
    """
    End a grant, so that from this moment nothing more is read under it, whether or not the chain is up.

    The chain is told by the hospital; with `will_sign` it waits half an hour for the patient to sign the
    revocation with their own key.

    :param paper_reference: where the paper is kept on which the patient took it back, if they did so on paper
    :raises GrantNotActive: if it had ended by `at`
    """
    grant = _locked(grant)
    if not grant.can_be_revoked(at):
        raise GrantNotActive
    grant.revoked_at = at
    grant.revoked_by = by
    grant.ended_by = EndedBy.PATIENT if grant.is_given_by(by) else EndedBy.HOSPITAL
    grant.save(update_fields=["revoked_at", "revoked_by", "ended_by"])
    trace("consent.revoked", grant, by=by, at=at, **({"paper": paper_reference} if paper_reference else {}))
    if not grant.is_given_by(by):
        notify(grant.patient_id, Notice.Kind.GRANT, at)
    if not grant.is_signed:
        return
    granting = grant.relays.get(kind=Relay.Kind.GRANT)
    if granting.state == Relay.State.REFUSED:
        return
    if granting.state == Relay.State.WAITING:
        # The chain never hears of it: there is nothing to revoke there.
        granting.state = Relay.State.CANCELLED
        granting.finished_at = at
        granting.save(update_fields=["state", "finished_at"])
        return
    names = (grant.patient.pseudonym.value, grant.digest or b"")
    Relay.queue(
        Relay.Kind.REVOKE_BY_INSTITUTION,
        patient=grant.patient,
        call=[encode_hex(bytes(name)) for name in names],
        grant=grant,
        after=granting,
        at=at,
        not_before=at + TO_SIGN_REVOCATION if will_sign else at,
    )


@transaction.atomic
def sign_revocation(*, grant: Grant, digest: bytes, call: list[Any], by: User, at: datetime) -> None:
    """
    Have the chain told of a revocation under the patient's own signature instead of the hospital's word.

    Whoever calls has checked the signature. A grant that was still active ends here, too. If the hospital's
    own word is on its way already, or the patient signed before, nothing more is sent: the chain takes one.

    :raises GrantNotActive: if it ran out without being revoked, or was never signed
    """
    grant = _locked(grant)
    if not grant.is_signed:
        raise GrantNotActive
    if grant.revoked_at is None:
        revoke_grant(grant=grant, by=by, at=at, will_sign=True)
    granting = grant.relays.get(kind=Relay.Kind.GRANT)
    if granting.state in (Relay.State.CANCELLED, Relay.State.REFUSED):
        return
    by_hospital = grant.relays.filter(kind=Relay.Kind.REVOKE_BY_INSTITUTION)
    by_hospital.filter(state=Relay.State.WAITING).update(state=Relay.State.CANCELLED, finished_at=at)
    revocations = grant.relays.filter(kind__in=[Relay.Kind.REVOKE, Relay.Kind.REVOKE_BY_INSTITUTION])
    if revocations.filter(state__in=TAKEN_TO_THE_CHAIN).exists():
        return
    Relay.queue(
        Relay.Kind.REVOKE,
        patient=grant.patient,
        call=call,
        digest=digest,
        grant=grant,
        after=granting,
        at=at,
    )


@transaction.atomic
def end_refused(relay: Relay, cause: str, *, at: datetime) -> None:
    """
    End a grant that the contract did not take: what holds here and not there would be our word alone.

    Of every other kind of relay nothing here depends on the contract's yes.
    """
    if relay.kind != Relay.Kind.GRANT or relay.grant is None:
        return
    grant = _locked(relay.grant)
    if grant.revoked_at is not None:
        return
    grant.revoked_at = at
    grant.ended_by = EndedBy.CONTRACT
    grant.save(update_fields=["revoked_at", "ended_by"])
    notify(grant.patient_id, Notice.Kind.GRANT, at)
    trace("consent.refused", grant, by=None, at=at, cause=cause)


def _locked(grant: Grant) -> Grant:
    """
    Lock a grant, its relays first: whoever relays holds a relay when it turns to the grant, and two that
    took them in different orders would wait for each other.
    """
    list(Relay.objects.select_for_update().filter(grant=grant).order_by("pk").values_list("pk"))
    return Grant.objects.select_for_update().get(pk=grant.pk)
