import http.client
import os
import re
import select
import subprocess
import time

import psycopg
import pytest

from ehrportal.local import processes, secrets_file
from tests.local.conftest import CHECKOUT, heed_signals, is_alive, run_local, throw_away

LAST_LINE = b"Ctrl-C stops all of it"


class Terminal:
    """A terminal in which somebody has typed `script/server`."""

    def __init__(self, environment):
        self.keyboard, screen = os.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", CHECKOUT / "script/server"],
            env={**os.environ, **environment},
            stdin=screen,
            stdout=screen,
            stderr=screen,
            preexec_fn=heed_signals,
        )
        os.close(screen)
        self.shown = b""

    def read_until(self, text, timeout):
        deadline = time.monotonic() + timeout
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown.decode()
            if select.select([self.keyboard], [], [], 1)[0]:
                try:
                    self.shown += os.read(self.keyboard, 4096)
                except OSError:  # this is how the end of a terminal's other side looks
                    pytest.fail(self.shown.decode())
        self.below = processes.descendants(self.process.pid)

    def press_ctrl_c(self):
        os.write(self.keyboard, b"\x03")

    def close(self):
        os.close(self.keyboard)

    def left_behind(self):
        self.process.wait(60)
        return [pid for pid in self.below if is_alive(pid)]


@pytest.fixture
def type_server(tmp_path):
    terminals = []
    port = processes.free_port()
    environment = {"EHRPORTAL_PORT": str(port), "EHRPORTAL_STATE": str(tmp_path / "state")}

    def start():
        terminals.append(Terminal(environment))
        terminals[-1].read_until(LAST_LINE, timeout=300)
        return terminals[-1]

    start.port, start.state, start.environment = port, tmp_path / "state", environment
    yield start
    for terminal in terminals:
        if terminal.process.poll() is None:
            terminal.process.terminate()
            terminal.process.wait(60)
    throw_away(tmp_path / "state")


def count_records(state):
    with psycopg.connect(secrets_file.read(state / "env")["DATABASE_URL"]) as connection:
        return connection.execute("SELECT count(*) FROM records_record").fetchone()[0]


def status_of(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path, headers={"Host": f"portal.localhost:{port}"})
    status = connection.getresponse().status
    connection.close()
    return status


class TestScriptServer:
    def test_starts_is_found_running_stops_and_starts_again_where_it_was(self, type_server):
        address = f"http://portal.localhost:{type_server.port}"

        first = type_server()
        records = count_records(type_server.state)
        second = run_local("server", environment=type_server.environment)

        assert f"The portal is at {address}" in first.shown.decode()
        assert (
            f"Patients sign consents at http://consent.localhost:{type_server.port}" in first.shown.decode()
        )
        assert re.search(r"doctor +\S+", first.shown.decode())
        assert status_of(type_server.port, "/healthz") == 200
        assert records > 0
        assert second.returncode == 1
        assert f"Already running: the portal at {address} (process {first.process.pid})" in second.stderr

        first.press_ctrl_c()

        assert len(first.below) >= 8
        assert first.left_behind() == []
        assert first.process.returncode == 130

        again = type_server()

        assert count_records(type_server.state) == records
        assert status_of(type_server.port, "/healthz") == 200

        again.close()

        assert again.left_behind() == []
        assert processes.is_free(type_server.port)
