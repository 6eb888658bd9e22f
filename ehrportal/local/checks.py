"""`script/test`: every check there is, in the order in which a mistake is cheapest to find."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ehrportal.local import chromium, processes, secrets_file
from ehrportal.local.services import services

CHECKOUT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(sys.executable).parent
CHECKED_SETTINGS = "ehrportal.settings.production"


@dataclass(frozen=True)
class Check:
    """One command that must end with 0; `count` finds how many tests it ran, if it is made of tests."""

    title: str
    command: str
    environment: Mapping[str, str] = field(default_factory=dict)
    is_pytest: bool = False


@dataclass
class Tally:
    """What came of the checks so far."""

    passed: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)

    def add(self, check: Check, code: int, output: str) -> None:
        """Count a check as one, or as many tests as pytest says it ran."""
        counts = pytest_counts(output) if check.is_pytest else {}
        passed = counts.get("passed", 0)
        # A skipped test is one that did not hold here: on this command everything is there.
        failed = sum(counts.get(word, 0) for word in ("failed", "error", "errors", "skipped"))
        if check.is_pytest and not failed and (code or not passed):
            failed = 1
        if not check.is_pytest:
            passed, failed = (1, 0) if code == 0 else (0, 1)
        self.passed += passed
        self.failed += failed
        if failed:
            self.failures.append(check.title)


def checks() -> list[Check]:
    production = {"DJANGO_SETTINGS_MODULE": CHECKED_SETTINGS, **production_environment()}
    return [
        Check("Lint", "ruff check ."),
        Check("Format", "ruff format --check ."),
        Check("Patients' templates: lint", "djlint templates/portal --lint --quiet"),
        Check("Patients' templates: format", "djlint templates/portal --check --quiet"),
        Check("Staff's templates: lint", "djlint templates/workspace --profile django --lint --quiet"),
        Check("Staff's templates: format", "djlint templates/workspace --profile django --check --quiet"),
        Check("Types", "mypy ."),
        Check("Layers", "lint-imports"),
        Check("Lock files", "python -m ehrportal.local lock-files"),
        Check("Migrations are up to date", "python manage.py makemigrations --check --dry-run"),
        Check(
            "Production settings",
            "python manage.py check --deploy --fail-level WARNING",
            environment=production,
        ),
        Check("Contracts: artifacts and tests", "script/contracts --check"),
        Check("Contracts: known faults", "script/slither"),
        Check(
            "Tests",
            "python -m pytest -q -n 2 --ignore tests/faults --ignore tests/journeys tests",
            is_pytest=True,
        ),
        Check("Tests of faults", "python -m pytest -q tests/faults", is_pytest=True),
        Check("Journeys in a browser", "python -m pytest -q tests/journeys", is_pytest=True),
    ]


def run(patterns: list[str]) -> int:
    """Run every check, or with `patterns` only pytest with those; return 0 if all held."""
    state = Path(tempfile.mkdtemp(prefix="ehrportal-test-"))
    environment = {
        **os.environ,
        "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "DJANGO_SETTINGS_MODULE": "ehrportal.settings.test",
        "PYTHONUNBUFFERED": "1",
    }
    if patterns:
        with services(state, disposable=True) as running:
            return processes.run(
                ["python", "-m", "pytest", *patterns], cwd=CHECKOUT, env=environment | running.environment
            )

    chromium.find_or_install(say)
    with services(state, disposable=True) as running:
        return report(run_all(checks(), environment | running.environment))


def run_all(todo: list[Check], environment: Mapping[str, str], say: Callable[[str], None] = print) -> Tally:
    """Run checks one after the other; one that fails keeps none of the others from running."""
    tally = Tally()
    for number, check in enumerate(todo, start=1):
        say(f"\n== {number} of {len(todo)}: {check.title}  ({check.command})")
        started = time.monotonic()
        code, output = run_aloud(check.command.split(), {**environment, **check.environment})
        tally.add(check, code, output)
        verdict = "did not hold" if check.title in tally.failures else "ok"
        say(f"-- {check.title}: {verdict}, {time.monotonic() - started:.1f} s")
    return tally


def report(tally: Tally, say: Callable[[str], None] = print) -> int:
    """Say what did not hold; the last line is the one that machines read."""
    say("")
    for title in tally.failures:
        say(f"Did not hold: {title}")
    say(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed else 0


def run_aloud(command: list[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command, show what it prints as it prints it, and return its exit code and all of that."""
    lines = []
    with subprocess.Popen(
        [shutil.which(command[0], path=environment["PATH"]) or command[0], *command[1:]],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        try:
            for line in process.stdout or []:
                sys.stdout.write(line)
                sys.stdout.flush()
                lines.append(line)
        except BaseException:
            process.terminate()
            raise
    return process.returncode, "".join(lines)


def pytest_counts(output: str) -> dict[str, int]:
    """What the last summary line of pytest counts, as in “3 failed, 40 passed in 2.1s”."""
    summaries = [line for line in output.splitlines() if re.search(r"\d+ \w+.* in [\d.]+s", line)]
    return {
        word: int(count) for count, word in re.findall(r"(\d+) ([a-z]+)", summaries[-1] if summaries else "")
    }


def production_environment() -> dict[str, str]:
    """A hospital's environment as docs/deploy.md asks for it, with secrets made on the spot."""
    return {
        **{name: make() for name, make in secrets_file.PORTAL_SECRETS.items()},
        "CHAIN_ID": "1",
        "CHAIN_RPC_URL": "http://127.0.0.1:8545",
        "CHAIN_REGISTRY_ADDRESS": "0x" + "11" * 20,
        "CHAIN_RECORD_LOG_ADDRESS": "0x" + "22" * 20,
        "CHAIN_CONSENT_REGISTRY_ADDRESS": "0x" + "33" * 20,
        "CHAIN_CONSENT_VERIFIER_ADDRESS": "0x" + "44" * 20,
        "HOSPITAL_NAME": "North Hospital",
        "PORTAL_URL": "https://portal.north-hospital.test",
        "CONSENT_URL": "https://consent.north-hospital.test",
        "ALLOWED_HOSTS": "portal.north-hospital.test,consent.north-hospital.test",
    }


def say(line: str) -> None:
    print(line, flush=True)
