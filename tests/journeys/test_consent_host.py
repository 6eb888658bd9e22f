"""A patient signs on the consent host, in a real browser, and the contract takes it; nothing else does."""

import dataclasses
import json
import re
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import urlsplit

import pytest
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.test import Client
from django.utils import timezone
from fido2.utils import websafe_decode, websafe_encode
from playwright.sync_api import expect

from accounts.models import Role, User
from chain.client import Reverted, current_node
from chain.deployment import CONSENT_REGISTRY, contracts
from chain.signing import operator
from consent.categories import Kind, Sensitivity
from consent.models import Grant, Relay, Signer, Ticket
from consent.services import tickets
from consent.services.granting import prepare_grant
from consent.services.keys import start_recovery
from consent.signing import domain
from consent.signing.passkeys import signature_of, signer_of
from patients.services import invite
from tests.conftest import CHECKOUT
from tests.consent.factories import ClinicianFactory, TermsFactory
from tests.consent.visitors import Visitor
from tests.journeys.accessibility import assert_accessible
from tests.journeys.conftest import PHONE
from tests.records.factories import PatientFactory

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


class Journey:
    """Amina, her browser, and what the chain says."""

    def __init__(self, page):
        self.page = page
        self.user = User.objects.create_user("amina", role=Role.PATIENT)
        self.amina = PatientFactory()
        self.amina.user = self.user
        self.amina.save()

    def ticket(self, kind, content=None):
        return tickets.issue(
            kind=kind, patient=self.amina, content=content or {}, by=self.user, at=timezone.now()
        )

    def draft(self, **terms):
        now = timezone.now()
        terms = {"to": ClinicianFactory(), "kinds": [Kind.RESULT, Kind.MEDICINE], "starts_at": now} | terms
        return prepare_grant(self.amina, TermsFactory(**terms), at=now)

    def when_she_is_sent_to(self, kind, content=None):
        self.page.goto(self.ticket(kind, content))

    def when_she_is_sent_to_share(self, **terms):
        self.page.goto(self.ticket(Ticket.Kind.GRANT, self.draft(**terms).as_content()))

    def when_she_makes_her_first_key(self, name="My phone"):
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Make your key for sharing")
        self.when_she_makes_a_key(name)

    def when_she_makes_a_key(self, name):
        self.page.get_by_label("Name of this key").fill(name)
        self.page.get_by_role("button", name=re.compile("Make my (new )?key")).click()
        self.page.get_by_role("button", name="Use my new key").click()

    def when_she_confirms(self, button):
        self.page.get_by_role("button", name=button).click()

    def then_the_page_is_called(self, words):
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(words)
        assert_accessible(self.page)

    def ask_chain(self, function, *arguments):
        return current_node().call(CONSENT_REGISTRY, contracts().consent_registry, function, *arguments)

    def is_active(self, grant):
        return self.ask_chain("isActive", bytes(self.amina.pseudonym.value), bytes(grant.digest))

    # What goes wrong

    def when_she_makes_her_passkey_for_signing_in(self):
        _invitation, code = invite(patient=self.amina, by=None, at=timezone.now())
        born = self.amina.birth_date
        self.page.goto("/invitation/")
        self.page.get_by_label("code").first.fill(code)
        for label, number in (("Day", born.day), ("Month", born.month), ("Year", born.year)):
            self.page.get_by_label(label).fill(str(number))
        self.page.get_by_role("button", name="Continue").click()
        self.page.get_by_role("button", name="Make passkey").click()
        expect(self.page.get_by_role("link", name="Sign out").first).to_be_visible()
        self.page.context.clear_cookies()

    def when_an_injected_script_plants_a_grant_in_the_sign_in(self, form):
        """Have the sign-in page ask for a signature over the form, under the portal's own name."""
        self.page.goto("/account/login/")
        self.page.evaluate(PLANTED, websafe_encode(form.digest(domain())))
        self.page.get_by_role("button", name="Sign in with your passkey").click()
        self.stolen = self.page.evaluate("window.theft")

    def stolen_signature(self):
        part = {name: websafe_decode(value) for name, value in self.stolen["response"].items()}
        return signature_of(part["authenticatorData"], part["clientDataJSON"], part["signature"])

    def then_the_contract_refuses(self, form, signer, cause):
        call = CONSENT_REGISTRY.calldata("grant", form.values, (signer, self.stolen_signature()))
        with pytest.raises(Reverted) as refusal:
            current_node().estimate_gas(sender=operator().address, to=contracts().consent_registry, data=call)
        assert refusal.value.reason.name == cause


