"""The consent host: an origin of its own, and what it takes from whom."""

import dataclasses
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pgtrigger
import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone, translation
from eth_utils import keccak

from audit.models import Event
from chain.models import Block
from chain.models import Event as ChainEvent
from chain.signing import operator
from consent.categories import Kind, Sensitivity
from consent.host.middleware import HostSession
from consent.models import Grant, Pseudonym, Recovery, Relay, Signer, Ticket
from consent.relaying import queue_recoveries
from consent.services import keys, tickets
from consent.services.revoking import revoke_grant
from tests.consent.factories import ClinicianFactory
from tests.consent.passkeys import ConsentDevice
from tests.consent.visitors import HOST, Visitor, granted, some_address
from tests.records.factories import PatientFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def visitor(consents):
    """A patient with an account, who has no key yet."""
    return Visitor(PatientFactory())


@pytest.fixture
def with_key(visitor):
    """The same, with a key that has not reached the chain yet."""
    visitor.enter(Ticket.Kind.ENROL)
    visitor.device, response = visitor.make_key()
    assert response.json() == {"next": "/done/"}
    return visitor


@pytest.fixture
def chain_is_down(settings):
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"


def on_host(path, *, address=None, **cookies):
    client = Client(headers={"host": HOST}, REMOTE_ADDR=address or some_address())
    for name, value in cookies.items():
        client.cookies[name] = value
    return client.get(path)


def nothing_was_signed():
    return not Grant.objects.exists() and not Relay.objects.filter(kind=Relay.Kind.GRANT).exists()


class TestConsentHost:
    @pytest.mark.parametrize(
        "path", ["/account/login/", "/record/", "/workspace/", "/healthz", "/verify", "/log/key", "/admin/"]
    )
    def test_knows_no_page_of_the_portal(self, path):
        assert on_host(path).status_code == 404

    @pytest.mark.parametrize("path", ["/enter/abc/", "/done/"])
    def test_has_pages_that_the_portal_does_not_know(self, path):
        assert Client().get(path).status_code == 404
        assert on_host(path).status_code == 403

    @pytest.mark.parametrize("host", ["consent.localhost", "CONSENT.localhost:8000", "consent.localhost.:1"])
    def test_is_known_by_its_name_whatever_the_port(self, host):
        assert Client(headers={"host": host}).get("/account/login/").status_code == 404

    @pytest.mark.parametrize("host", ["portal.localhost:8000", "xconsent.localhost", "a.consent.localhost"])
    def test_is_known_by_no_other_name(self, host):
        assert Client(headers={"host": host}).get("/account/login/").status_code == 200

    @pytest.mark.parametrize(
        "host", ["consent.localhost.evil.test", "evil.test", "consent.localhost@evil.test"]
    )
    def test_is_not_reached_under_a_name_that_is_none_of_ours(self, host):
        assert Client(headers={"host": host}).get("/").status_code == 400

    def test_does_not_believe_a_forwarded_name(self):
        client = Client(headers={"x-forwarded-host": HOST})

        assert client.get("/enter/abc/").status_code == 404

    @pytest.mark.parametrize("path", ["/", "/nothing/", "/enter/abc/", "/theme.css"])
    def test_binds_the_browser(self, path):
        headers = on_host(path).headers

        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert "unsafe" not in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Cache-Control"] == "no-store"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "publickey-credentials-get=(self)" in headers["Permissions-Policy"]

    def test_lets_the_portal_send_people_over(self, settings):
        policy = Client().get("/account/login/").headers["Content-Security-Policy"]

        assert f"form-action 'self' {settings.CONSENT_URL};" in policy

    def test_answers_for_what_fails_without_the_portals_pages(self, visitor, monkeypatch):
        visitor.enter(Ticket.Kind.ENROL)
        monkeypatch.setattr("consent.host.views.act_of", lambda *_: 1 / 0)
        visitor.client.raise_request_exception = False

        response = visitor.look()

        assert response.status_code == 500
        assert "Nothing has changed" in response.content.decode()


