"""Runs of the local services in processes of their own, as a person at a terminal starts them."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest

from ehrportal.local import chain_node, processes

CHECKOUT = Path(__file__).resolve().parents[2]


def heed_signals():
    """Let a child hear the signals that whoever started these tests may have told them to ignore."""
    for each in (signal.SIGHUP, signal.SIGINT):
        signal.signal(each, signal.SIG_DFL)


class Run:
    """One `python -m ehrportal.local services` on a state folder, and all the processes below it."""

    def __init__(self, state, output):
        self.state = state
        self.output = output
        self.addresses = state.parent / f"{state.name}.env"
        self.addresses.unlink(missing_ok=True)
        with output.open("wb") as stream:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "ehrportal.local", "services"),
                    *("--state", str(state), "--write-env", str(self.addresses)),
                ],
                cwd=CHECKOUT,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=heed_signals,
            )

    def wait_until_up(self):
        deadline = time.monotonic() + 60
        while not self.addresses.exists():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.05)
        lines = self.addresses.read_text().replace("export ", "").splitlines()
        self.environment = dict(line.partition("=")[::2] for line in lines)
        self.below = processes.descendants(self.process.pid)
        return self

    def query(self, statement):
        with psycopg.connect(self.environment["DATABASE_URL"], autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def ask_chain(self, method, *params):
        return chain_node.ask(self.environment["CHAIN_RPC_URL"], method, *params)

    def end(self, signum):
        """Send a signal to the parent alone, and return its exit code."""
        self.process.send_signal(signum)
        return self.process.wait(30)

    def left_behind(self, timeout=10):
        """Which of the processes that were below it are still there after a while."""
        deadline = time.monotonic() + timeout
        while True:
            left = [pid for pid in [self.process.pid, *self.below] if is_alive(pid)]
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.05)


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def start_services(tmp_path):
    """Start the services on a folder below `tmp_path`; whatever is left at the end is thrown away."""
    runs = []

    def start(name="state"):
        run = Run(tmp_path / name, tmp_path / f"{name}.{len(runs)}.log")
        runs.append(run)
        return run

    yield start
    for run in runs:
        if run.process.poll() is None:
            run.end(signal.SIGTERM)
        throw_away(run.state)


def throw_away(state):
    """Mark the database of a state folder as disposable, so that the next run under root deletes it."""
    with contextlib.suppress(OSError):
        home = Path((state / "postgres-home").read_text().strip())
        (home / "disposable").touch()


def run_local(*arguments, environment=None, timeout=60):
    """Run `python -m ehrportal.local` to its end, and return how it ended."""
    return subprocess.run(
        [sys.executable, "-m", "ehrportal.local", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
    )
