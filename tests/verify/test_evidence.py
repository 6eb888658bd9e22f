import json
import re
import subprocess
from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from eth_abi import decode, encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vectors import make_consent, make_evidence
from tests.verify.browser_side import node, verdicts
from tests.verify.conftest import CHECKOUT, EVIDENCE, answer_of
from tests.verify.nodes import fake_node
from tests.verify.python_side import both, run, verifier

CASES = EVIDENCE["cases"]
CHAIN = EVIDENCE["chain"]
REFUSALS = {
    re.sub("(?<!^)(?=[A-Z])", "_", error).lower(): make_consent.refusal_of(error)
    for error in make_consent.ERRORS
}
numbers = st.integers(min_value=1, max_value=2**255)


def named(name):
    [case] = [case for case in CASES if case["name"] == name]
    return case["evidence"]


GOOD = named("signed with a passkey")


def details(verdict):
    return {detail["label"]: detail["value"] for detail in verdict["details"]}


class TestVectors:
    def test_are_what_our_own_code_makes(self):
        again = json.loads(json.dumps(make_evidence.make()))
        assert again == EVIDENCE, "run python -m tests.vectors.make_evidence"

    @pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
    def test_end_in_the_words_for_what_is_wrong(self, case, consents_rpc):
        given = {"data": case["evidence"].encode(), "contract": case.get("trusted")}
        for cause, verdict in (
            (case["cause"], verifier.verify(**given, rpc=consents_rpc)),
            (case["offline"], verifier.verify(**given)),
        ):
            assert verdict["cause"] == cause, verdict
            assert verdict["ok"] is (cause is None)
            assert verdict["sentence"].isprintable()

    def test_end_in_the_same_words_in_the_browser(self, consents_rpc):
        asked = [
            {"file": case["evidence"], "rpc": rpc, "trusted": case.get("trusted")}
            for case in CASES
            for rpc in (None, consents_rpc)
        ]
        for question, theirs in zip(asked, verdicts(asked), strict=True):
            ours = verifier.verify(
                question["file"].encode(), rpc=question["rpc"], contract=question["trusted"]
            )
            assert theirs == ours

    def test_know_more_causes_where_the_chain_is_asked(self):
        more = {case["cause"] for case in CASES if case["cause"] != case["offline"]}
        assert more == {
            *("other_contract", "wrong_chain", "no_contract", "not_a_registry", "not_granted"),
            *("wrong_transaction", "not_a_signer", "revoked", "expired"),
        }


class TestContract:
    """ConsentWebAuthnVerifier, asked about the same assertions."""

    # What the file may not hold and the contract does not mind, or has more than one word for.
    STRICTER_THAN_THE_CONTRACT = {"not_an_assertion", "not_a_wallet_signature", "origin_not_plain"}

    def test_refuses_what_we_refuse_for_the_same_cause(self, consents_rpc):
        tried = {}
        for case in CASES:
            evidence = read(case["evidence"])
            if evidence is None or case["offline"] in self.STRICTER_THAN_THE_CONTRACT:
                continue
            said = self.said_by_the_contract(consents_rpc, evidence)
            wanted = REFUSALS.get(case["offline"], "takes it")
            # What the assertion is not about, the contract never sees.
            if case["offline"] is None or case["offline"] in REFUSALS:
                assert said == wanted, case["name"]
                tried[case["offline"]] = tried.get(case["offline"], 0) + 1

        assert tried.keys() == {
            *(None, "wrong_rp_id", "client_data_malformed", "wrong_origin", "cross_origin", "wrong_type"),
            *("wrong_challenge", "user_not_verified", "high_s", "signature_not_of_key", "wrong_index"),
        }

    def said_by_the_contract(self, rpc, evidence):
        data = encode(
            ["bytes", "bytes32", "bytes"],
            [
                bytes.fromhex(evidence["signer"][42:]),
                verifier.digest_of(evidence["form"]),
                bytes.fromhex(evidence["signature"][2:]),
            ],
        )
        called = {
            "to": CHAIN["verifier"],
            "data": "0x" + (keccak(text="verify(bytes,bytes32,bytes)")[:4] + data).hex(),
        }
        answer = answer_of(rpc, "eth_call", called, "latest")
        return answer["error"]["data"][:10] if "error" in answer else "takes it"


