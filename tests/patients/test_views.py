"""From the letter to the account, in the browser's words."""

import json
import re
from datetime import date, timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from patients.models import Invitation, Patient
from patients.services import invite
from tests.accounts.passkeys import Device
from tests.accounts.signing_in import page_data, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def amina():
    return Patient.objects.create(given_names="Amina", family_name="Diallo", birth_date=date(1980, 3, 31))


def redeem(client, code, day="31", **extra):
    form = {"code": code, "birth_date_day": day, "birth_date_month": "3", "birth_date_year": "1980"}
    return client.post(reverse("invitation"), form, **extra)


def register(client, device, name="My phone"):
    options = page_data(client.get(reverse("invitation_passkey")))["creation_options"]
    form = {"name": name, "credential": json.dumps(device.register(options))}
    return client.post(reverse("invitation_passkey"), form)


def as_a_guesser_sees(response, typed):
    """A page without what differs by chance, and without what the guesser typed."""
    page = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.text)
    return page.replace(typed, "")


class TestRedeemInvitation:
    def test_leads_to_the_passkey(self, client, amina, now):
        _invitation, code = invite(amina, by=None, at=now)

        response = redeem(client, code)

        assert response.headers["Location"] == reverse("invitation_passkey")

    def test_answers_every_guess_with_the_same_bytes(self, amina, now):
        codes = {}
        for why in ("open", "expired", "accepted", "withdrawn"):
            patient = Patient.objects.create(birth_date=date(1980, 3, 31))
            at = now - timedelta(days=30) if why == "expired" else now
            invitation, codes[why] = invite(patient, by=None, at=at)
            if why == "accepted":
                invitation.accept(at=now)
            elif why == "withdrawn":
                invitation.withdraw(at=now)
        codes["unknown"] = "0000-0000-0000"

        answers = {
            as_a_guesser_sees(redeem(Client(), code, day="30" if why == "open" else "31"), code)
            for why, code in codes.items()
            # The day that was typed stands in its box again, so the wrong one is compared apart.
            if why != "open"
        }
        wrong_day = as_a_guesser_sees(redeem(Client(), codes["open"], day="30"), codes["open"])

        assert len(answers) == 1
        assert answers == {wrong_day.replace('value="30"', 'value="31"')}

    def test_counts_attempts_by_address(self, client, amina, now):
        _invitation, code = invite(amina, by=None, at=now)
        for _attempt in range(10):
            redeem(client, "0000-0000-0000")

        response = redeem(client, code)

        assert response.status_code == 429
        assert re.search(r"Too many attempts. Try again in \d+ minutes?\.", response.text)
        assert redeem(client, code, REMOTE_ADDR="192.0.2.9").status_code == 302

    def test_does_not_count_what_was_only_forgotten(self, client, amina, now):
        _invitation, code = invite(amina, by=None, at=now)
        for _attempt in range(12):
            client.post(reverse("invitation"), {"code": code})

        assert redeem(client, code).status_code == 302

    def test_names_what_is_missing_first(self, client):
        page = client.post(reverse("invitation"), {}).text

        assert "<title>Error: Use your invitation" in page
        assert 'href="#id_code"' in page
        assert 'href="#id_birth_date-day"' in page

    def test_logs_nothing_that_identifies(self, client, amina, now, caplog):
        _invitation, code = invite(amina, by=None, at=now)

        redeem(client, code, day="30")

        assert "request.answered" in caplog.text
        for secret in (code, code.replace("-", ""), "1980", "Amina", str(amina.pk)):
            assert secret not in caplog.text

    def test_is_not_for_those_who_are_signed_in(self, doctor_account):
        assert sign_in(doctor_account).get(reverse("invitation")).status_code == 302


class TestRegisterPasskey:
    @pytest.fixture
    def invited(self, client, amina, now):
        _invitation, code = invite(amina, by=None, at=now)
        redeem(client, code)
        return client

    def test_makes_the_account_and_signs_in(self, invited, amina):
        response = register(invited, Device())

        amina.refresh_from_db()
        assert response.headers["Location"] == "/"
        assert amina.user is not None
        assert Authenticator.objects.get(user=amina.user).wrap().name == "My phone"
        assert invited.get(reverse("accounts:index")).status_code == 200

    def test_makes_a_passkey_that_signs_in_alone(self, invited):
        phone = Device()
        register(invited, phone)
        client = Client()

        options = client.get(reverse("mfa_login_webauthn"), headers={"accept": "application/json"}).json()
        answer = json.dumps(phone.sign(options["request_options"]))
        client.post(reverse("mfa_login_webauthn"), {"credential": answer})

        assert client.get(reverse("accounts:index")).status_code == 200

    def test_makes_a_passkey_that_names_nobody(self, invited):
        user = page_data(invited.get(reverse("invitation_passkey")))["creation_options"]["publicKey"]["user"]

        assert user["name"] == user["displayName"] == "North Hospital"

    def test_refuses_a_device_that_does_not_check_its_owner(self, invited):
        page = register(invited, Device(verifies=False))

        assert "This was not accepted" in page.text
        assert not User.objects.exists()

    def test_refuses_another_site_s_passkey(self, invited):
        register(invited, Device(origin="https://evil.example"))

        assert not User.objects.exists()

    def test_refuses_nonsense(self, invited):
        for credential in ("", "{}", "not json", "[]", '{"id": 1}'):
            response = invited.post(reverse("invitation_passkey"), {"credential": credential})
            assert response.status_code == 200

        assert not User.objects.exists()

    def test_adds_a_passkey_to_the_account_there_is(self, invited, amina, now):
        register(invited, Device())
        amina.refresh_from_db()
        _invitation, code = invite(amina, by=None, at=now)
        other = Client()
        redeem(other, code)

        page = other.get(reverse("invitation_passkey"))
        register(other, Device(), "New phone")

        assert "added to the account that you already have" in page.text
        assert Authenticator.objects.filter(user=amina.user).count() == 2

    def test_starts_again_when_it_took_too_long(self, invited):
        session = invited.session
        session["invitation"]["at"] = (timezone.now() - timedelta(minutes=16)).isoformat()
        session.save()

        response = invited.get(reverse("invitation_passkey"), follow=True)

        assert "enter your code again" in response.text

    def test_starts_again_when_another_browser_was_faster(self, invited, amina):
        options = page_data(invited.get(reverse("invitation_passkey")))["creation_options"]
        Invitation.objects.get().accept(at=timezone.now())

        response = invited.post(
            reverse("invitation_passkey"), {"credential": json.dumps(Device().register(options))}
        )

        assert response.headers["Location"] == reverse("invitation") + "?again"
        assert not User.objects.exists()

    def test_is_not_found_without_a_code(self, client):
        assert client.get(reverse("invitation_passkey")).headers["Location"] == reverse("invitation")
