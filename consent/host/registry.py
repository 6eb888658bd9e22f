"""What the consent host asks of the chain, while a person waits in front of the page."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from chain.client import Node, NodeError, Reverted
from chain.deployment import CONSENT_REGISTRY, NotAMember, NotDeployed, contracts, institution_number
from chain.models import Event
from chain.signing import operator
from consent.host.refusals import Hindered, Refused
from consent.models import Relay
from consent.relaying import JUDGEMENTS
from consent.signing import Domain, arguments_of, domain

# Seconds. A node that is slower has its say when the form is relayed.
TIMEOUT = 3


def known_domain() -> Domain:
    """
    Return for which registry forms are signed.

    :raises Hindered: if this hospital has none yet
    """
    try:
        return domain()
    except NotDeployed as error:
        raise Hindered(
            _("This hospital is not set up for signing yet. Nothing has changed."), status=503
        ) from error


def our_number() -> int:
    """
    Return the number of this hospital in the registry: as the follower read it, or as a node answers.

    :raises Hindered: if neither knows it
    """
    admitted = Event.objects.filter(
        contract="InstitutionRegistry",
        name="InstitutionAdmitted",
        arguments__operator=operator().address,
    ).last()
    if admitted is not None:
        return int(admitted.arguments["institution"])
    try:
        return institution_number(patient_node(), contracts())
    except (NodeError, NotAMember, NotDeployed) as error:
        raise unreachable() from error


def next_recovery_number(pseudonym: bytes) -> int:
    """
    Return the number that the registry gives the next recovery of this patient.

    :raises Hindered: if it cannot be asked
    """
    try:
        last = patient_node().call(CONSENT_REGISTRY, contracts().consent_registry, "recoveryOf", pseudonym)
    except (NodeError, NotDeployed) as error:
        raise unreachable() from error
    return int(last[0]) + 1


def unreachable() -> Hindered:
    return Hindered(
        _(
            "The register in which your keys stand cannot be reached just now, and this needs it. "
            "Nothing has changed. Try again in an hour."
        ),
        status=503,
    )


def patient_node() -> Node:
    """Return a connection to the node for a person who waits."""
    return Node(settings.CHAIN_RPC_URL, chain_id=settings.CHAIN_ID, timeout=TIMEOUT)


def refuse_what_the_registry_would(kind: Relay.Kind, call: list[Any]) -> None:
    """
    Ask the registry whether it would take this call, so that a refusal is told at once.

    A node that is down decides nothing: the form waits, and is asked about again before it is relayed.

    :raises Refused: under the registry's own name for what is wrong
    """
    try:
        data = CONSENT_REGISTRY.calldata(kind.value, *arguments_of(kind.value, call))
        patient_node().estimate_gas(sender=operator().address, to=contracts().consent_registry, data=data)
    except Reverted as refusal:
        # Whatever else a node may say passes, as when it has not seen a block that we know of.
        if refusal.reason.name in JUDGEMENTS:
            raise Refused(refusal.reason.name) from refusal
    except NodeError:
        return
