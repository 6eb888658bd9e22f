"""
Files inside records: letters, scans, notes.

They were written elsewhere, so nothing they claim about themselves is believed further than a short
list of types; a browser is always told to save them, never to show them on our origin.
"""

import re
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat

from records.fhir.present import File, bytes_of, files_of

# Types a browser may be told; everything else leaves as mere bytes.
# HTML, SVG and XML stay out: they can carry script.
EXTENSIONS = {
    "application/dicom": "dcm",
    "application/pdf": "pdf",
    "application/rtf": "rtf",
    "image/gif": "gif",
    "image/jpeg": "jpg",
    "image/png": "png",
    "image/tiff": "tif",
    "text/csv": "csv",
    "text/plain": "txt",
    "text/rtf": "rtf",
}
UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True)
class Attachment:
    """One file inside a record, or the mention of one that lies elsewhere."""

    index: int
    file: File
    content: bytes

    @property
    def is_here(self) -> bool:
        return bool(self.content)

    @property
    def content_type(self) -> str:
        """The type a browser is told."""
        return self._declared if self._declared in EXTENSIONS else UNKNOWN_TYPE

    @property
    def file_name(self) -> str:
        """A name without anything a file system or a header could stumble over."""
        extension = EXTENSIONS.get(self._declared, "bin")
        stem = re.sub(r"[^\w\- ]+", " ", self.file.title).strip()[:80] or f"file-{self.index + 1}"
        return f"{stem}.{extension}"

    @property
    def type_in_words(self) -> str:
        """What people call this type of file; empty for one we would not vouch for."""
        return EXTENSIONS.get(self._declared, "").upper()

    @property
    def size_in_words(self) -> str:
        return filesizeformat(len(self.content))

    @property
    def _declared(self) -> str:
        return self.file.content_type.partition(";")[0].strip().lower()


def attachments_in(resource: Any) -> list[Attachment]:
    """Find the files of a resource, in the order in which they stand; the position is their number."""
    if not isinstance(resource, dict):
        return []
    return [
        Attachment(index, file, bytes_of(_node_at(resource, file.pointer)))
        for index, file in enumerate(files_of(resource))
    ]


def _node_at(resource: Any, pointer: str) -> Any:
    node = resource
    for step in filter(None, pointer.split("/")):
        node = node[int(step)] if isinstance(node, list) else node[step]
    return node
