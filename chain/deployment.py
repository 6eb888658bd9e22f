"""
Where the contracts stand.

In production the settings name them, and somebody else deployed them. On a local chain we do it ourselves
(`chain.deploying`) and remember the addresses in the database.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from eth_utils import to_checksum_address

from chain.abi import Contract, NotOurContract, contract
from chain.client import Node
from chain.models import Deployment
from chain.signing import operator

REGISTRY = contract("InstitutionRegistry")
RECORD_LOG = contract("RecordLog")
CONSENT_VERIFIER = contract("ConsentWebAuthnVerifier")
CONSENT_REGISTRY = contract("ConsentRegistry")

# In the order in which they are deployed: each as `Contracts` and `Deployment` name it, and the setting.
OURS = {
    "registry": (REGISTRY, "CHAIN_REGISTRY_ADDRESS"),
    "record_log": (RECORD_LOG, "CHAIN_RECORD_LOG_ADDRESS"),
    "consent_verifier": (CONSENT_VERIFIER, "CHAIN_CONSENT_VERIFIER_ADDRESS"),
    "consent_registry": (CONSENT_REGISTRY, "CHAIN_CONSENT_REGISTRY_ADDRESS"),
}


class NotDeployed(Exception):
    """Nobody has said where the contracts are, or some of them."""

    def __init__(self, missing: Iterable[str]) -> None:
        names = [(known.name, setting) for known, setting in (OURS[name] for name in missing)]
        super().__init__(
            f"No {' or '.join(name for name, _ in names)} is known for this chain. "
            f"Set {', '.join(setting for _, setting in names)}, "
            "or run manage.py deploy_contracts on a local chain."
        )


class NotAMember(Exception):
    """The registry does not know this hospital's operator, so the log would refuse its heads."""


@dataclass(frozen=True, kw_only=True)
class Contracts:
    """The addresses in force."""

    registry: str
    record_log: str
    consent_verifier: str
    consent_registry: str
    # Where the follower begins.
    start_block: int

    def each(self) -> Iterator[tuple[Contract, str]]:
        """Yield every contract with its address."""
        for name, (known, _) in OURS.items():
            yield known, getattr(self, name)


def contracts() -> Contracts:
    """
    Return where the contracts are. A setting goes before what the database remembers.

    :raises NotDeployed: if neither says where one of them is
    """
    where, start_block = known_addresses()
    missing = [name for name in OURS if name not in where]
    if missing:
        raise NotDeployed(missing)
    return Contracts(**where, start_block=start_block)


def known_addresses() -> tuple[dict[str, str], int]:
    """Return the addresses that are known, by name, and the block before which there is no event of ours."""
    remembered = remembered_deployment()
    given = {name: getattr(settings, setting) for name, (_, setting) in OURS.items()}
    where = {name: given[name] or getattr(remembered, name, "") for name in OURS}
    start_block = settings.CHAIN_START_BLOCK
    if remembered is not None and not given["registry"]:
        start_block = remembered.block_number
    return {name: to_checksum_address(address) for name, address in where.items() if address}, start_block


def remembered_deployment() -> Deployment | None:
    return Deployment.objects.filter(chain_id=settings.CHAIN_ID).order_by("created_at", "id").last()


def check_contracts(node: Node, where: Contracts) -> None:
    """
    Make sure that these addresses hold our contracts, byte for byte, and belong together.

    :raises NotOurContract: if one holds nothing, or something else
    """
    for known, address in where.each():
        code = node.code(address)
        if not code:
            raise NotOurContract(f"there is no contract at {address}, where {known.name} should be")
        if not known.is_code_of(code):
            raise NotOurContract(f"the contract at {address} is not the {known.name} that this release knows")
    for known, address in ((RECORD_LOG, where.record_log), (CONSENT_REGISTRY, where.consent_registry)):
        registry = node.call(known, address, "registry")
        if registry != where.registry:
            raise NotOurContract(f"the {known.name} at {address} belongs to another registry, {registry}")
    if not node.call(CONSENT_REGISTRY, where.consent_registry, "isVerifier", where.consent_verifier):
        raise NotOurContract(
            f"the ConsentRegistry at {where.consent_registry} takes no signature that the verifier at "
            f"{where.consent_verifier} has judged"
        )


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
