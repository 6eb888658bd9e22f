"""The patient's pages of sharing: what stands there, and that nobody else finds them."""

import json
import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role
from audit.models import Event, Review
from audit.reviews import close
from consent.models import AccessRequest, EndedBy, Grant, Pseudonym, Recovery, Relay, Signer, Ticket
from consent.services.emergencies import break_glass
from consent.services.revoking import end_refused
from tests.accounts.signing_in import sign_in
from tests.consent.factories import (
    AccessRequestFactory,
    BreakGlassFactory,
    CareFactory,
    ClinicianFactory,
    DepartmentFactory,
    GrantFactory,
    other_hospital,
    staff,
)
from tests.records.factories import PatientFactory, RecordFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def maria():
    return PatientFactory(given_names="Maria", family_name="Rossi")


@pytest.fixture
def hers(client, maria):
    client.force_login(maria.user)
    return client


@pytest.fixture
def others(client):
    """A browser in which another patient is signed in."""
    return sign_in(PatientFactory().user, showing="webauthn")


@pytest.fixture
def dr_khan():
    return ClinicianFactory(name="Dr Imran Khan", department=DepartmentFactory(name="Cardiology"))


def a_year(**more):
    """A grant that holds while the test runs."""
    return {"starts_at": timezone.now() - timedelta(days=1), "days": 30, **more}


def key_of(patient, name="My phone", **more):
    pseudonym, _made = Pseudonym.objects.get_or_create(
        patient=patient, defaults={"created_at": timezone.now()}
    )
    number = Signer.objects.count()
    more = {"accepted_at": timezone.now(), **more}
    return Signer.objects.create(
        pseudonym=pseudonym,
        name=name,
        signer=b"signer%d" % number,
        hash=bytes([number]) * 32,
        credential_id=b"credential%d" % number,
        credential=b"",
        created_at=timezone.now(),
        **more,
    )


