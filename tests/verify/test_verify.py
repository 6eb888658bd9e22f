import hashlib
import json
import re
import socket
import subprocess
import sys

import pytest
from eth_utils import keccak

from tests.vectors import make_proofs
from tests.verify.browser_side import verdicts
from tests.verify.conftest import CHECKOUT, EVIDENCE, PROOFS
from tests.verify.nodes import fake_node, raw_server
from tests.verify.python_side import VERIFIER, both, run, verifier

CASES = PROOFS["cases"]
GOOD = CASES[0]["proof"]
CONTRACT = PROOFS["chain"]["contract"]


@pytest.fixture
def proof_file(tmp_path):
    file = tmp_path / "proof.json"
    file.write_text(GOOD)
    return file


class TestVectors:
    def test_are_what_our_own_code_makes(self):
        again = json.loads(json.dumps(make_proofs.make()))
        assert again == PROOFS, "run python -m tests.vectors.make_proofs"

    @pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
    def test_end_in_the_words_for_what_is_wrong(self, case, rpc):
        verdict = verifier.verify(case["proof"].encode(), rpc=rpc, contract=case.get("trusted"))

        assert verdict["cause"] == case["cause"], verdict
        assert verdict["ok"] is (case["cause"] is None)
        assert verdict["sentence"].isprintable()

    def test_end_in_the_same_words_in_the_browser(self, rpc):
        asked = [{"file": c["proof"], "rpc": rpc, "trusted": c.get("trusted")} for c in CASES]
        said = verdicts(asked)

        for case, verdict in zip(CASES, said, strict=True):
            trusted = case.get("trusted")
            ours = verifier.verify(case["proof"].encode(), rpc=rpc, contract=trusted)
            assert verdict == ours, case["name"]

    def test_cover_every_cause_there_is_but_those_of_node_and_machine(self):
        causes = set(re.findall(r'(?:Refused|verdict)\(\s*"(\w+)"', VERIFIER.read_text()))
        tried = {case["cause"] for case in CASES + EVIDENCE["cases"]}
        assert causes - tried == {"unreachable", "bad_answer", "unreadable", "no_node"}


class TestSentence:
    def said_of(self, name, rpc):
        [case] = [case for case in CASES if case["name"] == name]
        return verifier.verify(case["proof"].encode(), rpc=rpc)["sentence"]

    def test_names_the_value_the_record_the_hospital_and_the_time(self, rpc):
        assert self.said_of("one value", rpc) == (
            "Proven: /valueQuantity/value is 4.10 in version 1 of Observation potassium-1, which North "
            "Hospital has had on record since 12 May 2026, 10:50:00 UTC."
        )

    def test_says_of_the_whole_document_that_it_is_exactly_this(self, rpc):
        assert self.said_of("the whole document", rpc) == (
            "Proven: this is, byte for byte, version 1 of Observation potassium-1, which North Hospital has "
            "had on record since 12 May 2026, 10:50:00 UTC."
        )

    def test_of_several_values_counts_them(self, rpc):
        assert self.said_of("an object", rpc).startswith("Proven: the 2 values below stand in version 1 of")

    def test_of_a_hospital_that_was_suspended_since_says_that_it_holds_and_that(self, rpc):
        said = self.said_of("a hospital that is suspended today", rpc)
        assert said.startswith(
            'Proven: /status is "final" in version 1 of Observation potassium-1, which South'
        )
        assert said.endswith(" UTC. The hospital is suspended from the registry today.")
        assert "suspended" not in self.said_of("one value", rpc)

    def test_does_not_let_a_record_steer_the_readers_terminal(self, rpc):
        said = self.said_of("characters that steer a terminal", rpc)
        assert "\ufffd[31mred\ufffd" in said
        assert "red \ufffd alert" in said