class Devices:
    """Several devices with passkeys at one browser, of which she holds one at a time in her hand."""

    def __init__(self, page, *names):
        self.session = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.disable")
        self.session.send("WebAuthn.enable")
        # A browser has one device built in; the others are plugged in.
        transports = ["internal"] + ["usb"] * (len(names) - 1)
        self.known = {name: self._add(transport) for name, transport in zip(names, transports, strict=True)}

    def _add(self, transport):
        options = {
            "protocol": "ctap2",
            "transport": transport,
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": False,
        }
        added = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        return added["authenticatorId"]

    def hold(self, held):
        for name, authenticator in self.known.items():
            self.session.send(
                "WebAuthn.setAutomaticPresenceSimulation",
                {"authenticatorId": authenticator, "enabled": name == held},
            )


# What a script could do that somebody smuggled into a page of the portal.
PLANTED = """digest => {
  const bytes = text => Uint8Array.from(
    atob(text.replaceAll("-", "+").replaceAll("_", "/")), character => character.charCodeAt(0))
  const text = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "")
  const get = navigator.credentials.get.bind(navigator.credentials)
  let steal
  window.theft = new Promise(resolve => { steal = resolve })
  navigator.credentials.get = async options => {
    const answer = await get({ publicKey: { ...options.publicKey, challenge: bytes(digest) } })
    const { clientDataJSON, authenticatorData, signature } = answer.response
    steal({
      id: answer.id, rawId: answer.id, type: answer.type, clientExtensionResults: {},
      response: {
        clientDataJSON: text(clientDataJSON),
        authenticatorData: text(authenticatorData),
        signature: text(signature),
      },
    })
    return new Promise(() => {})
  }
}"""


def test_a_patient_shares_and_stops_and_the_contract_says_so(deployed, browse, consent_url, chain_catches_up):
    amina = Journey(browse(PHONE))
    amina.when_she_is_sent_to_share(sensitivities=[Sensitivity.MENTAL_HEALTH])
    amina.then_the_page_is_called("Make your key for sharing")
    amina.when_she_makes_her_first_key()
    amina.then_the_page_is_called("Do you want to share this?")
    amina.when_she_confirms("Share, and confirm with my passkey")
    amina.then_the_page_is_called("You are sharing")

    grant = Grant.objects.get()
    assert not grant.on_chain_at
    chain_catches_up()
    grant.refresh_from_db()
    assert grant.on_chain_at
    assert amina.is_active(grant)

    amina.when_she_is_sent_to(Ticket.Kind.REVOKE, {"grant": str(grant.pk)})
    amina.then_the_page_is_called("Stop sharing this?")
    amina.when_she_confirms("Stop sharing, and confirm with my passkey")
    amina.then_the_page_is_called("You have stopped sharing")
    grant.refresh_from_db()
    assert grant.revoked_at
    chain_catches_up()
    assert not amina.is_active(grant)
    # The hospital's own word, which would have followed had she not signed, was not needed.
    ended = {relay.kind: relay.state for relay in Relay.objects.all()}
    assert ended == {"enrol": "done", "grant": "done", "revoke": "done", "revokeByInstitution": "cancelled"}
    assert Signer.objects.get().on_chain_at


