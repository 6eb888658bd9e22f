"""
What FHIR R4 says about its own types, as generated into tables.json by script/fhir-tables.

Each JSON property of a type is an `Element`: its type, whether it is a list, the code list it must
keep to, the types it may refer to.
"""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_TABLES: dict[str, Any] = json.loads(Path(__file__).with_name("tables.json").read_text(encoding="utf-8"))

RESOURCE_TYPES: frozenset[str] = frozenset(_TABLES["resources"])
# A data type that no table takes apart is a single value: a string, a number, true or false.
PRIMITIVES = frozenset(_TABLES["primitives"])
# In the order of preference: whose record it is before who wrote it.
PATIENT_COMPARTMENT: dict[str, list[str]] = _TABLES["compartment"]
DATES: dict[str, list[str]] = _TABLES["dates"]
CONCEPTS: dict[str, list[str]] = _TABLES["concepts"]


@dataclass(frozen=True, slots=True)
class Element:
    """One JSON property of a type."""

    type: str
    is_list: bool
    is_choice: bool
    codes: dict[str, frozenset[str]] | None
    targets: frozenset[str] | None

    @property
    def is_primitive(self) -> bool:
        return self.type in PRIMITIVES


@cache
def elements(type_name: str) -> dict[str, Element]:
    """The properties of a type by their JSON name, in the order in which FHIR gives them."""
    found: dict[str, Element] = {}
    if type_name in RESOURCE_TYPES:
        found |= elements("Resource") | elements("DomainResource")
    elif "." in type_name:
        found |= elements("BackboneElement")
    elif type_name not in ("Element", "Resource", "DomainResource"):
        found |= elements("Element")
    for name, row in _TABLES["types"].get(type_name, {}).items():
        found[name] = _element(row)
    return found


@cache
def _element(row: str) -> Element:
    kind, *rest = row.split()
    codes = targets = None
    is_choice = False
    for part in rest:
        if part == "x":
            is_choice = True
        elif part[0] == "b":
            codes = {system: frozenset(names) for system, names in _TABLES["codes"][int(part[1:])].items()}
        else:
            targets = frozenset(_TABLES["targets"][int(part[1:])])
    return Element(
        type=kind.rstrip("*"), is_list=kind.endswith("*"), is_choice=is_choice, codes=codes, targets=targets
    )


def at(resource: dict[str, Any], path: str) -> list[tuple[str, Any]]:
    """
    What lies at a path such as `participant.actor`, each with its JSON Pointer.

    Lists are entered, and `performed` finds `performedPeriod` too, as search parameters mean it.
    """
    found: list[tuple[str, Any]] = [("", resource)]
    for step in path.split("."):
        found = [child for pointer, node in found for child in _children(pointer, node, step)]
    return found


def _children(pointer: str, node: Any, step: str) -> list[tuple[str, Any]]:
    if not isinstance(node, dict):
        return []
    choice = step + "[x]"
    names = [name for name in node if name == step or is_shape_of(choice, name)]
    children: list[tuple[str, Any]] = []
    for name in names:
        value = node[name]
        if isinstance(value, list):
            children += [(f"{pointer}/{name}/{index}", one) for index, one in enumerate(value)]
        else:
            children.append((f"{pointer}/{name}", value))
    return children


@cache
def is_shape_of(choice: str, name: str) -> bool:
    """Whether `valueQuantity` is one of the names of `value[x]`."""
    stem = choice.removesuffix("[x]")
    return name.startswith(stem) and name[len(stem) :] in _CHOICES


_CHOICES = frozenset(
    name.removeprefix("value") for name in _TABLES["types"]["Extension"] if name.startswith("value")
)