def read(text):
    """The passkey's evidence in a file whose fields are what they must be, else nothing."""
    try:
        evidence = verifier.read(text.encode())
    except verifier.Refused:
        return None
    return evidence if len(evidence["signer"]) > 42 else None


class TestSentence:
    def test_says_without_the_chain_what_was_signed_where_and_what_is_not_known(self):
        assert verifier.verify(GOOD.encode())["sentence"] == (
            "Proven: on https://consent.north.example the holder of a passkey, checked by PIN, finger or "
            'face, signed that "Dr Ines Keller, South Hospital" may read "Results" and "Medicines", for '
            '"To treat me", from 12 May 2026, 10:00:00 UTC until 12 May 2027, 10:00:00 UTC. The chain was '
            "not asked, so whose key this is, whether the grant was accepted there and whether it has been "
            "revoked since is not known."
        )

    def test_says_with_the_chain_since_when_it_holds_and_who_enrolled_the_patient(self, consents_rpc):
        assert verifier.verify(GOOD.encode(), rpc=consents_rpc)["sentence"].endswith(
            "until 12 May 2027, 10:00:00 UTC. The chain has held it since 12 May 2026, 11:10:00 UTC, under a "
            "key of a patient whom North Hospital enrolled, and it is not revoked."
        )

    def test_says_of_a_revoked_grant_from_when_until_when_it_held(self, consents_rpc):
        said = verifier.verify(named("that the patient revoked").encode(), rpc=consents_rpc)["sentence"]
        assert said.startswith("Revoked: on https://consent.north.example")
        assert said.endswith(
            "The chain accepted this grant on 12 May 2026, 15:40:00 UTC, under a key of a patient whom North "
            "Hospital enrolled, and it was revoked on 12 May 2026, 15:50:00 UTC: from then on nobody may "
            "read under it."
        )

    def test_says_of_a_wallet_that_it_names_no_page(self):
        verdict = verifier.verify(named("signed with a wallet").encode())
        assert verdict["sentence"].startswith("Proven: the wallet 0x881b6f98b7f93c452c0469ad9bb51b197b5bdc3a")
        assert details(verdict)["Signed on"] == "not known: a wallet's signature does not name the page"

    def test_says_that_the_time_of_signing_is_not_known(self, consents_rpc):
        for rpc in (None, consents_rpc):
            verdict = verifier.verify(GOOD.encode(), rpc=rpc)
            assert details(verdict)["Signed at"] == "not known: a signature carries no time"

    def test_names_records_labels_and_that_it_is_for_once(self):
        said = verifier.verify(named("for single records, with labels, once").encode())["sentence"]
        assert '"Letter 1", "Letter 2"' in said
        assert '"Letter 10" and 2 more, with what is marked "HIV", for "To treat me", from' in said
        assert "until 12 May 2027, 10:00:00 UTC, on one occasion. The chain" in said

    def test_names_kinds_and_records_and_every_label(self):
        said = verifier.verify(named("with all that is known").encode())["sentence"]
        assert (
            'may read "Results", "Medicines" and "Letter", with what is marked "Mental health" and "HIV", for'
        ) in said

    def test_names_the_page_that_was_meant_to_be_another(self):
        assert verifier.verify(named("signed at the portal's sign-in").encode())["sentence"] == (
            "The signature in this file was made on https://portal.north.example, and not on "
            "https://consent.north.example, where this key signs consents."
        )

    def test_does_not_let_a_name_end_its_own_quotation_or_steer_a_terminal(self):
        said = verifier.verify(named("with characters that steer a terminal").encode())["sentence"]
        assert 'signed that "Dr \ufffd[2J\' may not\ufffd\ufffd" may read "Results"' in said

    @pytest.mark.parametrize("case", [c for c in CASES if c["name"].startswith("not in words")])
    def test_claims_nothing_of_a_consent_that_says_more_than_it_knows(self, case):
        said = verifier.verify(case["evidence"].encode())["sentence"]
        assert "signed the consent below, which this verifier cannot put into words, until 12 May" in said
        assert "may read" not in said

    def test_says_of_a_suspended_hospital_that_its_patients_consent_holds_and_that(self, consents_rpc):
        file = named("of a patient of a hospital that is suspended today")
        verdict = verifier.verify(file.encode(), rpc=consents_rpc)
        assert verdict["ok"]
        assert verdict["sentence"].endswith(" The hospital is suspended from the registry today.")
        assert details(verdict)["Enrolled by"].endswith(", suspended from the registry today")


