"""
Writes proof files, good and damaged, and the chain they stand on: `python -m tests.vectors.make_proofs`.

The chain is a list of signed transactions, each with the time of its block. They are signed here with fixed
keys, so that addresses, hashes and proofs are the same bytes for everybody, and can be sent to any node that
is new, has the number 31337, and lets the three senders have some ether. Both verifiers are tried on these,
and whoever writes another one is welcome to them.
"""

import copy
import json
from hashlib import sha256
from pathlib import Path

import rlp
from eth_abi import encode
from eth_account import Account
from eth_utils import keccak, to_checksum_address

from chain.commitment import Header, disclose
from chain.merkle import consistency_proof, inclusion_path, leaf_hash, root_of
from chain.proof import build_proof, leaf_entry

HERE = Path(__file__).parent
ARTIFACTS = HERE.parents[1] / "chain/artifacts"
FILE = "proofs.json"

CHAIN_ID = 31337
BEGINNING = 1_778_580_000  # 12 May 2026, 10:00 UTC

OWNER, NORTH, SOUTH = (Account.from_key(sha256(name).digest()) for name in (b"owner", b"north", b"south"))

POTASSIUM = """{
  "resourceType": "Observation",
  "id": "potassium-1",
  "status": "final",
  "code": {"text": "Potassium"},
  "subject": {"display": "Amina Diallo"},
  "valueQuantity": {"value": 4.10, "unit": "mmol/L"},
  "interpretation": [],
  "note": [{"text": "hämolytic, taken twice"}]
}
""".encode()
SECRET = sha256(b"secret of this version").digest()
FIRST = Header(
    topic="record",
    resource_type="Observation",
    id="potassium-1",
    version=1,
    author="https://north.example",
    previous=None,
)


class Ledger:
    """The transactions so far, and the nonces they have used."""

    gas = 3_000_000

    def __init__(self):
        self.sent = []
        self.nonces = {}

    def send(self, sender, to, data):
        nonce = self.nonces.setdefault(sender.address, 0)
        self.nonces[sender.address] += 1
        signed = sender.sign_transaction(
            {
                "nonce": nonce,
                "to": to,
                "data": data,
                "value": 0,
                "gas": self.gas,
                "gasPrice": 10**10,
                "chainId": CHAIN_ID,
            }
        )
        # Ten minutes between two blocks.
        self.sent.append({"raw": hexed(signed.raw_transaction), "time": BEGINNING + 600 * len(self.sent)})
        return hexed(signed.hash), contract_address(sender.address, nonce)

    def deploy(self, sender, name, *words):
        code = json.loads((ARTIFACTS / f"{name}.json").read_text())["bytecode"]
        return self.send(sender, None, bytes.fromhex(code[2:]) + encode(["address"] * len(words), words))[1]

    def call(self, sender, to, signature, *arguments):
        types = signature[signature.index("(") + 1 : -1].split(",")
        return self.send(sender, to, keccak(text=signature)[:4] + encode(types, arguments))[0]


def contract_address(sender, nonce):
    return to_checksum_address(keccak(rlp.encode([bytes.fromhex(sender[2:]), nonce]))[12:])


def hexed(value):
    return "0x" + bytes(value).hex()


def flipped(text):
    """The same hash, one bit of it turned."""
    return text[:-1] + f"{int(text[-1], 16) ^ 1:x}"


