"""FHIR's data types as people write them. Nothing here rounds, converts or interprets a value."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from records.fhir.present.access import Node, extension, many, one, text, texts
from records.fhir.present.dates import clock_text, period, when
from records.fhir.present.vocabulary import ABSENT, UNITS, humanised, type_label, worded
from records.fhir.tables import RESOURCE_TYPES

ABSENT_REASON = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"


@dataclass(frozen=True, slots=True)
class Context:
    """What the words of one resource may need from elsewhere: what its references lead to."""

    resource: Node
    resolve: Callable[[str], Node | None]

    def find(self, reference: Node) -> Node | None:
        """The resource that a reference leads to, its own contained ones included."""
        target = text(reference, "reference")
        if target.startswith("#"):
            return next((c for c in many(self.resource, "contained") if c.get("id") == target[1:]), None)
        found = self.resolve(target) if target else None
        return found if isinstance(found, dict) else None


def number(value: Any) -> Decimal | None:
    """A JSON number as a Decimal with the precision it was written in."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        return Decimal(value)
    return None


def number_text(value: Any) -> str:
    found = number(value)
    return "" if found is None else f"{found:f}"


def concept(node: Any) -> str:
    """A CodeableConcept, Coding, or list of concepts: its text, else what its codes are called."""
    if isinstance(node, list):
        return ", ".join(filter(None, map(concept, node)))
    if not isinstance(node, dict):
        return node.strip() if isinstance(node, str) else ""
    codings = many(node, "coding")
    return (
        text(node, "text")
        or next(filter(None, (text(coding, "display") for coding in codings)), "")
        or text(node, "display")
        or absent(node)
        or next(filter(None, (text(coding, "code") for coding in [*codings, node])), "")
    )


def tokens(node: Any) -> list[str]:
    """Each code of a concept as `system|code`, which is what a search and a series go by."""
    codings = many(node, "coding") or ([node] if isinstance(node, dict) else [])
    return [f"{text(coding, 'system')}|{text(coding, 'code')}" for coding in codings if text(coding, "code")]


def code_of(node: Any) -> str:
    """The first code of a concept, whatever its system."""
    return next(
        (text(coding, "code") for coding in many(node, "coding") if text(coding, "code")), text(node, "code")
    )


def absent(node: Any) -> str:
    """Why there is no value, in words, where an extension says so."""
    code = text(extension(node, ABSENT_REASON), "valueCode")
    return worded(ABSENT, code).lower() if code else ""


def unit(node: Node) -> str:
    written = text(node, "unit") or text(node, "code")
    return UNITS.get(written, written)


def quantity(node: Any) -> str:
    """A Quantity, Age, Duration or Money: "less than 0.50 mmol/L", with the precision as written."""
    if not isinstance(node, dict):
        return ""
    value = number_text(node.get("value"))
    measure = unit(node) or text(node, "currency")
    if not value:
        return absent(node) or measure
    written = f"{value} {measure}".strip() if measure != "%" else f"{value}%"
    compared = {
        "<": _("less than %(value)s"),
        "<=": _("at most %(value)s"),
        ">": _("more than %(value)s"),
        ">=": _("at least %(value)s"),
    }.get(text(node, "comparator"))
    return compared % {"value": written} if compared else written


def age(node: Any) -> str:
    """An Age as words: FHIR's "a" is a year."""
    value = number(node.get("value")) if isinstance(node, dict) else None
    spelled = {
        "a": ngettext("%(count)s year", "%(count)s years", int(value or 0)),
        "mo": ngettext("%(count)s month", "%(count)s months", int(value or 0)),
        "wk": ngettext("%(count)s week", "%(count)s weeks", int(value or 0)),
        "d": ngettext("%(count)s day", "%(count)s days", int(value or 0)),
        "h": ngettext("%(count)s hour", "%(count)s hours", int(value or 0)),
        "min": ngettext("%(count)s minute", "%(count)s minutes", int(value or 0)),
    }.get(text(node, "code"))
    if value is None or spelled is None or text(node, "comparator"):
        return quantity(node)
    return spelled % {"count": number_text(node["value"])}


def age_at(node: Any) -> str:
    return _("at the age of %(age)s") % {"age": age(node)} if age(node) else ""