class TestDetails:
    def test_know_the_published_contract_by_its_code(self, consents_rpc):
        assert details(both(GOOD, consents_rpc))["Its code"].startswith("the published one")

    def test_do_not_vouch_for_another_contract_that_answers_like_it(self, consents_rpc):
        other = json.dumps({"result": "0x60016002"}).encode()
        with fake_node(lambda asked: other if asked == "eth_getCode" else None, behind=consents_rpc) as url:
            verdict = both(GOOD, url)
        assert verdict["ok"]
        assert details(verdict)["Its code"].startswith("not one that this verifier knows")

    def test_know_the_contract_that_is_built_here(self):
        artifact = json.loads((CHECKOUT / "chain/artifacts/ConsentRegistry.json").read_text())
        code = bytearray.fromhex(artifact["deployedBytecode"][2:])
        assert {place["length"] for place in artifact["immutableReferences"]} == {32}
        for place in artifact["immutableReferences"]:
            code[place["start"] : place["start"] + 32] = b"\x12" * 32
        assert verifier.is_known(bytes(code), verifier.KNOWN_CONSENTS), (
            "a changed ConsentRegistry is published: add its code to both verifiers"
        )

    def test_say_what_was_relied_on_when_the_reader_names_no_contract(self, consents_rpc):
        assert "Compare it" in details(both(GOOD, consents_rpc))["To be compared"]
        assert "To be compared" not in details(both(GOOD, consents_rpc, CHAIN["contract"]))

    def test_tell_that_a_key_was_removed_since(self, consents_rpc):
        file = named("signed with a passkey that was removed later")
        assert details(both(file, consents_rpc))["Key today"] == "not one of the patient's any more"
        assert details(both(GOOD, consents_rpc))["Key today"] == "one of the patient's"

    def test_count_what_is_too_much_to_show(self):
        actor = [{"reference": {"reference": make_evidence.READER, "display": "Dr Keller"}}]
        data = [{"reference": {"display": f"Letter {number}"}} for number in range(205)]
        terms = verifier.terms_of(make_evidence.consent(actor=actor, data=data).decode())
        evidence = {**json.loads(GOOD)}
        shown = verifier.details_on_consent(evidence, {"page": "https://c.example"}, terms, bytes(32))
        assert ("Record, more", "5") in shown
        assert ("Record", "Letter 199") in shown
        assert ("Record", "Letter 200") not in shown


class TestOneFlippedCharacter:
    # Every character would take minutes; every seventeenth meets each part of the file.
    def test_is_refused_wherever_it_is(self, consents_rpc):
        harmless = set()
        for at in range(0, len(GOOD), 17):
            other = "1" if GOOD[at] != "1" else "2"
            flipped = GOOD[:at] + other + GOOD[at + 1 :]
            verdict = verifier.verify(flipped.encode(), rpc=consents_rpc)
            if verdict["ok"]:
                harmless.add(GOOD[at])
            else:
                assert verdict["cause"] not in verifier.COULD_NOT_RUN
        assert harmless == set()


