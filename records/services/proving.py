"""Proofs of records: a file that a stranger can check, made only of what the chain holds for good."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from audit import services as audit
from chain.client import NodeError, current_node
from chain.commitment import UnknownElement, disclose
from chain.deployment import NotAMember, NotDeployed, contracts, institution_number
from chain.log import NotAnchored, covering_head, inclusion_path
from chain.merkle import ProofInvalid
from chain.models import Event
from chain.proof import build_proof
from patients.notices import notify_of_opening
from records.encryption import CannotDecrypt
from records.models import RecordVersion
from records.services.grounds import reason_to_read
from records.services.storing import header_of

WHOLE_RECORD = ("",)


class ProofNotReady(Exception):
    """The version is not on the chain for good yet, so there is nothing to prove it by; it will be."""


class RecordChanged(Exception):
    """The stored version is not the one that was anchored, so no proof of it exists."""


@transaction.atomic
def prove_version(
    version: RecordVersion,
    *,
    by: Any,
    at: datetime,
    pointers: Sequence[str] = WHOLE_RECORD,
    purpose: str = "",
    address: str | None = None,
) -> dict[str, Any]:
    """
    Return the proof of a version, or of single elements of it, for someone who may read it; log it.

    :param pointers: JSON Pointers (RFC 6901) of the elements to disclose; the empty one is the whole file
    :raises PermissionDenied: if `by` has no ground to read this record
    :raises ProofNotReady: if its head is not final on the chain
    :raises RecordChanged: if the row was tampered with
    :raises UnknownElement: if nothing stands under one of the pointers
    """
    reason = reason_to_read([version], by=by, patient=version.record.patient, at=at)
    proof = proof_of(version, pointers=pointers)
    audit.record(
        "record.proved",
        at=at,
        by=by,
        patient_id=version.record.patient_id,
        ground=reason.ground,
        purpose=purpose or reason.purpose,
        versions=[version.id],
        address=address,
        elements=list(pointers),
        **reason.facts,
    )
    if version.record.patient is not None:
        notify_of_opening(version.record.patient, by=by, at=at)
    return proof


def proof_of(version: RecordVersion, *, pointers: Sequence[str] = WHOLE_RECORD) -> dict[str, Any]:
    """
    Return the proof without asking who wants it: for the command line of the hospital itself.

    :raises ProofNotReady, RecordChanged, UnknownElement: as `prove_version` does
    """
    try:
        head = covering_head(version.leaf)
        path = inclusion_path(version.leaf, head)
    except NotAnchored as error:
        raise ProofNotReady from error
    anchored_by = head.transaction
    if anchored_by is None or not anchored_by.hash or not anchored_by.to or version.leaf.index is None:
        raise ProofNotReady
    try:
        disclosure = disclose(version.document, header_of(version), version.commitment_secret, pointers)
        return build_proof(
            disclosure=disclosure,
            leaf_index=version.leaf.index,
            leaf_path=path,
            size=head.size,
            root=bytes(head.root),
            chain_id=anchored_by.chain_id,
            contract=anchored_by.to,
            institution=_institution_of(anchored_by.hash),
            transaction=anchored_by.hash,
        )
    except UnknownElement:
        raise
    except (CannotDecrypt, ProofInvalid, ValueError) as error:
        raise RecordChanged from error


def _institution_of(transaction_hash: str) -> int:
    """The hospital's number, as the head's own event says; the node is asked where that is not read yet."""
    event = Event.objects.filter(name="HeadExtended", transaction_hash=transaction_hash).first()
    if event:
        return int(event.arguments["institution"])
    try:
        return institution_number(current_node(), contracts())
    except (NodeError, NotAMember, NotDeployed) as error:
        raise ProofNotReady from error