class TestSessions:
    def test_begin_anew_whatever_the_browser_brought(self, visitor):
        planted = HostSession()
        planted["ticket"] = "somebody else's"
        planted.create()
        visitor.client.cookies["consent"] = planted.session_key

        visitor.enter(Ticket.Kind.ENROL)

        assert visitor.client.cookies["consent"].value != planted.session_key

    def test_are_kept_from_scripts_and_other_sites(self, visitor):
        cookie = visitor.enter(Ticket.Kind.ENROL).client.cookies["consent"]

        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        assert cookie["max-age"] == 30 * 60
        assert not cookie["domain"]

    def test_are_bound_to_the_name_in_production(self, visitor, settings):
        settings.SESSION_COOKIE_SECURE = True

        cookie = visitor.enter(Ticket.Kind.ENROL).client.cookies["__Host-consent"]

        assert cookie["secure"]
        assert cookie["path"] == "/"

    def test_do_not_come_from_the_portal(self, visitor):
        portal = Client()
        portal.force_login(visitor.patient.user)
        key = portal.cookies["sessionid"].value

        as_both = on_host("/", sessionid=key, consent=key)

        assert as_both.status_code == 403
        assert "sessionid" not in as_both.cookies
        assert as_both.wsgi_request.user.is_anonymous

    def test_open_nothing_on_the_portal(self, visitor):
        key = visitor.enter(Ticket.Kind.ENROL).client.cookies["consent"].value
        portal = Client()
        portal.cookies["sessionid"] = key

        assert portal.get("/").status_code == 302
        assert portal.get("/").wsgi_request.user.is_anonymous

    def test_hold_nothing_but_the_ticket(self, visitor):
        visitor.enter(Ticket.Kind.ENROL)

        assert set(HostSession(visitor.client.cookies["consent"].value).load()) <= {
            "ticket",
            "_session_expiry",
        }

    def test_end_with_the_account(self, visitor):
        visitor.enter(Ticket.Kind.ENROL)
        visitor.patient.user.is_active = False
        visitor.patient.user.save()

        assert visitor.look().status_code == 403

    def test_end_when_the_session_is_gone(self, visitor):
        visitor.enter(Ticket.Kind.ENROL)
        Session.objects.all().delete()

        assert visitor.look().status_code == 403


class TestEnter:
    def test_is_possible_once(self, visitor):
        path = urlsplit(visitor.ticket(Ticket.Kind.ENROL)).path

        assert on_host(path).status_code == 302
        again = on_host(path)

        assert again.status_code == 403
        assert "Start again" in again.content.decode()
        assert "consent" not in again.cookies

    def test_is_not_used_up_by_whoever_only_looks(self, visitor):
        path = urlsplit(visitor.ticket(Ticket.Kind.ENROL)).path

        assert Client(headers={"host": HOST}).head(path).status_code == 405
        assert on_host(path).status_code == 302

    def test_is_not_to_be_guessed(self, db):
        address = some_address()
        guesses = [f"/enter/guess-{number}/" for number in range(121)]
        answers = {on_host(guess, address=address).status_code for guess in guesses}

        assert answers == {403, 429}


