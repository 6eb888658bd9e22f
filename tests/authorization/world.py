"""A hospital with one of everything, and everybody who might come to its doors."""

import base64
import os
import time
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

from accounts.models import Role, User
from audit.models import Event, Review
from audit.reviews import open_review
from consent import helping
from consent.categories import OF_PATIENTS, Kind
from consent.models import Grant, Pseudonym, Signer
from consent.services.keys import start_recovery
from doctors.models import CareRelationship, Clinician, Institution
from patients.models import Patient
from records.models import Record
from records.services.importing import import_records
from records.services.jobs import start_import
from records.services.opening import open_record
from tests.consent.factories import AccessRequestFactory, BreakGlassFactory, GrantFactory
from tests.records.bundles import PATIENT, bundle, found_in, observation

LETTER = {
    "resourceType": "DocumentReference",
    "id": "letter",
    "status": "current",
    "subject": {"reference": "Patient/amina"},
    "content": [
        {"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"Dear Amina").decode()}}
    ],
}
FLAG = AuthenticatorData.FLAG
# Everybody, in the order of the matrix's columns.
EVERYBODY = [
    "anonymous",
    "patient",
    "other_patient",
    "helper",
    "doctor",
    "doctor_with_grant",
    "doctor_in_emergency",
    "other_doctor",
    "doctor_elsewhere",
    "billing",
    "records_officer",
    "privacy_officer",
    "superuser",
    "doctor_without_second_factor",
]
DOCTORS = [who for who in EVERYBODY if "doctor" in who]


@dataclass
class World:
    """
    Who there is, and the arguments that addresses take; everything belongs to Amina, the patient.

    She lets one doctor read her results, and her helper all but what is sensitive.
    """

    users: dict[str, User | None]
    arguments: dict[str, dict] = field(default_factory=dict)

    def client(self, who):
        client = Client()
        user = self.users[who]
        if user is None:
            return client
        client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
        if who != "doctor_without_second_factor":
            session = client.session
            session["account_authentication_methods_user"] = str(user.pk)
            session["account_authentication_methods"] = [
                {"method": "mfa", "type": "webauthn", "passwordless": True, "at": time.time()}
            ]
            if who == "helper":
                session[helping.SESSION_KEY] = str(self.users["patient"].patient.pk)
            session.save()
        return client


def make_world(noon):
    """Build it through the real import, as everything in it would come to be."""
    users = {"anonymous": None}
    for who, role in (
        *((who, Role.DOCTOR) for who in DOCTORS),
        ("billing", Role.BILLING),
        ("records_officer", Role.RECORDS_OFFICER),
        ("privacy_officer", Role.PRIVACY_OFFICER),
        ("superuser", Role.BILLING),
    ):
        users[who] = User.objects.create_user(who, "a-Long-passw0rd", role=role, display_name=who)
    User.objects.filter(username="superuser").update(is_superuser=True)
    users["superuser"].refresh_from_db()
    import_records(found_in(bundle(PATIENT, observation(), LETTER)), source="lab", at=noon)
    amina = Patient.objects.get()
    others = [(who, Patient.objects.create(family_name="Osei")) for who in ("other_patient", "helper")]
    for who, patient in (("patient", amina), *others):
        users[who] = patient.user = User.objects.create_user(who, role=Role.PATIENT)
        patient.save()
    hospital = Institution.objects.create(name="North", portal_url="http://north.test", is_this_hospital=True)
    elsewhere = Institution.objects.create(name="South", portal_url="http://south.test")
    clinicians = {
        who: Clinician.objects.create(
            user=users[who], institution=elsewhere if who == "doctor_elsewhere" else hospital, name=who
        )
        for who in DOCTORS
    }
    for who in ("doctor_without_second_factor", "doctor"):
        care = CareRelationship.objects.create(
            clinician=clinicians[who], patient=amina, reason="Clinic", started_at=noon
        )
    # Decisions are made at the moment of a request, so these hold today.
    today = timezone.now() - timedelta(minutes=1)
    whom = (clinicians["doctor_with_grant"], [Kind.RESULT]), (users["helper"], [*OF_PATIENTS])
    for to, kinds in whom:
        GrantFactory(patient=amina, to=to, kinds=kinds, starts_at=today)
    BreakGlassFactory(patient=amina, by=users["doctor_in_emergency"], at=today)
    passkeys = {
        who: Authenticator.objects.create(
            user=user, type=Authenticator.Type.WEBAUTHN, data={"name": "key", "credential": passkey()}
        )
        for who, user in users.items()
        if user and who != "doctor_without_second_factor"
    }
    world = World(users)
    world.arguments = _arguments(world, amina, care, passkeys["patient"], noon)
    return world


def passkey():
    """What a browser would have sent when it made a passkey."""
    key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    credential_id = os.urandom(16)
    data = AuthenticatorData.create(
        sha256(b"portal.localhost").digest(),
        FLAG.USER_PRESENT | FLAG.USER_VERIFIED | FLAG.ATTESTED,
        0,
        AttestedCredentialData.create(Aaguid.NONE, credential_id, key),
    )
    client_data = CollectedClientData.create(
        CollectedClientData.TYPE.CREATE, os.urandom(32), "http://portal.localhost"
    )
    return {
        "id": websafe_encode(credential_id),
        "rawId": websafe_encode(credential_id),
        "type": "public-key",
        "response": {
            "clientDataJSON": websafe_encode(client_data),
            "attestationObject": websafe_encode(AttestationObject.create("none", data, {})),
        },
        "clientExtensionResults": {"credProps": {"rk": True}},
    }


def consent_key(patient):
    """A key with which this patient could sign."""
    pseudonym = Pseudonym.objects.create(patient=patient, created_at=timezone.now())
    return Signer.objects.create(
        pseudonym=pseudonym,
        name="Phone",
        signer=os.urandom(120),
        hash=os.urandom(32),
        credential_id=os.urandom(16),
        credential=b"",
        created_at=timezone.now(),
        accepted_at=timezone.now(),
    )


def _arguments(world, amina, care, passkey, noon):
    """By address: what stands in the place of its parameters."""
    record = Record.objects.get(fhir_id="hb")
    letter = Record.objects.get(fhir_id="letter")
    version = record.versions.get()
    opened = open_record(version, by=world.users["doctor"], at=noon)
    assert opened.is_intact
    event = Event.objects.openings().get()
    officer = world.users["records_officer"]
    job = start_import(content=b"{}", file_name="a.json", source="lab", by=officer, at=noon)
    of_record = {"pk": record.pk}
    grant = {"pk": Grant.objects.get(clinician__isnull=False).pk}
    request = {"pk": AccessRequestFactory(patient=amina, clinician=care.clinician, at=timezone.now()).pk}
    paper = {"pk": GrantFactory(patient=amina, attested=True).pk}
    key = {"pk": consent_key(amina).pk}
    recovery = {"pk": start_recovery(patient=amina, checked="passport", by=officer, at=noon).pk}
    review = {"pk": open_review(kind=Review.Kind.QUESTION, patient_id=amina.pk, event=event, at=noon).pk}
    of_version = {**of_record, "number": 1}
    in_chart = {"pk": amina.pk, "record": record.pk}
    return {
        "records:opening": {"pk": event.pk},
        "records:question": {"pk": event.pk},
        "records:share-this": of_record,
        "sharing:grant": grant,
        "sharing:stop": grant,
        "sharing:sign-stop": grant,
        "sharing:renew": grant,
        "sharing:evidence": grant,
        "sharing:request": request,
        "sharing:accept": request,
        "sharing:decline": request,
        "sharing:remove-key": key,
        "sharing:look": {"pk": amina.pk},
        "consent_host:enter": {"token": "x" * 43},
        "records:record": of_record,
        "records:version": of_version,
        "records:proof": of_version,
        "records:download-proof": of_version,
        "records:download": of_version,
        "records:attachment": {"pk": letter.pk, "number": 1, "index": 0},
        "workspace:patient": {"pk": amina.pk},
        "workspace:invite_patient": {"pk": amina.pk},
        "workspace:start_care": {"pk": amina.pk},
        "workspace:end_care": {"pk": care.pk},
        "workspace:ask_access": {"pk": amina.pk},
        "workspace:withdraw_request": request,
        "workspace:break_glass": {"pk": amina.pk},
        "workspace:paper_consent": {"pk": amina.pk},
        "workspace:end_paper_consent": paper,
        "workspace:start_recovery": {"pk": amina.pk},
        "workspace:withdraw_recovery": recovery,
        "workspace:review": review,
        "workspace:log_line": {"pk": event.pk},
        "workspace:chart": {"pk": amina.pk},
        "workspace:write_note": {"pk": amina.pk},
        "workspace:chart_record": in_chart,
        "workspace:chart_version": {**in_chart, "number": 1},
        "workspace:correct_record": in_chart,
        "workspace:chart_file": {"pk": amina.pk, "record": letter.pk, "number": 1, "index": 0},
        "workspace:import": {"pk": job.pk},
        "workspace:import_progress": {"pk": job.pk},
        "workspace:import_refused": {"pk": job.pk},
        "workspace:import_retry": {"pk": job.pk},
        "mfa_edit_webauthn": {"pk": passkey.pk},
        "mfa_remove_webauthn": {"pk": passkey.pk},
        "account_confirm_email": {"key": "x"},
        "chain:tile": {"path": "tile/0/000"},
    }


def addresses(urlconf=None):
    """Every named address of the portal, or of another URLconf."""
    return sorted(set(_names(get_resolver(urlconf), ())))


def _names(resolver, namespaces):
    for pattern in resolver.url_patterns:
        if hasattr(pattern, "url_patterns"):
            inner = (*namespaces, pattern.namespace) if pattern.namespace else namespaces
            yield from _names(pattern, inner)
        else:
            assert pattern.name, f"give the address {pattern.pattern} a name, so that the matrix can hold it"
            yield ":".join([*namespaces, pattern.name])
