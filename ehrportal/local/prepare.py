"""
What must be so before the portal can open its doors: schema, static files, contracts, example patients.

One process for all of it, because loading Django takes longer than most of these commands do. Standard error
has a line for each step, for the person at the terminal; standard output what the last one has for them.
"""

import io
import sys
import time
import traceback
from pathlib import Path

import django
from django.core.management import call_command

# Begins the line that says why a step failed.
FAILED = "failed: "

STEPS = [
    ("Bringing the database up to date", ["migrate", "--no-input"]),
    ("Collecting the static files", ["collectstatic", "--no-input"]),
    ("Looking for the contracts on the chain", ["deploy_contracts"]),
    ("Loading the example patients", ["load_demo"]),
]


def prepare(log: Path) -> int:
    """Run every step, each safe to run again; return 1, after one line that says why, when one fails."""
    terminal = sys.stderr
    title, said = "Loading the portal", ""
    # Line by line, so that somebody who waits can read along.
    with log.open("w", buffering=1) as output:
        # Before Django is set up, so that its log lines go to the file too.
        sys.stderr = output
        try:
            django.setup()
            for title, command in STEPS:
                started = time.monotonic()
                print(f"{title} …", file=terminal, flush=True)
                stream = io.StringIO()
                try:
                    call_command(*command, stdout=stream, stderr=output)
                finally:
                    said = stream.getvalue()
                    output.write(said)
                print(f"  done in {time.monotonic() - started:.0f} s", file=terminal, flush=True)
        except (Exception, SystemExit) as error:
            traceback.print_exc(file=output)
            reason = str(error).strip().splitlines() or [type(error).__name__]
            print(f"{FAILED}{title} failed: {reason[0]} (all of it: {log})", file=terminal)
            return 1
        finally:
            sys.stderr = terminal
    print(said)
    return 0


if __name__ == "__main__":
    sys.exit(prepare(Path(sys.argv[1])))