class TestMakeFirstKey:
    def test_enrols(self, with_key, consents):
        signer = Signer.objects.get()
        assert signer.name == "My phone"
        assert bytes(signer.signer) == with_key.device.signer
        assert Ticket.objects.get().finished_at

        consents.see_final()

        signer.refresh_from_db()
        assert signer.on_chain_at

    def test_changes_nothing_by_being_looked_at(self, visitor):
        visitor.enter(Ticket.Kind.ENROL)

        assert visitor.look().status_code == 200
        assert not Pseudonym.objects.exists()

    def test_wants_the_new_key_to_sign(self, visitor):
        visitor.enter(Ticket.Kind.ENROL)
        device = ConsentDevice()
        other = ConsentDevice()
        data = visitor.data
        answer = {"credential": device.register({"publicKey": data["create"]})}

        assert visitor.send(answer).json()["cause"] == "NotAnAssertion"
        other.make_key()
        answer["by_new"] = other.sign({"publicKey": {"challenge": data["create"]["challenge"], "rpId": "x"}})
        assert visitor.send(answer).status_code == 422
        assert not Signer.objects.exists()

    @pytest.mark.parametrize(
        ("device", "cause"),
        [
            (ConsentDevice(verifies=False), "UserNotVerified"),
            (ConsentDevice(origin="http://portal.localhost:8000"), "WrongOrigin"),
            (ConsentDevice(origin="http://consent.localhost"), "WrongOrigin"),
        ],
    )
    def test_refuses_a_key_made_otherwise(self, visitor, device, cause):
        visitor.enter(Ticket.Kind.ENROL)

        _, response = visitor.make_key(device=device)

        assert response.json()["cause"] == cause
        assert not Signer.objects.exists()

    def test_needs_no_chain(self, visitor, consents, chain_is_down):
        block = Block.objects.create(number=1, hash="0x1", parent_hash="0x0", at=timezone.now())
        ChainEvent.objects.create(
            block=block,
            log_index=0,
            transaction_hash="0x2",
            contract="InstitutionRegistry",
            name="InstitutionAdmitted",
            arguments={"institution": 1, "operator": operator().address},
        )
        visitor.enter(Ticket.Kind.ENROL)

        _, response = visitor.make_key()

        assert response.status_code == 200
        assert keys.has_keys(visitor.patient)

    def test_says_when_nobody_knows_the_hospitals_number(self, visitor, chain_is_down):
        visitor.enter(Ticket.Kind.ENROL)

        response = visitor.look()

        assert response.status_code == 503
        assert "Try again" in response.content.decode()

    def test_tells_the_registrys_refusal_at_once_and_keeps_nothing(self, with_key, consents):
        consents.see_final()
        # As after a restore from before the keys were known here.
        Signer.objects.update(removed_at=timezone.now())
        with_key.enter(Ticket.Kind.ENROL)

        _, response = with_key.make_key()

        assert response.json()["cause"] == "AlreadyEnrolled"
        assert Signer.objects.count() == 1
        assert Relay.objects.count() == 1


