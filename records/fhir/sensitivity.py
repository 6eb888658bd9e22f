"""
Which sensitive categories a resource falls into, by its labels and by what its codes are called.

The list is `sensitive_codes.csv` beside this module; where its rows come from, and what it can't know, says
docs/formats/sensitive-categories.md. In doubt something is sensitive: what is withheld by mistake is asked
for, what is shown by mistake stays known.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from records.fhir.references import Link

RESTRICTED, GENETICS = "restricted", "genetics"
# In the list: a code that the rows around it would catch, and should not.
_NOT_SENSITIVE = "none"
_NOTHING: frozenset[str] = frozenset()

# How the same code system is called, by what its address contains. The first that fits counts.
_SYSTEMS = (
    ("snomed.info/sct", "snomed"),
    ("loinc.org", "loinc"),
    ("rxnorm", "rxnorm"),
    ("icd-10-pcs", "icd-10-pcs"),
    ("icd10pcs", "icd-10-pcs"),
    ("icd-10-cm", "icd-10-cm"),
    ("icd-10", "icd-10"),
    ("icd-9", "icd-9-cm"),
    ("icd-11", "icd-11"),
    ("icd/release/11", "icd-11"),
    ("whocc.no/atc", "atc"),
    ("sid/atc", "atc"),
    ("bfarm/atc", "atc"),
    ("ciel", "ciel"),
    ("genomics-reporting", "genomics-reporting"),
    ("genenames.org", "genenames"),
    ("varnomen.hgvs.org", "hgvs"),
    ("clinvar", "clinvar"),
    ("ncbi.nlm.nih.gov/snp", "dbsnp"),
    ("projects/snp", "dbsnp"),
    ("v2/0074", "v2-0074"),
    ("fhir/v3/actcode", "v3-ActCode"),
    ("fhir/v3/confidentiality", "v3-Confidentiality"),
)
_OIDS = {
    "2.16.840.1.113883.6.96": "snomed",
    "2.16.840.1.113883.6.1": "loinc",
    "2.16.840.1.113883.6.88": "rxnorm",
    "2.16.840.1.113883.6.90": "icd-10-cm",
    "2.16.840.1.113883.6.3": "icd-10",
    "2.16.840.1.113883.6.4": "icd-10-pcs",
    "2.16.840.1.113883.6.103": "icd-9-cm",
    "2.16.840.1.113883.6.73": "atc",
    "2.16.840.1.113883.5.4": "v3-ActCode",
    "2.16.840.1.113883.5.25": "v3-Confidentiality",
}
# Here a row stands for everything below it, too.
_HIERARCHIES = frozenset({"icd-10", "icd-10-cm", "icd-10-pcs", "icd-9-cm", "icd-11", "atc"})
# What an ICD-10 of a country adds to WHO's.
_ALSO = {"icd-10-cm": "icd-10"}

_CONCEPT = frozenset({"coding", "text", "id", "extension", "_text"})
# `text` in these is a sentence that somebody wrote, not what a concept is called.
_SENTENCES = frozenset({"note", "dosage", "dosageInstruction", "text", "annotation"})
_INLINE_LABEL = "/extension-inline-sec-label"
# OpenMRS writes numbers of the CIEL dictionary so, often as if they were another system's.
_CIEL = re.compile(r"([0-9]{1,8})A+")
_SNOMED = re.compile(r"[0-9]{6,18}")
_WORD = re.compile(r"[a-z0-9]+")
_STEMS = re.compile(r"[&/ ]+")

# Where a thing was done, not what it is about: a weight taken on a psychiatric ward is a weight.
_CIRCUMSTANCES = frozenset({"encounter", "context", "episodeOfCare"})
# Except where much of what is in them can't be read here: a letter from that ward is about the stay.
_LETTERS = frozenset(
    {
        "ClinicalImpression",
        "Communication",
        "Composition",
        "DocumentManifest",
        "DocumentReference",
        "Media",
        "QuestionnaireResponse",
    }
)


def sensitivities_of(resource: dict[str, Any]) -> frozenset[str]:
    """
    The sensitive categories of a resource by its labels, codes and names, those of what it contains included.

    Never raises, whatever shape the resource has. What it takes over from the records that it refers to is
    not in here: see `inherits`.
    """
    found: set[str] = set()
    labels: list[tuple[str, str]] = []
    waiting: list[tuple[str, Any]] = [("", resource)]
    while waiting:
        key, node = waiting.pop()
        if isinstance(node, list):
            waiting.extend((key, item) for item in node if isinstance(item, dict | list))
        elif isinstance(node, dict):
            labels.extend(_labels(key, node))
            found |= _of_node(key, node)
            # What is in `meta` besides its labels is not about the patient.
            waiting.extend(
                (name, value)
                for name, value in node.items()
                if name != "meta" and isinstance(value, dict | list)
            )
    return frozenset(found | _of_labels(labels))


def inherits(resource: dict[str, Any], link: Link) -> bool:
    """
    Whether a resource is about what it refers to by this link, so that it is at least as sensitive.

    It is, but for where and when it was done; a letter or a report as a document is about its visit, too.
    """
    names = [part for part in link.pointer.split("/") if part and not part.isdigit()]
    if not names or names[-1] not in _CIRCUMSTANCES:
        return True
    return resource.get("resourceType") in _LETTERS or bool(resource.get("presentedForm"))


def _of_node(key: str, node: dict[str, Any]) -> frozenset[str]:
    code, system, display = node.get("code"), node.get("system"), node.get("display")
    found = _NOTHING
    if isinstance(code, str):
        found |= _of_code(system if isinstance(system, str) else "", code)
    if isinstance(display, str):
        found |= _of_name(display)
    words = node.get("text")
    if isinstance(words, str) and key not in _SENTENCES and _CONCEPT.issuperset(node):
        found |= _of_name(words)
    if node.get("resourceType") == "MolecularSequence":
        found |= {GENETICS}
    return found


def _labels(key: str, node: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The security labels of this node: of a resource, a section, an element, or a document's own."""
    meta = node.get("meta")
    if isinstance(meta, dict):
        yield from _codings(meta.get("security"))
    if "securityLabel" in node:
        for concept in _items(node["securityLabel"]):
            if isinstance(concept, dict):
                yield from _codings(concept.get("coding"))
    if key == "extension" and str(node.get("url")).endswith(_INLINE_LABEL):
        yield from _codings(node.get("valueCoding"))
    if node.get("resourceType") == "Composition" and isinstance(node.get("confidentiality"), str):
        yield "v3-Confidentiality", node["confidentiality"]


