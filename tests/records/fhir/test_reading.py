"""Files as hospitals send them: whole, broken, compressed, large."""

import gzip
import io
import json
import tracemalloc
import uuid
from pathlib import Path

import pytest

from records.fhir.faults import Fault, Skipped
from records.fhir.files import Limits
from records.fhir.reading import Entry, read

PATIENT = b'{"resourceType": "Patient", "id": "p1",  "multipleBirthInteger": 2}'
WEIGHT = b'{"resourceType":"Observation","id":"w1","valueQuantity":{"value":70.50,"unit":"kg"}}'


def found_in(content, name="upload.json", **kwargs):
    return list(read(io.BytesIO(content), name=name, **kwargs))


def bundle(*entries, kind=b"collection", more=b""):
    return b'{"resourceType": "Bundle", "type": "%s"%s, "entry": [\n  %s\n]}' % (
        kind,
        more,
        b",\n  ".join(entries),
    )


def entry(resource, full_url=b"", more=b""):
    url = b'"fullUrl": "%s", ' % full_url if full_url else b""
    return b'{%s"resource": %s%s}' % (url, resource, more)


def only(found):
    assert len(found) == 1, found
    return found[0]


class TestReadingASingleResource:
    def test_gives_its_bytes_as_they_were_written(self):
        one = only(found_in(b"\n  " + WEIGHT + b" \r\n"))

        assert one.raw == WEIGHT
        assert (one.resource_type, one.id, one.path, one.has_own_id) == ("Observation", "w1", "", True)

    def test_keeps_a_decimal_with_its_precision(self):
        assert str(only(found_in(WEIGHT)).content["valueQuantity"]["value"]) == "70.50"

    def test_skips_a_byte_order_mark_in_front_of_a_file(self):
        assert only(found_in(b"\xef\xbb\xbf" + PATIENT)).raw == PATIENT

    def test_reads_a_list_resource_although_it_has_entries_too(self):
        content = b'{"resourceType": "List", "id": "l", "entry": [{"item": {"reference": "Patient/p1"}}]}'

        assert only(found_in(content)).raw == content

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"", "is empty"),
            (b" \n\n ", "is empty"),
            (b"<Patient/>", "is not a FHIR resource: it does not begin with {"),
            (b"[]", "is not a FHIR resource: it does not begin with {"),
            (b'{"id": "p1"}', "is not a FHIR resource: it has no resourceType"),
            (b'{"resourceType": 3}', "is not a FHIR resource: it has no resourceType"),
            (b'{"resourceType": "Person of interest"}', "has a resourceType that FHIR R4 does not know"),
            (
                b'{"resourceType": "Patient"',
                "is not JSON at line 1, column 27: a comma or the end is missing",
            ),
            (PATIENT + b"\nand more", "goes on after its end"),
            (PATIENT.decode().encode("utf-16"), "is UTF-16; FHIR JSON is UTF-8"),
            (PATIENT.replace(b"p1", b"\xe9"), "is not UTF-8 at byte 35"),
            (b'{"resourceType": "Patient", "id": "a", "id": "b"}', "has the key “id” twice in one object"),
        ],
    )
    def test_names_what_is_wrong_with_it(self, content, reason):
        assert only(found_in(content)) == Fault("", reason, "upload.json")

    def test_has_the_same_made_up_id_each_time_when_it_brings_none(self):
        anonymous = b'{"resourceType": "Observation"}'

        first, again = only(found_in(anonymous)), only(found_in(anonymous))

        assert first.id == again.id
        assert uuid.UUID(first.id)
        assert not first.has_own_id
        assert first.id != only(found_in(b'{"resourceType": "Observation" }')).id


