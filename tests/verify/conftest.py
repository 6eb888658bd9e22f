"""A chain of its own for the verifiers: the one in tests/vectors/proofs.json, sent to a node just started."""

import http.client
import json
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ANVIL = CHECKOUT / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
PROOFS = json.loads((CHECKOUT / "tests/vectors/proofs.json").read_text())


def ask(url, method, *params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("POST", "/", body, {"Content-Type": "application/json"})
    answer = json.load(connection.getresponse())
    connection.close()
    assert "error" not in answer, answer
    return answer["result"]


@pytest.fixture(scope="session")
def rpc():
    """
    The address of a node that has the chain of the vectors.

    Not the node that other tests share: they reorganise its blocks, and here every hash is known beforehand.
    """
    chain = PROOFS["chain"]
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
    try:
        for line in node.stdout:
            if line.startswith("Listening on "):
                url = f"http://{line.split()[-1]}"
                break
        else:
            pytest.fail("the node ended before it listened")
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
        node.stdout.close()
