"""The operator's key: who we are on the chain, and what our signature costs."""

from dataclasses import dataclass
from functools import cache

from django.conf import settings
from eth_account import Account
from eth_account.signers.local import LocalAccount

from chain.client import Node

# Nodes refuse a replacement that adds less: 10 % in most, 12.5 % in some.
BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8


class FeeTooHigh(Exception):
    """The chain asks more for a transaction than the settings allow. It waits until that changes."""

    def __init__(self, asked: int) -> None:
        super().__init__(f"the chain asks {asked} wei a gas, and {settings.CHAIN_MAX_FEE_PER_GAS} is allowed")


@dataclass(frozen=True)
class Fees:
    """What is offered for a unit of gas (EIP-1559): at most, and to whoever makes the block."""

    max_fee: int
    priority: int

    def raised(self) -> "Fees":
        """Return the least fees with which a transaction may replace one that offered these."""
        return Fees(max_fee=_raised(self.max_fee), priority=_raised(self.priority))

    def at_least(self, other: "Fees") -> "Fees":
        return Fees(max_fee=max(self.max_fee, other.max_fee), priority=max(self.priority, other.priority))


def _raised(fee: int) -> int:
    # Rounded up, and by one at least: an eighth of nothing is nothing.
    return max(-(-fee * BUMP_NUMERATOR // BUMP_DENOMINATOR), fee + 1)


def operator() -> LocalAccount:
    """Return the account that speaks for this hospital."""
    return _account(settings.CHAIN_OPERATOR_KEY)


@cache
def _account(key: str) -> LocalAccount:
    account: LocalAccount = Account.from_key(key)
    return account


def fees(node: Node) -> Fees:
    """
    Return what to offer now: twice the base fee, which lasts for six full blocks, and the usual tip.

    :raises FeeTooHigh: if even the next block would cost more than the settings allow
    """
    block, tip = node.ask_all([("eth_getBlockByNumber", ["latest", False]), ("eth_maxPriorityFeePerGas", [])])
    base = int(block.get("baseFeePerGas", "0x0"), 16)
    priority = int(tip, 16)
    if base + priority > settings.CHAIN_MAX_FEE_PER_GAS:
        raise FeeTooHigh(base + priority)
    return Fees(max_fee=min(2 * base + priority, settings.CHAIN_MAX_FEE_PER_GAS), priority=priority)


def sign(*, nonce: int, to: str | None, data: bytes, gas_limit: int, fees: Fees) -> tuple[bytes, str]:
    """Sign a transaction as the operator, and return its bytes and its hash."""
    content = {
        "type": 2,
        "chainId": settings.CHAIN_ID,
        "nonce": nonce,
        "value": 0,
        "data": data,
        "gas": gas_limit,
        "maxFeePerGas": fees.max_fee,
        "maxPriorityFeePerGas": fees.priority,
    } | ({"to": to} if to else {})
    signed = operator().sign_transaction(content)
    return bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex()