class TestDetails:
    def details(self, verdict):
        return {detail["label"]: detail["value"] for detail in verdict["details"]}

    def test_say_what_was_relied_on_when_the_reader_names_no_contract(self, rpc):
        assert "Compare it" in self.details(both(GOOD, rpc))["To be compared"]
        assert "To be compared" not in self.details(both(GOOD, rpc, CONTRACT))

    def test_tell_whose_log_it_is_and_where_the_record_stands_in_it(self, rpc):
        details = self.details(both(GOOD, rpc))
        assert details["Hospital"] == "North Hospital (number 1, https://north.example)"
        assert details["On the chain since"] == "12 May 2026, 10:50:00 UTC, block 6, 4 deep"
        assert details["Place in the log"] == "leaf 0 of 7"
        assert details["/valueQuantity/value"] == "4.10"

    def test_show_the_whole_document_in_one_line(self, rpc):
        [case] = [case for case in CASES if case["name"] == "the whole document"]
        shown = self.details(both(case["proof"], rpc))["It reads"]
        assert shown.startswith('{ "resourceType": "Observation", "id": "potassium-1", "status": "final",')
        assert "\ufffd" not in shown

    def test_know_the_published_contract_by_its_code(self, rpc):
        assert self.details(both(GOOD, rpc))["Its code"].startswith("the published one")

    def test_do_not_vouch_for_another_contract_that_answers_like_it(self, rpc):
        other = json.dumps({"jsonrpc": "2.0", "id": 1, "result": "0x60016002"}).encode()
        with fake_node(lambda asked: other if asked == "eth_getCode" else None, behind=rpc) as url:
            verdict = both(GOOD, url)
        assert verdict["ok"]
        assert self.details(verdict)["Its code"].startswith("not one that this verifier knows")

    def test_know_the_contract_that_is_built_here(self):
        artifact = json.loads((CHECKOUT / "chain/artifacts/RecordLog.json").read_text())
        code = bytearray.fromhex(artifact["deployedBytecode"][2:])
        assert [place["length"] for place in artifact["immutableReferences"]] == [32, 32]
        for place in artifact["immutableReferences"]:
            code[place["start"] : place["start"] + 32] = b"\x12" * 32
        assert verifier.is_known(bytes(code), verifier.KNOWN_LOGS), (
            "a changed RecordLog is published: add its code to both verifiers"
        )

    def test_give_the_hash_of_a_whole_document(self, rpc):
        [case] = [case for case in CASES if case["name"] == "the whole document"]
        shown = self.details(both(case["proof"], rpc))["Whole document"]
        document = json.loads(case["proof"])["elements"][0]["text"].encode()
        assert shown == f"{len(document)} bytes, SHA-256 {hashlib.sha256(document).hexdigest()}"


class TestOneFlippedCharacter:
    # Every character would take minutes; every seventeenth meets each part of the file.
    def test_is_refused_wherever_it_is(self, rpc):
        harmless = set()
        for at in range(0, len(GOOD), 17):
            other = "1" if GOOD[at] != "1" else "2"
            flipped = GOOD[:at] + other + GOOD[at + 1 :]
            verdict = verifier.verify(flipped.encode(), rpc=rpc)
            if verdict["ok"]:
                harmless.add(GOOD[at])
            else:
                assert verdict["cause"] not in verifier.COULD_NOT_RUN
        # Nothing that could be changed without being noticed.
        assert harmless == set()


class TestSelectors:
    @pytest.mark.parametrize(
        ("constant", "signature"),
        [
            ("REGISTRY", "registry()"),
            ("ROOT_AT", "rootAt(uint256,uint64)"),
            ("INSTITUTION", "institution(uint256)"),
        ],
    )
    def test_are_those_of_the_contracts(self, constant, signature):
        assert getattr(verifier, constant) == keccak(text=signature)[:4].hex()
        abis = [json.loads(file.read_text())["abi"] for file in (CHECKOUT / "chain/artifacts").glob("*.json")]
        signatures = {
            f"{part['name']}({','.join(given['type'] for given in part['inputs'])})"
            for abi in abis
            for part in abi
            if part["type"] == "function"
        }
        assert signature in signatures

    def test_include_the_event_of_a_head(self):
        assert "0x" + keccak(text="HeadExtended(uint256,uint64,bytes32)").hex() == verifier.HEAD_EXTENDED