def test_a_patient_keeps_several_keys_and_replaces_lost_ones(
    deployed, browse, consent_url, chain_catches_up, records_officer
):
    amina = Journey(browse(PHONE))
    devices = Devices(amina.page, "phone", "tablet")
    devices.hold("phone")
    amina.when_she_is_sent_to(Ticket.Kind.ENROL)
    amina.when_she_makes_her_first_key("My phone")
    amina.then_the_page_is_called("Your key for sharing is made")

    amina.when_she_is_sent_to(Ticket.Kind.ADD_SIGNER)
    amina.then_the_page_is_called("Add another key for sharing")
    amina.when_she_confirms("Make the new key")
    expect(amina.page.get_by_role("alert")).to_contain_text("has one of your keys already")
    devices.hold("tablet")
    amina.page.get_by_label("Name of this key").fill("My tablet")
    amina.when_she_confirms("Make the new key")
    amina.when_she_confirms("Use the new key")
    expect(amina.page.get_by_role("button", name="Let it in with a key of mine")).to_be_enabled()
    devices.hold("phone")
    amina.when_she_confirms("Let it in with a key of mine")
    amina.then_the_page_is_called("You have another key for sharing")
    chain_catches_up()
    assert amina.ask_chain("patientOf", bytes(amina.amina.pseudonym.value)) == (1, 2)

    phone = Signer.objects.order_by("pk").first()
    amina.when_she_is_sent_to(Ticket.Kind.REMOVE_SIGNER, {"signer": phone.pk})
    amina.then_the_page_is_called("Remove this key?")
    devices.hold("tablet")
    amina.when_she_confirms("Remove it, and confirm with another key")
    amina.then_the_page_is_called("The key is removed")
    chain_catches_up()
    assert not amina.ask_chain("isSigner", bytes(amina.amina.pseudonym.value), bytes(phone.hash))

    devices.hold("phone")
    recovery = start_recovery(patient=amina.amina, checked="Passport", by=records_officer, at=timezone.now())
    amina.when_she_is_sent_to(Ticket.Kind.RECOVER)
    amina.then_the_page_is_called("Make a new key in place of lost ones")
    amina.when_she_makes_a_key("My new phone")
    amina.then_the_page_is_called("Your new key is proposed")
    chain_catches_up()
    number, waits_until, _ = amina.ask_chain("recoveryOf", bytes(amina.amina.pseudonym.value))
    assert number == 1
    assert waits_until

    amina.when_she_is_sent_to(Ticket.Kind.VETO, {"recovery": str(recovery.pk)})
    amina.then_the_page_is_called("Keep your keys?")
    devices.hold("tablet")
    amina.when_she_confirms("Stop it, and confirm with my passkey")
    amina.then_the_page_is_called("Your keys stay as they are")
    chain_catches_up()
    _, waits_until, _ = amina.ask_chain("recoveryOf", bytes(amina.amina.pseudonym.value))
    assert not waits_until


def test_a_grant_planted_in_the_sign_in_is_no_grant(deployed, browse, consent_url, chain_catches_up):
    amina = Journey(browse(PHONE))
    amina.when_she_makes_her_passkey_for_signing_in()
    amina.when_she_is_sent_to(Ticket.Kind.ENROL)
    amina.when_she_makes_her_first_key()
    amina.then_the_page_is_called("Your key for sharing is made")
    chain_catches_up()

    # Whoever has the portal's pages has all that the form is made of, and a ticket in her name.
    thief = Visitor(amina.amina)
    thief.client = Client(headers={"host": urlsplit(consent_url).netloc})
    thief.come_to_share(to=ClinicianFactory(name="Dr Mallory"))
    form = thief.form()
    amina.when_an_injected_script_plants_a_grant_in_the_sign_in(form)

    key = Signer.objects.get()
    as_it_is = thief.send({"by_known": amina.stolen})
    name = websafe_encode(bytes(key.credential_id))
    under_her_keys_name = thief.send({"by_known": {**amina.stolen, "id": name, "rawId": name}})
    assert as_it_is.json()["cause"] == "WrongOrigin"
    assert under_her_keys_name.json()["cause"] == "WrongOrigin"

    amina.then_the_contract_refuses(form, bytes(key.signer), "WrongRpId")
    # Nor as the sign-in's own passkey, whichever page it says that it was made on.
    for origin in (settings.PORTAL_URL, consent_url):
        passkey = signer_of(
            sign_in_credential(amina.user),
            verifier=contracts().consent_verifier,
            rp_id=urlsplit(origin).hostname,
            origin=origin,
        )
        amina.then_the_contract_refuses(form, passkey, "NotASigner")
    assert not Grant.objects.exists()
    assert not amina.ask_chain("isActive", form.patient, form.digest(domain()))


def test_her_keys_are_out_of_reach_of_every_other_page(deployed, browse, consent_url):
    amina = Journey(browse(PHONE))
    amina.when_she_is_sent_to(Ticket.Kind.ENROL)
    amina.when_she_makes_her_first_key()
    amina.then_the_page_is_called("Your key for sharing is made")

    amina.page.goto("/account/login/")
    asked = """rpId => navigator.credentials.get({
      publicKey: { rpId, challenge: new Uint8Array(32), userVerification: "required" }
    }).then(() => "signed", error => error.name)"""
    assert amina.page.evaluate(asked, "consent.localhost") == "SecurityError"
    made = """rpId => navigator.credentials.create({ publicKey: {
      rp: { id: rpId, name: "x" }, user: { id: new Uint8Array(9), name: "x", displayName: "x" },
      challenge: new Uint8Array(32), pubKeyCredParams: [{ type: "public-key", alg: -7 }],
    } }).then(() => "made", error => error.name)"""
    assert amina.page.evaluate(made, "consent.localhost") == "SecurityError"


