"""`python -m ehrportal.local`: the portal on this machine, its checks, or only the services below it."""

import argparse
import os
import signal
import sys
import tempfile
from pathlib import Path

from ehrportal.local import checks, lock_files, processes, secrets_file, server
from ehrportal.local.services import services
from ehrportal.local.trouble import Trouble, plain_disk_errors


def main(arguments: list[str] | None = None) -> int:
    """Do one task; whatever becomes of it, no process of ours is left when this returns."""
    chosen = parse(arguments)
    processes.stop_on_signals()
    try:
        with plain_disk_errors():
            return do(chosen)
    except Trouble as trouble:
        server.say_wrong(f"ehrportal: {trouble}")
        return 1
    except processes.Stopped as stopped:
        return 128 + stopped.signum
    finally:
        processes.ignore_stop_signals()
        processes.stop_descendants()


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ehrportal.local", description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)

    tasks.add_parser("server", help="what script/server does after installing")

    test = tasks.add_parser("test", help="what script/test does after installing")
    test.add_argument(
        "pytest", nargs=argparse.REMAINDER, metavar="PATTERN", help="run only pytest, with these"
    )

    tasks.add_parser("lock-files", help="check that every locked package is named by its hash alone")

    run = tasks.add_parser("services", help="run COMMAND with PostgreSQL, Valkey and an EVM node")
    run.add_argument("--state", type=Path, help="folder that keeps their data; without it nothing is kept")
    run.add_argument("--block-time", type=int, default=1, metavar="SECONDS", help="between two blocks")
    run.add_argument("--write-env", type=Path, metavar="FILE", help="write the addresses to FILE")
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run meanwhile")
    return parser.parse_args(arguments)


def do(chosen: argparse.Namespace) -> int:
    if chosen.task == "server":
        server.serve()
        return 0
    if chosen.task == "test":
        return checks.run(chosen.pytest)
    if chosen.task == "lock-files":
        return lock_files.check()
    return run_with_services(chosen)


def run_with_services(chosen: argparse.Namespace) -> int:
    command = chosen.command[1:] if chosen.command[:1] == ["--"] else chosen.command
    state = chosen.state or Path(tempfile.mkdtemp(prefix="ehrportal-"))
    with services(state, disposable=chosen.state is None, block_time=chosen.block_time) as running:
        if chosen.write_env:
            secrets_file.write(chosen.write_env, running.environment, prefix="export ")
        if not command:
            print("The local services are up; Ctrl-C stops them.", flush=True)
            signal.pause()
        return processes.run(command, env={**os.environ, **running.environment})


if __name__ == "__main__":
    sys.exit(main())
