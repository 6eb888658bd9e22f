"""The secrets of one machine: made once, kept beside the state, readable by its owner alone."""

import base64
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path


def make_hex() -> str:
    return secrets.token_hex(32)


def make_base64() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


# What the settings insist on, each in the form that they read.
PORTAL_SECRETS: Mapping[str, Callable[[], str]] = {
    "SECRET_KEY": make_hex,
    "COLUMN_KEYS": make_hex,
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
        write(file, known)
    return known


def read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    lines = [line.partition("=") for line in file.read_text().splitlines() if "=" in line]
    return {name: value for name, _, value in lines}


def adopt(file: Path) -> None:
    """Take into our own environment what a file has and the environment has not."""
    for name, value in read(file).items():
        os.environ.setdefault(name, value)


def write(file: Path, values: Mapping[str, str], *, prefix: str = "") -> None:
    """Write a file that only its owner may read, and that is there whole or not at all."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as output:
        output.writelines(f"{prefix}{name}={value}\n" for name, value in values.items())
        output.flush()
        os.fsync(output.fileno())
    unfinished.rename(file)
