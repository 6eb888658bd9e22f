"""Files that may be compressed, and may have been made to harm us: read through a bound on what comes out."""

import gzip
import io
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Protocol

from records.fhir.strict import MAX_BYTES

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

GZIP_MAGIC = b"\x1f\x8b"
READABLE_SUFFIXES = (".json", ".ndjson", ".jsonl")


class Unreadable(ValueError):
    """The file can't be read on from here. Its text is the reason."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of anything we read. A hospital's own bulk export stays far below these."""

    resource: int = MAX_BYTES
    document: int = 256 * 1024 * 1024  # a Bundle is held in memory, unlike NDJSON
    file: int = 16 * 1024**3
    # JSON of records shrinks to a tenth or a thirtieth; a decompression bomb to a thousandth.
    expansion: int = 200
    expansion_from: int = 16 * 1024 * 1024


class Readable(Protocol):
    """What we ask of a stream: bytes, when read."""

    def read(self, size: int = -1, /) -> bytes:
        """Up to `size` bytes, and none at the end."""


class Bounded(io.RawIOBase):
    """A stream that counts what it gave, and refuses to give more than its bound."""

    def __init__(self, inner: Readable, limits: Limits, packed: "Bounded | None" = None) -> None:
        self.inner, self.limits, self.packed, self.count = inner, limits, packed, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        try:
            data = self.inner.read(len(view))
        except EOFError:
            raise Unreadable("the compressed file ends too early") from None
        except (gzip.BadGzipFile, zlib.error):
            raise Unreadable("the compressed file is damaged") from None
        self.count += len(data)
        self._check()
        view[: len(data)] = data
        return len(data)

    def _check(self) -> None:
        if self.count > self.limits.file:
            raise Unreadable(f"larger than {self.limits.file // 1024**3} GB")
        if self.packed is None or self.count <= self.limits.expansion_from:
            return
        if self.count > self.packed.count * self.limits.expansion:
            raise Unreadable("unpacks to far more than records would: a decompression bomb")


def opened(stream: Readable | IO[bytes], limits: Limits) -> "io.BufferedReader[Bounded]":
    """
    A buffered stream of what the file says, unpacked if it was compressed.

    :raises Unreadable: when it was compressed twice; later also from any read
    """
    packed = Bounded(stream, limits)
    buffered = io.BufferedReader(packed, 1024 * 1024)
    if buffered.peek(2)[:2] != GZIP_MAGIC:
        return buffered
    unpacked = io.BufferedReader(Bounded(gzip.GzipFile(fileobj=buffered), limits, packed), 1024 * 1024)
    if unpacked.peek(2)[:2] == GZIP_MAGIC:
        raise Unreadable("compressed twice")
    return unpacked