class Hospital:
    """A log, and its heads on the chain."""

    def __init__(self, ledger, sender, contract, institution):
        self.ledger, self.sender, self.contract, self.institution = ledger, sender, contract, institution
        self.leaves = []
        self.transactions = {}

    def add(self, *commitments):
        self.leaves += [leaf_hash(leaf_entry(commitment)) for commitment in commitments]

    def anchor(self):
        old, new = max(self.transactions, default=0), len(self.leaves)
        self.transactions[new] = self.ledger.call(
            self.sender,
            self.contract,
            "extend(uint64,bytes32,bytes32[])",
            new,
            root_of(self.leaves),
            consistency_proof(old, self.leaves),
        )

    def prove(self, disclosure, *, size, leaves=None, **anchor):
        leaves = (leaves or self.leaves)[:size]
        index = leaves.index(leaf_hash(leaf_entry(disclosure.commitment)))
        return build_proof(
            disclosure=disclosure,
            leaf_index=index,
            leaf_path=inclusion_path(index, leaves),
            size=size,
            root=root_of(leaves),
            **{
                "chain_id": CHAIN_ID,
                "contract": self.contract,
                "institution": self.institution,
                "transaction": self.transactions.get(size, "0x" + "ab" * 32),
                **anchor,
            },
        )


def fillers(count, kind):
    return [sha256(f"{kind} {number}".encode()).digest() for number in range(count)]


