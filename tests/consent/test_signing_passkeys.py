"""Passkeys are made and judged as the contract will judge them, and whoever signs wrongly is told why."""

import json
import os
from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from eth_abi import decode
from eth_abi.exceptions import DecodingError
from fido2.cose import ES256, RS256
from fido2.webauthn import Aaguid, AttestedCredentialData, AuthenticatorData

from consent.signing import passkeys, refusals
from consent.signing.passkeys import (
    MadeKey,
    N,
    begin_registration,
    check_assertion,
    complete_registration,
    origin_of,
    signer_of,
)
from tests.consent.passkeys import ORIGIN, RP_ID, ConsentDevice
from tests.consent.test_signing_forms import VECTORS, unhexed

VERIFIER = VECTORS["verifier"]
DIGEST = sha256(b"a form").digest()

# What the contract refuses and the server heals, or never writes.
HEALED = {"HighS", "WrongIndex"}
# The server's own word for what the contract calls otherwise.
CALLED = {"SignatureNotOfKey": "SignatureInvalid"}


@pytest.fixture
def device():
    device = ConsentDevice()
    device.make_key(VERIFIER)
    return device


def check(response, *keys, digest=DIGEST):
    return check_assertion(response, digest=digest, keys=keys, rp_id=RP_ID, origin=ORIGIN)


def b64(value):
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def opened(signature):
    return decode(["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"], signature)


def decodable(case):
    try:
        return opened(unhexed(case["signature"]))
    except DecodingError:
        return None


ASSERTIONS = [
    pytest.param(case, id=case["name"])
    for case in VECTORS["assertions"]
    # What is cut off in the contract's own encoding no browser can send.
    if decodable(case)
]


class TestVectors:
    @pytest.mark.parametrize("case", ASSERTIONS)
    def test_are_judged_as_the_contract_judges_them(self, case):
        key = unhexed(case["key"])
        origin = key[96:].decode()
        rp_id = origin.split("//")[1].split(":")[0]
        public_key = ES256({1: 2, 3: -7, -1: 1, -2: key[:32], -3: key[32:64]})
        made = MadeKey(
            b"credential",
            bytes(AttestedCredentialData.create(Aaguid.NONE, b"credential", public_key)),
            unhexed(VERIFIER) + key,
        )
        r, s, _, _, authenticator_data, client_data = decodable(case)
        response = {
            "id": b64(b"credential"),
            "rawId": b64(b"credential"),
            "type": "public-key",
            "response": {
                "clientDataJSON": b64(client_data.encode()),
                "authenticatorData": b64(authenticator_data),
                "signature": b64(encode_dss_signature(int.from_bytes(r, "big"), int.from_bytes(s, "big"))),
            },
        }

        try:
            signed = check_assertion(
                response, digest=unhexed(case["hash"]), keys=[made], rp_id=rp_id, origin=origin
            )
            refusal = ""
        except refusals.PasskeyRefused as error:
            refusal = error.cause

        if case["refusal"] in HEALED or not case["refusal"]:
            assert refusal == ""
            assert signed.signer == made.signer
            # What a browser sent is what the contract gets, but for what was healed.
            assert opened(signed.signature)[2:] == (23, 1, authenticator_data, client_data)
            assert case["refusal"] or signed.signature == unhexed(case["signature"])
        elif case["name"] == "a registration":
            # Named more exactly here than by the contract, which sees its length first.
            assert refusal == "WrongType"
        else:
            assert refusal == CALLED.get(case["refusal"], case["refusal"])

    def test_have_our_signer(self):
        case = VECTORS["assertions"][0]
        key = unhexed(case["key"])
        public_key = ES256({1: 2, 3: -7, -1: 1, -2: key[:32], -3: key[32:64]})
        credential = AttestedCredentialData.create(Aaguid.NONE, b"credential", public_key)

        signer = signer_of(
            bytes(credential),
            verifier=VERIFIER,
            rp_id="consent.north.example",
            origin="https://consent.north.example",
        )

        assert signer == unhexed(VERIFIER) + key


