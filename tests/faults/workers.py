"""
Worker processes that can be made to die at a given step.

Run as a script, this loads the portal once, and then forks a worker for each order it reads from standard
input. A worker does what beat would ask of it. One that is to die has the function named in the order
wrapped, here and not in the portal, so that the process kills itself with SIGKILL before or after the n-th
call: no clean-up, no rollback but the database's own.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path

from django.db import connection

CHECKOUT = Path(__file__).resolve().parents[2]


class Workers:
    """The test's side: gives orders, and hears how each worker ended."""

    def __init__(self):
        database = connection.settings_dict
        url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.workers"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
            env=os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "ehrportal.settings.test"},
        )

    def run(self, hospital, *steps, die=None, many=1):
        """
        Have `many` workers take these steps at once, and return how each ended: "killed" or "done".

        A step is a task's name, `mine`, or `pause`.
        """
        settings = {
            "CHAIN_RPC_URL": hospital.anvil.url,
            "CHAIN_REGISTRY_ADDRESS": hospital.registry,
            "CHAIN_RECORD_LOG_ADDRESS": hospital.record_log,
            "CHAIN_CONSENT_VERIFIER_ADDRESS": hospital.consent_verifier,
            "CHAIN_CONSENT_REGISTRY_ADDRESS": hospital.consent_registry,
            "CHAIN_OPERATOR_KEY": hospital.key,
            "CHAIN_START_BLOCK": hospital.start_block,
            "LOG_SEAL_SIZE": 1,
            "CHAIN_STUCK_SECONDS": hospital.stuck_seconds,
        }
        order = {"settings": settings, "steps": steps, "die": die, "many": many}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        endings = json.loads(self.process.stdout.readline())
        assert all(ending in ("killed", "done") for ending in endings), endings
        return endings if many > 1 else endings[0]

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(timeout=20)


def main():
    import django

    django.setup()
    # Loaded before the first fork, so that a worker starts in no time.
    importlib.import_module("consent.tasks")

    for line in sys.stdin:
        order = json.loads(line)
        children = [_fork(order) for _ in range(order["many"])]
        print(json.dumps([_ending(child) for child in children]), flush=True)  # noqa: T201 - the answer


def _fork(order):
    child = os.fork()
    if child == 0:
        try:
            _work(order)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def _ending(child):
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return "killed"
    return "done" if status == 0 else f"failed with {status}"


def _work(order):
    import time

    from django.conf import settings

    from chain import tasks
    from chain.client import current_node
    from consent import tasks as of_consents

    for name, value in order["settings"].items():
        setattr(settings, name, value)
    if order["die"]:
        _doom(**order["die"])

    for step in order["steps"]:
        if step == "mine":
            current_node().ask("anvil_mine", "0x2")
        elif step == "pause":
            time.sleep(0.05)
        else:
            try:
                getattr(tasks if hasattr(tasks, step) else of_consents, step)()
            except tasks.PASSING as passing:
                # Celery would log it, and beat ask again.
                print(type(passing).__name__, file=sys.stderr)  # noqa: T201 - shown if a test fails


def _doom(where, when, nth=1):
    """Wrap a function so that its n-th call is the last thing this process does."""
    module, _, name = where.rpartition(".")
    try:
        owner = importlib.import_module(module)
    except ModuleNotFoundError:
        module, _, owner_name = module.rpartition(".")
        owner = getattr(importlib.import_module(module), owner_name)
    original = getattr(owner, name)
    calls = 0

    def fatal(*args, **kwargs):
        nonlocal calls
        calls += 1
        if calls == nth and when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*args, **kwargs)
        if calls == nth:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, fatal)


if __name__ == "__main__":
    main()