class TestGiveAccess:
    def test_makes_the_first_key_on_the_way(self, visitor):
        visitor.come_to_share()
        device, made = visitor.make_key()

        assert made.json() == {"next": "/"}
        response = visitor.confirm(device)

        assert response.json() == {"next": "/done/"}
        relays = Relay.objects.in_bulk(field_name="pk")
        assert [one.kind for one in relays.values()] == ["enrol", "grant"]
        assert Relay.objects.get(kind="grant").after.kind == "enrol"

    def test_is_taken_by_the_contract(self, with_key, consents):
        with_key.come_to_share(sensitivities=[Sensitivity.HIV], is_once=True, kinds=[Kind.RESULT])
        with_key.confirm(with_key.device)

        consents.see_final()

        grant = Grant.objects.get()
        assert grant.on_chain_at
        assert consents.is_active(grant)
        assert Event.objects.filter(name="consent.granted", patient_id=with_key.patient.pk).exists()

    def test_holds_here_while_the_chain_is_down(self, with_key, chain_is_down):
        with_key.come_to_share()

        assert with_key.confirm(with_key.device).status_code == 200
        assert Grant.objects.get().is_active(timezone.now())
        assert Relay.objects.get(kind="grant").state == "waiting"

    def test_shows_only_what_is_in_the_document(self, with_key):
        page = with_key.come_to_share(to=ClinicianFactory(name="Dr Chen")).look().content.decode()

        shown, _, data = page.partition('id="consent-data"')
        assert "Dr Chen" not in shown
        assert "Dr Chen" in data
        assert "secret" not in data

    def test_offers_the_same_form_twice(self, with_key):
        with_key.come_to_share()

        assert with_key.form() == with_key.form()

    def test_counts_an_answer_once(self, with_key):
        with_key.come_to_share()
        form = with_key.form()
        assert with_key.confirm(with_key.device, form).status_code == 200

        again = with_key.confirm(with_key.device, form)

        assert again.status_code == 409
        assert again.json()["cause"] == "TicketClosed"
        assert Grant.objects.count() == 1
        assert with_key.look().headers["Location"] == "/done/"

    @pytest.mark.parametrize("token", ["", "x" * 64])
    def test_refuses_what_another_site_sends(self, with_key, token):
        with_key.come_to_share()
        form = with_key.form()
        answer = {"by_known": {}}

        response = with_key.send(answer, token=token)

        assert response.status_code == 403
        assert response.json()["cause"] == "PageTooOld"
        assert form
        assert nothing_was_signed()

    def test_refuses_what_is_signed_by_another_patients_key(self, with_key):
        other = Visitor(PatientFactory())
        other.enter(Ticket.Kind.ENROL)
        device, _ = other.make_key()
        with_key.come_to_share()

        response = with_key.confirm(device)

        assert (response.status_code, response.json()["cause"]) == (422, "UnknownCredential")
        assert nothing_was_signed()

    @pytest.mark.parametrize(
        ("changed", "cause"),
        [
            ({"origin": "http://portal.localhost:8000"}, "WrongOrigin"),
            ({"origin": "http://consent.localhost:8001"}, "WrongOrigin"),
            ({"presence": 0x01}, "UserNotVerified"),
        ],
    )
    def test_refuses_a_device_that_was_asked_elsewhere_or_did_not_look(self, with_key, changed, cause):
        with_key.come_to_share()
        for name, value in changed.items():
            setattr(with_key.device, name, value)

        response = with_key.confirm(with_key.device)

        assert response.json()["cause"] == cause
        assert response.json()["words"]
        assert nothing_was_signed()

    @pytest.mark.parametrize("changed", ["grantee", "scope", "expiry", "nonce", "deadline", "patient"])
    def test_refuses_another_form_than_was_prepared(self, with_key, changed):
        with_key.come_to_share()
        form = with_key.form()
        value = getattr(form, changed)
        other = dataclasses.replace(
            form, **{changed: value + 1 if isinstance(value, int) else bytes(31) + b"1"}
        )

        assert with_key.confirm(with_key.device, other).json()["cause"] == "WrongChallenge"
        assert nothing_was_signed()

    def test_refuses_a_page_that_was_changed_on_its_way(self, with_key):
        with_key.come_to_share()
        data = with_key.data
        data["document"] = data["document"].replace("+00:00", "-05:00")

        assert with_key.confirm(with_key.device, granted(data, data)).json()["cause"] == "WrongChallenge"
        assert nothing_was_signed()

    def test_refuses_a_key_that_was_removed_meanwhile(self, with_key):
        with_key.come_to_share()
        form = with_key.form()
        Signer.objects.update(removed_at=timezone.now())
        another = ConsentDevice().make_key()
        Signer.objects.create(
            pseudonym=Pseudonym.objects.get(),
            name="My tablet",
            signer=another.signer,
            hash=keccak(another.signer),
            credential_id=another.credential_id,
            credential=another.credential,
            created_at=timezone.now(),
            accepted_at=timezone.now(),
        )

        assert with_key.confirm(with_key.device, form).json()["cause"] == "UnknownCredential"
        assert nothing_was_signed()

    def test_refuses_who_took_longer_than_half_an_hour(self, with_key):
        with_key.come_to_share()
        form = with_key.form()
        Ticket.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

        assert with_key.look().status_code == 410
        assert with_key.confirm(with_key.device, form).status_code in (409, 410)
        assert nothing_was_signed()

    @pytest.mark.parametrize(
        "answer",
        [[], "", None, 1, {}, {"by_known": []}, {"by_known": {"response": {}}}, {"name": 1, "by_known": {}}],
    )
    def test_refuses_what_is_no_answer(self, with_key, answer):
        with_key.come_to_share()
        assert with_key.data

        response = with_key.send(answer)

        assert response.json()["cause"] == "NotAnAssertion"
        assert nothing_was_signed()

    def test_refuses_what_is_too_long_to_be_one(self, with_key):
        with_key.come_to_share()
        assert with_key.data

        assert with_key.send({"by_known": {"x": "y" * 70_000}}).status_code == 422

    def test_speaks_the_patients_language(self, with_key):
        with translation.override("ar"):
            with_key.come_to_share()

        response = with_key.look()

        assert re.search(r'<html lang="ar"\s+dir="rtl">', response.content.decode())
        assert response.headers["Content-Language"] == "ar"


