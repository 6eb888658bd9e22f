"""
PostgreSQL from a wheel, on a folder of ours.

Only the wheel's programs are used and never its Python functions: under root those open the
permissions of every parent folder up to the root of the file system, so that their server, which
may not run as root, can reach itself. We set programs and data where a user of our own reaches them.
"""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg

from ehrportal.local import postgres_places, processes
from ehrportal.local.postgres_places import MAJOR_VERSION
from ehrportal.local.trouble import Trouble

# A laptop's PostgreSQL; what a test throws away need not survive a power cut.
SETTINGS = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": "100"}
DISPOSABLE_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass
class Postgres:
    """One PostgreSQL server whose data belongs to the state folder `state`."""

    state: Path
    password: str
    disposable: bool = False

    def __post_init__(self) -> None:
        self.account = postgres_places.service_account() if os.geteuid() == 0 else None
        self.programs = postgres_places.programs(for_account=self.account is not None)
        self.home = postgres_places.home_of(self.state)
        self.data = self.home / "data"
        self.port = 0

    @property
    def url(self) -> str:
        return f"postgres://ehrportal:{self.password}@127.0.0.1:{self.port}/ehrportal"

    def start(self) -> processes.Child:
        """Make the database cluster if there is none, and start the server on it."""
        self._make_home()
        self._make_cluster()
        self._set_password()
        self._end_stale_server()
        child, self.port = processes.start_on_free_port(
            self._begin, self._answers, remembered_in=self.state / "postgres.port"
        )
        return child

    def forget(self) -> None:
        """Delete the data of a disposable state folder."""
        shutil.rmtree(self.home, ignore_errors=True)

    def _begin(self, port: int) -> processes.Child:
        settings = SETTINGS | {"port": str(port), "hba_file": str(self.home / "pg_hba.conf")}
        if self.disposable:
            settings |= DISPOSABLE_SETTINGS
        return processes.start(
            "PostgreSQL",
            [
                self.programs / "bin/postgres",
                *("-D", self.data),
                *(part for name, value in settings.items() for part in ("-c", f"{name}={value}")),
            ],
            log=self.state / "postgres.log",
            cwd=self.home,
            env=self._env(),
            account=self.account,
            # INT is PostgreSQL's fast shutdown: it ends open sessions instead of waiting for them.
            stop_signal=signal.SIGINT,
        )

    def _answers(self, port: int) -> bool:
        try:
            with psycopg.connect(
                host="127.0.0.1",
                port=port,
                user="ehrportal",
                password=self.password,
                dbname="ehrportal",
                connect_timeout=5,
            ):
                return True
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Trouble(
                    f"Another PostgreSQL answers on port {port}, or {self.state}/secrets.env is not the "
                    "one this database was made with."
                ) from error
            return False

    def _make_home(self) -> None:
        postgres_places.take_home(self.home, self.state, disposable=self.disposable)
        # Written anew at each start: nobody but our own role may come in, and only over loopback.
        hba = self.home / "pg_hba.conf"
        hba.write_text("host all ehrportal 127.0.0.1/32 scram-sha-256\n")
        hba.chmod(0o644)

    def _make_cluster(self) -> None:
        version = self.data / "PG_VERSION"
        if version.exists():
            found = version.read_text().strip()
            if found != MAJOR_VERSION:
                raise Trouble(
                    f"The database in {self.data} is of PostgreSQL {found} and this checkout has "
                    f"{MAJOR_VERSION}. Dump it with the old checkout, or move the folder away."
                )
            return

        # Made beside its final place and renamed when it is whole, so that a set-up that was
        # interrupted is simply done again.
        unfinished = self.home / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if self.account:
            os.chown(unfinished, self.account.pw_uid, self.account.pw_gid)
        self._run(
            "initdb",
            *("-D", str(unfinished), "--username=postgres", "--auth=trust", "--encoding=UTF8"),
            *("--locale-provider=builtin", "--locale=C.UTF-8", "--data-checksums"),
            *(["--no-sync"] if self.disposable else []),
        )
        self._single_user(
            unfinished,
            "CREATE ROLE ehrportal LOGIN CREATEDB;",
            "CREATE DATABASE ehrportal OWNER ehrportal;",
        )
        unfinished.rename(self.data)

    def _set_password(self) -> None:
        """Give the role the password in the state folder, when it does not have that one yet."""
        digest = hashlib.sha256(self.password.encode()).hexdigest()
        mark = self.home / "password-set"
        if not mark.exists() or mark.read_text() != digest:
            self._end_stale_server()
            self._single_user(self.data, f"ALTER ROLE ehrportal PASSWORD '{self.password}';")
            mark.write_text(digest)
            mark.chmod(0o600)

    def _end_stale_server(self) -> None:
        """
        End a server that a killed run of ours left on this data, and take away its pid file.

        The kernel stops our servers when we are killed, but one may still be busy doing so.
        """
        pid_file = self.data / "postmaster.pid"
        deadline = time.monotonic() + 30
        while pid_file.exists():
            lines = pid_file.read_text().split("\n")
            pid = int(lines[0]) if lines[0].strip().isdigit() else 0
            if not pid or not self._serves_our_data(pid):
                pid_file.unlink(missing_ok=True)
                return
            if time.monotonic() > deadline:
                raise Trouble(
                    f"A PostgreSQL (process {pid}) still holds {self.data}. "
                    "End it and run the same command again."
                )
            os.kill(pid, signal.SIGINT)
            time.sleep(0.2)

    def _serves_our_data(self, pid: int) -> bool:
        try:
            return str(self.data).encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False

    def _single_user(self, data: Path, *statements: str) -> None:
        """Run statements with no server up, so that the superuser needs no password and no door."""
        self._run(
            "postgres", "--single", "-D", str(data), "-j", "postgres", stdin="\n\n".join(statements) + "\n"
        )

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        done = subprocess.run(
            [str(self.programs / "bin" / program), *arguments],
            input=stdin,
            cwd=self.home,
            env=self._env(),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            user=self.account.pw_uid if self.account else None,
            group=self.account.pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        if "No space left on device" in done.stdout:
            raise Trouble(
                "The disk is full (while making the database). "
                "Free some space and run the same command again."
            )
        # The single-user server reports a failed statement and still ends with 0.
        if done.returncode or " ERROR: " in done.stdout or " FATAL: " in done.stdout:
            (self.state / "postgres.log").write_text(done.stdout)
            last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else "it said nothing"
            raise Trouble(f"PostgreSQL's {program} failed: {last} (all of it: {self.state / 'postgres.log'})")

    def _env(self) -> dict[str, str]:
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