class TestDigest:
    def test_is_that_of_eth_account(self):
        form = json.loads(GOOD)["form"]
        message = {name: form[name] for name in ("patient", "grantee", "scope", "expiry", "deadline")}
        fields = [field.split(" ") for field in make_consent.FORMS["Grant"].split(",")]
        signable = encode_typed_data(
            full_message={
                "types": {
                    "EIP712Domain": [
                        {"name": "name", "type": "string"},
                        {"name": "version", "type": "string"},
                        {"name": "chainId", "type": "uint256"},
                        {"name": "verifyingContract", "type": "address"},
                    ],
                    "Grant": [{"type": kind, "name": name} for kind, name in fields],
                },
                "primaryType": "Grant",
                "domain": {
                    "name": "ehrportal consent",
                    "version": "1",
                    "chainId": form["chainId"],
                    "verifyingContract": form["verifyingContract"],
                },
                "message": {**message, "nonce": int(form["nonce"], 16)},
            }
        )
        theirs = keccak(b"\x19" + signable.version + signable.header + signable.body)
        assert verifier.digest_of(form) == theirs

    def test_is_the_challenge_that_the_passkey_signed(self):
        evidence = json.loads(GOOD)
        *_, client_data = decode(
            ["bytes32", "bytes32", "uint256", "uint256", "bytes", "string"],
            bytes.fromhex(evidence["signature"][2:]),
        )
        digest = verifier.digest_of(evidence["form"])
        assert json.loads(client_data)["challenge"] == urlsafe_b64encode(digest).rstrip(b"=").decode()


