"""
The records that the demo hospital starts with, as files an import would be given.

HL7's own patient summaries come from npm. They show every section but only a moment each, so three
patients with years of laboratory values are added from clinosim, a seeded simulator: the same seed
and dates give the same records on every machine. It takes half a minute, once; what it made stays
in `.local/`.
"""

import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from records.fhir.present import categories_of, occurred, tokens_of
from records.fhir.reading import Entry, read
from records.fhir.references import Identity, links_in, named_in, patient_of
from records.fhir.validation import validate

CHECKOUT = Path(__file__).resolve().parent.parent
SUMMARIES = CHECKOUT / "node_modules" / "hl7.fhir.uv.ips" / "example"
MADE = CHECKOUT / ".local" / "demo-records"

# Of HL7's bundles, Bundle-01 is left out: Bundle-with-immunization gives the same Composition id to
# another patient, so that each would look like a new version of the other's document.
LEFT_OUT = "Bundle-IPS-examples-Bundle-01.json"

SEED, PEOPLE, START, END = "7", "30", "2021-01-01", "2026-05-31"
PATIENTS = 3


class ExamplesMissing(Exception):
    """The example records are not on this machine. Its text says what to do."""


class Example(NamedTuple):
    """One file: its name, for messages, and its bytes."""

    name: str
    content: bytes


def demo_bundles() -> Iterator[Example]:
    """
    Every example file, in the order in which to import them.

    :raises ExamplesMissing: when npm's packages have not been installed
    """
    yield from summaries()
    yield from simulated()


def summaries() -> Iterator[Example]:
    """HL7's example International Patient Summaries."""
    if not SUMMARIES.is_dir():
        raise ExamplesMissing("The example records are not here: run `npm ci`.")
    for path in sorted(SUMMARIES.glob("Bundle-*.json")):
        if path.name != LEFT_OUT:
            yield Example(path.name, path.read_bytes())


def simulated(folder: Path = MADE) -> Iterator[Example]:
    """Patients with long series of results; none on a machine that has no simulator (production)."""
    try:
        version = metadata.version("clinosim")
    except metadata.PackageNotFoundError:
        return
    made = folder / f"clinosim-{version}-{SEED}"
    if not made.is_dir():
        _simulate(made)
    for path in sorted(made.glob("*.ndjson")):
        yield Example(path.name, path.read_bytes())


def _simulate(made: Path) -> None:
    made.parent.mkdir(parents=True, exist_ok=True)
    # Renamed when complete: a run that was interrupted leaves nothing that looks like examples.
    with tempfile.TemporaryDirectory(dir=made.parent) as scratch:
        raw, ready = Path(scratch) / "raw", Path(scratch) / "ready"
        command: list[str | Path] = [
            Path(sys.executable).with_name("clinosim"),
            "simulate",
            "--country",
            "US",
        ]
        command += ["--population", PEOPLE, "--seed", SEED, "--start", START, "--end", END]
        command += ["--format", "fhir-r4", "--output", raw]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  # our own arguments
        ready.mkdir()
        for name, lines in chosen(raw / "fhir_r4").items():
            (ready / name).write_bytes(b"\n".join(lines) + b"\n")
        shutil.move(ready, made)


def chosen(folder: Path) -> dict[str, list[bytes]]:
    """
    The lines to keep of a simulated hospital: the patients with the longest series of one test, and
    whoever and whatever their records mention. What our own gate refuses is the simulator's mistake.
    """
    entries = [found for found in read(folder) if isinstance(found, Entry)]
    valid = [entry for entry in entries if not validate(entry.raw, entry.content)]
    owners = {(entry.resource_type, entry.id): patient_of(entry.content) for entry in valid}
    months: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for entry in valid:
        owner = owners[entry.resource_type, entry.id]
        if (
            owner
            and "laboratory" in categories_of(entry.content)
            and (day := occurred(entry.content).earliest)
        ):
            months[owner][tokens_of(entry.content)[0]].add(f"{day:%Y-%m}")
    longest = sorted(months, key=lambda one: (-max(map(len, months[one].values())), one))[:PATIENTS]

    files: dict[str, list[bytes]] = {f"simulated-{owner}.ndjson": [] for owner in longest}
    mentioned: set[Identity | None] = set()
    for entry in sorted(valid, key=lambda one: one.resource_type != "Patient"):
        owner = owners[entry.resource_type, entry.id]
        if owner in longest:
            files[f"simulated-{owner}.ndjson"].append(entry.raw)
            mentioned |= {named_in(link.reference) for link in links_in(entry.content)}
    shared = [entry for entry in valid if owners[entry.resource_type, entry.id] is None]
    for _round in range(3):  # a role names a practitioner, who may name an organisation
        for entry in shared:
            if (entry.resource_type, entry.id) in mentioned:
                mentioned |= {named_in(link.reference) for link in links_in(entry.content)}
    files["simulated-hospital.ndjson"] = [
        entry.raw for entry in shared if (entry.resource_type, entry.id) in mentioned
    ]
    return files
