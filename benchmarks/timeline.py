"""The timeline of a patient with 5,000 records: queries a page, and pages per second beside an empty one."""

import io
from statistics import median

from benchmarks._bench import figure, portal, timed
from benchmarks._records import ndjson

SIZES = (50, 5_000)
PAGES = 40
ROUNDS = 3
MOST_QUERIES = 20


def main() -> None:
    with portal():
        from django.db import connection
        from django.test import Client
        from django.test.utils import CaptureQueriesContext
        from django.utils import timezone

        from accounts.models import Role, User
        from patients.models import Patient
        from records.fhir.reading import read
        from records.services.importing import import_records

        queries = {}
        for size in SIZES:
            import_records(
                lambda: read(io.BytesIO(ndjson(size)), name="bench.ndjson"),  # noqa: B023
                source=f"bench {size}",
                at=timezone.now(),
            )
            patient = Patient.objects.latest("created_at")
            patient.user = User.objects.create_user(f"patient-{size}", role=Role.PATIENT)
            patient.save()
            client = Client(headers={"host": "portal.localhost"})
            client.force_login(patient.user, backend="allauth.account.auth_backends.AuthenticationBackend")
            client.get("/record/")
            with CaptureQueriesContext(connection) as captured:
                response = client.get("/record/", {"page": 2})
            assert response.status_code == 200
            queries[size] = len(captured)

        def pages() -> None:
            for number in range(PAGES):
                assert client.get("/record/", {"page": 1 + number % 50}).status_code == 200

        def empty_answers() -> None:
            for _ in range(PAGES):
                assert client.get("/healthz").status_code == 200

        rates, bare = [], []
        for _ in range(ROUNDS):
            rates.append(PAGES / timed(pages)[0])
            bare.append(PAGES / timed(empty_answers)[0])

        figure(
            "queries for a page of the timeline",
            queries[5_000],
            "queries",
            records=5_000,
            peer="the same page with 50 records",
            peer_value=queries[50],
            at_most=MOST_QUERIES,
        )
        figure(
            "pages of the timeline",
            median(rates),
            "pages/s",
            records=5_000,
            processes=1,
            peer="an empty answer of the same process",
            peer_value=round(median(bare)),
            of_peer=round(median(rates) / median(bare), 4),
        )
        assert queries[5_000] == queries[50] < MOST_QUERIES, queries


if __name__ == "__main__":
    main()
