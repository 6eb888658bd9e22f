import hmac
import json
from decimal import Decimal
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.commitment import (
    MAX_DEPTH,
    DocumentInvalid,
    Element,
    Header,
    UnknownElement,
    commit,
    commitment_of,
    disclose,
    element_hash,
    flatten,
    salt_of,
)
from chain.merkle import leaf_hash, root_of, verify_inclusion

SECRET = bytes(range(32))
HEADER = Header(
    topic="record",
    resource_type="Observation",
    id="potassium-1",
    version=1,
    author="https://north.example",
    previous=None,
)
POTASSIUM = """{
  "resourceType": "Observation",
  "id": "potassium-1",
  "status": "final",
  "code": {"text": "Potassium"},
  "valueQuantity": {"value": 4.10, "unit": "mmol/L"},
  "interpretation": [],
  "note": [{"text": "taken twice, hämolysis \\u00fc"}]
}
""".encode()

json_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.decimals(allow_nan=False, allow_infinity=False, places=3)
    | json_texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(json_texts, inner, max_size=4),
    max_leaves=25,
)
json_objects = st.dictionaries(json_texts, json_values, max_size=6)


def written(value):
    """JSON text of a value, decimals in their own precision."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}: {written(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + " ,".join(written(inner) for inner in value) + "]"
    return f"{value:f}" if isinstance(value, Decimal) else json.dumps(value, ensure_ascii=False)


def walked(value, pointer=""):
    """The elements of a parsed document, the simple way: values instead of their text."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from walked(inner, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from walked(inner, f"{pointer}/{number}")
    else:
        yield pointer, value


