"""EVM nodes for tests: real ones, which a test may stop, rewind and forbid to mine."""

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from chain.abi import contract
from chain.client import Node, NodeUnavailable

ANVIL = Path(__file__).resolve().parents[2] / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
CHAIN_ID = 31337
RICH = hex(10**24)


class Anvil:
    """A node that makes a block for each transaction, as soon as it comes, unless told otherwise."""

    def __init__(self, folder, *options):
        self.folder = folder
        self.options = options
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None
        self._node = Node(self.url, chain_id=CHAIN_ID)

    def start(self):
        command = [ANVIL, "--host", "127.0.0.1", "--port", str(self.port), "--chain-id", str(CHAIN_ID)]
        command += ["--hardfork", "osaka", "--state", self.folder / "chain.json", "--silent", *self.options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self.folder,
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                self.ask("eth_chainId")
                return self
            except NodeUnavailable:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def stop(self):
        """Stop as a machine that is shut down does: the chain is written to its file."""
        self._node.close()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=20)

    def ask(self, method, *params):
        return self._node.ask(method, *params)

    def mine(self, blocks=1):
        self.ask("anvil_mine", hex(blocks))

    def wait_for_its_block(self):
        """Wait until nothing waits: automining answers first, and makes the block a moment later."""
        deadline = time.monotonic() + 10
        while int(self.ask("txpool_status")["pending"], 16) and time.monotonic() < deadline:
            time.sleep(0.01)

    def hold_blocks(self):
        """Take transactions, and put none into a block."""
        self.ask("evm_setAutomine", False)

    def make_blocks(self):
        self.ask("evm_setAutomine", True)

    def reorganise(self, depth):
        """Replace the last blocks by empty ones. What they held is not put back into the pool."""
        self.ask("anvil_reorg", depth, [])

    def block_number(self):
        return self._node.block_number()

    def send_as(self, sender, to, data):
        """Send a transaction as anybody, and return its receipt."""
        self.ask("anvil_setBalance", sender, RICH)
        self.ask("anvil_impersonateAccount", sender)
        call = {"from": sender, "data": "0x" + data.hex()} | ({"to": to} if to else {})
        hash_ = self.ask("eth_sendTransaction", call)
        deadline = time.monotonic() + 10
        while (receipt := self.ask("eth_getTransactionReceipt", hash_)) is None:
            assert time.monotonic() < deadline, "no block took the transaction"
            time.sleep(0.02)
        assert receipt["status"] == "0x1", receipt
        return receipt

    def deploy(self, name, *arguments, owner):
        receipt = self.send_as(owner, None, contract(name).deployment_data(*arguments))
        return receipt["contractAddress"], int(receipt["blockNumber"], 16)


def _free_port():
    # Below the range from which the system gives ports to outgoing connections, and apart for each worker.
    for attempt in range(200):
        port = 20000 + (os.getpid() * 97 + attempt * 7 + time.monotonic_ns() // 1000) % 12000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port")


def node_that_answers(answers):
    """
    Return a node that is asked over a real connection and answers from a table, for errors anvil never gives.

    `answers` maps a method to a result, an exception's JSON-RPC error, or a function of the parameters.
    """
    from http.server import BaseHTTPRequestHandler, HTTPServer
    from threading import Thread

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            replies = [self._reply(each) for each in body] if isinstance(body, list) else self._reply(body)
            content = json.dumps(replies).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _reply(self, question):
            answer = answers.get(question["method"], hex(CHAIN_ID))
            if callable(answer):
                answer = answer(*question["params"])
            is_error = isinstance(answer, dict) and "message" in answer
            return {"jsonrpc": "2.0", "id": question["id"], "error" if is_error else "result": answer}

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    return server, f"http://127.0.0.1:{server.server_port}"
