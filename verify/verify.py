#!/usr/bin/env python3
"""
Verify an ehrportal proof, with no part of ehrportal.

    python verify.py PROOF --rpc URL [--contract 0x...] [--json]

PROOF is the file that a patient was given (or - for standard input), URL any node of the chain that it names.
Says in words what was proven, or why not. Needs Python 3.9 or newer and nothing else; the formats are
described in docs/formats/. Everything that is checked is checked here, so read on.

Ends with 0 if the proof holds, 1 if it does not, 2 if that could not be found out.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import re
import sys
import unicodedata
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any, Callable, NoReturn

FORMAT = "ehrportal-proof/1"

# Bounds on what is read at all: files come from strangers, and so do a node's answers.
MAX_FILE = 160 * 1024 * 1024
MAX_ANSWER = 16 * 1024 * 1024
MAX_NUMBER = 2**53 - 1
MAX_SHOWN = 200
MAX_DOCUMENT_SHOWN = 2_000
TIMEOUT = 20

# First four bytes of the Keccak-256 of each signature, which the standard library cannot compute.
REGISTRY = "7b103999"  # registry()
ROOT_AT = "ab485c16"  # rootAt(uint256,uint64)
INSTITUTION = "2eb78bf6"  # institution(uint256)
# Keccak-256 of HeadExtended(uint256,uint64,bytes32).
HEAD_EXTENDED = "0x391edface9dd686cedd6504f223fdb05d825facd3df1ffa8c8b2b26e12e830a8"

# Published builds of RecordLog: SHA-256 of the code on the chain, zeros in place of the registry's address.
KNOWN_CODE = {
    "cfc71750c48098dca387c1b701f8d8d7bf7c2bf7922d2015f948d3fd63200aa3": (181, 396),
}

ACTIVE, SUSPENDED = 1, 2

# What keeps us from finding out, rather than being wrong with the proof.
COULD_NOT_RUN = {"unreadable", "unreachable", "bad_answer"}

MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)


class Refused(Exception):
    """The proof does not hold, or cannot be checked: `cause` for programs, `sentence` for people."""

    def __init__(self, cause: str, sentence: str, details: list[tuple[str, str]] | None = None) -> None:
        super().__init__(sentence)
        self.cause = cause
        self.sentence = sentence
        self.details = details or []


def verify(data: bytes, *, rpc: str, contract: str | None = None) -> dict[str, Any]:
    """
    Return the verdict on a proof file: `ok`, `cause` (None if it holds), `sentence` and `details`.

    :param contract: the RecordLog that the reader trusts; without it, the one that the file names is believed
    """
    try:
        proof = read(data)
        check_elements(proof)
        check_header(proof)
        check_leaf(proof)
        found = ask_chain(proof, Node(rpc), contract)
    except Refused as refused:
        return verdict(refused.cause, refused.sentence, refused.details)
    return verdict(None, sentence_on(proof, found), details_on(proof, found, contract))


def verdict(cause: str | None, sentence: str, details: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "ok": cause is None,
        "cause": cause,
        "sentence": sentence,
        "details": [{"label": printable(label), "value": printable(value)} for label, value in details],
    }


# 1. Reading the file


def read(data: bytes) -> dict[str, Any]:
    """Return the proof in a file, every field in it being what it must be."""
    if len(data) > MAX_FILE:
        raise Refused("not_a_proof", "This is not a proof file: it is too large.")
    try:
        proof = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=no_key_twice,
            parse_int=short_number,
            parse_float=not_json,
            parse_constant=not_json,
        )
    except (ValueError, RecursionError):
        raise Refused("not_a_proof", "This is not a proof file: it cannot be read as one.") from None
    if not isinstance(proof, dict) or not isinstance(proof.get("format"), str):
        raise Refused("not_a_proof", "This is not a proof file: it does not say that it is one.")
    if not proof["format"].startswith("ehrportal-proof/"):
        raise Refused("not_a_proof", "This is not a proof file: it says that it is something else.")
    if proof["format"] != FORMAT:
        raise Refused(
            "unsupported_version",
            "This proof is written in a newer format than this verifier knows. Use a newer verifier.",
        )
    PROOF(proof, "")
    return proof


def no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def short_number(text: str) -> int:
    # Too long for any field; -1 is refused by all of them.
    return int(text) if len(text) <= 20 else -1


def not_json(text: str) -> NoReturn:
    raise ValueError(f"no number of a proof is written {text}")


# What a field must be: a function that is given the value and where it stands.
Rule = Callable[[Any, str], None]


def damaged(where: str) -> Refused:
    return Refused("damaged_file", f"This proof file is damaged: its field {where} is not what it must be.")


def fields(**rules: Rule) -> Rule:
    def rule(value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise damaged(where)
        # A field that we do not know could change what the others mean.
        for name in sorted(set(value) - set(rules)):
            raise damaged(f"{where}.{name}".lstrip("."))
        for name, inner in rules.items():
            inner(value.get(name, MISSING), f"{where}.{name}".lstrip("."))

    return rule


def items(inner: Rule, least: int, most: int) -> Rule:
    def rule(value: Any, where: str) -> None:
        if not isinstance(value, list) or not least <= len(value) <= most:
            raise damaged(where)
        for number, item in enumerate(value):
            inner(item, f"{where}[{number}]")

    return rule


def number(least: int, most: int) -> Rule:
    def rule(value: Any, where: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise damaged(where)

    return rule


def text(least: int, most: int) -> Rule:
    def rule(value: Any, where: str) -> None:
        try:
            is_right = isinstance(value, str) and least <= len(value.encode("utf-8")) <= most
        except UnicodeEncodeError:
            is_right = False
        if not is_right:
            raise damaged(where)

    return rule


def matching(pattern: str) -> Rule:
    def rule(value: Any, where: str) -> None:
        if not isinstance(value, str) or not re.fullmatch(pattern, value):
            raise damaged(where)

    return rule


def or_null(inner: Rule) -> Rule:
    def rule(value: Any, where: str) -> None:
        if value is not None:
            inner(value, where)

    return rule


MISSING = object()
HASH = matching("0x[0-9a-f]{64}")
NAME = text(1, 255)
PROOF = fields(
    format=text(1, 255),
    header=fields(
        topic=NAME,
        resourceType=NAME,
        id=NAME,
        version=number(1, MAX_NUMBER),
        author=NAME,
        previous=or_null(HASH),
    ),
    commitment=fields(value=HASH, root=HASH, count=number(1, 2**20)),
    elements=items(
        fields(
            pointer=text(0, 4096),
            text=text(1, 64 * 1024 * 1024),
            salt=HASH,
            index=number(0, 2**20),
            path=items(HASH, 0, 20),
        ),
        1,
        10_000,
    ),
    leaf=fields(index=number(0, MAX_NUMBER), path=items(HASH, 0, 64)),
    head=fields(size=number(1, MAX_NUMBER), root=HASH),
    anchor=fields(
        chainId=number(1, MAX_NUMBER),
        contract=matching("0x[0-9a-fA-F]{40}"),
        institution=number(1, MAX_NUMBER),
        transaction=HASH,
    ),
)


# 2. What can be computed from the file alone


def check_elements(proof: dict[str, Any]) -> None:
    """Each element shown must stand under the root of the record's elements (docs/formats/commitment.md)."""
    for element in proof["elements"]:
        pointer, content = element["pointer"].encode(), element["text"].encode()
        leaf = hashed(
            b"\x00\x01",
            unhexed(element["salt"]),
            len(pointer).to_bytes(2, "big"),
            pointer,
            len(content).to_bytes(4, "big"),
            content,
        )
        root = root_over(leaf, element["index"], proof["commitment"]["count"], element["path"])
        if root != unhexed(proof["commitment"]["root"]):
            raise Refused(
                "damaged_element",
                f"This proof is damaged or forged: {shown_pointer(element['pointer'])} does not match what "
                "was recorded.",
            )


