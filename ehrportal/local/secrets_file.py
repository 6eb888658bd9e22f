"""The secrets of one machine: made once, kept beside the state, readable by its owner alone."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path


def load_or_make(file: Path, makers: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    """
    Read the secrets in `file`, and make and add those that are missing from it.

    A secret that is there is never made anew: with another key-encryption key yesterday's
    records could not be read.
    """
    secrets = read(file)
    missing = {name: make() for name, make in makers.items() if name not in secrets}
    if missing:
        secrets |= missing
        unfinished = file.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as output:
            output.writelines(f"{name}={value}\n" for name, value in secrets.items())
            output.flush()
            os.fsync(output.fileno())
        unfinished.rename(file)
    return secrets


def read(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    lines = [line.partition("=") for line in file.read_text().splitlines() if "=" in line]
    return {name: value for name, _, value in lines}
