"""Results: values with unit, range and what the laboratory said of them, from observations and reports."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from records.fhir.present.access import Node, choice, many, one, text
from records.fhir.present.dates import first_when
from records.fhir.present.model import Measurement
from records.fhir.present.values import (
    Context,
    absent,
    code_of,
    concept,
    number,
    range_text,
    tokens,
    unit,
    value_text,
)
from records.fhir.present.vocabulary import ABNORMAL, ABSENT, CRITICAL, INTERPRETATION, worded
from records.fhir.tables import elements

MAX_MEMBERS = 200


def measurements_of(observation: Node, context: Context) -> list[Measurement]:
    """The values of an observation: its own, those of its components, those of its members."""
    found = []
    own = measurement(observation, context)
    components = [measurement(part, context, observation) for part in many(observation, "component")]
    if own.text or not components:
        found.append(own)
    found += components
    for member in many(observation, "hasMember")[:MAX_MEMBERS]:
        found += members(member, context, seen={text(observation, "id")})
    return [one_value for one_value in found if one_value.text]


def members(reference: Node, context: Context, *, seen: set[str]) -> list[Measurement]:
    """The values of the observation that a report or a panel refers to; none twice, and no circles."""
    target = context.find(reference)
    if target is None or text(target, "resourceType") != "Observation" or text(target, "id") in seen:
        return []
    seen.add(text(target, "id"))
    inner = Context(target, context.resolve)
    own = measurement(target, inner)
    found = [own] if own.text else []
    found += [measurement(part, inner, target) for part in many(target, "component")]
    for member in many(target, "hasMember")[:MAX_MEMBERS]:
        found += members(member, inner, seen=seen)
    return [one_value for one_value in found if one_value.text]


def measurement(node: Node, context: Context, parent: Node | None = None) -> Measurement:
    """The value of an observation or of one component."""
    name, value = choice(node, "value")
    value = value if name in elements("Observation") else None
    words, reason = value_words(name, value, context), absence(node)
    observation = parent or node
    amount = value if isinstance(value, dict) and name == "valueQuantity" else {}
    counted = number(value) if name == "valueInteger" else None
    exact = counted if counted is not None else number(amount.get("value"))
    if text(amount, "comparator"):
        exact = None
    interpretation, codes = interpretation_of(node)
    low, high, written = reference_range(node, amount)
    return Measurement(
        name=concept(node.get("code")),
        text=words or reason,
        value=exact,
        unit=unit(amount) if amount else "",
        low=low if exact is not None else None,
        high=high if exact is not None else None,
        range_text=written,
        interpretation=interpretation,
        is_abnormal=bool(codes & ABNORMAL),
        is_critical=bool(codes & CRITICAL),
        is_absent=not words and bool(reason),
        tokens=tuple(tokens(node.get("code"))),
        occurred=first_when(observation, "effective", "issued"),
        resource_id=text(observation, "id"),
    )


def value_words(name: str, value: Any, context: Context) -> str:
    if not name or value is None or name not in elements("Observation"):
        return ""
    return value_text(elements("Observation")[name].type, value, context) or absent(value)


def absence(node: Node) -> str:
    """Why an observation has no value, in words."""
    given = node.get("dataAbsentReason")
    code = code_of(given)
    words = worded(ABSENT, code) if code in ABSENT else concept(given)
    return words[:1].upper() + words[1:]


def interpretation_of(node: Node) -> tuple[str, set[str]]:
    """What the laboratory said of the value, in words, and its codes."""
    words, codes = [], set()
    for given in many(node, "interpretation"):
        code = code_of(given)
        codes.add(code)
        words.append(str(INTERPRETATION[code]) if code in INTERPRETATION else concept(given))
    return ", ".join(dict.fromkeys(filter(None, words))), codes


def reference_range(node: Node, amount: Node) -> tuple[Any, Any, str]:
    """
    The one range to draw, and all of them in words.

    A range for somebody else (another sex, another age) or in another unit is told but not drawn.
    """
    ranges = many(node, "referenceRange")
    written = "; ".join(filter(None, map(_range_words, ranges)))
    normal = [item for item in ranges if code_of(item.get("type")) in ("", "normal")]
    if len(normal) != 1:
        return None, None, written
    low, high = one(normal[0], "low"), one(normal[0], "high")
    for end in (low, high):
        if end and unit(end) and unit(end) != unit(amount):
            return None, None, written
    return number(low.get("value")), number(high.get("value")), written


def _range_words(node: Node) -> str:
    words = range_text(node)
    own = text(node, "text")
    # Many laboratories write the same again as text, or only a stock phrase.
    words = words if words else own
    condition = [concept(node.get("appliesTo")), range_text(one(node, "age"))]
    kind = concept(node.get("type")) if code_of(node.get("type")) not in ("", "normal") else ""
    about = ", ".join(filter(None, [kind, *condition]))
    return _("%(range)s (%(about)s)") % {"range": words, "about": about} if words and about else words


def summary_of(found: list[Measurement]) -> str:
    """
    A line for a list: the value with what was said of it; of a panel the few values by name, or how
    many there are and which of them the laboratory marked.
    """
    if len(found) == 1:
        return _line(found[0])
    if len(found) <= 3:
        return ", ".join(f"{item.name} {item.text}".strip() for item in found)
    count = ngettext("%(count)d value", "%(count)d values", len(found)) % {"count": len(found)}
    marked = ", ".join(f"{item.name} {_line(item)}" for item in found if item.is_abnormal)
    return f"{count}; {marked}" if marked else count


def _line(item: Measurement) -> str:
    return f"{item.text} ({item.interpretation})" if item.interpretation else item.text