def check_header(proof: dict[str, Any]) -> None:
    """The record's name, version and author must be those of the commitment (docs/formats/commitment.md)."""
    header, commitment = proof["header"], proof["commitment"]
    previous = header["previous"]
    value = hashed(
        b"\x01",
        behind_length("ehrportal/commitment"),
        behind_length(header["topic"]),
        behind_length(header["resourceType"]),
        behind_length(header["id"]),
        header["version"].to_bytes(8, "big"),
        behind_length(header["author"]),
        b"\x00" if previous is None else b"\x01" + unhexed(previous),
        commitment["count"].to_bytes(4, "big"),
        unhexed(commitment["root"]),
    )
    if value != unhexed(commitment["value"]):
        raise Refused(
            "damaged_header",
            "This proof is damaged or forged: which record, version or author it is about was altered.",
        )


def check_leaf(proof: dict[str, Any]) -> None:
    """The commitment must be a leaf of the log under the head (docs/formats/leaf.md; RFC 9162, 2.1.3.2)."""
    leaf = hashed(b"\x00\x01", unhexed(proof["commitment"]["value"]))
    size = proof["head"]["size"]
    if root_over(leaf, proof["leaf"]["index"], size, proof["leaf"]["path"]) != unhexed(proof["head"]["root"]):
        raise Refused(
            "damaged_leaf",
            "This proof is damaged or forged: the record is not in the log at the head that the proof names.",
        )


