"""Decisions from local state, and a timeline that grants cut out, beside the same read by its owner."""

import io
import secrets
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from statistics import median
from typing import Any

from benchmarks._bench import figure, portal, timed
from benchmarks._records import ndjson

RECORDS = 5_000
GRANTS = 50
DECISIONS = 500
ROUNDS = 9


def main() -> None:
    with portal():
        from django.conf import settings
        from django.db import connection
        from django.test import Client
        from django.test.utils import CaptureQueriesContext
        from django.urls import reverse
        from django.utils import timezone

        from accounts.models import Role, User
        from consent.categories import Kind
        from consent.documents import Grantee, Terms
        from consent.helping import SESSION_KEY
        from consent.models import Covers, Purpose
        from consent.rules import Action, decide
        from consent.services.granting import prepare_grant, sign_grant
        from doctors.models import Clinician, Institution
        from doctors.services import start_care
        from patients.models import Patient
        from records.fhir.reading import read
        from records.services.importing import import_records

        settings.RATELIMIT_ENABLE = False
        now = timezone.now()
        hospital = Institution.objects.create(
            name="North Hospital", portal_url=settings.PORTAL_URL, is_this_hospital=True
        )

        def doctor(name: str) -> Clinician:
            user = User.objects.create_user(name, role=Role.DOCTOR, display_name=name)
            return Clinician.objects.create(user=user, institution=hospital, name=name)

        def patient_with(results: int, source: str) -> Patient:
            def find() -> Iterator[Any]:
                return read(io.BytesIO(ndjson(results)), name="bench.ndjson")

            patient = Patient.objects.create(family_name=source)
            import_records(find, source=source, at=now, patient=patient)
            patient.user = User.objects.create_user(source, role=Role.PATIENT)
            patient.save()
            return patient

        def grant(patient: Any, *, kinds: list[Kind], **grantee: Any) -> None:
            terms = Terms(
                grantee=Grantee(**grantee),
                covers=Covers.CATEGORIES,
                purpose=Purpose.HELP,
                starts_at=now,
                expires_at=now + timedelta(days=30),
                chosen_kinds=kinds,
            )
            sign_grant(
                prepare_grant(patient, terms, at=now),
                patient=patient,
                digest=secrets.token_bytes(32),
                call=[],
                after=None,
                by=patient.user,
                at=now,
            )

        def client_of(user: Any, helping: Patient | None = None) -> Client:
            client = Client()
            client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
            if helping:
                session = client.session
                session[SESSION_KEY] = str(helping.pk)
                session.save()
            return client

        def timeline(client: Client) -> int:
            with CaptureQueriesContext(connection) as queries:
                response = client.get(reverse("records:timeline"))
            assert response.status_code == 200, response.status_code
            return len(queries)

        large, small = patient_with(RECORDS, "large"), patient_with(50, "small")
        helpers = {}
        for name, patient, grants in (
            ("many", large, GRANTS),
            ("one", large, 1),
            ("of little", small, GRANTS),
        ):
            helper = patient_with(0, name).user
            # All but the last reach nothing of it: each record is held against every one of them.
            for _ in range(grants - 1):
                grant(patient, kinds=[Kind.VISIT, Kind.MEDICINE], proxy=helper, proxy_name=name)
            grant(patient, kinds=[Kind.RESULT], proxy=helper, proxy_name=name)
            helpers[name] = client_of(helper, helping=patient)
        treating, granted, stranger = doctor("treating"), doctor("granted"), doctor("stranger")
        start_care(clinician=treating, patient=large, reason="Clinic", by=None, at=now)
        grant(large, kinds=[Kind.RESULT], clinician=granted)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

        key = large.pk

        def select() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT id FROM patients_patient WHERE id = %s", [key])
                cursor.fetchone()

        peer = per_second(select)
        for name, clinician in (("treatment", treating), ("a grant", granted), ("nothing", stranger)):
            rate = per_second(
                partial(decide, actor=clinician.user, action=Action.READ, patient=large, at=now)
            )
            figure(
                f"decisions by {name}",
                rate,
                "decisions/s",
                peer="a bare SELECT by primary key in the same process",
                peer_value=round(peer),
                selects_a_decision=round(peer / rate, 1),
            )

        owner = client_of(large.user)
        readers = {
            "the patient": owner,
            f"a helper with {GRANTS} grants": helpers["many"],
            "a helper with one grant": helpers["one"],
            f"a helper with {GRANTS} grants, of 50 records": helpers["of little"],
        }
        own = median(timed(partial(timeline, owner))[0] for _ in range(ROUNDS))
        for name, client in readers.items():
            timeline(client)
            rounds = [timed(partial(timeline, client)) for _ in range(ROUNDS)]
            seconds = median(seconds for seconds, _queries in rounds)
            figure(
                f"timeline of {RECORDS:,} records, read by {name}",
                seconds * 1000,
                "ms",
                queries=rounds[-1][1],
                peer="the same read by the patient",
                peer_value=round(own * 1000, 1),
                of_peer=round(seconds / own, 2),
            )


def per_second(work: Callable[[], Any]) -> float:
    """How often a second it can be done."""
    work()
    seconds, _nothing = timed(lambda: [work() for _ in range(DECISIONS)])
    return DECISIONS / seconds


if __name__ == "__main__":
    main()
