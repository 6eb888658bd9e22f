"""`script/server`: the whole portal on one machine, from an empty folder to a printed address."""

import contextlib
import http.client
import os
import subprocess
import sys
import time
from pathlib import Path

from ehrportal.local import processes, secrets_file
from ehrportal.local.lock import is_locked
from ehrportal.local.prepare import FAILED
from ehrportal.local.services import Running, services
from ehrportal.local.trouble import Trouble

CHECKOUT = Path(__file__).resolve().parents[2]
DEFAULT_PORT = 8000
# The node keeps each block for ever, empty or not: at one in five seconds a portal that is left on
# gains 32 MB a day, and a record is still final while somebody watches.
BLOCK_TIME = 5


def serve() -> None:
    """
    Start everything, print where it is, and stay until somebody stops it or a part of it ends.

    :raises Trouble: if it cannot start, is running already, or a part of it ended by itself
    """
    port = chosen_port()
    address = f"http://portal.localhost:{port}"
    state = state_folder()
    if not is_locked(state):
        # A run that was killed a moment ago may still be taking its leave.
        require_free(port, patience=10 if (state / "env").exists() else 0)
    say(f"Starting ehrportal; its data is in {state}")
    with services(
        state, block_time=BLOCK_TIME, about=f"the portal at {address} (process {os.getpid()})"
    ) as running:
        consent_address = f"http://consent.localhost:{port}"
        settings = settings_of(state, running, port=port, address=address, consent_address=consent_address)
        # Kept for manage.py in another terminal, where the settings of this machine read it.
        secrets_file.write(state / "env", settings)
        environment = {
            **os.environ,
            **settings,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONUNBUFFERED": "1",
        }
        sign_ins = prepare(state, environment)

        say("Starting the web server, the worker and the clock")
        portal = start_portal(state, environment)
        try:
            processes.wait_until_ready(portal, lambda: answers(port), timeout=90)
            say(f"\n{sign_ins}\n\nThe portal is at {address}")
            say(f"Patients sign consents at {consent_address}\n")
            say(f"What it does: tail -f {shown(portal.log)}")
            say("In another terminal: .venv/bin/python manage.py help")
            say("Ctrl-C stops all of it; script/server starts it again with the same records.")
            watch(portal, running)
        finally:
            processes.ignore_stop_signals()
            say("Stopping")
            portal.stop()


def start_portal(state: Path, environment: dict[str, str]) -> processes.Child:
    """Start what the Procfile names."""
    return processes.start(
        "The portal",
        # /dev/null: honcho would otherwise read a stray .env and prefer it to what we hand over.
        [sys.executable, "-m", "honcho", "-e", "/dev/null", "start", "--no-colour"],
        log=state / "portal.log",
        cwd=CHECKOUT,
        env=environment,
    )


def watch(portal: processes.Child, running: Running) -> None:
    """Return never; :raises Trouble: when a part ends that nobody asked to end."""
    while True:
        ended = portal if portal.has_ended else running.ended()
        if ended:
            raise Trouble(f"{ended.name} has ended by itself: {ended.last_words()} (all of it: {ended.log})")
        time.sleep(0.5)


def settings_of(
    state: Path, running: Running, *, port: int, address: str, consent_address: str
) -> dict[str, str]:
    """What the portal's settings read from the environment on this machine."""
    return {
        "DJANGO_SETTINGS_MODULE": "ehrportal.settings.local",
        "EHRPORTAL_PORT": str(port),
        "EHRPORTAL_STATE": str(state),
        "PORTAL_URL": address,
        "CONSENT_URL": consent_address,
        **secrets_file.load_or_make(state / "portal-secrets.env", secrets_file.PORTAL_SECRETS),
        **running.environment,
    }


def prepare(state: Path, environment: dict[str, str]) -> str:
    """
    Bring database, static files, contracts and examples up to date; return who can sign in.

    :raises Trouble: with the reason, if a step fails
    """
    said = ""
    with subprocess.Popen(
        [sys.executable, "-m", "ehrportal.local.prepare", state / "prepare.log"],
        cwd=CHECKOUT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stderr or []:
            said = line.rstrip()
            if not said.startswith(FAILED):
                say(said)
        sign_ins = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise Trouble(said.removeprefix(FAILED))
    return sign_ins.strip()


def chosen_port() -> int:
    chosen = os.environ.get("EHRPORTAL_PORT", str(DEFAULT_PORT))
    if not chosen.isdigit() or not 0 < int(chosen) < 65536:
        raise Trouble(f"EHRPORTAL_PORT is “{chosen}”, which is not a port. Choose a number up to 65535.")
    return int(chosen)


def require_free(port: int, *, patience: float = 0) -> None:
    deadline = time.monotonic() + patience
    while not processes.is_free(port):
        if time.monotonic() >= deadline:
            raise Trouble(
                f"Port {port} is used by another program. End that, or choose another port: "
                f"EHRPORTAL_PORT={port + 1} script/server"
            )
        time.sleep(0.2)


def state_folder() -> Path:
    return Path(os.environ.get("EHRPORTAL_STATE", CHECKOUT / ".local/server")).absolute()


def answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/healthz", headers={"Host": "portal.localhost"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def shown(path: Path) -> Path:
    return path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path


def say(line: str) -> None:
    # After a hangup there is no terminal to write to, and there is still all of it to stop.
    with contextlib.suppress(OSError):
        print(line, flush=True)


def say_wrong(line: str) -> None:
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)
