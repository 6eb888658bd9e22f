"""Starting processes so that none is left behind, however we ourselves come to an end."""

import contextlib
import ctypes
import os
import pwd
import signal
import socket
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

from ehrportal.local.trouble import Trouble

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None, use_errno=True)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """Somebody asked us to stop: Ctrl-C, a TERM, or the terminal closed."""

    def __init__(self, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


def stop_on_signals() -> None:
    """
    Raise Stopped in the main thread on Ctrl-C, TERM and hangup, once; later ones are ignored.

    Once, because a second Ctrl-C in the middle of stopping would leave processes behind.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        ignore_stop_signals()
        raise Stopped(signum)

    for signum in STOP_SIGNALS:
        # Under nohup a hangup is ignored on purpose. A Ctrl-C that is ignored only means that a
        # script started us in the background, and it may well send us one.
        if signum != signal.SIGHUP or signal.getsignal(signum) != signal.SIG_IGN:
            signal.signal(signum, stop)
    # Orphans of our children then come to us, where `stop_descendants` finds them.
    _libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def ignore_stop_signals() -> None:
    for signum in STOP_SIGNALS:
        signal.signal(signum, signal.SIG_IGN)


@dataclass
class Child:
    """A process of ours, in a session of its own so that the terminal's signals reach us alone."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    stop_signal: signal.Signals

    @property
    def has_ended(self) -> bool:
        return self.process.poll() is not None

    def last_words(self) -> str:
        """The last line in the log that says anything, for a message to a person."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")

    def log_says(self, text: str) -> bool:
        return self.log.exists() and text.lower() in self.log.read_text(errors="replace").lower()

    def stop(self, timeout: float = 15) -> None:
        """Ask the process to end, and make it end if it has not done so in time."""
        if not self.has_ended:
            self.process.send_signal(self.stop_signal)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def start(
    name: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path,
    stop_signal: signal.Signals = signal.SIGTERM,
    env: Mapping[str, str] | None = None,
    account: pwd.struct_passwd | None = None,
    stdin: bytes = b"",
) -> Child:
    """Start a process that writes to `log`, runs as `account` if given, and dies when we do."""
    parent = os.getpid()

    def die_with_parent() -> None:
        # After the change of user, which would clear it. kill -9 on us then still stops the services.
        _libc.prctl(PR_SET_PDEATHSIG, int(stop_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    with log.open("wb") as output, warnings.catch_warnings():
        # Python warns of code between fork and exec when there are threads. Ours is one system call,
        # in a library that is loaded already, and takes no lock that a thread could hold.
        warnings.filterwarnings("ignore", ".*multi-threaded.*fork", DeprecationWarning)
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=cwd,
            env=env,
            start_new_session=True,
            preexec_fn=die_with_parent,
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
        )
    if process.stdin:
        process.stdin.write(stdin)
        process.stdin.close()
    return Child(name, process, log, stop_signal)


def run(command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path | None = None) -> int:
    """
    Run a command of the person at the terminal, and return its exit code.

    In our own process group, so that it has the terminal; and when we are stopped, so is it.
    """
    process = subprocess.Popen([str(part) for part in command], env=env, cwd=cwd)
    try:
        return process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def start_on_free_port(
    begin: Callable[[int], Child], is_ready: Callable[[int], bool], *, remembered_in: Path
) -> tuple[Child, int]:
    """
    Start a service on a loopback port that nobody uses, and return once it answers.

    The port is the one it had last time, if that is still free: addresses that somebody wrote
    down yesterday, such as a proof's, then still work today.
    """
    port = last_port(remembered_in)
    for attempt in range(5):
        child = begin(port)
        try:
            wait_until_ready(child, partial(is_ready, port))
        except Trouble:
            child.stop()
            # Between our finding a free port and the service's using it, somebody else may take it.
            if attempt < 4 and child.log_says("address already in use"):
                port = free_port()
                continue
            raise
        except BaseException:
            child.stop()
            raise
        remembered_in.write_text(f"{port}\n")
        return child, port
    raise AssertionError("unreachable: the last attempt returns or raises")


def last_port(remembered_in: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        port = int(remembered_in.read_text())
        if is_free(port):
            return port
    return free_port()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do, so that connections of the last run that are still fading do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def wait_until_ready(child: Child, is_ready: Callable[[], bool], timeout: float = 60) -> None:
    """Wait until a service answers; :raises Trouble: with its own last words if it ends or never does."""
    deadline = time.monotonic() + timeout
    while not is_ready():
        if child.has_ended:
            if child.log_says("no space left on device"):
                raise Trouble(
                    f"{child.name} could not start because the disk is full. "
                    "Free some space and run the same command again."
                )
            raise Trouble(f"{child.name} did not start: {child.last_words()} (all of it: {child.log})")
        if time.monotonic() > deadline:
            raise Trouble(f"{child.name} did not answer within {timeout:.0f} seconds; see {child.log}")
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def descendants(pid: int) -> list[int]:
    """Every process below `pid`, parents first."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(child) for child in task.read_text().split()]
        except (OSError, ValueError):
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def stop_descendants(timeout: float = 5) -> None:
    """End whatever is still below us, the polite way first, and reap it."""
    for signum in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + timeout
        for pid in descendants(os.getpid()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signum)
        while time.monotonic() < deadline:
            try:
                if os.waitpid(-1, os.WNOHANG) == (0, 0):
                    time.sleep(0.05)
            except ChildProcessError:
                return
