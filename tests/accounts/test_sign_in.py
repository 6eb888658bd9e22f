"""Coming in: patients by passkey, staff by password and second factor; and the doors that stay closed."""

import json
import re
import threading

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from audit.models import Event
from tests.accounts.passkeys import Device
from tests.accounts.signing_in import doctor, page_data, sign_in, with_age

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient():
    return User.objects.create_user("1f0c", role=Role.PATIENT)


@pytest.fixture
def phone(patient):
    """A device that holds a passkey of the patient's."""
    device = Device()
    add_passkey(sign_in(patient), device, "My phone")
    return device


def add_passkey(client, device, name="Key"):
    options = page_data(client.get(reverse("mfa_add_webauthn")))["creation_options"]
    credential = json.dumps(device.register(options))
    return client.post(reverse("mfa_add_webauthn"), {"name": name, "credential": credential})


def sign_in_with(device, client=None):
    client = client or Client()
    options = client.get(reverse("mfa_login_webauthn"), headers={"accept": "application/json"}).json()
    response = client.post(
        reverse("mfa_login_webauthn"), {"credential": json.dumps(device.sign(options["request_options"]))}
    )
    return client, response


class TestSigningInWithAPasskey:
    def test_opens_the_account(self, phone):
        client, response = sign_in_with(phone)

        assert response.headers["Location"] == "/"
        assert client.get(reverse("accounts:index")).status_code == 200

    def test_is_refused_to_a_device_that_does_not_check_its_owner(self, phone):
        phone.presence &= ~Device(verifies=True).presence | Device(verifies=False).presence

        client, _response = sign_in_with(phone)

        assert client.get(reverse("accounts:index")).status_code == 302

    def test_is_refused_on_the_page_of_another_site(self, phone):
        phone.origin = "https://portal.localhost.example"

        client, _response = sign_in_with(phone)

        assert client.get(reverse("accounts:index")).status_code == 302

    def test_is_refused_to_an_account_that_was_closed(self, phone, patient):
        User.objects.filter(pk=patient.pk).update(is_active=False)

        client, response = sign_in_with(phone)

        assert response.headers["Location"] == reverse("account_inactive")
        assert client.get(reverse("accounts:index")).status_code == 302

    def test_cannot_be_repeated_with_the_same_answer(self, phone):
        client = Client()
        options = client.get(reverse("mfa_login_webauthn"), headers={"accept": "application/json"}).json()
        answer = {"credential": json.dumps(phone.sign(options["request_options"]))}
        client.post(reverse("mfa_login_webauthn"), answer)
        client.post(reverse("account_logout"))

        client.post(reverse("mfa_login_webauthn"), answer)

        assert client.get(reverse("accounts:index")).status_code == 302

    @pytest.mark.parametrize("answer", ["", "{}", "[]", "1", "no json", '{"id": 1}', '{"response": {}}'])
    def test_refuses_nonsense(self, answer):
        client = Client()
        client.get(reverse("mfa_login_webauthn"), headers={"accept": "application/json"})

        response = client.post(reverse("mfa_login_webauthn"), {"credential": answer})

        assert response.headers["Location"] == reverse("account_login")

    def test_goes_on_in_the_language_chosen_last(self, phone, patient):
        User.objects.filter(pk=patient.pk).update(language="ar")

        client, _response = sign_in_with(phone)

        assert 'dir="rtl"' in client.get(reverse("accounts:index")).text

    def test_says_nothing_about_who_it_is(self, phone, patient):
        client, _response = sign_in_with(phone)

        page = client.get(reverse("accounts:index")).text
        assert str(patient.pk) not in page
        assert patient.username not in page


class TestSigningInWithAPassword:
    def test_asks_for_the_second_factor_before_the_session_is_theirs(self):
        staff = doctor()
        add_passkey(sign_in(staff), Device())
        client = Client()

        response = client.post(
            reverse("account_login"), {"login": "dr.ada", "password": "correct horse battery staple"}
        )

        assert response.headers["Location"] == reverse("mfa_authenticate")
        assert client.get(reverse("accounts:index")).status_code == 302

    def test_says_the_same_of_a_wrong_name_and_of_a_wrong_password(self):
        doctor()
        client = Client()

        answers = [
            client.post(reverse("account_login"), {"login": login, "password": "wrong"}).text.replace(
                login, ""
            )
            for login in ("dr.ada", "dr.eve")
        ]

        assert without_tokens(answers[0]) == without_tokens(answers[1])
        assert "The user name or the password is not right." in answers[0]

    def test_is_stopped_after_many_failures(self):
        doctor()
        client = Client()
        for _attempt in range(6):
            page = client.post(reverse("account_login"), {"login": "dr.ada", "password": "wrong"}).text

        assert "Too many failed attempts" in page

    def test_is_answered_with_a_page_when_an_address_tries_all_day(self):
        client = Client()
        for _attempt in range(31):
            response = client.post(reverse("account_login"), {})

        assert response.status_code == 429
        assert "Too many attempts" in response.text

    def test_opens_nothing_for_a_patient(self, patient):
        response = Client().post(reverse("account_login"), {"login": patient.username, "password": "None"})

        assert response.status_code == 200