def make():
    ledger = Ledger()
    registry = ledger.deploy(OWNER, "InstitutionRegistry", OWNER.address)
    contract = ledger.deploy(OWNER, "RecordLog", registry)
    for operator, name in ((NORTH, "North Hospital"), (SOUTH, "South\u202eHospital")):
        ledger.call(
            OWNER,
            registry,
            "admit(address,string,string,bytes32)",
            operator.address,
            name,
            f"https://{name[:5].lower()}.example",
            bytes(32),
        )
    north = Hospital(ledger, NORTH, contract, 1)
    south = Hospital(ledger, SOUTH, contract, 2)

    def shown(*pointers, header=FIRST, document=POTASSIUM):
        return disclose(document, header, SECRET, pointers)

    corrected = POTASSIUM.replace(b"4.10", b"4.2")
    second = Header(
        **{
            **FIRST.__dict__,
            "version": 2,
            "previous": shown("").commitment,
            "author": "https://south.example",
        }
    )
    hostile = b'{"text": "red \xe2\x80\xae alert", "more": ["%s"]}' % (b"x" * 400)
    hostile_header = Header(**{**FIRST.__dict__, "id": "\x1b[31mred\u2066", "topic": "note"})

    north.add(shown("").commitment)
    north.anchor()
    north.add(*fillers(4, "north"), shown("", header=second, document=corrected).commitment)
    north.add(*fillers(1, "more"))
    north.anchor()
    north.add(shown("", header=hostile_header, document=hostile).commitment, *fillers(293, "many"))
    north.anchor()
    # A head that the hospital has not sent.
    north.add(*fillers(10, "unsent"))
    south.add(*fillers(2, "south"), shown("").commitment)
    south.anchor()
    ledger.call(OWNER, registry, "suspend(uint256)", 2)

    value = north.prove(shown("/valueQuantity/value"), size=7)
    cases = []

    def case(name, proof, cause=None, **more):
        text = proof if isinstance(proof, str) else json.dumps(proof, indent=1) + "\n"
        cases.append({"name": name, "cause": cause, "proof": text, **more})

    case("one value", value)
    case("one value, of the contract that the reader trusts", value, trusted=contract)
    case("one value, of the contract in small letters", value, trusted=contract.lower())
    case("the only leaf of a log", north.prove(shown("/valueQuantity/value"), size=1))
    case("a leaf of three hundred and one", north.prove(shown("/status"), size=301))
    case("an object", north.prove(shown("/valueQuantity"), size=7))
    case("an empty array", north.prove(shown("/interpretation"), size=7))
    case("the whole document", north.prove(shown(""), size=7))
    case("the whole document and a value", north.prove(shown("", "/status"), size=7))
    case(
        "a second version",
        north.prove(shown("/valueQuantity/value", header=second, document=corrected), size=7),
    )
    case(
        "characters that steer a terminal",
        north.prove(shown("/text", header=hostile_header, document=hostile), size=301),
    )
    case("a long value", north.prove(shown("/more", header=hostile_header, document=hostile), size=301))
    case("in one line", json.dumps(value))
    # The hospital was suspended after it had anchored this.
    case("a hospital that is suspended today", south.prove(shown("/status"), size=3))

    case("another contract than the reader trusts", value, "other_contract", trusted=registry)
    for where, cause in FLIPPED.items():
        case(f"one bit of {where}", altered(value, where, flipped), cause)
    for where, new, cause in ALTERED:
        case(f"{where} made {json.dumps(new)[:30]}", altered(value, where, lambda _, new=new: new), cause)
    case("a path one hash short", altered(value, "leaf.path", lambda path: path[:-1]), "damaged_leaf")
    case("a path one hash long", altered(value, "leaf.path", lambda path: [*path, path[0]]), "damaged_leaf")
    case(
        "an element's path one hash short",
        altered(value, "elements.0.path", lambda p: p[:-1]),
        "damaged_element",
    )
    several = north.prove(shown("/valueQuantity", "/status"), size=7)
    case("the last of three values", altered(several, "elements.2.text", lambda _: "9.9"), "damaged_element")
    # Between nine and sixteen elements the path of the seventh looks the same.
    case(
        "one element more than there are",
        altered(north.prove(shown("/status"), size=7), "commitment.count", lambda count: count + 1),
        "damaged_header",
    )
    case("a path of a hundred hashes", altered(value, "leaf.path", lambda p: p[:1] * 100), "damaged_file")
    case("no elements", altered(value, "elements", lambda _: []), "damaged_file")
    case("a field too many", {**value, "valid": True}, "damaged_file")
    case("a field too many inside", altered(value, "head.time", lambda _: 1), "damaged_file")
    for name in value:
        if name != "format":
            case(f"no {name}", {key: part for key, part in value.items() if key != name}, "damaged_file")

    case("wrong chain", north.prove(shown("/status"), size=7, chain_id=1), "wrong_chain")
    case("no contract there", north.prove(shown("/status"), size=7, contract="0x" + "12" * 20), "no_contract")
    case("a contract that is no log", north.prove(shown("/status"), size=7, contract=registry), "not_a_log")
    case("unknown hospital", north.prove(shown("/status"), size=7, institution=9), "unknown_hospital")
    case("a head not yet sent", north.prove(shown("/status"), size=311), "not_anchored")
    forged = [*north.leaves[:6], leaf_hash(b"forged")]
    case("a forged log", north.prove(shown("/status"), size=7, leaves=forged), "other_root")
    case(
        "the transaction of another head",
        north.prove(shown("/status"), size=7, transaction=north.transactions[301]),
        "wrong_transaction",
    )
    case(
        "a transaction that nobody sent",
        north.prove(shown("/status"), size=7, transaction="0x" + "cd" * 32),
        "wrong_transaction",
    )

    good = json.dumps(value)
    for name, text in {
        "nothing": "",
        "a word": "proof",
        "a letter": "Dear patient,\nyour result is normal.\n",
        "a number": "1",
        "a list": "[]",
        "an object": "{}",
        "null": "null",
        "another kind of file": '{"resourceType": "Bundle"}',
        "a format that is a number": '{"format": 1}',
        "another format": '{"format": "vaccination-proof/1"}',
        "cut in the middle": good[: len(good) // 2],
        "twice behind each other": good + good,
        "a key given twice": good.replace('"version": 1', '"version": 2, "version": 1'),
        "a key given twice, written otherwise": good.replace(
            '"version": 1', '"version": 1, "versio\\u006e": 2'
        ),
        "a number with a point": good.replace('"version": 1', '"version": 1.0'),
        "a number with an exponent": good.replace('"version": 1', '"version": 1e0'),
        "a number that is none": good.replace('"version": 1', '"version": NaN'),
        "a mark before the file": "\ufeff" + good,
    }.items():
        case(f"no proof: {name}", text, "not_a_proof")
    for version in ("2", "1.1", "10", ""):
        case(f"format {version}", {**value, "format": f"ehrportal-proof/{version}"}, "unsupported_version")
    case("a huge number", good.replace('"version": 1', '"version": ' + "9" * 400), "damaged_file")

    return {
        "chain": {
            "id": CHAIN_ID,
            "senders": [account.address for account in (OWNER, NORTH, SOUTH)],
            "registry": registry,
            "contract": contract,
            "transactions": ledger.sent,
        },
        "count": len(cases),
        "cases": cases,
    }


# One bit turned in each hash there is, and the words that it must end in.
FLIPPED = {
    "elements.0.salt": "damaged_element",
    "elements.0.path.0": "damaged_element",
    "elements.0.path.1": "damaged_element",
    "commitment.root": "damaged_element",
    "commitment.value": "damaged_header",
    "leaf.path.0": "damaged_leaf",
    "leaf.path.2": "damaged_leaf",
    "head.root": "damaged_leaf",
    "anchor.contract": "no_contract",
    "anchor.transaction": "wrong_transaction",
}
ALTERED = [
    ("elements.0.text", "4.1", "damaged_element"),
    ("elements.0.text", "4.11", "damaged_element"),
    ("elements.0.text", "", "damaged_file"),
    ("elements.0.text", "\ud800", "damaged_file"),
    ("elements.0.text", 4.1, "not_a_proof"),
    ("elements.0.text", 4, "damaged_file"),
    ("elements.0.pointer", "/valueQuantity/valu", "damaged_element"),
    ("elements.0.pointer", "", "damaged_element"),
    ("elements.0.pointer", "\x1b[2J\u202e", "damaged_element"),
    ("elements.0.pointer", "/" * 4097, "damaged_file"),
    ("elements.0.index", 7, "damaged_element"),
    ("elements.0.index", 99, "damaged_element"),
    ("elements.0.index", -1, "damaged_file"),
    ("elements.0.index", True, "damaged_file"),
    ("elements.0.salt", "0x" + "AB" * 32, "damaged_file"),
    ("elements.0.salt", "0x12", "damaged_file"),
    ("elements.0.salt", "g" * 66, "damaged_file"),
    ("elements.0.path.1", None, "damaged_file"),
    ("elements.0", [], "damaged_file"),
    ("commitment.count", 11, "damaged_element"),
    ("commitment.count", 100, "damaged_element"),
    ("commitment.count", 0, "damaged_file"),
    ("header.topic", "consent", "damaged_header"),
    ("header.resourceType", "Condition", "damaged_header"),
    ("header.id", "potassium-2", "damaged_header"),
    ("header.id", "", "damaged_file"),
    ("header.id", "x" * 256, "damaged_file"),
    ("header.version", 2, "damaged_header"),
    ("header.version", 0, "damaged_file"),
    ("header.version", "1", "damaged_file"),
    ("header.version", 2**53, "damaged_file"),
    ("header.author", "https://south.example", "damaged_header"),
    ("header.previous", "0x" + "00" * 32, "damaged_header"),
    ("header.previous", "", "damaged_file"),
    ("leaf.index", 1, "damaged_leaf"),
    ("leaf.index", 7, "damaged_leaf"),
    ("head.size", 4, "damaged_leaf"),
    ("head.size", 6, "not_anchored"),
    ("head.size", 8, "not_anchored"),
    ("head.size", 301, "damaged_leaf"),
    ("head.size", 0, "damaged_file"),
    ("anchor.chainId", 0, "damaged_file"),
    ("anchor.contract", "0x" + "12" * 19, "damaged_file"),
    ("anchor.institution", 0, "damaged_file"),
    ("anchor.institution", 2, "not_anchored"),
    ("anchor.institution", "1", "damaged_file"),
]


def altered(proof, where, change):
    """A proof in which one field, named by the way to it, has been changed."""
    other = copy.deepcopy(proof)
    *way, last = [int(step) if step.isdigit() else step for step in where.split(".")]
    part = other
    for step in way:
        part = part[step]
    if isinstance(part, dict):
        part[last] = change(part.get(last))
    else:
        part[last] = change(part[last])
    return other


def main():
    (HERE / FILE).write_text(json.dumps(make(), indent=1) + "\n")


if __name__ == "__main__":
    main()
