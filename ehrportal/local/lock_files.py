"""Lock files name packages by hash and by no address: any mirror may serve them, none may swap them."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
REQUIREMENTS = (
    "requirements.txt",
    "requirements-local.txt",
    "requirements-dev.txt",
    "requirements-slither.txt",
)


def check(checkout: Path = CHECKOUT) -> int:
    """Print what is wrong with the lock files, and return 0 if that is nothing."""
    complaints = [
        *(complaint for name in REQUIREMENTS for complaint in complaints_about_requirements(checkout / name)),
        *complaints_about_npm(checkout / "package-lock.json"),
    ]
    print("\n".join(complaints) or "Every locked package is named by its hash and by no address.")
    return 1 if complaints else 0


def complaints_about_requirements(file: Path) -> Iterator[str]:
    # A requirement goes on over lines that end with a backslash.
    lines = re.sub(r"\\\n", " ", file.read_text()).splitlines()
    requirements = [line for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not requirements:
        yield f"{file.name} names no package"
    for line in requirements:
        name = line.split()[0]
        if line.startswith("-"):
            yield f"{file.name}: {name} is an option, and a lock file has none"
        elif "==" not in name:
            yield f"{file.name}: {name} is not pinned to one version"
        elif "--hash=sha256:" not in line:
            yield f"{file.name}: {name} has no hash"
        if "://" in line.partition("#")[0]:
            yield f"{file.name}: {name} has a download address"


def complaints_about_npm(file: Path) -> Iterator[str]:
    packages = json.loads(file.read_text())["packages"]
    # Folders that are linked to and not fetched: they have nothing to hash.
    linked = {package["resolved"] for package in packages.values() if package.get("link")}
    for name, package in packages.items():
        if package.get("link") or name in linked or not name.startswith("node_modules/"):
            continue
        if "://" in package.get("resolved", ""):
            yield f"{file.name}: {name} has a download address; script/lock leaves it out"
        if not package.get("integrity"):
            yield f"{file.name}: {name} has no hash"