def _codings(codings: Any) -> Iterator[tuple[str, str]]:
    for coding in _items(codings):
        if isinstance(coding, dict) and isinstance(coding.get("code"), str):
            system = coding.get("system")
            yield _system(system) if isinstance(system, str) else "v3-Confidentiality", coding["code"].strip()


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _of_labels(labels: list[tuple[str, str]]) -> frozenset[str]:
    """What labels say: the categories that they name, or `restricted` where none is named."""
    named, is_restricted = _NOTHING, False
    for system, code in labels:
        if system == "v3-Confidentiality":
            is_restricted |= code.upper() in ("R", "V")
        elif system in ("v3-ActCode", "v3-ActUSPrivacyLaw"):
            known = _tables().exact.get((system, code))
            # Later editions know labels that we don't; somebody meant something by each.
            named |= {RESTRICTED} if known is None else known - {_NOT_SENSITIVE}
    return named or (frozenset({RESTRICTED}) if is_restricted else _NOTHING)


@lru_cache(maxsize=8192)
def _of_code(system: str, code: str) -> frozenset[str]:
    key = _system(system)
    code = code.strip()
    if len(code) == 36 and (match := _CIEL.fullmatch(code)):
        key, code = "ciel", match[1]
    if key in _HIERARCHIES:
        # ICD-11 joins codes; ICD-10 marks cause and manifestation with a sign at the end.
        stems = _STEMS.split(code) if key == "icd-11" else [code]
        return frozenset().union(*(_below(key, stem) for stem in stems))
    codes = _SNOMED.findall(code) if key == "snomed" and not code.isdigit() else [code]
    exact = _tables().exact
    found = frozenset().union(
        exact.get((key, "*"), _NOTHING), *(exact.get((key, one), _NOTHING) for one in codes)
    )
    return found - {_NOT_SENSITIVE}


def _below(system: str, code: str) -> frozenset[str]:
    """The categories of a code by the rows that it stands under."""
    flat = _flat(code)
    found = {
        category
        for name in (system, _ALSO.get(system))
        for low, high, category in _tables().ranges.get(name or "", ())
        if low <= flat[: len(low)] and flat[: len(high)] <= high
    }
    return _NOTHING if _NOT_SENSITIVE in found else frozenset(found)


def _of_name(name: str) -> frozenset[str]:
    """The categories of the words and phrases in what a concept or a record is called."""
    words = _WORD.findall(name.lower())
    phrases = _tables().phrases
    found: set[str] = set()
    for place, word in enumerate(words):
        for phrase, is_whole, category in phrases.get(word, ()):
            fits = words == phrase if is_whole else words[place : place + len(phrase)] == phrase
            if fits:
                found.add(category)
    return frozenset(found) if found else _NOTHING


@lru_cache(maxsize=1024)
def _system(address: str) -> str:
    folded = address.strip().lower()
    if oid := _OIDS.get(folded.removeprefix("urn:oid:")):
        return oid
    for part, key in _SYSTEMS:
        if part in folded:
            return key
    return address.strip().rstrip("/").rsplit("/", 1)[-1]


def _flat(code: str) -> str:
    return code.upper().rstrip("+*†!# ").replace(".", "").replace(" ", "")


class _Tables:
    """The list, by how it is asked."""

    def __init__(self) -> None:
        exact: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.ranges: dict[str, list[tuple[str, str, str]]] = defaultdict(list)
        self.phrases: dict[str, list[tuple[list[str], bool, str]]] = defaultdict(list)
        for row in rows():
            system, code, category = row["system"], row["code"], row["category"]
            if system == "name":
                phrase = _WORD.findall(code)
                self.phrases[phrase[0]].append((phrase, code.startswith("="), category))
            elif system in _HIERARCHIES:
                low, _dash, high = code.partition("-")
                self.ranges[system].append((_flat(low), _flat(high or low), category))
            else:
                exact[system, code].add(category)
        self.exact = {key: frozenset(categories) for key, categories in exact.items()}


@cache
def _tables() -> _Tables:
    return _Tables()


def rows() -> list[dict[str, str]]:
    """The rows of the list: category, system, code, name and source."""
    with Path(__file__).with_name("sensitive_codes.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