def without_tokens(page):
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", page)


class TestClosedDoors:
    @pytest.mark.parametrize(
        "name",
        [
            "account_signup",
            "account_email",
            "account_email_verification_sent",
            "account_set_password",
            "account_reset_password",
        ],
    )
    def test_are_not_found(self, name):
        assert Client().get(reverse(name)).status_code == 404
        assert sign_in(doctor()).get(reverse(name)).status_code == 404


class TestAddingAPasskey:
    def test_leaves_a_line_in_the_trail(self, patient):
        add_passkey(sign_in(patient), Device())

        event = Event.objects.get(name="passkey.added")
        assert event.actor_id == patient.pk

    def test_makes_no_recovery_codes_for_a_patient(self, patient):
        add_passkey(sign_in(patient), Device())

        assert list(Authenticator.objects.values_list("type", flat=True)) == ["webauthn"]

    def test_makes_them_for_staff(self):
        response = add_passkey(sign_in(doctor()), Device())

        assert response.headers["Location"] == reverse("mfa_view_recovery_codes")

    def test_is_refused_to_a_device_that_does_not_check_its_owner(self, patient):
        add_passkey(sign_in(patient), Device(verifies=False))

        assert not Authenticator.objects.exists()

    def test_asks_who_it_is_when_the_sign_in_is_old(self, patient, phone):
        client = with_age(sign_in(patient), 600)

        response = client.get(reverse("mfa_add_webauthn"), follow=True)

        assert response.redirect_chain[-1][0].startswith(reverse("mfa_reauthenticate_webauthn"))


class TestRemovingAPasskey:
    def test_is_refused_for_the_last(self, patient, phone):
        passkey = Authenticator.objects.get()
        client = sign_in(patient)

        page = client.post(reverse("mfa_remove_webauthn", args=[passkey.pk]), follow=True)

        assert Authenticator.objects.get() == passkey
        assert "only way into your account" in page.text

    def test_keeps_the_other_one(self, patient, phone):
        client = sign_in(patient)
        add_passkey(client, Device(), "Tablet")
        first = Authenticator.objects.earliest("pk")

        client.post(reverse("mfa_remove_webauthn", args=[first.pk]))

        assert Authenticator.objects.get().wrap().name == "Tablet"
        assert Event.objects.filter(name="passkey.removed", actor_id=patient.pk).exists()

    def test_does_not_find_somebody_else_s(self, phone):
        passkey = Authenticator.objects.get()
        somebody = sign_in(User.objects.create_user("2a", role=Role.PATIENT))

        for name in ("mfa_remove_webauthn", "mfa_edit_webauthn"):
            assert somebody.post(reverse(name, args=[passkey.pk]), {"name": "x"}).status_code == 404


@pytest.mark.django_db(transaction=True)
class TestTwoPagesThatRemoveTwoPasskeys:
    def test_leave_one_between_them(self, patient):
        passkeys = [
            Authenticator.objects.create(user=patient, type="webauthn", data={"name": name, "credential": {}})
            for name in ("phone", "tablet")
        ]
        barrier = threading.Barrier(2)

        def remove(passkey):
            client = sign_in(patient)
            barrier.wait()
            client.post(reverse("mfa_remove_webauthn", args=[passkey.pk]))
            connection.close()

        threads = [threading.Thread(target=remove, args=[passkey]) for passkey in passkeys]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert Authenticator.objects.count() == 1


class TestRenamingAPasskey:
    def test_shows_the_new_name(self, patient, phone):
        client = sign_in(patient)

        client.post(
            reverse("mfa_edit_webauthn", args=[Authenticator.objects.get().pk]), {"name": "Old <phone>"}
        )

        assert "Old &lt;phone&gt;" in client.get(reverse("accounts:index")).text


class TestDevices:
    def test_are_listed_in_words(self, phone):
        client = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0"})
        sign_in_with(phone, client)

        page = client.get(reverse("usersessions_list")).text

        assert "Firefox on Linux" in page
        assert "This device" in page

    def test_are_all_signed_out_at_once(self, phone):
        here, _response = sign_in_with(phone)
        there, _response = sign_in_with(phone)
        here.get("/account/")
        there.get("/account/")

        here.post(reverse("accounts:sign_out_everywhere"))

        assert here.get("/account/").status_code == 302
        assert there.get("/account/").status_code == 302
        assert not UserSession.objects.exists()

    def test_are_signed_out_but_this_one(self, phone):
        here, _response = sign_in_with(phone)
        there, _response = sign_in_with(phone)
        there.get("/account/")

        here.post(reverse("usersessions_list"))

        assert here.get("/account/").status_code == 200
        assert there.get("/account/").status_code == 302