class TestCommand:
    def test_ends_with_0_and_a_sentence_when_the_proof_holds(self, proof_file, rpc):
        done = run(proof_file, "--rpc", rpc, "--contract", CONTRACT)
        assert done.returncode == 0
        assert done.stdout.startswith(b"Proven: /valueQuantity/value is 4.10 in version 1")
        assert b"\n  Hospital: North Hospital (number 1" in done.stdout

    def test_ends_with_1_when_it_does_not(self, proof_file, rpc):
        proof_file.write_text(GOOD.replace("4.10", "4.11"))
        done = run(proof_file, "--rpc", rpc)
        assert done.returncode == 1
        assert done.stdout == (
            b"This proof is damaged or forged: /valueQuantity/value does not match what was recorded.\n"
        )

    def test_ends_with_2_when_the_node_is_not_there(self, proof_file):
        done = run(proof_file, "--rpc", "http://127.0.0.1:1")
        assert done.returncode == 2
        assert b"The node at 127.0.0.1:1 cannot be reached." in done.stdout

    def test_ends_with_2_when_the_file_is_not_there(self, tmp_path, rpc):
        done = run(tmp_path / "nothing.json", "--rpc", rpc)
        assert done.returncode == 2
        assert done.stdout == b"The file cannot be read: No such file or directory.\n"

    def test_ends_with_2_when_it_has_nobody_to_ask(self, proof_file):
        done = run(proof_file)
        assert done.returncode == 2
        assert done.stdout.startswith(b"This file fits together, but only the chain can tell")

    def test_finds_what_is_damaged_without_asking_anybody(self, proof_file):
        proof_file.write_text(GOOD.replace("4.10", "4.11"))
        done = run(proof_file)
        assert done.returncode == 1
        assert b"/valueQuantity/value does not match" in done.stdout

    @pytest.mark.parametrize("arguments", [[], ["--rpc", "http://127.0.0.1:1", "--contract", "0x12"]])
    def test_ends_with_2_when_it_is_not_told_what_it_needs(self, proof_file, arguments):
        assert run(proof_file, *arguments).returncode == 2

    def test_prints_one_json_object(self, proof_file, rpc):
        done = run(proof_file, "--rpc", rpc, "--json")
        verdict = json.loads(done.stdout)
        assert verdict["ok"] is True
        assert verdict["cause"] is None
        assert {"label": "Kind", "value": "record"} in verdict["details"]

    def test_reads_standard_input(self, rpc):
        assert run("-", "--rpc", rpc, stdin=GOOD.encode()).returncode == 0

    def test_refuses_bytes_that_are_no_text(self, rpc):
        done = run("-", "--rpc", rpc, "--json", stdin=b"\xff\xfe" + GOOD.encode())
        assert json.loads(done.stdout)["cause"] == "not_a_proof"

    def test_refuses_a_file_that_would_exhaust_it(self, rpc):
        done = run("-", "--rpc", rpc, "--json", stdin=b"[" * 1_000_000)
        assert json.loads(done.stdout)["cause"] == "not_a_proof"

    def test_needs_nothing_but_python(self):
        # -I leaves out the folder it lies in, -S everything that was ever installed.
        done = subprocess.run(
            [sys.executable, "-I", "-S", VERIFIER, "--help"], capture_output=True, check=False, timeout=60
        )
        assert done.returncode == 0