def text_of(response):
    """What a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def page(client, name, *args):
    return client.get(reverse(f"sharing:{name}", args=args))


def press(client, name, *args, **data):
    return client.post(reverse(f"sharing:{name}", args=args), data)


class TestTheListOfGrants:
    def test_says_who_sees_what_why_and_until_when(self, hers, maria, dr_khan):
        GrantFactory(patient=maria, to=dr_khan, kinds=["result", "medicine"], **a_year())

        said = text_of(page(hers, "index"))

        assert "Dr Imran Khan of North Hospital may see" in said
        assert "parts of your record (Results, Medicines) until" in said
        assert "to treat you" in said
        assert "Signed by you, with your own key" in said
        assert "On its way to the public register. It holds here already." in said

    def test_shows_a_paper_as_weaker(self, hers, maria):
        GrantFactory(patient=maria, attested=True, **a_year())

        said = text_of(page(hers, "index"))

        assert "On paper, attested by the hospital" in said
        assert "weaker than your own signature" in said

    def test_says_since_when_the_register_has_it(self, hers, maria):
        GrantFactory(patient=maria, on_chain=True, **a_year())

        assert "In the public register since" in text_of(page(hers, "index"))

    def test_says_that_the_register_refused(self, hers, maria):
        grant = GrantFactory(patient=maria, **a_year())
        end_refused(grant.relays.get(), "WrongNonce", at=timezone.now())

        said = text_of(page(hers, "index"))

        assert "The public register has not taken it" in said
        assert "WrongNonce" not in said

    def test_folds_what_has_ended_below(self, hers, maria):
        GrantFactory(patient=maria, starts_at=timezone.now() - timedelta(days=60), days=30)

        said = text_of(page(hers, "index"))

        assert "1 permission that has ended" in said
        assert "You share your record with nobody." in said

    def test_names_those_who_treat_the_patient(self, hers, maria, dr_khan):
        CareFactory(patient=maria, clinician=dr_khan, reason="Heart clinic")

        said = text_of(page(hers, "index"))

        assert "Dr Imran Khan Heart clinic" in said

    def test_shows_nobody_elses(self, hers, dr_khan):
        GrantFactory(to=dr_khan, **a_year())
        AccessRequestFactory(clinician=dr_khan, at=timezone.now())

        assert "Imran Khan" not in text_of(page(hers, "index"))

    def test_takes_as_many_queries_for_many_as_for_one(self, hers, maria, django_assert_max_num_queries):
        GrantFactory(patient=maria, **a_year())
        with django_assert_max_num_queries(40) as first:
            page(hers, "index")
        for _ in range(4):
            GrantFactory(patient=maria, **a_year())

        with django_assert_max_num_queries(len(first)):
            page(hers, "index")

    def test_marks_a_grant_whose_document_was_changed(self, hers, maria, monkeypatch):
        grant = GrantFactory(patient=maria, **a_year())
        monkeypatch.setattr("audit.columns.seal", lambda plain: b"damaged")
        from tests.records.tampering import change_in_database

        change_in_database("consent_grant", "sealed_document", grant.pk, lambda _: b"damaged")

        assert "was changed after it was given" in text_of(page(hers, "grant", grant.pk))
        assert page(hers, "index").status_code == 200


class TestWhoFindsThePages:
    def addresses(self, maria):
        grant = GrantFactory(patient=maria, **a_year())
        asked = AccessRequestFactory(patient=maria, at=timezone.now())
        key = key_of(maria)
        key_of(maria)
        return [
            ("grant", grant.pk),
            ("stop", grant.pk),
            ("evidence", grant.pk),
            ("request", asked.pk),
            ("decline", asked.pk),
            ("remove-key", key.pk),
        ]

    def test_the_patient(self, hers, maria):
        for name, pk in self.addresses(maria):
            if name != "evidence":
                assert page(hers, name, pk).status_code == 200, name

    def test_no_other_patient(self, others, maria):
        for name, pk in self.addresses(maria):
            assert page(others, name, pk).status_code == 404, name
        for name in ("sign-stop", "renew"):
            assert press(others, name, Grant.objects.get().pk).status_code == 404
            assert page(others, name, Grant.objects.get().pk).status_code == 404
        assert press(others, "stop", Grant.objects.get().pk).status_code == 404
        assert press(others, "accept", AccessRequest.objects.get().pk).status_code == 404
        assert page(others, "accept", AccessRequest.objects.get().pk).status_code == 404
        assert Grant.objects.get().revoked_at is None

    @pytest.mark.parametrize("role", [role for role in Role if role.is_staff])
    def test_no_staff(self, maria, role):
        staffs = sign_in(staff(role, "Somebody"), showing="webauthn")
        for name, pk in self.addresses(maria):
            assert page(staffs, name, pk).status_code == 404
        for name in ("index", "who", "what", "check", "keys", "people"):
            assert page(staffs, name).status_code == 404

    def test_nobody_without_signing_in(self, client, maria):
        for name, pk in self.addresses(maria):
            assert page(client, name, pk).status_code == 302
            assert "login" in page(client, name, pk)["Location"]


class TestButtons:
    def test_lead_to_their_page_whoever_comes_by_address(self, hers, maria):
        grant = GrantFactory(patient=maria, **a_year())
        asked = AccessRequestFactory(patient=maria, at=timezone.now())
        for name, pk, page_of_it in (
            ("renew", grant.pk, "grant"),
            ("sign-stop", grant.pk, "grant"),
            ("accept", asked.pk, "request"),
        ):
            assert page(hers, name, pk)["Location"] == reverse(f"sharing:{page_of_it}", args=[pk])
        for name, page_of_it in (
            ("start", "index"),
            ("leave", "index"),
            ("new-key", "keys"),
            ("recover", "keys"),
            ("stop-recovery", "keys"),
            ("new-code", "people"),
            ("return", "people"),
        ):
            assert page(hers, name)["Location"] == reverse(f"sharing:{page_of_it}")
        assert not Ticket.objects.exists()


class TestStopping:
    def test_is_asked_once_and_done_at_once(self, hers, maria):
        grant = GrantFactory(patient=maria, **a_year())

        assert "Stop sharing with" in text_of(page(hers, "stop", grant.pk))
        response = press(hers, "stop", grant.pk)

        grant.refresh_from_db()
        assert response["Location"] == reverse("sharing:grant", args=[grant.pk])
        assert grant.ended_by == EndedBy.PATIENT
        said = text_of(page(hers, "grant", grant.pk))
        assert "From this moment nothing more can be seen under it." in said
        assert "You stopped it before it reached the public register." in said

    def test_changes_nothing_when_only_looked_at(self, hers, maria):
        grant = GrantFactory(patient=maria, **a_year())

        page(hers, "stop", grant.pk)

        grant.refresh_from_db()
        assert grant.revoked_at is None

    def test_twice_says_that_nothing_changed(self, hers, maria):
        grant = GrantFactory(patient=maria, **a_year())
        press(hers, "stop", grant.pk)

        response = hers.post(reverse("sharing:stop", args=[grant.pk]), follow=True)

        assert "This had ended already. Nothing has changed." in text_of(response)

    def test_offers_no_key_where_there_is_nothing_to_sign(self, hers, maria):
        key_of(maria)
        grant = GrantFactory(patient=maria, **a_year())

        assert "sign it with my key" not in text_of(page(hers, "stop", grant.pk))

    def test_goes_on_to_sign_when_asked(self, hers, maria, settings):
        key_of(maria)
        grant = GrantFactory(patient=maria, on_chain=True, **a_year())
        assert "Stop sharing and sign it with my key" in text_of(page(hers, "stop", grant.pk))

        response = press(hers, "stop", grant.pk, sign="yes")

        grant.refresh_from_db()
        assert grant.revoked_at is not None
        assert response["Location"].startswith(f"{settings.CONSENT_URL}/enter/")
        ticket = Ticket.objects.get()
        assert (ticket.kind, ticket.content["grant"]) == (Ticket.Kind.REVOKE, str(grant.pk))

    def test_that_waits_for_the_register_can_still_be_signed(self, hers, maria):
        key_of(maria)
        grant = GrantFactory(patient=maria, on_chain=True, **a_year())
        press(hers, "stop", grant.pk)

        said = text_of(page(hers, "grant", grant.pk))
        response = press(hers, "sign-stop", grant.pk)

        assert "It has ended here. The public register will be told" in said
        assert "Sign my stop with my key" in said
        assert "/enter/" in response["Location"]

    def test_that_was_sent_needs_no_signature(self, hers, maria):
        key_of(maria)
        grant = GrantFactory(patient=maria, on_chain=True, **a_year())
        press(hers, "stop", grant.pk)
        Relay.objects.filter(kind=Relay.Kind.REVOKE_BY_INSTITUTION).update(state=Relay.State.SENT)

        response = press(hers, "sign-stop", grant.pk)

        assert response["Location"] == reverse("sharing:grant", args=[grant.pk])
        assert not Ticket.objects.exists()


class TestOneGrant:
    def test_tells_who_used_it(self, hers, maria, dr_khan):
        from records.services.opening import open_record

        record = RecordFactory(patient=maria)
        record.__class__.objects.update(sensitivities=[])
        grant = GrantFactory(patient=maria, to=dr_khan, kinds=["result"], **a_year())
        open_record(record.versions.get(), by=dr_khan.user, at=timezone.now())

        response = page(hers, "grant", grant.pk)

        assert "Dr Imran Khan looked at your record" in text_of(response)
        assert f"?who=person:{dr_khan.user_id}" in response.content.decode()
        read = Event.objects.get(name="log.read")
        assert (read.patient_id, read.actor_id, read.ground) == (maria.pk, maria.user_id, "own_record")
        assert read.facts["grant"] == str(grant.pk)

    def test_is_renewed_by_the_path_with_its_answers(self, hers, maria, dr_khan):
        grant = GrantFactory(patient=maria, to=dr_khan, kinds=["result"], **a_year())

        response = press(hers, "renew", grant.pk)

        assert response["Location"] == reverse("sharing:length")
        press(hers, "length", answer="91")
        said = text_of(page(hers, "check"))
        assert "Dr Imran Khan" in said
        assert "Results" in said
        assert "The earlier one goes on until its own end." in said

    def test_that_was_stopped_is_not_renewed(self, hers, maria):
        grant = GrantFactory(patient=maria, revoked_at=timezone.now(), **a_year())

        press(hers, "renew", grant.pk)

        assert "What was stopped is not renewed." in text_of(page(hers, "grant", grant.pk))


class TestEvidence:
    def test_of_a_paper_there_is_none_and_the_page_says_why(self, hers, maria):
        grant = GrantFactory(patient=maria, attested=True, **a_year())

        response = page(hers, "evidence", grant.pk)

        assert response.status_code == 409
        assert "You gave this permission on paper" in text_of(response)
        assert not Event.objects.filter(name="consent.evidence_taken").exists()

    def test_that_does_not_belong_together_is_not_handed_out(self, hers, maria):
        grant = GrantFactory(patient=maria, **a_year())  # whose call is made up

        response = page(hers, "evidence", grant.pk)

        assert response.status_code == 409
        assert "does not belong together" in text_of(response)

    def test_is_what_was_signed_and_its_download_is_logged(self, hers, maria, signed_grant):
        response = page(hers, "evidence", signed_grant.pk)

        evidence = json.loads(response.content)
        assert evidence["format"] == "ehrportal-consent/1"
        assert "attachment" in response["Content-Disposition"]
        event = Event.objects.get(name="consent.evidence_taken")
        assert (event.patient_id, event.facts["grant"]) == (maria.pk, str(signed_grant.pk))

    @pytest.fixture
    def signed_grant(self, maria, monkeypatch):
        """A grant with the call that its form would have become."""
        import secrets

        from chain.deployment import Contracts
        from consent.evidence import grantee_commitment, grantee_salt
        from consent.services.granting import prepare_grant, sign_grant
        from consent.signing.calls import Signed, call_of
        from consent.signing.forms import Grant as GrantForm
        from tests.consent.factories import TermsFactory

        where = "0x" + "c0" * 20
        contracts = Contracts(
            registry=where, record_log=where, consent_verifier=where, consent_registry=where, start_block=0
        )
        monkeypatch.setattr("consent.services.evidence.contracts", lambda: contracts)
        now = timezone.now()
        draft = prepare_grant(maria, TermsFactory(starts_at=now, days=9), at=now)
        form = GrantForm(
            patient=secrets.token_bytes(32),
            grantee=grantee_commitment(grantee_salt(draft.secret), draft.grantee_text),
            scope=draft.scope,
            expiry=int(now.timestamp()) + 900,
            nonce=1 << 64,
            deadline=int(now.timestamp()) + 900,
        )
        return sign_grant(
            draft,
            patient=maria,
            digest=secrets.token_bytes(32),
            call=call_of(form, Signed(b"\x01" * 20, b"\x02" * 65)),
            after=None,
            by=maria.user,
            at=now,
        )


class TestRequests:
    @pytest.fixture
    def asked(self, maria, dr_khan):
        return AccessRequestFactory(
            patient=maria, clinician=dr_khan, reason="To plan your operation", at=timezone.now()
        )

    def test_say_who_asks_and_why(self, hers, asked):
        listed, said = text_of(page(hers, "index")), text_of(page(hers, "request", asked.pk))

        assert "Dr Imran Khan asks to see your record" in listed
        for words in ("To plan your operation", "Cardiology", "North Hospital", "30 days from your yes"):
            assert words in said

    def test_are_accepted_by_signing(self, hers, maria, asked, settings):
        key_of(maria)

        assert press(hers, "accept", asked.pk)["Location"] == reverse("sharing:check")
        assert "Dr Imran Khan of North Hospital may see a summary" in text_of(page(hers, "check"))
        response = press(hers, "check")

        assert response["Location"].startswith(settings.CONSENT_URL)
        assert Ticket.objects.get().content["columns"]["request"] == str(asked.pk)
        asked.refresh_from_db()
        assert asked.answered_at is None  # until it is signed

    def test_can_be_met_by_less(self, hers, maria, asked):
        key_of(maria)

        assert press(hers, "accept", asked.pk, less="yes")["Location"] == reverse("sharing:what")
        press(hers, "what", answer="categories")
        press(hers, "kinds", answer=["allergy"])
        press(hers, "sensitive")
        press(hers, "check")

        columns = Ticket.objects.get().content["columns"]
        assert (columns["kinds"], columns["request"]) == (["allergy"], str(asked.pk))
        assert columns["clinician"] == str(asked.clinician_id)

    def test_ask_for_nobody_else_on_the_way(self, hers, asked):
        press(hers, "accept", asked.pk, less="yes")

        assert (
            page(hers, "who")["Location"] == reverse("sharing:length") or page(hers, "who").status_code == 302
        )
        assert page(hers, "doctor").status_code == 302

    def test_are_declined_with_words(self, hers, asked):
        assert "Do you want to tell them why?" in text_of(page(hers, "decline", asked.pk))

        response = hers.post(reverse("sharing:decline", args=[asked.pk]), {"words": "Not now"}, follow=True)

        asked.refresh_from_db()
        assert (asked.is_accepted, asked.answer) == (False, "Not now")
        assert "You declined." in text_of(response)
        assert Event.objects.filter(name="consent.request_declined").exists()

    def test_are_not_declined_with_too_many_words(self, hers, asked):
        response = press(hers, "decline", asked.pk, words="x" * 501)

        assert response.status_code == 422
        assert "Write 500 characters or fewer" in text_of(response)

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"answered_at": timezone.now(), "is_accepted": True}, "You agreed on"),
            ({"answered_at": timezone.now(), "is_accepted": False}, "You declined on"),
            ({"withdrawn_at": timezone.now()}, "Taken back by the doctor on"),
            ({"expires_at": timezone.now() - timedelta(days=1)}, "Ran out on"),
        ],
    )
    def test_that_are_over_say_so_and_take_no_answer(self, hers, maria, asked, change, said):
        key_of(maria)
        press(hers, "accept", asked.pk)
        AccessRequest.objects.update(**change)

        assert said in text_of(page(hers, "request", asked.pk))
        assert page(hers, "decline", asked.pk).status_code == 302
        for name in ("accept", "decline"):
            again = hers.post(reverse(f"sharing:{name}", args=[asked.pk]), follow=True)
            assert "Nothing has changed." in text_of(again)
        too_late = hers.post(reverse("sharing:check"), follow=True)
        assert "Nothing was shared." in text_of(too_late)
        assert not Ticket.objects.exists()


class TestKeys:
    def test_are_listed_with_since_when(self, hers, maria):
        key_of(maria, "My phone")

        assert "My phone" in text_of(page(hers, "index"))
        said = text_of(page(hers, "keys"))
        assert "My phone" in said
        assert "This is your only key for sharing." in said

    def test_the_first_is_enrolled_and_the_next_added(self, hers, maria):
        press(hers, "new-key")
        key_of(maria)
        press(hers, "new-key")

        kinds = [ticket.kind for ticket in Ticket.objects.order_by("created_at")]
        assert kinds == [Ticket.Kind.ENROL, Ticket.Kind.ADD_SIGNER]

    def test_are_removed_by_signing_but_never_the_last(self, hers, maria):
        phone = key_of(maria, "My phone")
        press(hers, "remove-key", phone.pk)
        assert not Ticket.objects.exists()

        key_of(maria, "My tablet")
        press(hers, "remove-key", phone.pk)

        assert Ticket.objects.get().content["signer"] == phone.pk

    def test_of_others_are_not_found(self, hers, maria):
        key_of(maria)
        assert press(hers, "remove-key", key_of(PatientFactory()).pk).status_code == 404

    @pytest.fixture
    def recovery(self, maria):
        key_of(maria)
        officer = staff(Role.RECORDS_OFFICER, "Rosa Lindqvist")
        return Recovery.objects.create(
            patient=maria, checked="passport", by=officer, created_at=timezone.now()
        )

    def test_that_are_replaced_can_be_stopped_by_a_key(self, hers, recovery):
        Recovery.objects.update(number=1, proposed_at=timezone.now())
        assert "This was not me: stop it" in text_of(page(hers, "index"))

        press(hers, "stop-recovery")

        ticket = Ticket.objects.get()
        assert (ticket.kind, ticket.content["recovery"]) == (Ticket.Kind.VETO, str(recovery.pk))

    def test_that_are_replaced_can_be_stopped_without_one(self, hers, recovery):
        Recovery.objects.update(number=1, proposed_at=timezone.now())

        press(hers, "stop-recovery", without_key="yes")

        recovery.refresh_from_db()
        assert recovery.withdrawn_at is not None
        assert not Ticket.objects.exists()

    def test_that_nobody_proposed_yet_need_no_key_to_stop(self, hers, recovery):
        press(hers, "stop-recovery")

        recovery.refresh_from_db()
        assert recovery.withdrawn_at is not None
        assert "No keys are being replaced any more." in text_of(
            hers.post(reverse("sharing:stop-recovery"), follow=True)
        )

    def test_a_new_one_is_made_in_a_recovery(self, hers, recovery):
        press(hers, "recover")
        assert Ticket.objects.get().kind == Ticket.Kind.RECOVER

    def test_no_new_one_is_made_without_a_recovery(self, hers):
        press(hers, "recover")
        assert not Ticket.objects.exists()


class TestTheWayBackFromSigning:
    def test_tells_what_was_given(self, hers, maria, dr_khan):
        GrantFactory(patient=maria, to=dr_khan, starts_at=timezone.now())

        said = text_of(hers.get(reverse("sharing:index") + "?done=grant"))

        assert "You signed it. Dr Imran Khan" in said

    @pytest.mark.parametrize("done", [kind.value for kind in Ticket.Kind] + ["nonsense"])
    def test_tells_nothing_that_did_not_happen(self, hers, done):
        response = hers.get(reverse("sharing:index") + f"?done={done}")

        assert "nhsuk-notification-banner--success" not in response.content.decode()

    def test_of_a_hospital_known_from_afar(self, hers, maria):
        GrantFactory(patient=maria, to=other_hospital("South Hospital"), **a_year())

        assert "All doctors of South Hospital" in text_of(page(hers, "index"))


class TestHome:
    def test_says_what_waits(self, hers, maria, dr_khan):
        asked = AccessRequestFactory(patient=maria, clinician=dr_khan, at=timezone.now())

        response = hers.get(reverse("home"))

        assert "Answer Dr Imran Khan" in text_of(response)
        assert reverse("sharing:request", args=[asked.pk]) in response.content.decode()
        assert "Make your key for sharing" in text_of(response)

    def test_says_that_nothing_waits(self, hers, maria):
        key_of(maria)

        assert "Nothing waits for you." in text_of(hers.get(reverse("home")))

    def test_says_that_keys_are_being_replaced(self, hers, maria):
        key_of(maria)
        officer = staff(Role.RECORDS_OFFICER, "Rosa Lindqvist")
        Recovery.objects.create(patient=maria, checked="passport", by=officer, created_at=timezone.now())

        assert "This was not me: stop it" in text_of(hers.get(reverse("home")))

    def test_shows_nobody_elses_matters(self, hers, dr_khan):
        AccessRequestFactory(clinician=dr_khan, at=timezone.now())
        BreakGlassFactory(by=dr_khan.user, at=timezone.now())

        said = text_of(hers.get(reverse("home")))

        assert "Imran Khan" not in said
        assert "emergency" not in said

    @pytest.fixture
    def emergency(self, maria, dr_khan):
        return break_glass(
            patient=maria,
            reason="Unconscious after a fall",
            by=dr_khan.user,
            at=timezone.now() - timedelta(hours=2),
        )

    def test_tells_of_an_emergency_and_what_the_hospital_does(self, hers, emergency, dr_khan):
        response = hers.get(reverse("home"))

        assert "Your record was opened in an emergency" in text_of(response)
        assert "Dr Imran Khan opened your record on" in text_of(response)
        assert "Unconscious after a fall" in text_of(response)
        assert "privacy officer looks into every such opening" in text_of(response)
        assert f"?who=person:{dr_khan.user_id}" in response.content.decode()

    def test_tells_what_the_hospital_found(self, hers, emergency):
        close(
            Review.objects.get(subject=emergency.pk),
            finding="Reading was needed to treat.",
            outcome=Review.Outcome.JUSTIFIED,
            by=staff(Role.PRIVACY_OFFICER, "Petra Novak"),
            at=timezone.now(),
        )

        assert "looked into it: There was a good reason." in text_of(hers.get(reverse("home")))

    def test_tells_of_an_emergency_until_the_next_visit(self, client, maria, dr_khan, time_machine):
        RecordFactory(patient=maria)
        time_machine.move_to("2026-05-12T10:00Z")
        BreakGlassFactory(patient=maria, by=dr_khan.user, at=timezone.now())
        client.force_login(maria.user)
        for _twice in range(2):
            assert "opened in an emergency" in text_of(client.get(reverse("home")))

        time_machine.move_to("2026-05-13T10:00Z")
        client.force_login(maria.user)

        assert "opened in an emergency" not in text_of(client.get(reverse("home")))
