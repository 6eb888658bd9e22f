"""`python -m ehrportal.local`: run a command with the local services around it."""

import argparse
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from ehrportal.local import processes
from ehrportal.local.services import services
from ehrportal.local.trouble import Trouble


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m ehrportal.local", description=__doc__)
    commands = parser.add_subparsers(dest="task", required=True)
    run = commands.add_parser("services", help="run COMMAND with PostgreSQL, Valkey and an EVM node")
    run.add_argument("--state", type=Path, help="folder that keeps their data; without it nothing is kept")
    run.add_argument(
        "--block-time", type=int, default=1, metavar="SECONDS", help="how often the chain makes a block"
    )
    run.add_argument(
        "--write-env", type=Path, metavar="FILE", help="write the addresses to FILE as export lines"
    )
    run.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run meanwhile")
    chosen = parser.parse_args(arguments)

    processes.stop_on_signals()
    try:
        return run_with_services(chosen)
    except Trouble as trouble:
        print(f"ehrportal: {trouble}", file=sys.stderr)
        return 1
    except processes.Stopped as stopped:
        return 128 + stopped.signum
    finally:
        processes.ignore_stop_signals()
        processes.stop_descendants()


def run_with_services(chosen: argparse.Namespace) -> int:
    command = chosen.command[1:] if chosen.command[:1] == ["--"] else chosen.command
    state = chosen.state or Path(tempfile.mkdtemp(prefix="ehrportal-"))
    with services(state, disposable=chosen.state is None, block_time=chosen.block_time) as running:
        if chosen.write_env:
            write_exports(chosen.write_env, running.environment)
        if not command:
            print("The local services are up; Ctrl-C stops them.", flush=True)
            signal.pause()
        # In our own process group, so that an interactive command keeps the terminal.
        process = subprocess.Popen(command, env={**os.environ, **running.environment})
        try:
            return process.wait()
        except processes.Stopped:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            raise


def write_exports(file: Path, environment: dict[str, str]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.writelines(f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())


if __name__ == "__main__":
    sys.exit(main())
