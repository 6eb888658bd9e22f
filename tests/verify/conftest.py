"""Chains of their own for the verifiers: those in tests/vectors, each sent to a node just started."""

import contextlib
import http.client
import json
import subprocess
import threading
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ANVIL = CHECKOUT / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
PROOFS = json.loads((CHECKOUT / "tests/vectors/proofs.json").read_text())
EVIDENCE = json.loads((CHECKOUT / "tests/vectors/evidence.json").read_text())


def ask(url, method, *params):
    answer = answer_of(url, method, *params)
    assert "error" not in answer, answer
    return answer["result"]


def answer_of(url, method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("POST", "/", body, {"Content-Type": "application/json"})
    answer = json.load(connection.getresponse())
    connection.close()
    return answer


@pytest.fixture(scope="session")
def rpc():
    """The address of a node that has the chain of the proofs."""
    with node_with(PROOFS["chain"]) as url:
        yield url


@pytest.fixture(scope="session")
def consents_rpc():
    """The address of a node that has the chain of the consents."""
    with node_with(EVIDENCE["chain"]) as url:
        yield url


@contextlib.contextmanager
def node_with(chain):
    """
    The address of a node that has this chain.

    Not the node that other tests share: they reorganise its blocks, and here every hash is known beforehand.
    """
    first = chain["transactions"][0]["time"] - 600
    node = subprocess.Popen(
        [
            ANVIL,
            "--no-mining",
            "--port",
            "0",
            "--hardfork",
            "osaka",
            "--chain-id",
            str(chain["id"]),
            "--timestamp",
            str(first),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    reader = None
    try:
        for line in node.stdout:
            if line.startswith("Listening on "):
                url = f"http://{line.split()[-1]}"
                break
        else:
            pytest.fail("the node ended before it listened")
        # It writes a line for every question, and would stop answering once nobody reads them.
        reader = threading.Thread(target=node.stdout.read)
        reader.start()
        for sender in chain["senders"]:
            ask(url, "anvil_setBalance", sender, hex(10**20))
        for transaction in chain["transactions"]:
            sent = ask(url, "eth_sendRawTransaction", transaction["raw"])
            ask(url, "evm_mine", transaction["time"])
            assert ask(url, "eth_getTransactionReceipt", sent)["status"] == "0x1"
        yield url
    finally:
        node.terminate()
        node.wait(timeout=10)
        if reader is not None:
            reader.join()
        node.stdout.close()