class TestCheckAssertion:
    def test_says_which_key_signed_and_gives_what_the_contract_takes(self, device):
        other = ConsentDevice()
        other.make_key(VERIFIER)
        response = device.answer_to(DIGEST)

        signed = check(response, other.made, device.made)

        assert signed.signer == device.signer
        assert opened(signed.signature)[2:4] == (23, 1)

    def test_flips_every_high_s(self, device):
        was_high = 0
        while not was_high:
            response = device.answer_to(DIGEST)
            encoded = response["response"]["signature"]
            der = passkeys.websafe_decode(encoded)
            was_high = decode_dss_signature(der)[1] > N // 2

            signed = check(response, device.made)

            assert int.from_bytes(opened(signed.signature)[1], "big") <= N // 2

    def test_names_the_page_that_it_was_signed_on(self, device):
        device.origin = "http://portal.localhost:8000"

        with pytest.raises(refusals.WrongOrigin):
            check(device.answer_to(DIGEST), device.made)

    def test_takes_the_exact_origin_and_no_other_port(self, device):
        device.origin = "http://consent.localhost:8001"

        with pytest.raises(refusals.WrongOrigin):
            check(device.answer_to(DIGEST), device.made)

    def test_refuses_another_form(self, device):
        response = device.answer_to(sha256(b"another").digest())

        with pytest.raises(refusals.WrongChallenge):
            check(response, device.made)

    def test_refuses_a_device_that_did_not_check_its_owner(self):
        device = ConsentDevice()
        device.make_key(VERIFIER)
        device.presence = AuthenticatorData.FLAG.USER_PRESENT

        with pytest.raises(refusals.UserNotVerified):
            check(device.answer_to(DIGEST), device.made)

    def test_refuses_a_passkey_of_another_site(self, device):
        with pytest.raises(refusals.WrongRpId):
            check(device.answer_to(DIGEST, rp_id="localhost"), device.made)

    def test_refuses_a_passkey_that_is_none_of_the_patients(self, device):
        stranger = ConsentDevice()
        stranger.make_key(VERIFIER)

        with pytest.raises(refusals.UnknownCredential):
            check(stranger.answer_to(DIGEST), device.made)

    def test_refuses_a_signature_of_another_key_under_a_known_name(self, device):
        stranger = ConsentDevice()
        stranger.credential_id = device.credential_id

        with pytest.raises(refusals.SignatureInvalid):
            check(stranger.answer_to(DIGEST), device.made)

    @pytest.mark.parametrize(
        ("change", "refusal"),
        [
            ({"response": None}, refusals.NotAnAssertion),
            ({"response": {}}, refusals.NotAnAssertion),
            ({"rawId": "ab"}, refusals.NotAnAssertion),
            ({"id": None, "rawId": None}, refusals.NotAnAssertion),
        ],
    )
    def test_refuses_what_is_no_answer_of_a_passkey(self, device, change, refusal):
        response = device.answer_to(DIGEST) | change

        with pytest.raises(refusal):
            check(response, device.made)

    @pytest.mark.parametrize("answer", [None, [], "text", 7, {"response": []}])
    def test_refuses_what_has_not_even_the_shape(self, device, answer):
        with pytest.raises(refusals.NotAnAssertion):
            check(answer, device.made)

    @pytest.mark.parametrize(
        ("part", "value", "refusal"),
        [
            ("clientDataJSON", b64(b"{" * 900), refusals.ClientDataMalformed),
            ("clientDataJSON", b64(b'{"a":' * 400), refusals.ClientDataMalformed),
            ("clientDataJSON", b64(b"[]"), refusals.ClientDataMalformed),
            ("clientDataJSON", b64(b"\xff\xfe"), refusals.ClientDataMalformed),
            ("clientDataJSON", b64(b" " * 2049), refusals.ClientDataHasWrongLength),
            ("clientDataJSON", 7, refusals.PasskeyRefused),
            ("authenticatorData", b64(b"\x00" * 36), refusals.AuthenticatorDataHasWrongLength),
            ("authenticatorData", b64(b"\x00" * 1025), refusals.AuthenticatorDataHasWrongLength),
            ("authenticatorData", b64(b"\xc5" * 60), refusals.NotAnAssertion),
            ("signature", b64(b""), refusals.SignatureInvalid),
            ("signature", b64(b"\x30\x06\x02\x01\x00\x02\x01\x00"), refusals.SignatureInvalid),
            ("signature", None, refusals.NotAnAssertion),
        ],
    )
    def test_survives_whatever_somebody_sends(self, device, part, value, refusal):
        response = device.answer_to(DIGEST)
        response["response"][part] = value

        with pytest.raises(refusal):
            check(response, device.made)

    def test_refuses_client_data_in_an_order_that_the_contract_does_not_read(self, device):
        response = device.answer_to(DIGEST)
        client_data = {
            "challenge": b64(DIGEST),
            "type": "webauthn.get",
            "origin": ORIGIN,
            "crossOrigin": False,
        }
        response["response"]["clientDataJSON"] = b64(json.dumps(client_data).encode())

        with pytest.raises(refusals.ClientDataMalformed):
            check(response, device.made)


