"""Import: resources per second into the store, beside reading and validating alone."""

import io
from collections.abc import Iterator
from statistics import median
from typing import Any

from benchmarks._bench import figure, portal, timed
from benchmarks._records import ndjson

RESULTS = 5_000
ROUNDS = 3


def main() -> None:
    content = ndjson(RESULTS)
    with portal():
        from django.utils import timezone

        from records.fhir.reading import read
        from records.fhir.validation import validate
        from records.services.importing import import_records

        def find() -> Iterator[Any]:
            return read(io.BytesIO(content), name="bench.ndjson")

        def validate_alone() -> int:
            return sum(1 for entry in find() if not validate(entry.raw, entry.content))

        importing, again, validating = [], [], []
        for number in range(ROUNDS):
            source = f"round {number}"
            seconds, report = timed(lambda: import_records(find, source=source, at=timezone.now()))  # noqa: B023
            assert report.imported == RESULTS + 1
            importing.append((RESULTS + 1) / seconds)
            seconds, report = timed(lambda: import_records(find, source=source, at=timezone.now()))  # noqa: B023
            assert report.unchanged == RESULTS + 1
            again.append((RESULTS + 1) / seconds)
            seconds, valid = timed(validate_alone)
            assert valid == RESULTS + 1
            validating.append((RESULTS + 1) / seconds)

        peer = {"peer": "reading and validating alone", "peer_value": round(median(validating))}
        for name, rates in (
            ("resources imported", importing),
            ("resources imported again, unchanged", again),
        ):
            figure(
                name,
                median(rates),
                "resources/s",
                **peer,
                of_peer=round(median(rates) / median(validating), 3),
            )


if __name__ == "__main__":
    main()
