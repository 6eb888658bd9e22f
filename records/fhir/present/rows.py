"""
Any element of any resource as rows of label and value, read by FHIR's own tables.

This is what shows a resource that has no page of its own, and what shows the rest of one that has.
"""

from typing import Any

from records.fhir.present.access import Node, many, text
from records.fhir.present.model import Row
from records.fhir.present.values import ABSENT_REASON, Context, absent, value_text
from records.fhir.present.vocabulary import humanised, label, type_label
from records.fhir.tables import Element, elements

# Shown elsewhere on the page, or of no use to people.
UNSHOWN = frozenset(
    {
        "resourceType",
        "id",
        "meta",
        "implicitRules",
        "language",
        "text",
        "contained",
        "extension",
        "modifierExtension",
    }
)
_SMALL = frozenset({"data", "hash"})  # of attachments: not for reading
MAX_ITEMS = 50


class Sheet:
    """The rows of one resource, and which of its elements they have already told."""

    def __init__(self, resource: Node, context: Context, *, told: tuple[str, ...] = ()) -> None:
        self.resource, self.context = resource, context
        self.known = elements(text(resource, "resourceType"))
        self.told = {*UNSHOWN, *told}

    def rows(self, *stems: str) -> list[Row]:
        """The rows of these elements, in this order, leaving out what is not there."""
        found: list[Row] = []
        for stem in stems:
            for name in self._names(stem):
                self.told.add(name)
                found += element_rows(self.resource, name, self.known[name], self.context)
        return found

    def rest(self) -> list[Row]:
        """Everything that was not told yet, extensions last."""
        found: list[Row] = []
        for name in [*self.resource, *self._absent_names()]:
            if name not in self.told and name in self.known:
                self.told.add(name)
                found += element_rows(self.resource, name, self.known[name], self.context)
        return found + extension_rows(self.resource, self.context)

    def tell(self, *names: str) -> None:
        """Count these as told."""
        self.told.update(names)

    def _names(self, stem: str) -> list[str]:
        names = [*self.resource, *self._absent_names()]
        return [
            name
            for name in names
            if name in self.known and (name == stem or self._is_choice(name, stem)) and name not in self.told
        ]

    def _is_choice(self, name: str, stem: str) -> bool:
        # `onset` must not find `onsetting`, only onsetAge, onsetDateTime and their like.
        return name.startswith(stem) and stem not in self.known and name[len(stem) : len(stem) + 1].isupper()

    def _absent_names(self) -> list[str]:
        # A primitive without a value has only its extensions, under its name with an underscore.
        return [name[1:] for name in self.resource if name[0] == "_" and name[1:] not in self.resource]


def element_rows(node: Node, name: str, element: Element, context: Context) -> list[Row]:
    """The rows of one element: one line for plain values, a row with rows for each small form."""
    title = label(name, _stem(name, element))
    if name not in node:
        reason = absent(node.get(f"_{name}"))
        return [Row(title, reason.capitalize())] if reason else []
    value = node[name]
    items = [item for item in (value if isinstance(value, list) else [value]) if item is not None]
    if name in _SMALL or not items:
        return []
    if element.type == "Resource":
        return [row for item in items[:MAX_ITEMS] if isinstance(item, dict) for row in _inner(item, context)]
    words = [value_text(element.type, item, context) for item in items[:MAX_ITEMS]]
    plain = list(dict.fromkeys(word for word in words if word))
    found = [Row(title, _joined(plain, element))] if plain else []
    for item, word in zip(items, words, strict=False):
        if word is None and isinstance(item, dict) and (inner := complex_rows(item, element.type, context)):
            found.append(Row(title, "", tuple(inner)))
    return found


def complex_rows(node: Node, type_name: str, context: Context) -> list[Row]:
    """The rows of a backbone element or of a data type that has no words of its own."""
    known = elements(type_name)
    found: list[Row] = []
    for name in node:
        plain = name[1:] if name[0] == "_" and name[1:] not in node else name
        if plain in known and plain not in ("id", "extension", "modifierExtension"):
            found += element_rows(node, plain, known[plain], context)
    return found + extension_rows(node, context)


def extension_rows(node: Node, context: Context) -> list[Row]:
    """Extensions by the last part of their address: better a rough label than a lost statement."""
    found: list[Row] = []
    for item in [*many(node, "modifierExtension"), *many(node, "extension")][:MAX_ITEMS]:
        url = text(item, "url")
        if url == ABSENT_REASON:
            continue
        title = _extension_label(url)
        known = elements("Extension")
        name = next((key for key in item if key.startswith("value") and key in known), "")
        if name:
            words = value_text(known[name].type, item[name], context)
            if words:
                found.append(Row(title, words))
            elif words is None and isinstance(item[name], dict):
                found.append(Row(title, "", tuple(complex_rows(item[name], known[name].type, context))))
        elif inner := extension_rows(item, context):
            found.append(Row(title, "", tuple(inner)))
    return found


def _extension_label(url: str) -> str:
    last = url.rstrip("/").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    return humanised(last.removeprefix("us-core-").removesuffix("-uv-ips"))


def _inner(item: Node, context: Context) -> list[Row]:
    kind = text(item, "resourceType")
    rows = Sheet(item, Context(item, context.resolve)).rest()
    return [Row(type_label(kind), "", tuple(rows))] if rows else []


def _joined(words: list[str], element: Element) -> str:
    return ("\n" if element.type == "Annotation" else ", ").join(words)


def _stem(name: str, element: Element) -> str:
    """`value` for `valueQuantity`, so that the label does not name the type."""
    suffix = element.type[:1].upper() + element.type[1:]
    return name.removesuffix(suffix) if element.is_choice else ""


def note_on_modifiers(resource: Node) -> bool:
    """Whether something in the resource may change its meaning in a way we do not know."""
    left: list[Any] = [resource]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            if node.get("modifierExtension"):
                return True
            left.extend(node.values())
        elif isinstance(node, list):
            left.extend(node)
    return bool(text(resource, "implicitRules"))