def range_text(node: Any) -> str:
    low, high = one(node, "low"), one(node, "high")
    if low and high:
        # The unit once, where both ends share it.
        first = number_text(low.get("value")) if unit(low) == unit(high) else quantity(low)
        return _("%(low)s to %(high)s") % {"low": first or quantity(low), "high": quantity(high)}
    if low:
        return _("%(low)s or more") % {"low": quantity(low)}
    return _("up to %(high)s") % {"high": quantity(high)} if high else ""


def ratio(node: Any) -> str:
    top, bottom = quantity(one(node, "numerator")), quantity(one(node, "denominator"))
    if not (top and bottom):
        return top or bottom
    # 1:128 is a titre and stays one; 5 mg / 1 mL is a strength.
    is_titre = not unit(one(node, "numerator")) and not unit(one(node, "denominator"))
    return f"{top}:{bottom}" if is_titre else f"{top} / {bottom}"


def name(node: Any) -> str:
    """A HumanName, or the one in use of a list of them."""
    if isinstance(node, list):
        names = [item for item in node if isinstance(item, dict)]
        order = {"official": 0, "usual": 1, "": 2}
        chosen = sorted(names, key=lambda item: order.get(text(item, "use"), 3))
        return next(filter(None, map(name, chosen)), "")
    parts = [*texts(node, "prefix"), *texts(node, "given"), text(node, "family"), *texts(node, "suffix")]
    return text(node, "text") or " ".join(filter(None, parts)) or absent(node)


def address(node: Any) -> str:
    place = " ".join(filter(None, [text(node, "postalCode"), text(node, "city")]))
    lines = [*texts(node, "line"), place, text(node, "district"), text(node, "state"), text(node, "country")]
    return text(node, "text").replace("\n", ", ") or ", ".join(filter(None, lines))


def identifier(node: Any) -> str:
    kind, value = concept(one(node, "type")), text(node, "value")
    return f"{kind}: {value}" if kind and value else value


def annotation(node: Any) -> str:
    written = " ".join(
        filter(
            None,
            [
                text(node, "authorString") or text(node, "authorReference", "display"),
                when(text(node, "time")).text,
            ],
        )
    )
    return f"{text(node, 'text')} ({written})" if written else text(node, "text")


def attachment(node: Any) -> str:
    return text(node, "title") or text(node, "contentType") or text(node, "url")


def reference(node: Any, context: Context) -> str:
    """Whom or what a reference means, by name; one that leads nowhere says so."""
    if not isinstance(node, dict):
        return ""
    if display := text(node, "display"):
        return display
    if target := context.find(node):
        if found := short_title(target):
            return found
        return type_label(text(target, "resourceType"))
    if known := identifier(one(node, "identifier")):
        return known
    kind = text(node, "type") or text(node, "reference").split("?")[0].split("/")[0]
    if kind in RESOURCE_TYPES:
        return _("%(type)s (not part of this record)") % {"type": type_label(kind)}
    return absent(node) or (_("Not part of this record") if text(node, "reference") else "")


def references(nodes: Any, context: Context) -> str:
    """Several references by name, each once."""
    return ", ".join(
        dict.fromkeys(filter(None, (reference(node, context) for node in many({"all": nodes}, "all"))))
    )


# Of these the type says more than their codes do ("institutional", "private").
UNTITLED = frozenset({"Claim", "ClaimResponse", "Coverage", "ExplanationOfBenefit", "Provenance"})


def short_title(resource: Node) -> str:
    """What to call a resource where another one mentions it."""
    if text(resource, "resourceType") in UNTITLED:
        return ""
    named = resource.get("name")
    if isinstance(named, str):
        return named.strip()
    if found := name(named):
        return found
    for key in ("code", "vaccineCode", "medicationCodeableConcept", "type", "description", "title"):
        if found := concept(resource.get(key)):
            return found
    device = next(filter(None, (text(one_name, "name") for one_name in many(resource, "deviceName"))), "")
    return device or text(resource, "practitioner", "display") or text(resource, "organization", "display")


def timing(node: Any) -> str:
    """A Timing: "twice a day for 7 days"; its own code's words where it has them."""
    if not isinstance(node, dict):
        return ""
    repeat = one(node, "repeat")
    return concept(one(node, "code")) or _repeat(repeat) or when(next(iter(texts(node, "event")), "")).text


