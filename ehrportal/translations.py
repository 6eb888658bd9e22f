"""
The portal's words in other languages: `locale/<language>/LC_MESSAGES/django.po` is written by people,
`django.mo` beside it is what Django reads. Run after a change of the first:

    python -m ehrportal.translations

The machine needs no gettext for it. A test names the words of the pages that a language lacks.
"""

import ast
import re
import struct
from pathlib import Path

LOCALE = Path(__file__).resolve().parent.parent / "locale"
MAGIC = 0x950412DE


def read_po(text: str) -> dict[str, str]:
    """Return what a .po file translates, under the keys of the .mo format: plurals joined by a null."""
    messages: dict[str, str] = {}
    for block in re.split(r"\n\s*\n", text):
        parts: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if match := re.match(r'(msg\w+(?:\[\d+\])?)\s+(".*")', line):
                name, quoted = match.groups()
                parts[name] = ast.literal_eval(quoted)
            elif line.startswith('"') and name:
                parts[name] += ast.literal_eval(line)
        if "msgid" not in parts or "fuzzy" in block.split("msgid")[0]:
            continue
        singular, plural = parts["msgid"], parts.get("msgid_plural")
        key = singular if plural is None else f"{singular}\0{plural}"
        translated = [value for name, value in parts.items() if name.startswith("msgstr")]
        if all(translated):
            messages[key] = "\0".join(translated)
    return messages


def mo_of(messages: dict[str, str]) -> bytes:
    """Write messages in the .mo format: two tables of lengths and places, then the texts, sorted by key."""
    pairs = sorted((key.encode(), value.encode()) for key, value in messages.items())
    count = len(pairs)
    start = 28 + 16 * count
    keys: list[bytes] = []
    values: list[bytes] = []
    texts = b""
    for table, column in ((keys, 0), (values, 1)):
        for pair in pairs:
            text = pair[column]
            table.append(struct.pack("<II", len(text), start + len(texts)))
            texts += text + b"\0"
    header = struct.pack("<7I", MAGIC, 0, count, 28, 28 + 8 * count, 0, 0)
    return header + b"".join(keys) + b"".join(values) + texts


if __name__ == "__main__":
    for po in sorted(LOCALE.glob("*/LC_MESSAGES/django.po")):
        po.with_suffix(".mo").write_bytes(mo_of(read_po(po.read_text())))