def test_no_page_can_frame_or_script_the_consent_host(deployed, browse, consent_url):
    amina = Journey(browse(PHONE))
    address = amina.ticket(Ticket.Kind.ENROL)
    page = amina.page
    with serving(f'<iframe src="{address}"></iframe>') as evil:
        page.goto(evil)
        page.wait_for_load_state("networkidle")
    # The host answered, and the browser would not show it.
    assert Ticket.objects.get().entered_at
    assert [frame.url for frame in page.frames[1:]] == ["chrome-error://chromewebdata/"]

    amina.when_she_is_sent_to(Ticket.Kind.ENROL)
    amina.then_the_page_is_called("Make your key for sharing")
    # Text that became markup: the browser refuses to run it, or to make it at all.
    smuggled = """() => {
      const script = document.createElement("script")
      try { script.text = "window.smuggled = 1" } catch (error) { return error.name }
      document.body.append(script)
      return String(window.smuggled)
    }"""
    assert page.evaluate(smuggled) == "TypeError"
    assert (
        page.evaluate("() => { try { document.body.innerHTML = 'x' } catch (e) { return e.name } }")
        == "TypeError"
    )
    assert page.evaluate("fetch('http://evil.localhost/').then(() => 'sent', () => 'refused')") == "refused"


def test_the_page_computes_what_the_registry_does(deployed, browse, consent_url):
    """Forms of the vectors, by the page's own script in a real browser."""
    amina = Journey(browse(PHONE))
    amina.when_she_is_sent_to(Ticket.Kind.ENROL)
    amina.then_the_page_is_called("Make your key for sharing")
    vectors = json.loads((CHECKOUT / "tests/vectors/consent.json").read_text())
    compute = """async ({ address, forms, where }) => {
      const { digestOf } = await import(address)
      const { hexed } = await import(new URL("bytes.js", address))
      return forms.map(({ form, message }) => hexed(digestOf(form, message, where)))
    }"""
    # As text, which keeps numbers of 256 bits whole.
    forms = [
        {"form": each["form"], "message": {name: as_text(value) for name, value in each["message"].items()}}
        for each in vectors["forms"]
    ]
    where = {
        "chainId": str(vectors["domain"]["chainId"]),
        "registry": vectors["domain"]["verifyingContract"],
    }
    address = f"{consent_url}/static/consent/forms.js"

    assert {each["form"] for each in forms} == set(vectors["types"])
    assert amina.page.evaluate(compute, {"address": address, "forms": forms, "where": where}) == [
        each["digest"] for each in vectors["forms"]
    ]


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: document.replace('"status":"active"', '"status":"active","note":"and more"'),
        lambda document: document.replace('"type":"permit"', '"type":"deny"'),
        lambda document: document.replace('"status"', ' "status"'),
        lambda document: document.replace('"purpose"', '"provision":[],"purpose"'),
        lambda document: re.sub(r'"actor":\[(.*?)\],"action"', r'"actor":[\1,\1],"action"', document),
    ],
)
def test_the_page_refuses_what_it_cannot_show(deployed, browse, consent_url, damage):
    amina = Journey(browse(PHONE))
    amina.when_she_is_sent_to(Ticket.Kind.ENROL)
    amina.when_she_makes_her_first_key()
    amina.then_the_page_is_called("Your key for sharing is made")
    draft = amina.draft()
    damaged = dataclasses.replace(draft, document=damage(draft.document.decode()).encode())
    assert damaged.document != draft.document
    content = {**draft.as_content(), "document": b64encode(damaged.document).decode()}
    amina.when_she_is_sent_to(Ticket.Kind.GRANT, content)

    expect(amina.page.get_by_role("alert")).to_contain_text("cannot show you all")
    expect(amina.page.get_by_role("button", name="Share, and confirm")).to_be_disabled()


def test_without_scripts_the_page_says_what_it_needs(deployed, browse, consent_url):
    amina = Journey(browse(PHONE, java_script_enabled=False))
    amina.when_she_is_sent_to(Ticket.Kind.ENROL)

    expect(amina.page.get_by_role("main")).to_contain_text("this page needs JavaScript")
    expect(amina.page.get_by_role("button", name="Make my key")).to_be_disabled()


@contextmanager
def serving(markup):
    """Another site, of which every page is this one."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(markup.encode())

        def log_message(self, *arguments):
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://evil.localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


def as_text(value):
    return value if isinstance(value, str | list) else str(value)


def sign_in_credential(user):
    """The passkey that somebody signs in with, as fido2 reads it."""
    authenticator = Authenticator.objects.get(user=user, type=Authenticator.Type.WEBAUTHN)
    return bytes(authenticator.wrap().authenticator_data.credential_data)
