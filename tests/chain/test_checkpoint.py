import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from chain.checkpoint import (
    Checkpoint,
    NoteInvalid,
    key_id,
    open_note,
    parse_checkpoint,
    sign_note,
    verifier_key,
)

# The note that Go's own implementation is tried on.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANNS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ROOT = base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=")


def neumanns_key():
    return Ed25519PublicKey.from_public_bytes(base64.b64decode(NEUMANN.split("+", 2)[2])[1:])


@pytest.fixture
def key():
    return Ed25519PrivateKey.from_private_bytes(b"a key for tests, of thirty-two b")


class TestCheckpoint:
    def test_is_written_as_in_the_specification(self):
        checkpoint = Checkpoint(origin="example.com/behind-the-sofa", size=20_852_163, root=ROOT)
        assert checkpoint.text() == (
            "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
        )
        assert parse_checkpoint(checkpoint.text()) == checkpoint

    def test_leaves_out_extension_lines(self):
        plain = Checkpoint(origin="example.com/log", size=0, root=ROOT)
        assert parse_checkpoint(plain.text() + "more\n") == plain

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "example.com/log\n1\n",
            "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "example.com/log\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "example.com/log\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "example.com/log\n99999999999999999999\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
            "example.com/log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
            "example.com/log\n1\nc2hvcnQ=\n",
            "example.com/log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
        ],
    )
    def test_is_refused_when_it_is_not_written_so(self, text):
        with pytest.raises(NoteInvalid):
            parse_checkpoint(text)

    @pytest.mark.parametrize("origin", ["", "two\nlines", "a\ttab"])
    def test_refuses_an_origin_that_could_be_misread(self, origin):
        with pytest.raises(ValueError, match="origin"):
            Checkpoint(origin=origin, size=1, root=ROOT).text()


class TestNote:
    def test_signed_by_others_opens(self):
        text = open_note(NEUMANNS_NOTE, name="PeterNeumann", key=neumanns_key())
        assert text.startswith("If you think cryptography")
        assert text.endswith("your problem is.\n")

    def test_names_its_key_as_others_do(self):
        assert verifier_key("PeterNeumann", neumanns_key()) == NEUMANN
        assert key_id("PeterNeumann", neumanns_key()).hex() == "c74f20a3"

    @given(st.lists(st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"])), min_size=1))
    def test_opens_to_the_text_that_was_signed(self, lines):
        key = Ed25519PrivateKey.generate()
        text = "\n".join(lines) + "\n"
        note = sign_note(text, name="hospital.example/log", key=key)
        assert open_note(note, name="hospital.example/log", key=key.public_key()) == text

    def test_may_carry_signatures_of_strangers(self, key):
        stranger = Ed25519PrivateKey.generate()
        note = sign_note("text\n", name="hospital.example", key=key)
        line = sign_note("text\n", name="witness.example", key=stranger).split("\n\n")[1]
        assert open_note(note + line, name="hospital.example", key=key.public_key()) == "text\n"

    def test_is_refused_when_one_character_was_changed(self, key):
        note = sign_note("Size 10\n", name="hospital.example", key=key).replace("10", "11")
        with pytest.raises(NoteInvalid, match="does not fit"):
            open_note(note, name="hospital.example", key=key.public_key())

    def test_is_refused_when_only_a_stranger_signed_it(self, key):
        note = sign_note("text\n", name="hospital.example", key=Ed25519PrivateKey.generate())
        with pytest.raises(NoteInvalid, match="is not signed by"):
            open_note(note, name="hospital.example", key=key.public_key())

    @pytest.mark.parametrize(
        "note",
        [
            "",
            "text\n",
            "text\n\n",
            "text\n\nno dash here\n",
            "text\n\n\N{EM DASH} name !!!\n",
            "te\x00xt\n\n",
        ],
    )
    def test_is_refused_when_it_is_none(self, note, key):
        with pytest.raises(NoteInvalid):
            open_note(note, name="hospital.example", key=key.public_key())

    @pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u00a0b"])
    def test_is_not_signed_under_a_name_that_could_be_misread(self, name, key):
        with pytest.raises(ValueError, match="the name of a key"):
            sign_note("text\n", name=name, key=key)

    def test_is_not_signed_without_its_last_newline(self, key):
        with pytest.raises(ValueError, match="ends with a newline"):
            sign_note("text", name="hospital.example", key=key)
