"""What is wrong with a file or a resource, in words a records officer can act on."""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Fault:
    """
    One thing wrong, and where: `Observation.status`, `entry[12].resource`, `line 7`.

    The reason never quotes a value from the record. Faults are kept in import reports and may be
    logged, and neither is encrypted as the record is.
    """

    path: str
    reason: str
    source: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.path, self.reason) if part)

    def within(self, path: str, source: str = "") -> "Fault":
        """The same fault seen from outside: in this entry, of this file."""
        return replace(self, path=" ".join(p for p in (path, self.path) if p), source=source or self.source)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something left aside on purpose, which is no fault: a read-me in a folder, a search's outcome."""

    path: str
    reason: str
    source: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.path, self.reason) if part)
