"""
Proof files: everything a stranger needs to check some elements of a record against the chain.

The format is written down in docs/formats/proof.md, and read by verify/verify.py and verify/verify.js, which
share no code with the portal. Here it is only written.
"""

import json
import re
from collections.abc import Sequence
from typing import Any

from chain.commitment import DisclosedElement, Disclosure, Header, element_hash
from chain.merkle import leaf_hash, verify_inclusion

FORMAT = "ehrportal-proof/1"
LEAF_VERSION = b"\x01"

# JSON's numbers are exact in every language up to here.
MAX_NUMBER = 2**53 - 1

_ADDRESS = re.compile("0x[0-9a-fA-F]{40}")
_HASH = re.compile("0x[0-9a-fA-F]{64}")


def leaf_entry(commitment: bytes) -> bytes:
    """Return the entry that the log holds for a commitment: a version byte, then the commitment."""
    return LEAF_VERSION + commitment


def build_proof(
    *,
    disclosure: Disclosure,
    leaf_index: int,
    leaf_path: Sequence[bytes],
    size: int,
    root: bytes,
    chain_id: int,
    contract: str,
    institution: int,
    transaction: str,
) -> dict[str, Any]:
    """
    Return a proof that the disclosed elements stand in the log under an anchored head.

    What it says is checked first: a portal must not hand out a proof that will be refused.

    :param disclosure: from `chain.commitment.disclose`
    :param leaf_index: where the record's leaf stands in the log
    :param leaf_path: its audit path in the tree of `size` leaves
    :param root: the root of that tree, which the contract knows for this size
    :param contract: address of the RecordLog
    :param institution: the hospital's number in the registry
    :param transaction: hash of the transaction that brought this head to the chain
    :raises ProofInvalid: if an element is not under the commitment, or the leaf not under the head
    :raises ValueError: if an address, hash or number cannot stand in a proof
    """
    if not disclosure.elements:
        raise ValueError("a proof shows at least one element")
    for element in disclosure.elements:
        verify_inclusion(
            index=element.index,
            size=disclosure.count,
            leaf=element_hash(element.pointer, element.text, element.salt),
            path=element.path,
            root=disclosure.root,
        )
    leaf = leaf_hash(leaf_entry(disclosure.commitment))
    verify_inclusion(index=leaf_index, size=size, leaf=leaf, path=leaf_path, root=root)
    for what, pattern, text in (("a contract", _ADDRESS, contract), ("a transaction", _HASH, transaction)):
        if not pattern.fullmatch(text):
            raise ValueError(f"this is not {what}: {text!r}")
    for number in (size, chain_id, institution):
        if not 1 <= number <= MAX_NUMBER:
            raise ValueError(f"{number} cannot stand in a proof")

    return {
        "format": FORMAT,
        **fields_of(disclosure),
        "leaf": {"index": leaf_index, "path": [_hex(value) for value in leaf_path]},
        "head": {"size": size, "root": _hex(root)},
        "anchor": {
            "chainId": chain_id,
            "contract": contract,
            "institution": institution,
            "transaction": transaction.lower(),
        },
    }


def fields_of(disclosure: Disclosure) -> dict[str, Any]:
    """Return a disclosure as files carry it, proofs and others: `header`, `commitment` and `elements`."""
    return {
        "header": _header(disclosure.header),
        "commitment": {
            "value": _hex(disclosure.commitment),
            "root": _hex(disclosure.root),
            "count": disclosure.count,
        },
        "elements": [_element(element) for element in disclosure.elements],
    }


def write_proof(proof: dict[str, Any]) -> str:
    """Return the proof as the text of a file, in plain ASCII so that no transport can hurt it."""
    return json.dumps(proof, indent=1) + "\n"


def _header(header: Header) -> dict[str, Any]:
    return {
        "topic": header.topic,
        "resourceType": header.resource_type,
        "id": header.id,
        "version": header.version,
        "author": header.author,
        "previous": None if header.previous is None else _hex(header.previous),
    }


def _element(element: DisclosedElement) -> dict[str, Any]:
    return {
        "pointer": element.pointer,
        "text": element.text,
        "salt": _hex(element.salt),
        "index": element.index,
        "path": [_hex(value) for value in element.path],
    }


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