def _repeat(node: Node) -> str:
    frequency, span = number(node.get("frequency")), number(node.get("period"))
    words = ""
    if span is not None:
        times = frequency if frequency is not None else Decimal(1)
        words = _often(times, span, text(node, "periodUnit"))
    parts = [
        words,
        *(
            humanised(one_when).lower() if one_when.islower() else one_when
            for one_when in texts(node, "when")
        ),
    ]
    if length := range_text(one(node, "boundsRange")) or age(one(node, "boundsDuration")):
        parts.append(_("for %(length)s") % {"length": length})
    parts.append(period(one(node, "boundsPeriod")).text)
    return ", ".join(filter(None, parts))


def _often(times: Decimal, span: Decimal, unit_code: str) -> str:
    common = {
        ("1", "d"): _("once a day"),
        ("2", "d"): _("twice a day"),
        ("3", "d"): _("three times a day"),
        ("4", "d"): _("four times a day"),
        ("1", "wk"): _("once a week"),
        ("1", "mo"): _("once a month"),
    }
    if span == 1 and (number_text(times), unit_code) in common:
        return common[number_text(times), unit_code]
    if times == 1:
        return _("every %(span)s") % {"span": _span(span, unit_code)}
    return _("%(count)s times every %(span)s") % {"count": number_text(times), "span": _span(span, unit_code)}


def _span(value: Decimal, unit_code: str) -> str:
    if value == 1:
        single = {
            "s": _("second"),
            "min": _("minute"),
            "h": _("hour"),
            "d": _("day"),
            "wk": _("week"),
            "mo": _("month"),
            "a": _("year"),
        }
        return single.get(unit_code, unit_code)
    return age({"value": value, "code": unit_code})


def dosage(node: Any) -> str:
    """How to take a medicine: the prescriber's own words, else put together from the parts."""
    if found := text(node, "text") or text(node, "patientInstruction"):
        return found
    rates = many(node, "doseAndRate") or ([node] if isinstance(node, dict) else [])
    parts = [
        quantity(one(rates[0], "doseQuantity"))
        or range_text(one(rates[0], "doseRange"))
        or quantity(one(rates[0], "dose"))
        if rates
        else "",
        timing(one(node, "timing")),
        concept(one(node, "route")),
        _as_needed(node),
        concept(node.get("additionalInstruction") if isinstance(node, dict) else None),
    ]
    return ", ".join(filter(None, parts))


def _as_needed(node: Any) -> str:
    if reason := concept(one(node, "asNeededCodeableConcept")):
        return _("as needed for %(reason)s") % {"reason": reason}
    return _("as needed") if isinstance(node, dict) and node.get("asNeededBoolean") is True else ""


def boolean(value: Any) -> str:
    return _("Yes") if value else _("No")


def clock(value: Any) -> str:
    found = when(f"{date(2000, 1, 1)}T{value}")
    return clock_text(found.moment.time()) if found.moment else str(value)


def sampled(node: Any) -> str:
    count = len(text(node, "data").split())
    return ngettext("a recording of %(count)d point", "a recording of %(count)d points", count) % {
        "count": count
    }


def value_text(type_name: str, value: Any, context: Context) -> str | None:
    """
    Any value of a FHIR type in words, or None for a type that is a small form of its own and is
    better shown as rows.
    """
    if type_name == "Reference":
        return reference(value, context)
    if type_name in _WRITERS:
        return _WRITERS[type_name](value)
    return str(value) if isinstance(value, str | int | Decimal) else None


_WRITERS: dict[str, Callable[[Any], str]] = {
    "Address": address,
    "Age": age,
    "Annotation": annotation,
    "Attachment": attachment,
    "CodeableConcept": concept,
    "Coding": concept,
    "ContactPoint": lambda node: text(node, "value"),
    "Count": quantity,
    "Distance": quantity,
    "Dosage": dosage,
    "Duration": age,
    "HumanName": name,
    "Identifier": identifier,
    "Meta": lambda node: "",
    "Money": quantity,
    "Narrative": lambda node: "",
    "Period": lambda node: period(node).text,
    "Quantity": quantity,
    "Range": range_text,
    "Ratio": ratio,
    "SampledData": sampled,
    "Timing": timing,
    "base64Binary": lambda value: _("data"),
    "boolean": boolean,
    "code": lambda value: humanised(value) if isinstance(value, str) else str(value),
    "date": lambda value: when(value).text or str(value),
    "dateTime": lambda value: when(value).text or str(value),
    "decimal": number_text,
    "instant": lambda value: when(value).text or str(value),
    "time": clock,
}
