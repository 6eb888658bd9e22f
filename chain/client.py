"""
Speaks JSON-RPC with a node over one kept connection, and turns what goes wrong into exceptions of our own.

Every question here may be asked twice: reading changes nothing, and a node that is sent the same signed bytes
again keeps one copy. Therefore a connection that went stale is simply opened anew.
"""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import requests
from django.conf import settings
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from chain.abi import Contract, RevertReason, reason_of

# Seconds: a node that is slower than this counts as down, and the work waits in its rows.
TIMEOUT = 10

# Nodes bound how many questions one request may hold; this is far below any bound we know of.
BATCH = 100


class NodeError(Exception):
    """The node answered with an error that has no name of its own here."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class NodeUnavailable(NodeError):
    """No answer: the node is down, unreachable, overloaded, or not a node."""


class WrongChain(NodeError):
    """The node answers for another chain than the one in the settings."""


class Reverted(NodeError):
    """A contract refused the call. `reason` has its custom error by name, with the values that disagreed."""

    def __init__(self, reason: RevertReason) -> None:
        super().__init__(f"the contract refused: {reason}")
        self.reason = reason


class NonceTooLow(NodeError):
    """A transaction under this nonce stands in a block already: perhaps this one."""


class AlreadyKnown(NodeError):
    """The node has these very bytes already."""


class Underpriced(NodeError):
    """The fee is below what the node or the block asks, or not high enough above the one it replaces."""


class InsufficientFunds(NodeError):
    """The sender cannot pay for the gas."""


class RangeRefused(NodeError):
    """Too many blocks or events were asked for at once."""


# What geth, Erigon, Nethermind, Besu, anvil and the large providers write. Codes alone do not say it.
ERROR_WORDS: list[tuple[type[NodeError], tuple[str, ...]]] = [
    (NonceTooLow, ("nonce too low", "nonce is too low", "oldnonce", "nonce_too_low")),
    (AlreadyKnown, ("already known", "already imported", "known transaction", "alreadyknown")),
    (
        Underpriced,
        (
            "underpriced",
            "fee too low",
            "feetoolow",
            "less than block base fee",
            "max fee per gas less than",
            "gas price below",
            "below configured minimum",
        ),
    ),
    (
        InsufficientFunds,
        ("insufficient funds", "insufficientfunds", "upfront cost exceeds", "insufficient balance"),
    ),
    (NodeUnavailable, ("rate limit", "too many requests", "too many connections")),
]

# How they say that a question about events reaches too far. Asked only there, for the words are common.
RANGE_WORDS = ("range", "blocks", "more than", "limit", "too large", "response size", "timeout", "exceed")


class Node:
    """
    An EVM node at one address. Not shared between threads: `current_node()` gives each its own.

    :param chain_id: the chain it must answer for; checked before the first question of each connection
    """

    def __init__(self, url: str, *, chain_id: int, timeout: float = TIMEOUT) -> None:
        self._session: requests.Session | None = None
        self.url = url
        self.chain_id = chain_id
        self.timeout = timeout

    def ask(self, method: str, *params: Any) -> Any:
        """
        Ask one question and return its result.

        :raises NodeUnavailable: if there is no answer
        :raises NodeError: or a kind of it, if the answer is an error
        """
        return _result(self._exchange(lambda node: node.make_request(RPCEndpoint(method), params)))

    def ask_all(self, questions: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        """
        Ask many questions in few requests, and return the results in the questions' order.

        :raises NodeError: for the first of them that the node refuses
        """
        results: list[Any] = []
        for start in range(0, len(questions), BATCH):
            results += self._ask_batch(questions[start : start + BATCH])
        return results

    def _ask_batch(self, questions: Sequence[tuple[str, list[Any]]]) -> list[Any]:
        batch = [(RPCEndpoint(method), params) for method, params in questions]
        answers = self._exchange(lambda node: node.make_batch_request(batch))
        if not isinstance(answers, list):
            # Some nodes refuse a batch as a whole, with one error.
            _result(answers)
            raise NodeUnavailable("the node answered a batch with something else")
        if len(answers) != len(batch):
            raise NodeUnavailable("the node left out part of its answer")
        return [_result(answer) for answer in answers]

    # What we ask

    def block_number(self) -> int:
        return int(self.ask("eth_blockNumber"), 16)

    def block(self, number: int | str) -> dict[str, Any] | None:
        """Return a block's header by number or tag, or nothing if the chain does not reach there."""
        tag = number if isinstance(number, str) else hex(number)
        found: dict[str, Any] | None = self.ask("eth_getBlockByNumber", tag, False)
        return found

    def blocks(self, numbers: Sequence[int]) -> list[dict[str, Any] | None]:
        return self.ask_all([("eth_getBlockByNumber", [hex(number), False]) for number in numbers])

    def call(self, contract: Contract, address: str, function: str, *arguments: Any) -> Any:
        """
        Call a view of a contract on the newest block. One return value comes alone, several as a tuple.

        :raises Reverted: if the contract refuses
        """
        data = contract.calldata(function, *arguments)
        answer = self.ask("eth_call", {"to": address, "data": "0x" + data.hex()}, "latest")
        return contract.decode_result(function, bytes.fromhex(answer[2:]))

    def call_all(
        self, contract: Contract, address: str, function: str, arguments: Sequence[Sequence[Any]]
    ) -> list[Any]:
        """Call one view with many arguments, in few requests."""
        answers = self.ask_all(
            [
                (
                    "eth_call",
                    [{"to": address, "data": "0x" + contract.calldata(function, *each).hex()}, "latest"],
                )
                for each in arguments
            ]
        )
        return [contract.decode_result(function, bytes.fromhex(answer[2:])) for answer in answers]

    def estimate_gas(self, *, sender: str, to: str | None, data: bytes) -> int:
        """
        Run a call as if it were mined now, and return the gas it would take.

        :raises Reverted: if the contract would refuse it
        """
        call = {"from": sender, "data": "0x" + data.hex()} | ({"to": to} if to else {})
        return int(self.ask("eth_estimateGas", call), 16)

    def send(self, raw: bytes) -> str:
        """
        Hand a signed transaction to the network, and return its hash.

        :raises AlreadyKnown: if the node has it, which is as good as sent
        """
        return str(self.ask("eth_sendRawTransaction", "0x" + raw.hex()))

    def transaction_count(self, address: str, tag: str = "latest") -> int:
        return int(self.ask("eth_getTransactionCount", address, tag), 16)

    def transactions(self, hashes: Sequence[str]) -> list[dict[str, Any] | None]:
        return self.ask_all([("eth_getTransactionByHash", [each]) for each in hashes])

    def receipts(self, hashes: Sequence[str]) -> list[dict[str, Any] | None]:
        return self.ask_all([("eth_getTransactionReceipt", [each]) for each in hashes])

    def code(self, address: str) -> bytes:
        return bytes.fromhex(self.ask("eth_getCode", address, "latest")[2:])

    def logs(self, *, addresses: Sequence[str], start: int, end: int) -> list[dict[str, Any]]:
        """
        Return the events of these contracts from block `start` up to and including `end`.

        :raises RangeRefused: if the node will not look through so much at once
        """
        question = {"address": list(addresses), "fromBlock": hex(start), "toBlock": hex(end)}
        try:
            return list(self.ask("eth_getLogs", question))
        except NodeUnavailable:
            raise
        except NodeError as error:
            if any(word in str(error).lower() for word in RANGE_WORDS):
                raise RangeRefused(str(error), error.code) from error
            raise

    # How it is carried

    def _exchange(self, ask: Callable[[HTTPProvider], Any]) -> Any:
        is_kept = self._session is not None
        try:
            return ask(self._connected())
        except requests.HTTPError as error:
            # Many nodes send their JSON-RPC errors under an HTTP status of their own.
            return _body_of(error.response)
        except (requests.RequestException, ValueError) as error:
            self.close()
            # A kept connection may have been closed from the other side since its last use. A new one that
            # fails tells the truth, and so does a node that is merely slow.
            if not is_kept or not isinstance(error, requests.ConnectionError):
                # By its kind alone: the words name the address, which may hold a key.
                raise NodeUnavailable(f"no answer from the node: {type(error).__name__}") from error
        except NodeError:
            self.close()
            raise
        return self._exchange(ask)

    def _connected(self) -> HTTPProvider:
        """This node's provider; web3 retries nothing, for what to retry is ours to know."""
        is_new = self._session is None
        self._session = self._session or requests.Session()
        provider = HTTPProvider(
            self.url,
            request_kwargs={"timeout": self.timeout},
            session=self._session,
            exception_retry_configuration=None,
        )
        if is_new:
            answered_for = int(_result(provider.make_request(RPCEndpoint("eth_chainId"), [])), 16)
            if answered_for != self.chain_id:
                raise WrongChain(
                    f"the node answers for chain {answered_for}, and the settings say {self.chain_id}"
                )
        return provider

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def __del__(self) -> None:
        # A thread that ends leaves its node behind.
        self.close()