class TestReadingABundle:
    def test_cuts_each_resource_out_with_exactly_its_bytes(self):
        found = found_in(bundle(entry(PATIENT), entry(WEIGHT)))

        assert [one.raw for one in found] == [PATIENT, WEIGHT]
        assert [one.path for one in found] == ["entry[0].resource", "entry[1].resource"]

    def test_cuts_rightly_behind_characters_of_several_bytes(self):
        jose = '{"resourceType": "Patient", "id": "j", "name": [{"family": "José 🩺"}]}'.encode()

        assert [one.raw for one in found_in(bundle(entry(jose), entry(WEIGHT)))] == [jose, WEIGHT]

    @pytest.mark.parametrize(
        "kind", [b"document", b"collection", b"transaction", b"batch", b"searchset", b"message"]
    )
    def test_reads_every_type_of_bundle(self, kind):
        assert only(found_in(bundle(entry(PATIENT), kind=kind))).id == "p1"

    def test_gives_a_history_in_the_order_in_which_it_happened(self):
        newest, oldest = PATIENT.replace(b"2", b"3"), PATIENT

        found = found_in(bundle(entry(newest), entry(oldest), kind=b"history"))

        assert [one.raw for one in found] == [oldest, newest]

    def test_takes_the_id_from_the_full_url_where_the_resource_has_none(self):
        anonymous = b'{"resourceType": "Patient"}'
        found = found_in(
            bundle(
                entry(anonymous, b"urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0A"),
                entry(anonymous, b"https://hospital.example/fhir/Patient/abc"),
                entry(anonymous, b"urn:oid:1.2.3"),
            )
        )

        assert [one.id for one in found[:2]] == ["61ebe359-bfdc-4613-8bf2-c5e300945f0a", "abc"]
        assert uuid.UUID(found[2].id)

    def test_knows_every_entry_by_name_before_the_first_is_handed_out(self):
        content = bundle(entry(WEIGHT), entry(PATIENT, b"urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"))

        first = next(read(io.BytesIO(content)))

        assert first.scope.find("urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a") == ("Patient", "p1")

    @pytest.mark.parametrize(
        ("bad", "reason"),
        [
            (b'{"resource": {"resourceType": "Patient", "id": 01}}', None),
            (b'{"resource": {"resourceType": "Patient" "id": "x"}}', None),
            (
                b'{"resource": {"resourceType": "Patient", "id": "a", "id": "b"}}',
                "has the key “id” twice in one object",
            ),
            (
                b'{"resource": {"resourceType": "Observation", "x": NaN}}',
                "has NaN, which is not a number in JSON",
            ),
            (b'{"resource": {"resourceType": "Nothing"}}', "has a resourceType that FHIR R4 does not know"),
            (b'{"resource": {"id": "x"}}', "is not a FHIR resource: it has no resourceType"),
            (b'{"resource": []}', "is not a FHIR resource: it has no resourceType"),
            (b'{"fullUrl": "urn:oid:1.2"}', "has no resource"),
            (b"{}", "has no resource"),
            (b'"Patient"', "is not an object"),
            (
                b'{"resource": %s, "resource": %s}' % (PATIENT, WEIGHT),
                "has the key “resource” twice in one object",
            ),
        ],
    )
    def test_loses_nothing_else_to_one_bad_entry(self, bad, reason):
        found = found_in(bundle(entry(PATIENT), bad, entry(WEIGHT)))

        assert [type(one) for one in found] == [Entry, Fault, Entry]
        assert found[1].path.startswith("entry[1]")
        assert reason is None or found[1].reason == reason

    def test_keeps_what_came_before_a_file_that_ends_too_early(self):
        content = bundle(entry(PATIENT), entry(WEIGHT))

        found = found_in(content[:-30])

        assert found[0].raw == PATIENT
        assert "what follows could not be read" in found[-1].reason

    def test_gives_up_on_a_file_made_of_broken_entries(self):
        found = found_in(bundle(entry(PATIENT), *[b'{"resource": 01}'] * 1001, entry(WEIGHT)))

        assert isinstance(found[0], Entry)
        assert found[-1].reason == "the Bundle has 1000 broken entries; what follows could not be read"
        assert len(found) == 1 + 1000 + 1

    def test_refuses_two_lists_of_entries(self):
        content = b'{"resourceType": "Bundle", "entry": [], "entry": []}'

        assert only(found_in(content)).reason == "has the key “entry” twice in one object"

    def test_skips_what_brings_no_record(self):
        found = found_in(
            bundle(
                b'{"request": {"method": "DELETE", "url": "Patient/p1"}}',
                entry(b'{"resourceType": "OperationOutcome"}', more=b', "search": {"mode": "outcome"}'),
            )
        )

        assert [type(one) for one in found] == [Skipped, Skipped]

    def test_opens_a_bundle_within_a_bundle(self):
        found = found_in(bundle(entry(bundle(entry(PATIENT), kind=b"document")), kind=b"searchset"))

        assert only(found).path == "entry[0].resource entry[0].resource"

    def test_is_empty_without_entries(self):
        assert found_in(b'{"resourceType": "Bundle", "type": "searchset"}') == []


