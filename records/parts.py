"""The parts of a result that a patient may prove one by one, such as a value without its date."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

MAX_COMPONENTS = 40


@dataclass(frozen=True)
class Part:
    """One scalar of the document: what it is to people, what it says, and where it stands (RFC 6901)."""

    label: str
    text: str
    pointer: str
    is_value: bool = False


def parts_of(resource: Any) -> list[Part]:
    """List what of a result can be proven on its own; other kinds are proven whole."""
    if not isinstance(resource, dict) or resource.get("resourceType") != "Observation":
        return []
    parts = list(_of_measurement(resource, "", ""))
    components = resource.get("component")
    for index, component in enumerate(components if isinstance(components, list) else []):
        if isinstance(component, dict) and index < MAX_COMPONENTS:
            name = next((part.text for part in _name(component.get("code"), "", "")), str(index + 1))
            parts += _of_measurement(component, f"/component/{index}", name)
    parts += _scalar(resource.get("effectiveDateTime"), "/effectiveDateTime", _("Date and time"))
    return parts if any(part.is_value for part in parts) else []


def _of_measurement(node: dict[str, Any], at: str, name: str) -> Iterator[Part]:
    yield from _name(node.get("code"), f"{at}/code", name)
    quantity = node.get("valueQuantity")
    if isinstance(quantity, dict):
        yield from _scalar(
            quantity.get("value"), f"{at}/valueQuantity/value", _labelled(_("Value"), name), is_value=True
        )
        yield from _scalar(quantity.get("unit"), f"{at}/valueQuantity/unit", _labelled(_("Unit"), name))
    for member in ("valueString", "valueInteger"):
        yield from _scalar(node.get(member), f"{at}/{member}", _labelled(_("Value"), name), is_value=True)
    concept = node.get("valueCodeableConcept")
    for part in _name(concept, f"{at}/valueCodeableConcept", name):
        yield Part(_labelled(_("Value"), name), part.text, part.pointer, is_value=True)


def _name(concept: Any, at: str, name: str) -> list[Part]:
    """What a coded thing is called: its text, else the first display of its codes."""
    if not isinstance(concept, dict):
        return []
    label = _labelled(_("What was measured"), name)
    if named := list(_scalar(concept.get("text"), f"{at}/text", label)):
        return named
    codings = concept.get("coding")
    for index, coding in enumerate(codings if isinstance(codings, list) else []):
        if isinstance(coding, dict) and (
            named := list(_scalar(coding.get("display"), f"{at}/coding/{index}/display", label))
        ):
            return named
    return []


def _scalar(value: Any, pointer: str, label: str, *, is_value: bool = False) -> Iterator[Part]:
    if isinstance(value, str | int | Decimal) and not isinstance(value, bool) and str(value):
        yield Part(label, f"{value:f}" if isinstance(value, Decimal) else str(value), pointer, is_value)


def _labelled(label: str, name: str) -> str:
    return f"{label} ({name})" if name else label