def _body_of(response: requests.Response | None) -> Any:
    if response is None:
        raise NodeUnavailable("no answer from the node")
    try:
        return response.json()
    except ValueError as error:
        raise NodeUnavailable(f"the node answered {response.status_code} {response.reason}") from error


def _result(answer: Any) -> Any:
    if not isinstance(answer, dict):
        raise NodeUnavailable("the node's answer is not JSON-RPC")
    if answer.get("error") is not None:
        raise _named(answer["error"])
    if "result" not in answer:
        # As gateways answer who are out of quota, or want a key.
        raise NodeUnavailable(f"the node's answer is not JSON-RPC: {answer.get('message', '')}".rstrip(": "))
    return answer["result"]


def _named(error: Any) -> NodeError:
    """Find our own exception for what a node calls an error."""
    if not isinstance(error, dict):
        return NodeError(str(error))
    code = error.get("code")
    message = str(error.get("message", error))
    data = error.get("data")
    if isinstance(data, dict):
        # Some nodes wrap the contract's own bytes once more.
        data = data.get("data")
    lowered = message.lower()
    if code == 3 or "revert" in lowered:
        given = data if isinstance(data, str) and data.startswith("0x") else "0x"
        return Reverted(reason_of(bytes.fromhex(given[2:]), message))
    for kind, words in ERROR_WORDS:
        if any(word in lowered for word in words):
            return kind(message, code)
    return NodeError(message, code)


def time_of(block: dict[str, Any]) -> datetime:
    """Return a block's own time."""
    return datetime.fromtimestamp(int(block["timestamp"], 16), tz=UTC)


_threads = threading.local()


def current_node() -> Node:
    """Return this thread's connection to the node that the settings name."""
    node: Node | None = getattr(_threads, "node", None)
    if node is None or (node.url, node.chain_id) != (settings.CHAIN_RPC_URL, settings.CHAIN_ID):
        node = _threads.node = Node(settings.CHAIN_RPC_URL, chain_id=settings.CHAIN_ID)
    return node
