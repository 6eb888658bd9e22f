"""The signed consents in tests/vectors, which forge tries on the contracts too."""

import hmac
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from eth_abi import decode
from eth_abi.exceptions import DecodingError
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from fido2.cose import ES256
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorAssertionResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
    UserVerificationRequirement,
)

from chain.abi import contract
from tests.vectors import make_consent

VECTORS = json.loads((Path(make_consent.__file__).parent / make_consent.FILE).read_text())
PAGE = (Path(make_consent.__file__).parents[2] / "docs/formats/consent.md").read_text()
FORMS = VECTORS["forms"]
ASSERTIONS = VECTORS["assertions"]

# What fido2 lets pass and the contract does not: an s that the server flips, places that it computes, a page
# that may be framed, and flags that contradict each other.
LEFT_TO_THE_CONTRACT = {"HighS", "WrongIndex", "CrossOrigin"}
CONTRADICTION = "backed up where it cannot be"


def named(cases):
    return [pytest.param(case, id=case["name"]) for case in cases]


def unhexed(value):
    return bytes.fromhex(value.removeprefix("0x"))


def fields_of(form):
    return [
        dict(zip(("type", "name"), field.split(" "), strict=True))
        for field in VECTORS["types"][form].split(",")
    ]


class TestConsentVectors:
    def test_are_what_their_generator_makes(self):
        assert make_consent.consent() == VECTORS, "run python -m tests.vectors.make_consent"

    @pytest.mark.parametrize("form", [pytest.param(form, id=form["form"]) for form in FORMS])
    def test_have_the_digests_that_eth_account_makes(self, form):
        types = {form["form"]: fields_of(form["form"])}
        message = {
            name: [unhexed(each) for each in value]
            if isinstance(value, list)
            else unhexed(value)
            if isinstance(value, str)
            else value
            for name, value in form["message"].items()
        }

        signable = encode_typed_data(VECTORS["domain"], types, message)

        assert keccak(b"\x19" + signable.version + signable.header + signable.body) == unhexed(form["digest"])

    def test_show_each_form(self):
        assert {form["form"] for form in FORMS} == set(VECTORS["types"])

    @pytest.mark.parametrize("case", named(ASSERTIONS))
    def test_hold_assertions_that_a_server_judges_as_the_contract_does(self, case):
        is_left = case["refusal"] in LEFT_TO_THE_CONTRACT or case["name"] == CONTRADICTION
        should_pass = not case["refusal"] or is_left

        assert is_taken_by_a_server(case) == should_pass

    def test_call_and_expect_what_the_contracts_have(self):
        registry, verifier = contract("ConsentRegistry"), contract("ConsentWebAuthnVerifier")
        functions = {
            keccak(text=signature_of(part))[:4] for part in registry.abi if part["type"] == "function"
        }
        errors = {
            keccak(text=signature_of(part))[:4]
            for part in registry.abi + verifier.abi
            if part["type"] == "error"
        }

        for call in VECTORS["calls"]:
            assert unhexed(call["data"])[:4] in functions
        for case in [*VECTORS["calls"], *ASSERTIONS]:
            assert not case["refusal"] or unhexed(case["selector"]) in errors

    def test_name_each_refusal_that_a_patient_can_meet(self):
        met = {case["refusal"] for case in [*VECTORS["calls"], *ASSERTIONS]} - {""}

        assert met == set(make_consent.ERRORS)


class TestGrantee:
    def test_is_committed_to_under_a_salt_of_its_own(self):
        grantee = VECTORS["grantee"]
        label = b"ehrportal/grantee/1\x00"
        salt = hmac.digest(unhexed(grantee["secret"]), label, "sha256")

        assert salt == unhexed(grantee["salt"])
        assert sha256(label + salt + grantee["text"].encode()).digest() == unhexed(grantee["commitment"])


