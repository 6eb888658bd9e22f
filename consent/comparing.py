"""
Compares grants and keys with what `ConsentRegistry` holds: part of `check_log`, and once a day by itself.

What is on its way, or was announced in blocks that the follower has not read yet, is left for the next time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar

from django.db.models import Prefetch, Q
from eth_utils import encode_hex

from chain.client import Node, current_node
from chain.deployment import CONSENT_REGISTRY, Contracts, check_contracts, contracts, institution_number
from chain.findings import Finding, record_findings
from chain.follower import NAME
from chain.models import Block, Cursor, Event, Mismatch, Transaction
from consent import following
from consent.models import Basis, Grant, Pseudonym, Recovery, Relay, Signer
from consent.signing import seconds

Kind, State = Relay.Kind, Relay.State

Row = TypeVar("Row")

# Rows asked about together.
CHUNK = 500

REVOCATIONS = (Kind.REVOKE, Kind.REVOKE_BY_INSTITUTION)
ON_ITS_WAY = (State.WAITING, State.SENT)


@dataclass(frozen=True)
class Read:
    """How far the follower has read. Of this second and later ones it may not have heard everything."""

    block_number: int
    second: int


def compare_now(at: datetime) -> list[Finding]:
    """
    Compare everything, note what contradicts the chain, and mark as resolved what agrees again.

    :raises NodeUnavailable: if the node does not answer
    """
    node, where = current_node(), contracts()
    check_contracts(node, where)
    findings = compare(node, where)
    record_findings(findings, at=at, kinds=[Mismatch.Kind.CONTRACT])
    return findings


def compare(node: Node, where: Contracts) -> list[Finding]:
    """Name every grant, key and announcement in which the chain and the rows here contradict each other."""
    read = _read_so_far()
    return [
        *_compare_grants(node, where, read),
        *_compare_signers(node, where, read),
        *_strange_events(institution_number(node, where)),
    ]


def _read_so_far() -> Read:
    cursor = Cursor.objects.filter(name=NAME, block_number__isnull=False).first()
    block = Block.objects.filter(hash=cursor.block_hash).first() if cursor else None
    return Read(block.number, seconds(block.at)) if block else Read(-1, -1)


# Grants


def _compare_grants(node: Node, where: Contracts, read: Read) -> Iterator[Finding]:
    grants = (
        Grant.objects.filter(basis=Basis.SIGNED, patient__pseudonym__isnull=False)
        .select_related("patient__pseudonym")
        .prefetch_related(Prefetch("relays", Relay.objects.select_related("transaction")))
        .order_by("created_at", "pk")
    )
    for chunk in _chunks(grants.iterator(chunk_size=CHUNK)):
        questions = [(bytes(grant.patient.pseudonym.value), bytes(grant.digest or b"")) for grant in chunk]
        terms = node.call_all(CONSENT_REGISTRY, where.consent_registry, "termOf", questions)
        for grant, term in zip(chunk, terms, strict=True):
            cause = _contradiction(grant, term, read)
            if cause:
                yield Finding(Mismatch.Kind.CONTRACT, f"grant {grant.pk}", cause)


def _contradiction(grant: Grant, term: Sequence[int], read: Read) -> str:
    granted, expiry, revoked = term
    relays: list[Relay] = list(grant.relays.all())
    if not granted:
        return _of_unknown(grant, relays)
    if expiry != seconds(grant.expires_at):
        return "it ends at another moment on the chain than here"
    if revoked and revoked < read.second and grant.revoked_at is None:
        return "it was revoked on the chain, and holds here"
    if not revoked and grant.off_chain_at is not None:
        return "its revocation was on the chain, and is not any more"
    is_ending = any(relay.kind in REVOCATIONS and relay.state in ON_ITS_WAY for relay in relays)
    if not revoked and grant.revoked_at is not None and not is_ending:
        return "it was ended here, it holds on the chain, and no revocation is on its way"
    return ""


def _of_unknown(grant: Grant, relays: Iterable[Relay]) -> str:
    """Say what is wrong with a grant of which the chain knows nothing."""
    if grant.on_chain_at is not None:
        return "it was on the chain, and is not any more"
    granting = next((relay for relay in relays if relay.kind == Kind.GRANT), None)
    if granting is None or granting.state in (State.REFUSED, State.CANCELLED):
        return "it holds here, and nothing carries it to the chain" if grant.revoked_at is None else ""
    if granting.state == State.DONE and (
        granting.transaction is None or granting.transaction.state == Transaction.State.FINAL
    ):
        return "it was relayed, and the chain does not know it"
    return ""


# Keys


def _compare_signers(node: Node, where: Contracts, read: Read) -> Iterator[Finding]:
    moving = Relay.objects.exclude(kind__in=[Kind.GRANT, *REVOCATIONS]).filter(
        Q(state__in=ON_ITS_WAY) | Q(transaction__block_number__gt=read.block_number)
    )
    signers = (
        Signer.objects.filter(on_chain_at__isnull=False)
        .exclude(pseudonym__patient__in=moving.values("patient"))
        .select_related("pseudonym")
        .order_by("created_at", "pk")
    )
    for chunk in _chunks(signers.iterator(chunk_size=CHUNK)):
        questions = [(bytes(signer.pseudonym.value), bytes(signer.hash)) for signer in chunk]
        answers = node.call_all(CONSENT_REGISTRY, where.consent_registry, "isSigner", questions)
        for signer, counts in zip(chunk, answers, strict=True):
            if signer.removed_at is None and not counts:
                yield _of_signer(signer, "it counts here, and not on the chain")
            elif signer.removed_at is not None and counts:
                yield _of_signer(signer, "it was removed here, and still counts on the chain")


def _of_signer(signer: Signer, cause: str) -> Finding:
    return Finding(Mismatch.Kind.CONTRACT, f"signer {signer.pk}", cause)


# What was announced of our patients, and is not ours


def _strange_events(institution: int) -> Iterator[Finding]:
    ours = {_hex(value) for value in Pseudonym.objects.values_list("value", flat=True)}
    keys = {
        (_hex(patient), _hex(signer))
        for patient, signer in Signer.objects.values_list("pseudonym__value", "hash")
    }
    digests = Grant.objects.filter(digest__isnull=False).values_list("digest", flat=True)
    grants = {_hex(digest or b"") for digest in digests}
    recoveries = {
        (_hex(patient), number)
        for patient, number in Recovery.objects.filter(number__isnull=False).values_list(
            "patient__pseudonym__value", "number"
        )
    }

    def is_strange(name: str, told: dict[str, Any]) -> bool:
        match name:
            case "PatientEnrolled":
                return bool(told["institution"] != institution)
            case "SignerAdded":
                return (told["patient"], told["signer"]) not in keys
            case "Granted":
                return told["grant"] not in grants
        return (told["patient"], told["number"]) not in recoveries

    announced = Event.objects.filter(contract=CONSENT_REGISTRY.name, name__in=[*following.STRANGE])
    for event in announced.select_related("block").iterator(chunk_size=CHUNK):
        if event.arguments["patient"] in ours and is_strange(event.name, event.arguments):
            yield following.STRANGE[event.name](event)


def _hex(value: bytes | memoryview) -> str:
    return encode_hex(bytes(value))


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
