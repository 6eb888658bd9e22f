"""Forms, calls and commitments are those that the vectors hold, which forge tries on the contract."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from eth_abi import decode

from chain.abi import contract
from consent import signing
from consent.evidence import grantee_commitment, grantee_salt
from consent.signing import Domain, Grant, Revocation, Signed, Veto, arguments_of, call_of, new_nonce
from consent.signing.calls import CallMalformed
from consent.signing.forms import FormInvalid
from tests.vectors import make_consent

VECTORS = json.loads((Path(make_consent.__file__).parent / make_consent.FILE).read_text())
DOMAIN = Domain(chain_id=VECTORS["domain"]["chainId"], registry=VECTORS["domain"]["verifyingContract"])


def unhexed(value):
    return bytes.fromhex(value.removeprefix("0x"))


def form_of(case):
    """One form of the vectors, as ours."""
    message = {
        name: [unhexed(each) for each in value]
        if isinstance(value, list)
        else unhexed(value)
        if isinstance(value, str)
        else value
        for name, value in case["message"].items()
    }
    return getattr(signing, case["form"])(**message)


A_GRANT = next(form_of(case) for case in VECTORS["forms"] if case["form"] == "Grant")


class TestForm:
    @pytest.mark.parametrize("case", [pytest.param(case, id=case["form"]) for case in VECTORS["forms"]])
    def test_has_the_digest_of_the_vectors(self, case):
        assert form_of(case).digest(DOMAIN) == unhexed(case["digest"])

    @pytest.mark.parametrize("name", VECTORS["types"])
    def test_has_the_fields_that_the_contract_hashes(self, name):
        form = getattr(signing, name)

        assert ",".join(f"{kind} {field}" for field, kind in form.TYPES.items()) == VECTORS["types"][name]
        assert [*form.TYPES] == [*form.__dataclass_fields__][-len(form.TYPES) :]

    def test_is_void_on_another_chain_and_at_another_registry(self):
        digest = A_GRANT.digest(DOMAIN)

        assert A_GRANT.digest(Domain(chain_id=1, registry=DOMAIN.registry)) != digest
        assert A_GRANT.digest(Domain(chain_id=DOMAIN.chain_id, registry=VECTORS["verifier"])) != digest

    @pytest.mark.parametrize(
        "change", [{"patient": b"short"}, {"expiry": 2**64}, {"nonce": -1}, {"deadline": "soon"}]
    )
    def test_cannot_hold_what_the_contract_could_not(self, change):
        values = {name: getattr(A_GRANT, name) for name in Grant.TYPES}

        with pytest.raises(FormInvalid, match=next(iter(change))):
            Grant(**values | change)

    @pytest.mark.parametrize("signers", [[], [b"\x02" * 32, b"\x01" * 32], [b"\x01" * 32] * 2, [b"short"]])
    def test_insists_on_signers_that_rise(self, signers):
        with pytest.raises(FormInvalid, match="signers"):
            signing.Enrolment(patient=b"p" * 32, institution=1, signers=signers, deadline=1)


class TestNonce:
    def test_has_a_key_of_its_own_each_time(self):
        nonces = {new_nonce() for _ in range(100)}

        assert len(nonces) == 100
        assert all(nonce % 2**64 == 0 and nonce < 2**256 for nonce in nonces)
        assert max(nonces) >= 2**248


def test_seconds_are_counted_as_the_chain_does():
    assert signing.seconds(datetime(2026, 5, 12, 10, 0, 0, 999_999, tzinfo=UTC)) == make_consent.NOON


class TestGrantee:
    def test_is_that_of_the_vectors(self):
        grantee = VECTORS["grantee"]
        salt = grantee_salt(unhexed(grantee["secret"]))

        assert salt == unhexed(grantee["salt"])
        assert grantee_commitment(salt, grantee["text"]) == unhexed(grantee["commitment"])


class TestCall:
    """What the outbox keeps becomes the very bytes of the vectors' transactions."""

    @pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in VECTORS["calls"]])
    def test_survives_the_outbox(self, case):
        registry = contract("ConsentRegistry")
        data = unhexed(case["data"])
        function, types = next(
            (name, types)
            for name, types in make_consent.FUNCTIONS.items()
            if make_consent.selector(f"{name}({','.join(types)})") == data[:4]
        )
        arguments = decode(types, data[4:])

        kept = json.loads(json.dumps(signing.forms.as_json(arguments)))

        assert registry.calldata(function, *arguments_of(function, kept)) == data

    @pytest.mark.parametrize(
        ("form", "signers", "function"),
        [
            (A_GRANT, 1, "grant"),
            (Revocation(patient=b"p" * 32, grant=b"g" * 32), 1, "revoke"),
            (Veto(patient=b"p" * 32, number=2), 1, "vetoRecovery"),
            (next(form_of(each) for each in VECTORS["forms"] if each["form"] == "Enrolment"), 2, "enrol"),
            (
                signing.Recovery(patient=b"p" * 32, institution=1, number=1, signers=[b"s" * 32], deadline=9),
                1,
                "proposeRecovery",
            ),
            (
                signing.SignerAddition(patient=b"p" * 32, signer=b"s" * 32, nonce=5, deadline=9),
                2,
                "addSigner",
            ),
            (
                signing.SignerRemoval(patient=b"p" * 32, signer=b"s" * 32, nonce=5, deadline=9),
                1,
                "removeSigner",
            ),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_carries_each_form(self, form, signers, function):
        signed = [Signed(b"signer %d" % number, b"signature") for number in range(signers)]

        kept = json.loads(json.dumps(call_of(form, *signed)))
        data = contract("ConsentRegistry").calldata(function, *arguments_of(function, kept))

        assert form.patient in data
        assert all(each.signer in data for each in signed)

    @pytest.mark.parametrize(
        "call", [[], ["0x00", "0x00"], ["0x" + "11" * 32, "zz"], ["0x" + "11" * 32, None], [{}, {}]]
    )
    def test_is_refused_when_it_is_none(self, call):
        with pytest.raises(CallMalformed, match="revokeByInstitution"):
            arguments_of("revokeByInstitution", call)