class TestPageOnConsents:
    def test_names_each_call_and_event_as_the_contract_has_it(self):
        parts = [part for part in contract("ConsentRegistry").abi if part["type"] in ("function", "event")]
        hashes = {signature_of(part): keccak(text=signature_of(part)).hex() for part in parts}
        events = {signature_of(part) for part in parts if part["type"] == "event"}
        rows = re.findall(r"^\| `0x([0-9a-f]{8}|[0-9a-f]{64})` \| `(\S+)`", PAGE, re.MULTILINE)

        assert len(rows) > 25
        for hash, call in rows:
            assert hash == hashes[call][: len(hash)]
            assert (len(hash) == 64) == (call in events)
        # OpenZeppelin's, for a domain that changes. Ours does not.
        assert events - {call for _, call in rows} == {"EIP712DomainChanged()"}

    def test_names_refusals_that_the_contracts_know(self):
        errors = {
            part["name"]
            for name in ("ConsentRegistry", "ConsentWebAuthnVerifier")
            for part in contract(name).abi
            if part["type"] == "error"
        }
        tables = PAGE[PAGE.index("| refusal of") : PAGE.index("## Calls")]
        named = {
            word
            for row in re.findall(r"^\| (`.*?) \|", tables, re.MULTILINE)
            for word in re.findall(r"`(\w+)`", row)
        }

        assert len(named) > 20
        assert named <= errors

    def test_has_the_forms(self):
        block = PAGE.split("```types\n")[1].split("```")[0]

        assert block.splitlines() == [f"{form}({fields})" for form, fields in VECTORS["types"].items()]

    def test_has_an_example_that_holds(self):
        example = dict(line.split() for line in PAGE.split("```example\n")[1].split("```")[0].splitlines())
        form = next(each for each in FORMS if each["form"] == "Grant" and each["digest"] == example["digest"])

        assert {name: str(value) for name, value in form["message"].items()}.items() <= example.items()
        assert {name: str(VECTORS["domain"][name]) for name in ("chainId", "verifyingContract")}.items() <= (
            example.items()
        )
        assert websafe_encode(unhexed(example["digest"])) == example["challenge"]

    def test_has_the_prices_of_the_regression_file(self):
        snapshots = Path(make_consent.__file__).parents[2] / "chain/contracts/snapshots/ConsentRegistry.json"
        gas = json.loads(snapshots.read_text())

        for act in ("grant", "revoke"):
            prices = (gas[f"{act}, {how}"] for how in ("P-256 precompile", "P-256 in Solidity", "wallet"))
            assert f"| {act} | {' | '.join(f'{int(price):,}' for price in prices)} |" in PAGE


def signature_of(part):
    types = ",".join(
        f"({','.join(each['type'] for each in given['components'])}){given['type'].removeprefix('tuple')}"
        if given["type"].startswith("tuple")
        else given["type"]
        for given in part["inputs"]
    )
    return f"{part['name']}({types})"


def is_taken_by_a_server(case):
    """Ask fido2, as the consent page's server will: with the exact origin and a verified user."""
    key = unhexed(case["key"])
    origin = key[96:].decode()
    rp_id = origin.split("//")[1].split(":")[0]
    assert key[64:96] == sha256(rp_id.encode()).digest()
    try:
        r, s, _, _, authenticator_data, client_data = decode(
            ["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"], unhexed(case["signature"])
        )
    except DecodingError:
        return False

    public_key = ES256({1: 2, 3: -7, -1: 1, -2: key[:32], -3: key[32:64]})
    server = Fido2Server(
        PublicKeyCredentialRpEntity(id=rp_id, name="Consent"), verify_origin=lambda given: given == origin
    )
    credential = AttestedCredentialData.create(Aaguid.NONE, b"credential", public_key)
    _, state = server.authenticate_begin(
        [credential], user_verification=UserVerificationRequirement.REQUIRED, challenge=unhexed(case["hash"])
    )
    try:
        server.authenticate_complete(
            state,
            [credential],
            AuthenticationResponse(
                raw_id=b"credential",
                response=AuthenticatorAssertionResponse(
                    client_data=CollectedClientData(client_data.encode()),
                    authenticator_data=AuthenticatorData(authenticator_data),
                    signature=encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big")),
                ),
            ),
        )
    except (ValueError, InvalidSignature):
        return False
    return True