class TestFlatten:
    def test_keeps_each_scalar_as_it_was_written(self):
        assert flatten(POTASSIUM) == [
            Element("", POTASSIUM.decode()),
            Element("/code/text", '"Potassium"'),
            Element("/id", '"potassium-1"'),
            Element("/interpretation", "[]"),
            Element("/note/0/text", '"taken twice, h\u00e4molysis \\u00fc"'),
            Element("/resourceType", '"Observation"'),
            Element("/status", '"final"'),
            Element("/valueQuantity/unit", '"mmol/L"'),
            Element("/valueQuantity/value", "4.10"),
        ]

    @pytest.mark.parametrize(
        "number", ["1.50", "1.5", "0", "-0", "0.10", "1E5", "1e+05", "12345678901234567890.123456789"]
    )
    def test_keeps_a_number_in_its_own_precision(self, number):
        assert flatten(b'{"value": %s }' % number.encode())[1:] == [Element("/value", number)]

    def test_finds_empty_objects_and_arrays(self):
        assert flatten(b'{"a": {}, "b": [ ], "c": [{ }, []]}')[1:] == [
            ("/a", "{}"),
            ("/b", "[]"),
            ("/c/0", "{}"),
            ("/c/1", "[]"),
        ]

    def test_writes_pointers_as_rfc_6901_does(self):
        document = {"foo": ["bar"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, 'k"l': 6, " ": 7, "m~n": 8}
        pointers = [element.pointer for element in flatten(json.dumps(document).encode())]
        assert set(pointers[1:]) == {"/foo/0", "/", "/a~1b", "/c%d", "/e^f", '/k"l', "/ ", "/m~0n"}

    def test_orders_pointers_by_their_bytes(self):
        document = {"b": 1, "a": {"10": 1, "9": 1}, "\u00e9": 1, "\U0001f600": 1, "\uffee": 1, "a-": 1}
        pointers = [e.pointer for e in flatten(json.dumps(document, ensure_ascii=False).encode())]
        assert all(left.encode() < right.encode() for left, right in pairwise(pointers))
        assert pointers == ["", "/a-", "/a/10", "/a/9", "/b", "/\u00e9", "/\uffee", "/\U0001f600"]

    def test_of_an_empty_object_is_the_whole_document_alone(self):
        assert flatten(b" {} ") == [Element("", " {} ")]

    @given(json_objects)
    def test_finds_what_pythons_own_reader_finds(self, document):
        text = written(document)
        found = {
            element.pointer: json.loads(element.text, parse_float=Decimal)
            for element in flatten(text.encode())[1:]
        }
        assert found == (dict(walked(json.loads(text, parse_float=Decimal))) if document else {})

    @pytest.mark.parametrize(
        "document",
        [
            b"",
            b"[]",
            b'"text"',
            b"1",
            b"{",
            b'{"a"}',
            b'{"a": }',
            b'{"a": 1,}',
            b'{"a": [1,]}',
            b'{"a": [1 2]}',
            b'{"a": [1}',
            b'{"a": 1]',
            b'{"a": 1} x',
            b'{"a": 1}{}',
            b'{"a": NaN}',
            b'{"a": Infinity}',
            b'{"a": 01}',
            b'{"a": .5}',
            b'{"a": 1.}',
            b'{"a": +1}',
            b'{"a": 1e}',
            b'{"a": True}',
            b"{'a': 1}",
            b'{"a": "\n"}',
            b'{"a": "\\x"}',
            b'{"a": "\\u12"}',
            b'{"a": "open}',
            b'{"a": 1 /* why */}',
            b'\xef\xbb\xbf{"a": 1}',
            b'{"a": "\xff"}',
            b'{"a": "\xed\xa0\x80"}',
            b'{"\\ud800": 1}',
            '{"a": ١}'.encode(),
            b'{"a": 1,\x0c"b": 2}',
        ],
    )
    def test_refuses_what_is_not_json(self, document):
        with pytest.raises(DocumentInvalid):
            flatten(document)

    @pytest.mark.parametrize(
        "document", [b'{"a": 1, "a": 2}', b'{"a": 1, "\\u0061": 1}', b'{"x": [{"b": 1, "b": 1}]}']
    )
    def test_refuses_a_key_given_twice(self, document):
        with pytest.raises(DocumentInvalid, match="twice"):
            flatten(document)

    def test_refuses_what_is_nested_too_deeply(self):
        deep = b'{"a":' * (MAX_DEPTH - 1) + b'{"b": 1}' + b"}" * (MAX_DEPTH - 1)
        assert len(flatten(deep)) == 2
        with pytest.raises(DocumentInvalid, match="deeper"):
            flatten(b'{"a":' + deep + b"}")
        with pytest.raises(DocumentInvalid, match="deeper"):
            flatten(b'{"a":' + b"[" * 1_000_000)

    def test_refuses_a_pointer_that_is_too_long(self):
        with pytest.raises(DocumentInvalid, match="pointer"):
            flatten(b'{"%s": 1}' % (b"k" * 5000))

    def test_reads_a_text_that_never_ends_only_once(self):
        with pytest.raises(DocumentInvalid):
            flatten(b'{"a": "' + b"\\n" * 500_000)


class TestHeader:
    def test_is_encoded_field_by_field_behind_their_lengths(self):
        header = Header(
            topic="record", resource_type="Observation", id="x", version=3, author="n", previous=b"p" * 32
        )
        assert header.encode() == (
            b"\x01\x14ehrportal/commitment\x06record\x0bObservation\x01x"
            b"\x00\x00\x00\x00\x00\x00\x00\x03\x01n\x01" + b"p" * 32
        )
        assert HEADER.encode().endswith(b"\x15https://north.example\x00")

    @pytest.mark.parametrize(
        "change",
        [
            {"topic": "access"},
            {"resource_type": "Condition"},
            {"id": "potassium-2"},
            {"version": 2},
            {"author": "https://south.example"},
            {"previous": b"\x00" * 32},
        ],
    )
    def test_is_bound_by_the_commitment_in_every_field(self, change):
        other = Header(**{**HEADER.__dict__, **change})
        assert commit(POTASSIUM, other, SECRET) != commit(POTASSIUM, HEADER, SECRET)

    @pytest.mark.parametrize(
        "change",
        [
            {"topic": ""},
            {"id": "x" * 256},
            {"author": "\u00e9" * 128},
            {"version": 0},
            {"version": 2**53},
            {"previous": b"short"},
        ],
    )
    def test_refuses_what_the_format_has_no_room_for(self, change):
        with pytest.raises(ValueError, match=r"of a header has|a version is|a commitment has"):
            Header(**{**HEADER.__dict__, **change}).encode()

    def test_cannot_be_cut_elsewhere_to_the_same_bytes(self):
        one = Header(**{**HEADER.__dict__, "topic": "ab", "resource_type": "c"})
        two = Header(**{**HEADER.__dict__, "topic": "a", "resource_type": "bc"})
        assert one.encode() != two.encode()


class TestCommit:
    def test_is_the_one_worked_by_hand(self):
        def element(pointer, text):
            salt = hmac.new(SECRET, b"ehrportal/salt/1\x00" + pointer, "sha256").digest()
            entry = b"\x01" + salt
            entry += len(pointer).to_bytes(2, "big") + pointer + len(text).to_bytes(4, "big") + text
            return leaf_hash(entry)

        whole = b'{"b":1.50,"a":"x"}'
        root = root_of([element(b"", whole), element(b"/a", b'"x"'), element(b"/b", b"1.50")])
        expected = sha256(HEADER.encode() + b"\x00\x00\x00\x03" + root).digest()

        assert commit(whole, HEADER, SECRET) == expected

    @pytest.mark.parametrize(
        "other",
        [
            POTASSIUM.replace(b"4.10", b"4.1"),
            POTASSIUM.replace(b"final", b"amended"),
            POTASSIUM.replace(b"  ", b" "),
            POTASSIUM + b"\n",
        ],
    )
    def test_changes_with_any_byte(self, other):
        assert commit(other, HEADER, SECRET) != commit(POTASSIUM, HEADER, SECRET)

    def test_says_nothing_without_its_secret(self):
        assert commit(POTASSIUM, HEADER, bytes(32)) != commit(POTASSIUM, HEADER, SECRET)

    @pytest.mark.parametrize("secret", [b"", b"short", bytes(33)])
    def test_refuses_a_secret_of_another_length(self, secret):
        with pytest.raises(ValueError, match="32 bytes"):
            commit(POTASSIUM, HEADER, secret)


class TestDisclose:
    def verify(self, disclosure):
        for element in disclosure.elements:
            verify_inclusion(
                index=element.index,
                size=disclosure.count,
                leaf=element_hash(element.pointer, element.text, element.salt),
                path=element.path,
                root=disclosure.root,
            )
        header, count, root = disclosure.header, disclosure.count, disclosure.root
        assert commitment_of(header, count, root) == disclosure.commitment

    @given(json_objects, st.data())
    def test_of_any_elements_holds_under_the_commitment(self, document, data):
        raw = written(document).encode()
        pointers = [element.pointer for element in flatten(raw)]
        wanted = data.draw(st.sets(st.sampled_from(pointers), min_size=1))

        disclosure = disclose(raw, HEADER, SECRET, wanted)

        self.verify(disclosure)
        assert disclosure.commitment == commit(raw, HEADER, SECRET)
        assert wanted <= {element.pointer for element in disclosure.elements}

    def test_of_the_whole_document_shows_its_bytes(self):
        disclosure = disclose(POTASSIUM, HEADER, SECRET, [""])
        self.verify(disclosure)
        assert [(e.pointer, e.text.encode()) for e in disclosure.elements] == [("", POTASSIUM)]

    def test_of_an_object_shows_what_stands_in_it_and_no_more(self):
        shown = disclose(POTASSIUM, HEADER, SECRET, ["/valueQuantity"]).elements
        assert [e.pointer for e in shown] == ["/valueQuantity/unit", "/valueQuantity/value"]

    def test_takes_no_pointer_for_the_beginning_of_another(self):
        shown = disclose(b'{"value": 1, "valueUnit": 2}', HEADER, SECRET, ["/value"]).elements
        assert [e.pointer for e in shown] == ["/value"]

    @pytest.mark.parametrize("pointer", ["/nothing", "valueQuantity", "/valueQuantity/", "/note/1"])
    def test_refuses_a_pointer_to_nothing(self, pointer):
        with pytest.raises(UnknownElement, match="nothing stands under"):
            disclose(POTASSIUM, HEADER, SECRET, [pointer])

    def test_of_one_value_holds_no_other_elements_text_or_salt(self):
        shown = disclose(POTASSIUM, HEADER, SECRET, ["/valueQuantity/value"])
        said = repr(shown) + "".join(
            f"{e.pointer} {e.text} {e.salt.hex()} {[hash_.hex() for hash_ in e.path]}" for e in shown.elements
        )

        for element in flatten(POTASSIUM):
            # What the header says in clear is no secret.
            if element.pointer in ("/valueQuantity/value", "/id", "/resourceType"):
                continue
            assert element.text.strip('"') not in said
            assert salt_of(SECRET, element.pointer).hex() not in said
            assert element_hash(*element, salt_of(SECRET, element.pointer)) not in {
                shown.root,
                shown.commitment,
            }
        assert SECRET.hex() not in said

    def test_of_one_value_cannot_be_searched_for_a_hidden_one(self):
        # A stranger who has the proof of the unit, knows the format by heart, and tries each value that a
        # potassium can have, under every salt there is in the proof.
        shown = disclose(POTASSIUM, HEADER, SECRET, ["/valueQuantity/unit"])
        [unit] = shown.elements
        # The value is the ninth of nine elements, so it stands in the path as it is.
        hidden = unit.path[-1]
        known_salts = [unit.salt, bytes(32), shown.root, shown.commitment, sha256(unit.salt).digest()]

        assert hidden == element_hash("/valueQuantity/value", "4.10", salt_of(SECRET, "/valueQuantity/value"))
        for hundredths in range(1000):
            text = f"{hundredths // 100}.{hundredths % 100:02d}"
            for salt in known_salts:
                guess = element_hash("/valueQuantity/value", text, salt)
                assert guess not in unit.path
            assert leaf_hash(text.encode()) not in unit.path