class TestReadingLines:
    LINES = b"\n".join([PATIENT, b"", b'{"resourceType": "Pat', WEIGHT, b"null", b""])

    @pytest.mark.parametrize("name", ["export.ndjson", "export.jsonl"])
    def test_reports_a_broken_line_and_reads_the_others(self, name):
        found = found_in(self.LINES, name)

        assert [type(one) for one in found] == [Entry, Fault, Entry, Fault]
        assert [one.path for one in found] == ["line 1", "line 3", "line 4", "line 5"]
        assert found[0].raw == PATIENT

    def test_knows_lines_by_their_look_whatever_the_file_is_called(self):
        assert [one.raw for one in found_in(PATIENT + b"\r\n\r\n" + WEIGHT, "export.json")] == [
            PATIENT,
            WEIGHT,
        ]

    def test_reads_a_bundle_on_a_line(self):
        line = bundle(entry(PATIENT)).replace(b"\n", b"")

        found = found_in(line + b"\n" + WEIGHT, "x.ndjson")

        assert [one.path for one in found] == ["line 1 entry[0].resource", "line 2"]

    def test_passes_over_a_line_that_is_too_long(self):
        long = b'{"resourceType": "Binary", "data": "%s"}' % (b"A" * 5000)

        found = found_in(b"\n".join([PATIENT, long, WEIGHT]), "x.ndjson", limits=Limits(resource=1000))

        assert [type(one) for one in found] == [Entry, Fault, Entry]
        assert found[1].path == "line 2"

    def test_holds_one_line_at_a_time_of_a_large_file(self, tmp_path):
        path = tmp_path / "large.ndjson"
        line = b'{"resourceType": "Binary", "contentType": "text/plain", "data": "%s"}\n' % (
            b"QUJD" * 125_000
        )
        with path.open("wb") as file:
            file.writelines([line] * 80)
        assert path.stat().st_size > 40_000_000

        tracemalloc.start()
        count = sum(1 for one in read(path) if isinstance(one, Entry))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert count == 80
        assert peak < 10_000_000


class TestReadingWhatIsCompressed:
    @pytest.mark.parametrize("content", [PATIENT, bundle(entry(PATIENT)), PATIENT + b"\n"])
    def test_unpacks_it(self, content):
        assert only(found_in(gzip.compress(content), "p.json.gz")).raw == PATIENT

    def test_reads_compressed_lines(self):
        assert len(found_in(gzip.compress(PATIENT + b"\n" + WEIGHT), "p.ndjson.gz")) == 2

    @pytest.mark.parametrize(
        ("packed", "reason"),
        [
            (gzip.compress(PATIENT, mtime=0)[:-4], "the compressed file ends too early"),
            (
                gzip.compress(PATIENT, mtime=0)[:15] + b"\0\0\0" + gzip.compress(PATIENT, mtime=0)[18:],
                "the compressed file is damaged",
            ),
            (gzip.compress(gzip.compress(PATIENT, mtime=0)), "compressed twice"),
        ],
    )
    def test_names_what_is_wrong_with_it(self, packed, reason):
        assert only(found_in(packed)) == Fault("", reason, "upload.json")

    def test_stops_at_a_decompression_bomb(self):
        bomb = gzip.compress(b" " * 40_000_000)

        found = found_in(bomb, limits=Limits(expansion_from=1_000_000))

        assert "decompression bomb" in only(found).reason

    def test_stops_at_a_document_too_large_to_hold(self):
        found = found_in(bundle(*[entry(PATIENT)] * 100), limits=Limits(document=1000))

        assert "which only NDJSON may be" in only(found).reason


class TestReadingAFolder:
    def test_takes_its_files_by_name_and_notes_the_others(self, tmp_path):
        (tmp_path / "b").mkdir()
        (tmp_path / "b" / "one.json").write_bytes(PATIENT)
        (tmp_path / "a.ndjson.gz").write_bytes(gzip.compress(WEIGHT))
        (tmp_path / "README.txt").write_text("hello")
        (tmp_path / ".hidden").write_text("{}")

        found = list(read(tmp_path))

        assert [(type(one), one.source) for one in found] == [
            (Skipped, "README.txt"),
            (Entry, "a.ndjson.gz"),
            (Entry, "b/one.json"),
        ]

    def test_follows_no_link_out_of_it(self, tmp_path):
        (tmp_path / "inside").mkdir()
        (tmp_path / "secret.json").write_bytes(PATIENT)
        (tmp_path / "inside" / "link.json").symlink_to(tmp_path / "secret.json")

        assert [type(one) for one in read(tmp_path / "inside")] == [Skipped]

    def test_says_when_a_path_is_not_there(self, tmp_path):
        assert only(list(read(tmp_path / "none.json"))).reason == "can't be opened: no such file or directory"

    def test_accepts_a_path_as_text(self, tmp_path):
        (tmp_path / "p.json").write_bytes(PATIENT)

        assert only(list(read(str(tmp_path / "p.json")))).source == "p.json"


class TestTheBytesOfEveryEntry:
    def test_are_a_slice_of_the_file(self, example_files):
        """Of every real Bundle and line: what comes out is what stood in the file, byte for byte."""
        for path in example_files:
            content = path.read_bytes()
            content = gzip.decompress(content) if path.suffix == ".gz" else content
            position = 0
            for one in read(path):
                assert isinstance(one, Entry), one
                position = content.index(one.raw, position) + len(one.raw)
                assert json.loads(one.raw)["resourceType"] == one.resource_type


@pytest.fixture
def example_files(examples):
    return [Path(path) for path in examples if "synthea-full" not in str(path)]