class TestTakeAccessAway:
    def test_is_the_patients_own_word_on_the_chain(self, with_key, consents):
        with_key.come_to_share()
        with_key.confirm(with_key.device)
        consents.see_final()
        grant = Grant.objects.get()

        response = with_key.enter(Ticket.Kind.REVOKE, grant=str(grant.pk)).confirm(with_key.device)

        grant.refresh_from_db()
        assert response.status_code == 200
        assert grant.revoked_at
        consents.see_final()
        assert not consents.is_active(grant)
        assert Relay.objects.get(kind="revoke").state == "done"

    def test_ends_it_here_although_the_registry_would_not_take_the_signature(self, with_key, consents):
        with_key.come_to_share()
        with_key.confirm(with_key.device)
        consents.see_final()
        grant = Grant.objects.get()
        revoke_grant(grant=grant, by=with_key.patient.user, at=timezone.now())
        consents.see_final()
        # As after a restore from before the revocation.
        with pgtrigger.ignore():
            Grant.objects.update(revoked_at=None, revoked_by=None, ended_by="", off_chain_at=None)

        response = with_key.enter(Ticket.Kind.REVOKE, grant=str(grant.pk)).confirm(with_key.device)

        assert response.status_code == 200
        assert Grant.objects.get().revoked_at
        assert not Relay.objects.filter(kind="revoke").exists()

    def test_shows_no_other_patients_grant(self, with_key):
        other = Visitor(PatientFactory())
        other.enter(Ticket.Kind.ENROL).make_key()
        with_key.come_to_share()
        with_key.confirm(with_key.device)

        other.enter(Ticket.Kind.REVOKE, grant=str(Grant.objects.get().pk))

        assert other.look().status_code == 404
        assert Grant.objects.get().revoked_at is None


class TestAddKey:
    def test_is_let_in_by_one_of_before(self, with_key, consents):
        tablet, response = with_key.enter(Ticket.Kind.ADD_SIGNER).add_key(with_key.device)

        assert response.json() == {"next": "/done/"}
        consents.see_final()
        assert Signer.objects.filter(on_chain_at=None).count() == 0
        with_key.come_to_share()
        assert with_key.confirm(tablet).status_code == 200

    def test_is_not_let_in_by_itself(self, with_key):
        device = ConsentDevice()

        _, response = with_key.enter(Ticket.Kind.ADD_SIGNER).add_key(device, device=device)

        assert response.json()["cause"] == "UnknownCredential"
        assert Signer.objects.count() == 1


class TestRemoveKey:
    def test_is_signed_by_another_one(self, with_key, consents):
        tablet, _ = with_key.enter(Ticket.Kind.ADD_SIGNER).add_key(with_key.device)
        first = Signer.objects.order_by("pk").first()
        with_key.enter(Ticket.Kind.REMOVE_SIGNER, signer=first.pk)

        assert with_key.confirm(with_key.device).json()["cause"] == "UnknownCredential"
        assert with_key.confirm(tablet).json() == {"next": "/done/"}

        consents.see_final()
        assert not consents.ask("isSigner", bytes(Pseudonym.objects.get().value), bytes(first.hash))

    def test_keeps_the_only_one(self, with_key):
        with_key.enter(Ticket.Kind.REMOVE_SIGNER, signer=Signer.objects.get().pk)

        assert with_key.look().status_code == 409


