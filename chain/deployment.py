"""
Where the contracts stand, and how they get there on a chain of our own.

In production the settings name them, and somebody else deployed them. On a local chain we do it ourselves and
remember the addresses in the database; the chain may be thrown away, which is noticed and said.
"""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from eth_utils import to_checksum_address

from chain.abi import NotOurContract, contract
from chain.client import Node, NodeError, current_node
from chain.models import Block, Cursor, Deployment, Head, Transaction
from chain.signing import operator
from chain.transactions import drive, owning_nonces, submit
from chain.waiting import wait_until

REGISTRY = contract("InstitutionRegistry")
RECORD_LOG = contract("RecordLog")

# The thumbprint of the keys a portal identifies itself with to others. Nothing reads it yet.
NO_THUMBPRINT = bytes(32)

# What an account on a local chain is given: ten coins of ether.
PLENTY = 10 * 10**18


class NotDeployed(Exception):
    """Nobody has said where the contracts are."""

    def __init__(self) -> None:
        super().__init__(
            "No contracts are known for this chain. Set CHAIN_REGISTRY_ADDRESS and CHAIN_RECORD_LOG_ADDRESS, "
            "or run manage.py deploy_contracts on a local chain."
        )


class NotAMember(Exception):
    """The registry does not know this hospital's operator, so the log would refuse its heads."""


class NotALocalChain(Exception):
    """We deploy nothing on a chain that others use."""


class ChainForgotten(Exception):
    """The database remembers contracts, and anchored heads, that this chain has never seen."""

    def __init__(self, address: str) -> None:
        super().__init__(
            f"The database remembers the log at {address}, and this chain has nothing there: the chain's own "
            "memory was lost, or CHAIN_RPC_URL points to another one. Bring the old state file back. If it "
            "is gone for good, run manage.py deploy_contracts --again: it deploys anew and anchors the whole "
            "log again, and proofs made before will not verify any more."
        )


@dataclass(frozen=True, kw_only=True)
class Contracts:
    """The addresses in force."""

    registry: str
    record_log: str
    # Where the follower begins.
    start_block: int


def contracts() -> Contracts:
    """
    Return where the contracts are.

    :raises NotDeployed: if neither the settings nor the database say
    """
    remembered = Deployment.objects.filter(chain_id=settings.CHAIN_ID).order_by("created_at", "id").last()
    if settings.CHAIN_REGISTRY_ADDRESS and settings.CHAIN_RECORD_LOG_ADDRESS:
        return Contracts(
            registry=to_checksum_address(settings.CHAIN_REGISTRY_ADDRESS),
            record_log=to_checksum_address(settings.CHAIN_RECORD_LOG_ADDRESS),
            start_block=settings.CHAIN_START_BLOCK,
        )
    if remembered is None:
        raise NotDeployed
    return Contracts(
        registry=remembered.registry, record_log=remembered.record_log, start_block=remembered.block_number
    )


def check_contracts(node: Node, where: Contracts) -> None:
    """
    Make sure that these addresses hold our contracts, byte for byte, and belong together.

    :raises NotOurContract: if one holds nothing, or something else
    """
    for known, address in ((REGISTRY, where.registry), (RECORD_LOG, where.record_log)):
        code = node.code(address)
        if not code:
            raise NotOurContract(f"there is no contract at {address}, where {known.name} should be")
        if not known.is_code_of(code):
            raise NotOurContract(f"the contract at {address} is not the {known.name} that this release knows")
    registry = node.call(RECORD_LOG, where.record_log, "registry")
    if registry != where.registry:
        raise NotOurContract(f"the log at {where.record_log} belongs to another registry, {registry}")


def institution_number(node: Node, where: Contracts) -> int:
    """
    Return the number under which the registry knows this hospital.

    :raises NotAMember: if it does not
    """
    number = int(node.call(REGISTRY, where.registry, "institutionOf", operator().address))
    if number == 0:
        raise NotAMember(
            f"The registry at {where.registry} does not know {operator().address}. "
            "Its owner has to admit this hospital first."
        )
    return number


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
    try:
        where = contracts()
        _check_not_forgotten(node, where)
    except NotDeployed:
        where = _deploy(at)
    except ChainForgotten:
        if not again or settings.CHAIN_RECORD_LOG_ADDRESS:
            raise
        forget_chain()
        where = _deploy(at)
    check_contracts(node, where)
    _admit(node, where, at)
    return where


def forget_chain() -> None:
    """
    Give up what was written to a chain that no longer exists, so that the log is anchored on the new one.

    The log itself does not change: the next transaction carries its newest head, which covers every leaf.
    """
    with owning_nonces(wait=True):
        for transaction in Transaction.objects.filter(chain_id=settings.CHAIN_ID).exclude(state="dropped"):
            for field in ("hash", "block_number", "block_hash", "block_at", "final_at"):
                setattr(transaction, field, None)
            transaction.move(Transaction.State.DROPPED, error="the chain it was on is gone")
        Head.objects.update(transaction=None)
        Block.objects.all().delete()
        Cursor.objects.all().delete()


def is_local(node: Node) -> bool:
    """Say whether this is a development node, where coins are free."""
    version = str(node.ask("web3_clientVersion")).lower()
    return any(name in version for name in ("anvil", "hardhat"))


def fund(node: Node, address: str) -> None:
    """Give an account on a development node enough for gas."""
    if int(node.ask("eth_getBalance", address, "latest"), 16) < PLENTY // 10:
        node.ask("anvil_setBalance", address, hex(PLENTY))


def _check_not_forgotten(node: Node, where: Contracts) -> None:
    if not node.code(where.record_log):
        raise ChainForgotten(where.record_log)


def _deploy(at: datetime) -> Contracts:
    registry = _carry_out("registry.deploy", None, REGISTRY.deployment_data(operator().address), at)
    record_log = _carry_out("log.deploy", None, RECORD_LOG.deployment_data(registry.contract_address), at)
    if registry.contract_address is None or record_log.contract_address is None:
        raise NodeError("the node does not say where it put the contracts")
    made = Deployment.objects.create(
        chain_id=settings.CHAIN_ID,
        registry=to_checksum_address(registry.contract_address),
        record_log=to_checksum_address(record_log.contract_address),
        block_number=registry.block_number or 0,
        created_at=at,
    )
    return Contracts(registry=made.registry, record_log=made.record_log, start_block=made.block_number)


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
