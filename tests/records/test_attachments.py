"""Files inside records, none of which may be believed."""

import base64

import pytest

from records.attachments import UNKNOWN_TYPE, attachments_in


def attached(content_type="text/plain", data=b"Dear colleague", **members):
    return {"contentType": content_type, "data": base64.b64encode(data).decode(), **members}


def letter(*attachments):
    return {"resourceType": "DocumentReference", "content": [{"attachment": one} for one in attachments]}


class TestAttachmentsIn:
    def test_finds_every_file_in_the_order_in_which_they_stand(self):
        found = attachments_in(letter(attached(data=b"one"), attached(data=b"two")))

        assert [(file.index, file.content) for file in found] == [(0, b"one"), (1, b"two")]

    def test_finds_reports_and_binaries_too(self):
        report = {"resourceType": "DiagnosticReport", "presentedForm": [attached(data=b"report")]}

        assert attachments_in(report)[0].content == b"report"
        assert attachments_in(attached(resourceType="Binary"))[0].content == b"Dear colleague"

    def test_says_of_a_file_elsewhere_that_it_is_not_here(self):
        [file] = attachments_in(
            letter({"contentType": "application/pdf", "url": "https://example.org/a.pdf"})
        )

        assert not file.is_here

    def test_survives_data_that_is_not_base64(self):
        [file] = attachments_in(letter({"contentType": "text/plain", "data": "%%%"}))

        assert not file.is_here

    def test_finds_nothing_in_a_record_without_files(self):
        assert attachments_in({"resourceType": "Condition", "code": {"text": "Asthma"}}) == []
        assert attachments_in(None) == []


class TestAttachment:
    @pytest.mark.parametrize(
        "declared",
        ["text/html", "image/svg+xml", "application/xhtml+xml", "text/xml", "text/javascript", "nonsense"],
    )
    def test_leaves_as_mere_bytes_if_its_type_could_carry_script(self, declared):
        [file] = attachments_in(letter(attached(declared)))

        assert file.content_type == UNKNOWN_TYPE
        assert file.file_name.endswith(".bin")

    @pytest.mark.parametrize("declared", ["application/pdf", "image/png", "text/plain"])
    def test_keeps_a_type_that_is_harmless(self, declared):
        [file] = attachments_in(letter(attached(declared)))

        assert file.content_type == declared

    def test_ignores_parameters_of_its_type(self):
        [file] = attachments_in(letter(attached("Text/Plain; charset=UTF-8")))

        assert file.content_type == "text/plain"

    def test_gives_a_name_without_paths_quotes_or_line_ends(self):
        [file] = attachments_in(letter(attached(title='../../etc/"x"\r\nSet-Cookie: a')))

        assert not set(file.file_name) & set('/"\r\n:\\')