class TestRecovering:
    def test_takes_somebody_who_was_there_in_person(self, with_key):
        with_key.enter(Ticket.Kind.RECOVER)

        assert with_key.look().status_code == 409

    def test_proposes_a_key_and_is_stopped_by_the_old_one(self, with_key, consents, records_officer):
        consents.see_final()
        now = timezone.now()
        recovery = keys.start_recovery(
            patient=with_key.patient, checked="Passport", by=records_officer, at=now
        )
        _, response = with_key.enter(Ticket.Kind.RECOVER).make_key(name="My new phone")
        assert response.json() == {"next": "/done/"}
        consents.see_final()
        recovery.refresh_from_db()
        assert recovery.recoverable_at > now + timedelta(days=2)

        with_key.enter(Ticket.Kind.VETO, recovery=str(recovery.pk))
        assert with_key.confirm(with_key.device).json() == {"next": "/done/"}

        consents.see_final()
        assert Recovery.objects.get().vetoed_at
        _, waits, _ = consents.ask("recoveryOf", bytes(Pseudonym.objects.get().value))
        assert waits == 0

    def test_cannot_be_stopped_by_the_proposed_key(self, with_key, consents, records_officer):
        consents.see_final()
        recovery = keys.start_recovery(
            patient=with_key.patient, checked="Passport", by=records_officer, at=timezone.now()
        )
        thief, _ = with_key.enter(Ticket.Kind.RECOVER).make_key()
        with_key.enter(Ticket.Kind.VETO, recovery=str(recovery.pk))

        assert with_key.confirm(thief).json()["cause"] == "UnknownCredential"

    def test_says_when_the_register_cannot_be_asked(self, with_key, records_officer, chain_is_down):
        keys.start_recovery(
            patient=with_key.patient, checked="Passport", by=records_officer, at=timezone.now()
        )

        assert with_key.enter(Ticket.Kind.RECOVER).look().status_code == 503
        assert tickets.Ticket.objects.filter(finished_at=None).exists()

    def test_puts_the_new_key_in_the_place_of_the_lost_one(self, consents_on_own_chain, records_officer):
        consents = consents_on_own_chain
        visitor = Visitor(PatientFactory())
        lost, _ = visitor.enter(Ticket.Kind.ENROL).make_key()
        consents.see_final()
        keys.start_recovery(
            patient=visitor.patient, checked="Passport", by=records_officer, at=timezone.now()
        )
        new, _ = visitor.enter(Ticket.Kind.RECOVER).make_key()
        consents.see_final()
        visitor.come_to_share()
        assert visitor.confirm(new).json()["cause"] == "UnknownCredential"

        consents.wait(days=3, hours=1)
        queue_recoveries(consents.at)
        consents.see_final()

        assert visitor.confirm(lost).json()["cause"] == "UnknownCredential"
        assert visitor.confirm(new).json() == {"next": "/done/"}
        consents.see_final()
        assert consents.is_active(Grant.objects.get())


class TestDone:
    @pytest.mark.parametrize("kind", list(Ticket.Kind))
    def test_leads_back_without_saying_whom(self, visitor, settings, kind):
        visitor.enter(kind)
        ticket = Ticket.objects.get()
        tickets.finish(ticket, at=timezone.now(), until=timezone.now().isoformat())

        page = visitor.client.get("/done/").content.decode()

        assert f'href="{settings.PORTAL_URL}/sharing/?done={kind.value}"' in page
        assert "<h1" in page

    def test_is_not_there_before(self, visitor):
        visitor.enter(Ticket.Kind.ENROL)

        assert visitor.client.get("/done/").headers["Location"] == "/"
