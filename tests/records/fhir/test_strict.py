"""JSON that everybody reads alike, and nothing else."""

import subprocess
import sys
from decimal import Decimal

import pytest

from records.fhir.strict import MAX_BYTES, MAX_DEPTH, NotStrict, parse


class TestParse:
    def test_keeps_the_written_precision_of_decimals(self):
        value = parse(b'{"value": 1.50, "low": 0.0, "tiny": 1e-7}')

        assert [str(value["value"]), str(value["low"]), str(value["tiny"])] == ["1.50", "0.0", "1E-7"]

    def test_reads_whole_numbers_as_whole_numbers(self):
        assert parse(b"[5, -3]") == [5, -3]
        assert type(parse(b"5.0")) is Decimal

    def test_keeps_characters_of_every_script(self):
        assert parse('"José 山田 🩺 \\ud83e\\ude7a"'.encode()) == "José 山田 🩺 🩺"

    def test_takes_an_escaped_backslash_before_u0000_for_what_it_is(self):
        assert parse(rb'"\\u0000"') == r"\u0000"

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            (b'{"a": 1, "a": 2}', "has the key “a” twice in one object"),
            (b'{"x": [{"b": 1, "c": 2, "b": 1}]}', "has the key “b” twice in one object"),
            (b'{"Jane Doe": 1, "Jane Doe": 2}', "has the key of an element twice in one object"),
            (b'{"a": NaN}', "has NaN, which is not a number in JSON"),
            (b"[Infinity]", "has Infinity, which is not a number in JSON"),
            (b"[-Infinity]", "has -Infinity, which is not a number in JSON"),
            (b'"a\\u0000b"', "has a NUL character (\\u0000), which no database keeps"),
            (b'{"a\\u0000": 1}', "has a NUL character (\\u0000), which no database keeps"),
            (b'"\\ud83e"', "has half a character (a lone surrogate)"),
            (b"1e400", "has a number too large or too small to be a measurement"),
            (b"1e-400", "has a number too large or too small to be a measurement"),
            (b"1" + b"0" * 5000, "has a number of more than 64 characters"),
            (b"0." + b"1" * 5000, "has a number of more than 64 characters"),
            (b"\xef\xbb\xbf{}", "starts with a byte order mark"),
            ("{}".encode("utf-16"), "is UTF-16; FHIR JSON is UTF-8"),
            (b'"caf\xe9"', "is not UTF-8 at byte 4"),
            (b'{"a": 01}', "is not JSON at line 1, column 8: expecting ',' delimiter"),
            (b'{"a": 1,}', None),
            (b"{'a': 1}", None),
            (b'"a\nb"', None),
            (b"", None),
            (b"{} {}", "is not JSON at line 1, column 4: extra data"),
            (b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), "nested too deeply"),
            (b"[" * 100_000, "nested too deeply"),
            (b'"' + b"a" * MAX_BYTES + b'"', "larger than 16 MB"),
        ],
    )
    def test_refuses_and_names_the_reason(self, raw, reason):
        with pytest.raises(NotStrict) as refusal:
            parse(raw)

        assert reason is None or str(refusal.value) == reason

    def test_allows_as_much_nesting_as_it_says(self):
        assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)

    def test_quotes_no_value_in_a_reason(self):
        with pytest.raises(NotStrict) as refusal:
            parse(b'{"family": "Okafor", "given" "Ada"}')

        assert "Okafor" not in str(refusal.value)
        assert "Ada" not in str(refusal.value)


class TestTheRecursionLimit:
    def test_is_python_s_own_whatever_libraries_would_have(self):
        # In a process of its own: Hypothesis, too, moves the limit while it runs.
        program = "import sys, ehrportal, web3; print(sys.getrecursionlimit())"
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

        assert done.stdout.strip() == "1000"
