"""
How the contracts get onto a local chain, and what is done when that chain was lost.

A local chain may be thrown away, which is noticed and said. On a chain that others use, contracts are
deployed by hand.
"""

from datetime import datetime
from typing import Any

from django.conf import settings
from eth_utils import to_checksum_address

from chain.client import Node, NodeError, current_node
from chain.deployment import (
    OURS,
    REGISTRY,
    Contracts,
    check_contracts,
    contracts,
    known_addresses,
    remembered_deployment,
)
from chain.follower import unfollow
from chain.models import Deployment, Head, Transaction
from chain.signing import operator
from chain.transactions import drive, owning_nonces, submit
from chain.waiting import wait_until

# The thumbprint of the keys a portal identifies itself with to others. Nothing reads it yet.
NO_THUMBPRINT = bytes(32)

# What an account on a local chain is given: ten coins of ether.
PLENTY = 10 * 10**18


class NotALocalChain(Exception):
    """We deploy nothing on a chain that others use."""


class ChainForgotten(Exception):
    """The database remembers contracts, and what was written to them, that this chain has never seen."""

    def __init__(self, name: str, address: str) -> None:
        super().__init__(
            f"The database remembers the {name} at {address}, and this chain has nothing there: the chain's "
            "own memory was lost, or CHAIN_RPC_URL points to another one. Bring the old state file back. If "
            "it is gone for good, run manage.py deploy_contracts --again: it deploys anew and anchors the "
            "whole log again. Proofs made before will not verify any more, and patients have to sign anew "
            "what they signed for the old chain."
        )


def deploy(at: datetime, *, again: bool = False) -> Contracts:
    """
    Make sure that a local chain has the contracts and knows this hospital. Twice does no harm.

    :param again: deploy anew even though the database remembers contracts that the chain does not have
    :raises NotALocalChain: if others use this chain
    :raises ChainForgotten: if the chain's state was lost, unless `again`
    """
    node = current_node()
    if not is_local(node):
        raise NotALocalChain(
            f"Chain {settings.CHAIN_ID} is not a local one. Its contracts are deployed by hand."
        )

    fund(node, operator().address)
    known, _ = known_addresses()
    for name, address in known.items():
        if node.code(address):
            continue
        if not again or getattr(settings, OURS[name][1]):
            raise ChainForgotten(OURS[name][0].name, address)
        forget_chain(at)
        break
    _deploy_missing(at)
    where = contracts()
    check_contracts(node, where)
    _admit(node, where, at)
    return where


def forget_chain(at: datetime) -> None:
    """
    Give up what was written to a chain that no longer exists, so that the log is anchored on the new one.

    The log itself does not change: the next transaction carries its newest head, which covers every leaf.
    What apps had read from the chain is undone, as if its blocks had been reorganised away.
    """
    with owning_nonces(wait=True):
        for transaction in Transaction.objects.filter(chain_id=settings.CHAIN_ID).exclude(state="dropped"):
            for field in ("hash", "block_number", "block_hash", "block_at", "final_at"):
                setattr(transaction, field, None)
            transaction.move(Transaction.State.DROPPED, error="the chain it was on is gone")
        Head.objects.update(transaction=None)
        unfollow(at)
        Deployment.objects.filter(chain_id=settings.CHAIN_ID).delete()


def is_local(node: Node) -> bool:
    """Say whether this is a development node, where coins are free."""
    version = str(node.ask("web3_clientVersion")).lower()
    return any(name in version for name in ("anvil", "hardhat"))


def fund(node: Node, address: str) -> None:
    """Give an account on a development node enough for gas."""
    if int(node.ask("eth_getBalance", address, "latest"), 16) < PLENTY // 10:
        node.ask("anvil_setBalance", address, hex(PLENTY))


def _deploy_missing(at: datetime) -> None:
    """Deploy what neither the settings nor the database know, and remember each as soon as it is there."""
    for name, (known, _) in OURS.items():
        where, _ = known_addresses()
        if name in where:
            continue
        made = _carry_out(f"{name}.deploy", None, known.deployment_data(*_arguments(name, where)), at)
        if made.contract_address is None:
            raise NodeError("the node does not say where it put the contracts")
        address = to_checksum_address(made.contract_address)
        remembered = remembered_deployment() or Deployment(
            chain_id=settings.CHAIN_ID, block_number=made.block_number or 0, created_at=at
        )
        setattr(remembered, name, address)
        remembered.save()


def _arguments(name: str, where: dict[str, str]) -> list[Any]:
    """What the constructor of a contract is told."""
    arguments: dict[str, list[Any]] = {
        "registry": [operator().address],
        "record_log": [where.get("registry")],
        "consent_verifier": [],
        "consent_registry": [where.get("registry"), [where.get("consent_verifier")]],
    }
    return arguments[name]


def _admit(node: Node, where: Contracts, at: datetime) -> None:
    if node.call(REGISTRY, where.registry, "institutionOf", operator().address):
        return
    data = REGISTRY.calldata(
        "admit", operator().address, settings.HOSPITAL_NAME, settings.PORTAL_URL, NO_THUMBPRINT
    )
    owner = node.call(REGISTRY, where.registry, "owner")
    if owner == operator().address:
        _carry_out("registry.admit", where.registry, data, at)
        return
    # A second hospital on a local chain: the first one deployed the registry, and here everybody may be it.
    fund(node, owner)
    node.ask("anvil_impersonateAccount", owner)
    node.ask("eth_sendTransaction", {"from": owner, "to": where.registry, "data": "0x" + data.hex()})
    wait_until(lambda: bool(node.call(REGISTRY, where.registry, "institutionOf", operator().address)))
    node.ask("anvil_stopImpersonatingAccount", owner)


def _carry_out(purpose: str, to: str | None, data: bytes, at: datetime) -> Transaction:
    """Submit a transaction and wait until a block took it."""
    transaction = submit(purpose=purpose, to=to, data=data, at=at)

    def is_mined() -> bool:
        drive(at)
        transaction.refresh_from_db()
        return transaction.block_number is not None

    wait_until(is_mined)
    return transaction