class TestKeccak:
    # Around its blocks of 136 bytes, where padding goes wrong.
    LENGTHS = [0, 1, 31, 32, 134, 135, 136, 137, 271, 272, 273, 1000]

    @pytest.mark.parametrize("length", LENGTHS)
    def test_is_that_of_eth_utils(self, length):
        data = bytes(at % 251 for at in range(length))
        assert verifier.keccak256(data) == keccak(data)

    @settings(deadline=None)
    @given(st.binary(max_size=500), st.binary(max_size=200))
    def test_of_several_parts_is_that_of_all_behind_each_other(self, one, other):
        assert verifier.keccak256(one, other) == keccak(one + other)

    def test_is_the_same_in_the_browser(self):
        source = (CHECKOUT / "verify/verify.js").read_bytes()
        program = """
            const { keccak256 } = await import("data:text/javascript;base64," + process.argv[1]);
            const hashes = JSON.parse(process.argv[2]).map((length) =>
              Buffer.from(keccak256(Uint8Array.from({ length }, (_, at) => at % 251))).toString("hex"));
            console.log(JSON.stringify(hashes));
        """
        done = subprocess.run(
            [
                node(),
                "--input-type=module",
                "-e",
                program,
                b64encode(source).decode(),
                json.dumps(self.LENGTHS),
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert json.loads(done.stdout) == [
            keccak(bytes(at % 251 for at in range(length))).hex() for length in self.LENGTHS
        ]


class TestCurves:
    # A busy machine takes a while over five verifications, which says nothing about them.
    @settings(deadline=None, max_examples=30)
    @given(secret=numbers, message=st.binary(max_size=100))
    def test_take_what_a_passkey_s_key_signed_and_nothing_else(self, secret, message):
        private = ec.derive_private_key(secret % (verifier.P256.n - 1) + 1, ec.SECP256R1())
        public = private.public_key().public_numbers()
        r, s = decode_dss_signature(private.sign(message, ec.ECDSA(SHA256())))
        digest = int.from_bytes(sha256(message).digest(), "big")

        assert verifier.is_signed(verifier.P256, (public.x, public.y), digest, r, s)
        assert not verifier.is_signed(verifier.P256, (public.x, public.y), digest ^ 1, r, s)
        assert not verifier.is_signed(verifier.P256, (public.x, verifier.P256.p - public.y), digest, r, s)
        assert not verifier.is_signed(verifier.P256, (public.x, public.y), digest, s, r)

    @settings(deadline=None, max_examples=30)
    @given(secret=numbers, digest=st.binary(min_size=32, max_size=32))
    def test_find_the_wallet_that_signed(self, secret, digest):
        account = Account.from_key(secret.to_bytes(32, "big"))
        signed = account.unsafe_sign_hash(digest)
        key = verifier.key_behind(
            verifier.SECP256K1, int.from_bytes(digest, "big"), signed.r, signed.s, signed.v - 27
        )
        assert keccak(verifier.bytes_of(key))[12:].hex() == account.address[2:].lower()

    @pytest.mark.parametrize("curve", [verifier.P256, verifier.SECP256K1])
    def test_have_a_point_of_the_order_that_they_claim(self, curve):
        x, y = curve.g
        assert (y * y - x**3 - curve.a * x - curve.b) % curve.p == 0
        # One step further there is nothing; and times() would have taken the whole of n for none.
        minus = verifier.times(curve, curve.n - 1, curve.g)
        assert minus == (x, curve.p - y)
        assert verifier.plus(curve, minus, curve.g) is None

    def test_take_a_key_in_one_writing_only(self):
        curve = verifier.P256
        # The first x that is also below 2^256 with p added, made a key that signs a digest of our making.
        x, y = next(
            (x, y)
            for x in range(1, 100)
            for y in [pow(x**3 + curve.a * x + curve.b, (curve.p + 1) // 4, curve.p)]
            if (y * y - x**3 - curve.a * x - curve.b) % curve.p == 0
        )
        point = verifier.plus(curve, verifier.times(curve, 3, curve.g), verifier.times(curve, 2, (x, y)))
        r = point[0] % curve.n
        s = r * pow(2, -1, curve.n) % curve.n
        z = 3 * s % curve.n

        assert verifier.is_signed(curve, (x, y), z, r, s)
        assert not verifier.is_signed(curve, (x + curve.p, y), z, r, s)
        assert not verifier.is_signed(curve, (x, y - curve.p), z, r, s)
        assert not verifier.is_signed(curve, (x - curve.p, y), z, r, s)
        assert not verifier.is_signed(curve, (x, y + curve.p), z, r, s)

    def test_refuse_a_signature_that_leads_to_no_point(self):
        curve = verifier.P256
        # z = -r, so that both parts of the sum cancel out under the key g.
        assert not verifier.is_signed(curve, curve.g, curve.n - 5, 5, 7)

    def test_would_take_a_forgery_if_they_did_not_ask_whether_a_key_is_on_them(self):
        evidence = json.loads(named("a key that is no point of the curve"))
        signature = bytes.fromhex(evidence["signature"][2:])
        r, s, authenticator_data, client_data = verifier.assertion_in(signature)
        key = bytes.fromhex(evidence["signer"][42:])
        point = (int.from_bytes(key[:32], "big"), int.from_bytes(key[32:64], "big"))
        z = int.from_bytes(sha256(authenticator_data + sha256(client_data).digest()).digest(), "big")
        curve, inverse = verifier.P256, pow(s, -1, verifier.P256.n)
        total = verifier.plus(
            curve,
            verifier.times(curve, z * inverse, curve.g),
            verifier.times(curve, r * inverse, point),
        )

        assert total[0] % curve.n == r
        assert not verifier.is_signed(curve, point, z, r, s)


class TestMoments:
    @pytest.mark.parametrize(
        ("written", "meant"),
        [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-05-12T10:00:00+00:00", 1_778_580_000),
            ("2026-05-12T12:00:00.999+02:00", 1_778_580_000),
            ("2026-05-12T04:30:00-05:30", 1_778_580_000),
            ("1969-12-31T23:59:59Z", -1),
            ("2028-02-29T00:00:00Z", 1_835_395_200),
            ("2026-05-12", None),
            ("2026-02-29T00:00:00Z", None),
            ("2026-05-12T24:00:00Z", None),
            ("2026-05-12T23:59:60Z", None),
            ("2026-05-12T10:00:00", None),
            ("0026-05-12T10:00:00Z", None),
            ("٢٠٢٦-05-12T10:00:00Z", None),
            ("2026-05-12T10:00:00Z\n", None),
            (1_778_580_000, None),
            (None, None),
        ],
    )
    def test_are_read_where_they_are_whole(self, written, meant):
        assert verifier.seconds(written) == meant

    def test_are_read_alike_in_the_browser(self):
        """By a consent that does not end with its form, whose refusal quotes the moment."""
        signing = make_evidence.Signing(make_evidence.Chain())
        for end in ("2028-02-29T00:00:00-05:30", "2026-02-29T00:00:00Z", "1969-12-31T23:59:59Z", "2026"):
            both(json.dumps(signing.sign(document=make_evidence.consent(end=end))))


class TestSelectors:
    @pytest.mark.parametrize(
        ("constant", "signature"),
        [
            ("TERM_OF", "termOf(bytes32,bytes32)"),
            ("IS_ACTIVE", "isActive(bytes32,bytes32)"),
            ("PATIENT_OF", "patientOf(bytes32)"),
            ("IS_SIGNER", "isSigner(bytes32,bytes32)"),
        ],
    )
    def test_are_those_of_the_contract(self, constant, signature):
        assert getattr(verifier, constant) == keccak(text=signature)[:4].hex()
        abi = json.loads((CHECKOUT / "chain/artifacts/ConsentRegistry.json").read_text())["abi"]
        assert signature in {
            f"{part['name']}({','.join(given['type'] for given in part['inputs'])})"
            for part in abi
            if part["type"] == "function"
        }

    def test_include_the_event_of_a_grant(self):
        granted = keccak(text="Granted(bytes32,bytes32,bytes32,bytes32,bytes32,uint64)").hex()
        assert "0x" + granted == verifier.GRANTED


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path):
        file = tmp_path / "consent.json"
        file.write_text(GOOD)
        return file

    def test_needs_no_node_to_say_what_was_signed(self, file):
        done = run(file)
        assert done.returncode == 0
        assert done.stdout.startswith(b"Proven: on https://consent.north.example the holder of a passkey")
        assert b"\n  On the chain: not asked: name one of its nodes with --rpc\n" in done.stdout

    def test_says_with_a_node_what_became_of_it(self, file, consents_rpc):
        done = run(file, "--rpc", consents_rpc, "--contract", CHAIN["contract"])
        assert done.returncode == 0
        assert b"The chain has held it since" in done.stdout

    def test_ends_with_1_when_it_was_revoked(self, file, consents_rpc):
        file.write_text(named("that the patient revoked"))
        assert run(file).returncode == 0
        done = run(file, "--rpc", consents_rpc, "--json")
        assert done.returncode == 1
        assert json.loads(done.stdout)["cause"] == "revoked"

    def test_ends_with_2_when_the_node_is_not_there(self, file):
        assert run(file, "--rpc", "http://127.0.0.1:1").returncode == 2

    def test_refuses_a_consent_that_would_exhaust_it(self, tmp_path):
        evidence = json.loads(GOOD)
        evidence["elements"][0]["text"] = "x" * (1024 * 1024 + 1)
        verdict = both(json.dumps(evidence))
        assert verdict["cause"] == "damaged_file"
        assert "elements[0].text" in verdict["sentence"]


class TestNode:
    @pytest.mark.parametrize(
        ("method", "result", "cause"),
        [
            ("eth_getCode", "0x", "no_contract"),
            ("eth_call", "0x", "not_a_registry"),
            ("eth_call", "0x" + "ff" * 32, "not_a_registry"),
            ("eth_call", "0x" + "01" * 96, "not_a_registry"),
            ("eth_call", "0x" + "00" * 96, "not_a_registry"),
            ("eth_call", 7, "bad_answer"),
            ("eth_getTransactionReceipt", None, "wrong_transaction"),
            ("eth_getTransactionReceipt", {"status": "0x1", "logs": [None, 1, {}]}, "wrong_transaction"),
            ("eth_getTransactionReceipt", "0x1", "bad_answer"),
            ("eth_getBlockByHash", None, "bad_answer"),
            ("eth_blockNumber", None, "bad_answer"),
        ],
    )
    def test_that_gives_one_wrong_answer_does_not_make_a_grant_hold(
        self, method, result, cause, consents_rpc
    ):
        wrong = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
        with fake_node(lambda asked: wrong if asked == method else None, behind=consents_rpc) as url:
            assert both(GOOD, url)["cause"] == cause

    def test_is_not_asked_about_a_file_that_is_damaged(self):
        asked = []
        with fake_node(lambda method: asked.append(method) or b"{}") as url:
            assert both(named("signed with another passkey"), url)["cause"] == "signature_not_of_key"
        assert asked == []