class TestNode:
    """A node that is broken, or lies, or is none at all."""

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"<html>not found</html>",
            b"[]",
            b"null",
            b'{"jsonrpc": "2.0", "id": 1}',
            b'{"jsonrpc": "2.0", "id": 1, "result": null}',
            b'{"jsonrpc": "2.0", "id": 1, "result": 31337}',
            b'{"jsonrpc": "2.0", "id": 1, "result": "31337"}',
            b'{"jsonrpc": "2.0", "id": 1, "result": "0x"}',
            b'{"jsonrpc": "2.0", "id": 1, "result": "0x' + b"f" * 100 + b'"}',
            b'{"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": "limit exceeded"}}',
            b'{"jsonrpc": "2.0", "id": 1, "error": "no"}',
            b"\xff\xff",
        ],
    )
    def test_that_talks_nonsense_is_named_as_the_trouble(self, answer):
        with fake_node(lambda method: answer) as url:
            verdict = both(GOOD, url)
        assert verdict["cause"] == "bad_answer"
        assert "makes no sense" in verdict["sentence"]

    @pytest.mark.parametrize(
        ("method", "result", "cause"),
        [
            ("eth_getCode", "0x", "no_contract"),
            ("eth_getCode", "zz", "bad_answer"),
            ("eth_call", "0x", "not_a_log"),
            ("eth_call", "0x" + "ff" * 32, "not_a_log"),
            ("eth_call", "0x" + "00" * 5000, "not_a_log"),
            ("eth_call", 7, "bad_answer"),
            ("eth_getTransactionReceipt", None, "wrong_transaction"),
            ("eth_getTransactionReceipt", {}, "wrong_transaction"),
            ("eth_getTransactionReceipt", {"status": "0x1", "logs": [None, 1, {}]}, "wrong_transaction"),
            ("eth_getTransactionReceipt", "0x1", "bad_answer"),
            ("eth_getBlockByHash", None, "bad_answer"),
            ("eth_getBlockByHash", {"number": "0x1", "timestamp": None}, "bad_answer"),
            ("eth_blockNumber", None, "bad_answer"),
        ],
    )
    def test_that_gives_one_wrong_answer_does_not_make_a_proof_hold(self, method, result, cause, rpc):
        wrong = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
        with fake_node(lambda asked: wrong if asked == method else None, behind=rpc) as url:
            assert both(GOOD, url)["cause"] == cause

    def test_that_refuses_a_call_is_told_from_a_contract_that_reverts(self, rpc):
        def error(code, message):
            return json.dumps(
                {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": message}}
            ).encode()

        for answer, cause in (
            (error(3, "execution reverted"), "not_a_log"),
            (error(-32000, "VM execution error: revert"), "not_a_log"),
            (error(-32005, "too many requests"), "bad_answer"),
        ):
            with fake_node(lambda asked, a=answer: a if asked == "eth_call" else None, behind=rpc) as url:
                assert both(GOOD, url)["cause"] == cause

    def test_that_says_a_time_no_calendar_knows_is_quoted_so(self, rpc):
        far = json.dumps({"result": {"number": "0x6", "timestamp": "0xfffffffffffff"}}).encode()
        with fake_node(lambda asked: far if asked == "eth_getBlockByHash" else None, behind=rpc) as url:
            assert "since a time that no calendar knows" in both(GOOD, url)["sentence"]

    def test_that_answers_with_an_http_error_is_named_as_the_trouble(self):
        with fake_node(lambda method: b"{}", status=502) as url:
            assert both(GOOD, url)["cause"] == "bad_answer"

    def test_that_is_not_there_is_said_not_to_be(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{closed.getsockname()[1]}"
            assert both(GOOD, url)["cause"] == "unreachable"

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1", "127.0.0.1:8545", ""])
    def test_must_have_the_address_of_one(self, url):
        verdict = both(GOOD, url)
        assert verdict["cause"] == "unreachable"
        assert verdict["sentence"].endswith("must begin with http:// or https://.")

    def test_keeps_the_key_in_its_address_to_itself(self):
        url = "http://user:password@127.0.0.1:1/v3/secret-key"
        said = [verifier.verify(GOOD.encode(), rpc=url), *verdicts([{"file": GOOD, "rpc": url}])]
        assert [verdict["cause"] for verdict in said] == ["unreachable", "unreachable"]
        assert "password" not in json.dumps(said)
        assert "secret-key" not in json.dumps(said)

    def test_that_breaks_off_is_said_not_to_be_reached(self):
        def hang_up(client):
            client.recv(65_536)
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")

        def speak_otherwise(client):
            client.recv(65_536)
            client.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        for behave in (hang_up, speak_otherwise):
            with raw_server(behave) as url:
                assert both(GOOD, url)["cause"] == "unreachable"
