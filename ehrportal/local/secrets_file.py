"""The secrets of one machine: made once, kept beside the state, readable by its owner alone."""

import base64
import os
import secrets
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path


def make_hex() -> str:
    return secrets.token_hex(32)


def make_base64() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


# What the settings insist on, each in the form that they read.
PORTAL_SECRETS: Mapping[str, Callable[[], str]] = {
    "SECRET_KEY": make_hex,
    "COLUMN_KEY": make_hex,
    "KEY_ENCRYPTION_KEYS": make_base64,
    "BLIND_INDEX_KEY": make_base64,
    "LOG_SIGNING_KEY": make_hex,
    "CHAIN_OPERATOR_KEY": make_hex,
}


def load_or_make(file: Path, makers: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """
    Read the secrets in `file`, and make and add those that are missing from it.

    A secret that is there is never made anew: with another key-encryption key yesterday's
    records could not be read.
    """
    known = read(file)
    missing = {name: make() for name, make in makers.items() if name not in known}
    if missing:
        known |= missing
        write(file, [f"{name}={value}\n" for name, value in known.items()])
    return known


def write_exports(file: Path, environment: Mapping[str, str]) -> None:
    """Write an environment as lines that a shell can read in."""
    write(file, [f"export {name}={shlex.quote(value)}\n" for name, value in environment.items()])


def write(file: Path, lines: list[str]) -> None:
    """Write a file that only its owner may read, and that is there whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.writelines(lines)
        output.flush()
        os.fsync(output.fileno())
    unfinished.rename(file)


def read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    lines = [line.partition("=") for line in file.read_text().splitlines() if "=" in line]
    return {name: value for name, _, value in lines}
