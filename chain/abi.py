"""
The contracts as Python sees them: calls encoded, answers, events and refusals decoded.

All of it is read from the committed artifacts, which are what the contracts' own sources compile to.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from eth_abi import decode, encode
from eth_abi.exceptions import DecodingError
from eth_utils import keccak, to_checksum_address

ARTIFACTS = Path(__file__).parent / "artifacts"

# Solidity's own errors: revert("words") and Panic(code).
BUILT_IN_ERRORS = [
    {"type": "error", "name": "Error", "inputs": [{"name": "message", "type": "string"}]},
    {"type": "error", "name": "Panic", "inputs": [{"name": "code", "type": "uint256"}]},
]


@dataclass(frozen=True)
class RevertReason:
    """Why a contract refused: the name of its error, and the values it gave."""

    name: str
    arguments: dict[str, Any]

    def __str__(self) -> str:
        values = ", ".join(f"{name}={_readable(value)}" for name, value in self.arguments.items())
        return f"{self.name}({values})"


class NotOurEvent(Exception):
    """A log entry that none of a contract's events explains."""


class Contract:
    """One compiled contract: its interface and its code, without an address."""

    def __init__(self, name: str, artifact: dict[str, Any]) -> None:
        self.name = name
        self.abi: list[dict[str, Any]] = artifact["abi"]
        self.bytecode = _code_of(artifact["bytecode"])
        self.deployed_bytecode = _code_of(artifact["deployedBytecode"])
        self._immutables = [(each["start"], each["length"]) for each in artifact["immutableReferences"]]
        self._functions = {part["name"]: part for part in self.abi if part["type"] == "function"}
        self._events = {_topic(part): part for part in self.abi if part["type"] == "event"}
        errors = [part for part in self.abi if part["type"] == "error"]
        self._errors = {_selector(part): part for part in [*errors, *BUILT_IN_ERRORS]}

    @property
    def error_names(self) -> frozenset[str]:
        """The errors by which this contract itself refuses."""
        return frozenset(part["name"] for part in self.abi if part["type"] == "error")

    def inputs(self, function: str) -> list[dict[str, Any]]:
        """Return what a function takes, as the ABI describes it."""
        return list(self._functions[function]["inputs"])

    def calldata(self, function: str, *arguments: Any) -> bytes:
        """Encode a call."""
        part = self._functions[function]
        return _selector(part) + encode(_types(part["inputs"]), list(arguments))

    def decode_result(self, function: str, data: bytes) -> Any:
        """
        Decode what a call returned: one value alone, several as a tuple.

        :raises NotOurContract: if it is not what this function returns, as from an address without code
        """
        part = self._functions[function]
        try:
            values = decode(_types(part["outputs"]), data)
        except DecodingError as error:
            raise NotOurContract(f"{self.name}.{function} returned something else") from error
        readable = tuple(
            _as_used(value, output["type"]) for value, output in zip(values, part["outputs"], strict=True)
        )
        return readable[0] if len(readable) == 1 else readable

    def deployment_data(self, *arguments: Any) -> bytes:
        """Return the data of the transaction that makes one of these."""
        inputs: list[dict[str, Any]] = next(
            (part["inputs"] for part in self.abi if part["type"] == "constructor"), []
        )
        return self.bytecode + encode(_types(inputs), list(arguments))

    def decode_event(self, topics: Sequence[bytes], data: bytes) -> tuple[str, dict[str, Any]]:
        """
        Return an event's name and its arguments.

        :raises NotOurEvent: if this contract has no such event
        """
        part = self._events.get(topics[0]) if topics else None
        if part is None:
            raise NotOurEvent(f"{self.name} has no such event")
        indexed = [each for each in part["inputs"] if each["indexed"]]
        others = [each for each in part["inputs"] if not each["indexed"]]
        values = {
            each["name"]: _as_used(decode([each["type"]], topic)[0], each["type"])
            for each, topic in zip(indexed, topics[1:], strict=True)
        }
        rest = decode(_types(others), data)
        values |= {
            each["name"]: _as_used(value, each["type"]) for each, value in zip(others, rest, strict=True)
        }
        return part["name"], {each["name"]: values[each["name"]] for each in part["inputs"]}

    def reason(self, data: bytes) -> RevertReason | None:
        """Decode a refusal, if it is one of this contract's, or Solidity's."""
        part = self._errors.get(data[:4])
        if part is None:
            return None
        try:
            values = decode(_types(part["inputs"]), data[4:])
        except DecodingError:
            return None
        return RevertReason(
            part["name"],
            {
                each["name"] or f"argument {position}": _as_used(value, each["type"])
                for position, (each, value) in enumerate(zip(part["inputs"], values, strict=True))
            },
        )

    def is_code_of(self, code: bytes) -> bool:
        """
        Say whether this is the code of such a contract.

        What a constructor filled in is left out of the comparison; it stands as zeros in the artifact.
        """
        if len(code) != len(self.deployed_bytecode):
            return False
        blanked = bytearray(code)
        for start, length in self._immutables:
            blanked[start : start + length] = bytes(length)
        return bytes(blanked) == self.deployed_bytecode


class NotOurContract(Exception):
    """An address holds no contract, or another one than it must."""


@cache
def contract(name: str) -> Contract:
    """Return one of the contracts whose artifacts are committed, by name."""
    return Contract(name, json.loads((ARTIFACTS / f"{name}.json").read_text()))


def reason_of(data: bytes, otherwise: str) -> RevertReason:
    """Decode a refusal by whichever of our contracts knows it, or else keep the node's words."""
    for path in sorted(ARTIFACTS.glob("*.json")):
        reason = contract(path.stem).reason(data)
        if reason is not None:
            return reason
    return RevertReason(otherwise or "no reason given", {"data": data} if data else {})


def _code_of(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _types(parts: Sequence[dict[str, Any]]) -> list[str]:
    return [_type(part) for part in parts]


def _type(part: dict[str, Any]) -> str:
    if not part["type"].startswith("tuple"):
        return str(part["type"])
    return f"({','.join(_types(part['components']))}){part['type'].removeprefix('tuple')}"


def _signature(part: dict[str, Any]) -> bytes:
    return f"{part['name']}({','.join(_types(part['inputs']))})".encode()


def _selector(part: dict[str, Any]) -> bytes:
    return keccak(_signature(part))[:4]


def _topic(part: dict[str, Any]) -> bytes:
    return keccak(_signature(part))


def _as_used(value: Any, kind: str) -> Any:
    """Give addresses their checksum, as they are compared and shown everywhere."""
    return to_checksum_address(value) if kind == "address" else value


def _readable(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