class TestRegistration:
    def test_asks_for_a_key_that_the_contract_can_judge(self, device):
        options, _ = begin_registration(rp_id=RP_ID, known=[device.made])

        asked = json.loads(json.dumps(options))["publicKey"]
        assert asked["rp"]["id"] == RP_ID
        assert [each["alg"] for each in asked["pubKeyCredParams"]] == [-7]
        assert asked["authenticatorSelection"]["residentKey"] == "preferred"
        assert asked["authenticatorSelection"]["userVerification"] == "required"
        assert [each["id"] for each in asked["excludeCredentials"]] == [b64(device.credential_id)]

    def test_names_the_hospital_and_nobody(self, settings):
        options, _ = begin_registration(rp_id=RP_ID)

        user = options["publicKey"]["user"]
        assert (user["name"], user["displayName"]) == (settings.HOSPITAL_NAME, settings.HOSPITAL_NAME)

    def test_gives_each_key_an_entry_of_its_own(self):
        handles = {begin_registration(rp_id=RP_ID)[0]["publicKey"]["user"]["id"] for _ in range(3)}

        assert len(handles) == 3

    def test_takes_the_key_and_writes_it_as_the_registry_knows_it(self):
        device = ConsentDevice()

        made = device.make_key(VERIFIER)

        numbers = device.key.public_key().public_numbers()
        assert made.credential_id == device.credential_id
        assert made.signer == (
            unhexed(VERIFIER)
            + numbers.x.to_bytes(32, "big")
            + numbers.y.to_bytes(32, "big")
            + sha256(RP_ID.encode()).digest()
            + ORIGIN.encode()
        )

    def complete(self, response, state):
        return complete_registration(response, state, verifier=VERIFIER, rp_id=RP_ID, origin=ORIGIN)

    @pytest.mark.parametrize(
        ("device", "refusal"),
        [
            (ConsentDevice(origin="http://portal.localhost:8000"), refusals.WrongOrigin),
            (ConsentDevice(verifies=False), refusals.UserNotVerified),
        ],
    )
    def test_refuses_a_key_that_was_made_elsewhere_or_by_anybody(self, device, refusal):
        options, state = begin_registration(rp_id=RP_ID)

        with pytest.raises(refusal):
            self.complete(device.register(options), state)

    def test_refuses_an_answer_to_another_question(self):
        options, _ = begin_registration(rp_id=RP_ID)
        _, state = begin_registration(rp_id=RP_ID)

        with pytest.raises(refusals.WrongChallenge):
            self.complete(ConsentDevice().register(options), state)

    def test_refuses_a_key_of_another_site(self):
        options, state = begin_registration(rp_id="localhost")

        with pytest.raises(refusals.WrongRpId):
            self.complete(ConsentDevice().register(options), state)

    def test_refuses_an_assertion_in_its_place(self, device):
        _, state = begin_registration(rp_id=RP_ID)
        device.user_handle = "aa"

        with pytest.raises(refusals.PasskeyRefused):
            self.complete(device.answer_to(DIGEST), state)

    def test_refuses_a_key_that_the_contract_cannot_judge(self, monkeypatch):
        options, state = begin_registration(rp_id=RP_ID)
        device = ConsentDevice()
        key = rsa.generate_private_key(65537, 2048)
        monkeypatch.setattr(
            ES256, "from_cryptography_key", lambda _: RS256.from_cryptography_key(key.public_key())
        )

        with pytest.raises(refusals.KeyNotTaken):
            self.complete(device.register(options), state)

    @pytest.mark.parametrize(
        "origin", ["", 'https://a".example', "https://a b.example", "https://é.example", "x" * 256]
    )
    def test_refuses_an_origin_that_cannot_be_part_of_a_key(self, origin):
        key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
        credential = AttestedCredentialData.create(Aaguid.NONE, os.urandom(16), key)

        with pytest.raises(refusals.KeyNotTaken):
            signer_of(bytes(credential), verifier=VERIFIER, rp_id=RP_ID, origin=origin)

    def test_refuses_a_point_that_is_not_on_the_curve(self):
        key = ES256({1: 2, 3: -7, -1: 1, -2: b"\x01" * 32, -3: b"\x01" * 32})
        credential = AttestedCredentialData.create(Aaguid.NONE, os.urandom(16), key)

        with pytest.raises(refusals.KeyNotTaken):
            signer_of(bytes(credential), verifier=VERIFIER, rp_id=RP_ID, origin=ORIGIN)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://consent.north.example", "https://consent.north.example"),
        ("https://Consent.North.example:443/", "https://consent.north.example"),
        ("http://consent.localhost:80", "http://consent.localhost"),
        ("http://consent.localhost:8000", "http://consent.localhost:8000"),
    ],
)
def test_an_origin_is_written_as_browsers_do(url, origin):
    assert origin_of(url) == origin