def root_over(leaf: bytes, index: int, size: int, path: list[str]) -> bytes | None:
    """Return the root that this path leads to (RFC 9162, 2.1.3.2), None if it has not the right length."""
    if index >= size:
        return None
    place, last, root = index, size - 1, leaf
    for neighbour in path:
        if last == 0:
            return None
        if place & 1 or place == last:
            root = hashed(b"\x01", unhexed(neighbour), root)
            while place and not place & 1:
                place >>= 1
                last >>= 1
        else:
            root = hashed(b"\x01", root, unhexed(neighbour))
        place >>= 1
        last >>= 1
    return root if last == 0 else None


def hashed(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def unhexed(value: str) -> bytes:
    return bytes.fromhex(value[2:])


def behind_length(value: str) -> bytes:
    encoded = value.encode()
    return bytes([len(encoded)]) + encoded


# 3. What only the chain can tell


class Node:
    """A node of the chain, asked over JSON-RPC."""

    def __init__(self, url: str) -> None:
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise Refused("unreachable", "The address of the node must begin with http:// or https://.")
        self.url = url
        # Addresses of nodes often hold a key or a password, which nobody needs to read over our shoulder.
        self.name = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"

    def ask(self, method: str, *params: Any) -> Any:
        """Return the node's answer, None if it knows of nothing such."""
        answer = self._answer_to(method, list(params))
        if "error" in answer:
            message = error_message(answer["error"])
            if method == "eth_call" and is_revert(answer["error"]):
                raise Reverted
            raise self.garbage(f"{method} was refused: {message}")
        if "result" not in answer:
            raise self.garbage(f"{method} was answered without a result")
        return answer["result"]

    def garbage(self, what: str) -> Refused:
        return Refused(
            "bad_answer",
            f"The node at {self.name} gave an answer that makes no sense. Try another one.",
            [("Answer", what)],
        )

    def _answer_to(self, method: str, params: list[Any]) -> dict[str, Any]:
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
        request = urllib.request.Request(self.url, data=body, headers={"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
                text = response.read(MAX_ANSWER + 1)
                if response.length and len(text) <= MAX_ANSWER:
                    raise http.client.IncompleteRead(text)
        except urllib.error.HTTPError as error:
            raise self.garbage(f"{method} was answered with HTTP status {error.code}") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Refused(
                "unreachable", f"The node at {self.name} cannot be reached.", [("Reason", str(error)[:200])]
            ) from None
        try:
            answer = json.loads(text) if len(text) <= MAX_ANSWER else None
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self.garbage(f"{method} was not answered in JSON-RPC")
        return answer


class Reverted(Exception):
    """The contract refused a question, so it is not the one it should be."""


def error_message(error: Any) -> str:
    message = error.get("message") if isinstance(error, dict) else None
    return message[:200] if isinstance(message, str) else "no reason given"


def is_revert(error: Any) -> bool:
    # Geth and others give code 3 to a revert; some only say so.
    return isinstance(error, dict) and (error.get("code") == 3 or "revert" in error_message(error).lower())


def ask_chain(proof: dict[str, Any], node: Node, trusted: str | None) -> dict[str, Any]:
    """Return what the chain says about the head: whose it is, and since when it stands there."""
    anchor, head = proof["anchor"], proof["head"]
    contract = anchor["contract"].lower()
    if trusted is not None and trusted.lower() != contract:
        raise Refused(
            "other_contract",
            f"This proof relies on the contract {anchor['contract']}, and not on the one that you trust.",
        )

    chain = quantity(node, "eth_chainId", node.ask("eth_chainId"))
    if chain != anchor["chainId"]:
        raise Refused(
            "wrong_chain",
            f"This proof is anchored on chain {anchor['chainId']}, and the node at {node.name} is of chain "
            f"{chain}. Ask a node of the right chain.",
        )
    code = hex_data(node, "eth_getCode", node.ask("eth_getCode", contract, "latest"))
    if len(code) == 0:
        raise Refused(
            "no_contract",
            f"There is no contract at {anchor['contract']} on chain {chain}, so nothing is anchored there.",
        )
    try:
        found = ask_contracts(node, contract, anchor["institution"], head["size"])
    except Reverted:
        raise Refused(
            "not_a_log",
            f"The contract at {anchor['contract']} is not a log of records: it does not answer as one.",
        ) from None

    if found["status"] not in (ACTIVE, SUSPENDED):
        raise Refused(
            "unknown_hospital",
            f"The contract's registry knows no hospital with the number {anchor['institution']}.",
        )
    if found["root"] == bytes(32):
        raise Refused(
            "not_anchored",
            f"The head that this proof rests on, of {head['size']} leaves, is not on the chain yet. "
            "Try again once the hospital has anchored it.",
        )
    if found["root"] != unhexed(head["root"]):
        raise Refused(
            "other_root",
            f"The chain says otherwise: for {head['size']} leaves of this hospital it holds another root. "
            "The proof is forged, or of another chain with the same number.",
        )
    return {**found, "is_known": is_known(code), **ask_when(proof, node, contract)}


def is_known(code: bytes) -> bool:
    """Whether this is a published RecordLog, which is known to refuse a head that rewrites its log."""
    for known, places in KNOWN_CODE.items():
        blanked = bytearray(code)
        for start in places:
            blanked[start : start + 32] = bytes(32)
        if sha256(blanked).hexdigest() == known:
            return True
    return False


def ask_contracts(node: Node, contract: str, institution: int, size: int) -> dict[str, Any]:
    answer = call(node, contract, REGISTRY)
    if len(answer) != 32 or any(answer[:12]):
        raise Reverted
    registry = "0x" + answer[12:].hex()
    hospital = call(node, registry, INSTITUTION + word(institution))
    # Five words: operator, where the name is, where the portal's address is, thumbprint, status.
    if len(hospital) < 5 * 32:
        raise Reverted
    root = call(node, contract, ROOT_AT + word(institution) + word(size))
    if len(root) != 32:
        raise Reverted
    return {
        "registry": registry,
        "hospital": string_at(hospital, 1),
        "portal": string_at(hospital, 2),
        "status": int.from_bytes(hospital[4 * 32 : 5 * 32], "big"),
        "root": root,
    }


def ask_when(proof: dict[str, Any], node: Node, contract: str) -> dict[str, Any]:
    """Return the block of the transaction that brought the head, having found the head in it."""
    anchor, head = proof["anchor"], proof["head"]
    receipt = node.ask("eth_getTransactionReceipt", anchor["transaction"])
    if receipt is not None and not isinstance(receipt, dict):
        raise node.garbage("eth_getTransactionReceipt was not answered with a receipt")
    if receipt is None or not has_head(receipt, contract, anchor["institution"], head):
        raise Refused(
            "wrong_transaction",
            "The head is on the chain, but not by the transaction that this proof names, so since when "
            "cannot be told. Ask the hospital for a new proof.",
        )
    block = node.ask("eth_getBlockByHash", receipt.get("blockHash"), False)
    if not isinstance(block, dict):
        raise node.garbage("eth_getBlockByHash was not answered with a block")
    height = quantity(node, "eth_getBlockByHash", block.get("number"))
    latest = quantity(node, "eth_blockNumber", node.ask("eth_blockNumber"))
    return {
        "time": quantity(node, "eth_getBlockByHash", block.get("timestamp")),
        "block": height,
        "depth": max(0, latest - height) + 1,
    }


def has_head(receipt: dict[str, Any], contract: str, institution: int, head: dict[str, Any]) -> bool:
    """Whether this transaction went through, and the contract announced exactly this head in it."""
    logs = receipt.get("logs")
    wanted = [HEAD_EXTENDED, "0x" + word(institution), "0x" + word(head["size"])]
    return (
        receipt.get("status") == "0x1"
        and isinstance(logs, list)
        and any(
            isinstance(log, dict)
            and isinstance(log.get("address"), str)
            and log["address"].lower() == contract
            and log.get("topics") == wanted
            and log.get("data") == head["root"]
            for log in logs
        )
    )


def call(node: Node, contract: str, data: str) -> bytes:
    return hex_data(node, "eth_call", node.ask("eth_call", {"to": contract, "data": "0x" + data}, "latest"))


def word(value: int) -> str:
    return f"{value:064x}"


def quantity(node: Node, method: str, value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch("0x[0-9a-fA-F]{1,13}", value):
        raise node.garbage(f"{method} was not answered with a number")
    return int(value, 16)


def hex_data(node: Node, method: str, value: Any) -> bytes:
    if not isinstance(value, str) or not re.fullmatch("0x([0-9a-fA-F]{2})*", value):
        raise node.garbage(f"{method} was not answered with bytes")
    return unhexed(value)


def string_at(answer: bytes, place: int) -> str:
    """Return the string whose offset stands in this word of an ABI-encoded answer."""
    offset = int.from_bytes(answer[place * 32 : place * 32 + 32], "big")
    length = int.from_bytes(answer[offset : offset + 32], "big")
    content = answer[offset + 32 : offset + 32 + length]
    if offset + 32 > len(answer) or len(content) != length or length > 1024:
        raise Reverted
    return content.decode("utf-8", "replace")


# 4. Saying it in words


def sentence_on(proof: dict[str, Any], found: dict[str, Any]) -> str:
    header, elements = proof["header"], proof["elements"]
    record = f"version {header['version']} of {header['resourceType']} {header['id']}"
    if any(element["pointer"] == "" for element in elements):
        what = f"this is, byte for byte, {record}"
    elif len(elements) == 1:
        what = f"{elements[0]['pointer']} is {shown_value(elements[0]['text'])} in {record}"
    else:
        what = f"the {len(elements)} values below stand in {record}"
    # What it anchored stands: the contract took that while the hospital was a member.
    today = " The hospital is suspended from the registry today." if found["status"] == SUSPENDED else ""
    return printable(
        f"Proven: {what}, which {found['hospital']} has had on record since {moment(found['time'])}.{today}"
    )


def details_on(proof: dict[str, Any], found: dict[str, Any], trusted: str | None) -> list[tuple[str, str]]:
    header, anchor, head = proof["header"], proof["anchor"], proof["head"]
    details = [
        ("Record", f"{header['resourceType']} {header['id']}, version {header['version']}"),
        ("Kind", header["topic"]),
        ("Author", header["author"]),
        ("Version before", header["previous"] or "none"),
    ]
    for element in proof["elements"][:MAX_SHOWN]:
        if element["pointer"] == "":
            content = element["text"].encode()
            details.append(("Whole document", f"{len(content)} bytes, SHA-256 {sha256(content).hexdigest()}"))
            details.append(("It reads", shown_document(element["text"])))
        else:
            details.append((element["pointer"], shown_value(element["text"])))
    if len(proof["elements"]) > MAX_SHOWN:
        details.append(("More values", str(len(proof["elements"]) - MAX_SHOWN)))
    details += [
        ("Hospital", shown_hospital(found, anchor["institution"])),
        ("On the chain since", f"{moment(found['time'])}, block {found['block']}, {found['depth']} deep"),
        ("Place in the log", f"leaf {proof['leaf']['index']} of {head['size']}"),
        ("Chain", str(anchor["chainId"])),
        ("Contract", anchor["contract"]),
        (
            "Its code",
            "the published one, which refuses a head that rewrites the log"
            if found["is_known"]
            else "not one that this verifier knows, so nothing says here that it refuses a rewritten log",
        ),
        ("Transaction", anchor["transaction"]),
    ]
    if trusted is None:
        details.append(
            (
                "To be compared",
                "This relies on the contract above, which the file itself names. Compare it with the one "
                "that the hospital publishes.",
            )
        )
    return details


def shown_hospital(found: dict[str, Any], institution: int) -> str:
    today = ", suspended from the registry today" if found["status"] == SUSPENDED else ""
    return f"{found['hospital']} (number {institution}, {found['portal']}){today}"


def shown_pointer(pointer: str) -> str:
    return printable(pointer) if pointer else "the whole document"


def shown_value(value: str) -> str:
    """Return a value as it was written, cut if it is long."""
    return value if len(value) <= 300 else value[:300] + "..."


def shown_document(document: str) -> str:
    """Return a document in one line, cut if it is long."""
    line = re.sub("[ \t\n\r]+", " ", document[: 10 * MAX_DOCUMENT_SHOWN]).strip(" ")
    return line if len(line) <= MAX_DOCUMENT_SHOWN else line[:MAX_DOCUMENT_SHOWN] + "..."


def moment(timestamp: int) -> str:
    # Not fromtimestamp, which knows fewer years than a block may claim.
    try:
        at = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=timestamp)
    except OverflowError:
        return "a time that no calendar knows"
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M:%S} UTC"


def printable(text_: str) -> str:
    """Return text without the characters that would steer a terminal or turn its lines around."""
    return "".join(
        "\N{REPLACEMENT CHARACTER}"
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character
        for character in text_
    )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an ehrportal proof, with no part of ehrportal.")
    parser.add_argument("proof", metavar="PROOF", help="the proof file, or - for standard input")
    parser.add_argument(
        "--rpc", metavar="URL", required=True, help="a node of the chain that the proof names"
    )
    parser.add_argument("--contract", metavar="0x...", help="the RecordLog that you trust")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    if options.contract is not None and not re.fullmatch("0x[0-9a-fA-F]{40}", options.contract):
        parser.error("--contract is an address: 0x and forty digits")

    try:
        if options.proof == "-":
            data = sys.stdin.buffer.read(MAX_FILE + 1)
        else:
            with open(options.proof, "rb") as file:
                data = file.read(MAX_FILE + 1)
    except OSError as error:
        reached = verdict("unreadable", f"The proof file cannot be read: {error.strerror}.", [])
    else:
        reached = verify(data, rpc=options.rpc, contract=options.contract)

    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a letter of somebody's name must not cost the verdict.
        sys.stdout.reconfigure(errors="backslashreplace")
    if options.json:
        print(json.dumps(reached))
    else:
        print(reached["sentence"])
        for detail in reached["details"]:
            print(f"  {detail['label']}: {detail['value']}")
    if reached["ok"]:
        return 0
    return 2 if reached["cause"] in COULD_NOT_RUN else 1


if __name__ == "__main__":
    sys.exit(main())
