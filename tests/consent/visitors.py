"""A patient at the consent host without a browser, who answers as the page's script does."""

import json
import re
import secrets
from datetime import datetime
from ipaddress import IPv4Address
from urllib.parse import urlsplit

from django.test import Client
from django.utils import timezone
from eth_utils import keccak
from fido2.utils import websafe_decode
from fido2.webauthn import AttestationObject

from chain.commitment import WHOLE, Header, commitment_of, element_hash
from chain.deployment import contracts
from chain.merkle import root_from_inclusion
from consent.evidence import grantee_commitment
from consent.models import Ticket
from consent.services import tickets
from consent.services.granting import prepare_grant
from consent.signing import domain, forms
from consent.signing.passkeys import MadeKey, signer_of
from tests.consent.factories import TermsFactory
from tests.consent.passkeys import ORIGIN, RP_ID, ConsentDevice

HOST = urlsplit(ORIGIN).netloc


class Visitor:
    """A patient at the consent host, with the devices that they have."""

    def __init__(self, patient):
        self.patient = patient
        self.client = Client(enforce_csrf_checks=True, headers={"host": HOST}, REMOTE_ADDR=some_address())

    # Coming in

    def ticket(self, kind, **content):
        return tickets.issue(
            kind=kind, patient=self.patient, content=content, by=self.patient.user, at=timezone.now()
        )

    def enter(self, kind, **content):
        response = self.client.get(urlsplit(self.ticket(kind, **content)).path)
        assert response.status_code == 302, response.content.decode()
        return self

    def come_to_share(self, **terms):
        now = timezone.now()
        draft = prepare_grant(self.patient, TermsFactory(**{"starts_at": now, **terms}), at=now)
        return self.enter(Ticket.Kind.GRANT, **draft.as_content())

    # What the page says

    def look(self):
        return self.client.get("/")

    @property
    def data(self):
        """What the page's script works with, having loaded the page."""
        page = self.look().content.decode()
        self.token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
        return json.loads(re.search(r'id="consent-data">(.*?)</script>', page, re.DOTALL)[1])

    # What the page's script does

    def send(self, answer, *, token=None):
        headers = {"X-CSRFToken": self.token if token is None else token, "Origin": ORIGIN}
        return self.client.post("/", answer, content_type="application/json", headers=headers)

    def make_key(self, *, device=None, name="My phone"):
        """Make a passkey and use it once, as on the page for the first key and for a new one."""
        data = self.data
        device = device or ConsentDevice()
        credential = made_by(device, data)
        hashed = [keccak(device.signer)]
        if data["act"] == "recover":
            form = forms.Recovery(
                patient=unhexed(data["patient"]),
                institution=int(data["institution"]),
                number=int(data["number"]),
                signers=hashed,
                deadline=int(data["deadline"]),
            )
        else:
            form = forms.Enrolment(
                patient=unhexed(data["patient"]),
                institution=int(data["institution"]),
                signers=hashed,
                deadline=int(data["deadline"]),
            )
        answer = {"name": name, "credential": credential, "by_new": signed(device, form)}
        return device, self.send(answer)

    def add_key(self, known, *, device=None):
        data = self.data
        device = device or ConsentDevice()
        credential = made_by(device, data)
        form = forms.SignerAddition(
            patient=unhexed(data["patient"]),
            signer=keccak(device.signer),
            nonce=int(data["nonce"]),
            deadline=int(data["deadline"]),
        )
        answer = {
            "name": "My tablet",
            "credential": credential,
            "by_new": signed(device, form),
            "by_known": signed(known, form),
        }
        return device, self.send(answer)

    def confirm(self, device, form=None):
        """Sign what the page is about with a key that the patient has."""
        form = form or self.form()
        return self.send({"by_known": signed(device, form)})

    def form(self):
        """Write the form that the page's script would, from nothing but the page."""
        data = self.data
        patient = unhexed(data["patient"])
        if data["act"] == "veto":
            return forms.Veto(patient=patient, number=int(data["number"]))
        if data["act"] == "remove":
            return forms.SignerRemoval(
                patient=patient,
                signer=keccak(unhexed(data["signer"])),
                nonce=int(data["nonce"]),
                deadline=int(data["deadline"]),
            )
        grant = granted(data, data.get("granted", data))
        if data["act"] == "revoke":
            return forms.Revocation(patient=patient, grant=grant.digest(domain()))
        return grant


def granted(data, numbers):
    """The grant that a page shows, committed to without the secret, as its script does."""
    provision = json.loads(data["document"])["provision"]
    address = provision["actor"][0]["reference"]["reference"]
    return forms.Grant(
        patient=unhexed(data["patient"]),
        grantee=grantee_commitment(unhexed(data["granteeSalt"]), address),
        scope=scope_of(data),
        expiry=int(datetime.fromisoformat(provision["period"]["end"]).timestamp()),
        nonce=int(numbers["nonce"]),
        deadline=int(numbers["deadline"]),
    )


def scope_of(data):
    whole, header = data["whole"], data["header"]
    root = root_from_inclusion(
        index=whole["index"],
        size=whole["count"],
        leaf=element_hash(WHOLE, data["document"], unhexed(whole["salt"])),
        path=[unhexed(one) for one in whole["path"]],
    )
    header = Header(
        topic=header["topic"],
        resource_type=header["resourceType"],
        id=header["id"],
        version=header["version"],
        author=header["author"],
    )
    return commitment_of(header, whole["count"], root)


def made_by(device, data):
    """Have a device make the passkey that a page asks for."""
    credential = device.register({"publicKey": data["create"]})
    attestation = AttestationObject(websafe_decode(credential["response"]["attestationObject"]))
    made = bytes(attestation.auth_data.credential_data)
    signer = signer_of(made, verifier=contracts().consent_verifier, rp_id=RP_ID, origin=ORIGIN)
    device.made = MadeKey(device.credential_id, made, signer)
    return credential


def signed(device, form):
    return device.answer_to(form.digest(domain()))


def some_address():
    """An address of one's own, as attempts are counted by it."""
    return str(IPv4Address(0x0A000000 + secrets.randbits(24)))


def unhexed(text):
    return bytes.fromhex(text.removeprefix("0x"))
