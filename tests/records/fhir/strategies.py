"""Resources that nobody would write: any elements of a type, in any combination, with odd values."""

from decimal import Decimal

from hypothesis import strategies as st

from records.fhir.tables import elements

TEXT = st.text("aZ9 ~/<>&é山🩺\n", max_size=6)
DATES = st.sampled_from(["2019", "2019-05", "2019-05-12", "2020-02-29"])
TIMES = st.sampled_from(["2019-05-12T10:00:00Z", "2019-05-12T23:59:60.123+05:30", "0001-01-01T00:00:00Z"])
NUMBERS = st.sampled_from([Decimal("0"), Decimal("1.50"), Decimal("-0.0"), Decimal("1E-7"), Decimal("1E+20")])
REFERENCES = st.sampled_from(
    [
        "Patient/p1",
        "#c",
        "#",
        "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a",
        "Observation?identifier=a|b",
        "x",
    ]
)

PRIMITIVES = {
    "boolean": st.booleans(),
    "integer": st.integers(-5, 5),
    "positiveInt": st.integers(1, 5),
    "unsignedInt": st.integers(0, 5),
    "decimal": NUMBERS,
    "date": DATES,
    "dateTime": DATES | TIMES,
    "instant": TIMES,
    "time": st.sampled_from(["10:00:00", "23:59:60.1"]),
    "base64Binary": st.sampled_from(["QUJD", "", "4pyT", "/w=="]),
    "xhtml": st.sampled_from(["<div>x</div>", "plain", "<div><script>1</script><h1>x</h1></div>"]),
}


@st.composite
def value(draw, type_name, depth):
    """A value of a type, or sometimes of no sense at all."""
    if type_name in PRIMITIVES:
        return draw(PRIMITIVES[type_name])
    if type_name == "Resource":
        return draw(resources("Patient", depth - 1)) if depth > 0 else {"resourceType": "Patient", "id": "c"}
    known = elements(type_name)
    if not known or type_name in ("uri", "code", "string"):
        return draw(TEXT)
    return draw(members(type_name, depth))


@st.composite
def members(draw, type_name, depth):
    if depth <= 0:
        return {}
    known = elements(type_name)
    made = {}
    for name in draw(st.lists(st.sampled_from(sorted(known)), max_size=5, unique=True)):
        element = known[name]
        if name == "reference":
            made[name] = draw(REFERENCES)
        elif element.codes is not None and element.type == "code":
            made[name] = draw(st.sampled_from(sorted(frozenset().union(*element.codes.values()))))
        elif element.is_list:
            items = st.lists(value(element.type, depth - 1) | st.none(), min_size=1, max_size=2)
            made[name] = draw(items)
        elif element.is_primitive and draw(st.integers(0, 9)) == 0:
            url = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
            made[f"_{name}"] = {"extension": [{"url": url, "valueCode": "masked"}]}
        else:
            made[name] = draw(value(element.type, depth - 1))
    return made


@st.composite
def resources(draw, type_name, depth=5):
    """A resource of this type."""
    return {"resourceType": type_name, **draw(members(type_name, depth))}
