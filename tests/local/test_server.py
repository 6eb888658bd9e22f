import os
import socket
import stat
from pathlib import Path

import pytest

from ehrportal.local import processes, secrets_file, server, trouble
from ehrportal.local.trouble import Trouble
from tests.local.conftest import run_local


class TestTheServer:
    def test_says_in_one_line_that_its_port_is_used(self, tmp_path):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]

            refused = run_local(
                "server",
                environment={"EHRPORTAL_PORT": str(port), "EHRPORTAL_STATE": str(tmp_path / "state")},
            )

        assert refused.returncode == 1
        assert refused.stderr.splitlines() == [
            f"ehrportal: Port {port} is used by another program. End that, or choose another port: "
            f"EHRPORTAL_PORT={port + 1} script/server"
        ]
        assert not (tmp_path / "state").exists()

    @pytest.mark.parametrize("port", ["web", "0", "65536", "-1"])
    def test_refuses_what_is_not_a_port(self, monkeypatch, port):
        monkeypatch.setenv("EHRPORTAL_PORT", port)

        with pytest.raises(Trouble, match="is not a port"):
            server.chosen_port()

    def test_says_where_it_runs_when_it_runs_already(self, start_services):
        run = start_services().wait_until_up()
        (run.state / "lock").write_text("the portal at http://portal.localhost:8000 (process 7)")

        refused = run_local("server", environment={"EHRPORTAL_STATE": str(run.state)})

        assert refused.returncode == 1
        assert "Already running: the portal at http://portal.localhost:8000" in refused.stderr


class TestAFullDisk:
    def test_is_noticed_before_anything_starts(self, tmp_path):
        with pytest.raises(Trouble, match=r"is full: \d+ MB are free"):
            trouble.require_space(tmp_path / "state", needed=2**62)

    def test_is_said_in_one_line_when_it_fills_up_meanwhile(self):
        # The one file on every Linux that is always full.
        full = Path("/dev/full")

        with pytest.raises(Trouble, match="The disk is full"), trouble.plain_disk_errors():
            full.write_text("a record")

    def test_is_told_from_what_a_service_says_before_it_ends(self, tmp_path):
        child = processes.start(
            "PostgreSQL",
            ["sh", "-c", "echo 'FATAL: No space left on device'"],
            log=tmp_path / "log",
            cwd=tmp_path,
        )

        with pytest.raises(Trouble, match="PostgreSQL could not start because the disk is full"):
            processes.wait_until_ready(child, lambda: False)


class TestTheSecrets:
    def test_are_made_once_and_read_by_their_owner_alone(self, tmp_path):
        file = tmp_path / "portal-secrets.env"

        first = secrets_file.load_or_make(file, secrets_file.PORTAL_SECRETS)
        second = secrets_file.load_or_make(file, secrets_file.PORTAL_SECRETS)

        assert first == second
        assert set(first) == set(secrets_file.PORTAL_SECRETS)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600

    def test_that_a_newer_release_needs_are_added_to_those_that_are_there(self, tmp_path):
        file = tmp_path / "portal-secrets.env"
        file.write_text("SECRET_KEY=from last year\n")

        secrets = secrets_file.load_or_make(file, secrets_file.PORTAL_SECRETS)

        assert secrets["SECRET_KEY"] == "from last year"
        assert len(secrets) == len(secrets_file.PORTAL_SECRETS)
        assert secrets_file.read(file) == secrets


class TestPreparing:
    def test_says_in_one_line_why_it_failed_and_keeps_the_rest_in_the_log(self, tmp_path):
        nowhere = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing"}

        with pytest.raises(Trouble, match="Bringing the database up to date failed: connection failed"):
            server.prepare(tmp_path, nowhere)

        assert "Traceback" in (tmp_path / "prepare.log").read_text()
