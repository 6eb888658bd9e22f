"""Anvil from npm: an EVM chain on one machine, with a clock and a memory."""

import http.client
import json
import platform
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ehrportal.local import processes
from ehrportal.local.trouble import Trouble

CHECKOUT = Path(__file__).resolve().parents[2]
ANVIL = CHECKOUT / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
CHAIN_ID = 31337


@dataclass
class ChainNode:
    """One EVM node that keeps its chain in the state folder `state`."""

    state: Path
    block_time: int = 1
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def file(self) -> Path:
        return self.state / "chain.json"

    def start(self) -> processes.Child:
        if platform.machine() != "x86_64":
            raise Trouble(
                f"The local EVM node is built for x86_64 and this machine is {platform.machine()}. "
                "Set CHAIN_RPC_URL to a node elsewhere."
            )
        if not ANVIL.exists():
            raise Trouble("The EVM node is not installed in this checkout. Run script/bootstrap first.")
        self._mend_file()
        child, self.port = processes.start_on_free_port(
            self._begin, self._answers, remembered_in=self.state / "chain.port"
        )
        return child

    def _begin(self, port: int) -> processes.Child:
        return processes.start(
            "The EVM node",
            [
                ANVIL,
                *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN_ID)),
                # Osaka has the P-256 precompile that passkey signatures are verified with.
                *("--hardfork", "osaka", "--block-time", str(self.block_time)),
                # A transaction is mined when it comes; the clock's blocks are what confirms it.
                *(["--mixed-mining"] if self.block_time > 1 else []),
                # On exit, and now and then: a machine that loses power loses a minute of a chain, not a day.
                *("--state", self.file, "--state-interval", "60", "--silent"),
            ],
            log=self.state / "chain.log",
            cwd=self.state,
        )

    def _mend_file(self) -> None:
        """
        Go back to the last whole file if the power went while the node was writing.

        The portal's follower sees the missing blocks as a reorganisation, and sends again.
        """
        whole = self.state / "chain.whole.json"
        if is_json(self.file):
            whole.write_bytes(self.file.read_bytes())
        elif whole.exists():
            self.file.write_bytes(whole.read_bytes())
        else:
            self.file.unlink(missing_ok=True)

    def _answers(self, port: int) -> bool:
        try:
            return bool(ask(f"http://127.0.0.1:{port}", "eth_chainId") == hex(CHAIN_ID))
        except (OSError, ValueError, http.client.HTTPException):
            return False


def ask(url: str, method: str, *params: object) -> object:
    """Ask the node one question; :raises ValueError: with its words when it refuses."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    try:
        connection.request("POST", "/", json.dumps(question), {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    if "error" in answer:
        raise ValueError(answer["error"].get("message"))
    return answer["result"]


def is_json(file: Path) -> bool:
    try:
        with file.open("rb") as content:
            json.load(content)
    except (OSError, ValueError):
        return False
    return True
