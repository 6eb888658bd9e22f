"""Staff pass only after a second factor was shown in the very session."""

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.urls import reverse
from django.utils import timezone

from accounts.models import Role, User
from accounts.second_factor import has_just_shown_second_factor, has_second_factor, is_last_way_in
from tests.accounts.signing_in import doctor, page_data, sign_in, with_age

pytestmark = pytest.mark.django_db


def code_for(secret):
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


class TestSecondFactorRequired:
    def test_sends_staff_without_one_to_set_it_up(self):
        client = sign_in(doctor(), showing=None)

        assert client.get("/workspace/").headers["Location"] == reverse("accounts:index")
        assert "Set up your second factor" in client.get(reverse("accounts:index")).text

    def test_lets_staff_pass_who_showed_one(self):
        staff = doctor()
        TOTP.activate(staff, generate_totp_secret())

        assert sign_in(staff, showing="totp").get(reverse("usersessions_list")).status_code == 200

    def test_asks_a_session_that_began_before_the_account_had_one(self):
        staff = doctor()
        stolen = sign_in(staff, showing=None)
        TOTP.activate(staff, generate_totp_secret())

        response = stolen.get(reverse("usersessions_list"))

        assert response.status_code == 302
        assert response.headers["Location"].startswith(reverse("account_reauthenticate"))

    def test_does_not_take_the_password_for_the_second_factor(self):
        staff = doctor()
        stolen = sign_in(staff, showing=None)
        TOTP.activate(staff, generate_totp_secret())

        landed = stolen.get(reverse("account_reauthenticate"), follow=True)
        stolen.post(reverse("account_reauthenticate"), {"password": "correct horse battery staple"})

        assert landed.redirect_chain[-1][0].startswith(reverse("mfa_reauthenticate"))
        assert stolen.get(reverse("usersessions_list")).status_code == 302

    def test_lets_that_session_pass_once_it_has_shown_it(self):
        staff = doctor()
        early = sign_in(staff, showing=None)
        secret = generate_totp_secret()
        TOTP.activate(staff, secret)

        early.post(reverse("mfa_reauthenticate"), {"code": code_for(secret)})

        assert early.get(reverse("usersessions_list")).status_code == 200

    def test_does_not_take_recovery_codes_alone_for_one(self):
        staff = doctor()
        RecoveryCodes.activate(staff)

        assert not has_second_factor(staff)
        assert sign_in(staff, showing=None).get("/workspace/").headers["Location"] == reverse(
            "accounts:index"
        )

    def test_asks_nothing_of_patients(self):
        patient = User.objects.create_user("a-patient", role=Role.PATIENT)

        assert sign_in(patient, showing=None).get(reverse("accounts:index")).status_code == 200

    def test_leaves_the_way_out_open(self):
        assert sign_in(doctor(), showing=None).get(reverse("account_logout")).status_code == 200

    def test_does_not_ask_the_database_for_health_checks(self, client, django_assert_num_queries):
        with django_assert_num_queries(0):
            assert client.get("/healthz").status_code == 200


class TestSettingUpAnAuthenticatorApp:
    # allauth announces it after the commit, which a test's own transaction never sees.
    @pytest.mark.django_db(transaction=True)
    def test_counts_as_showing_it(self):
        client = sign_in(doctor(), showing=None)
        client.get(reverse("mfa_activate_totp"))
        secret = client.session["mfa.totp.secret"]

        done = client.post(reverse("mfa_activate_totp"), {"code": code_for(secret)})

        assert done.headers["Location"] == reverse("mfa_view_recovery_codes")
        assert client.get(reverse("usersessions_list")).status_code == 200

    def test_is_asked_to_prove_who_it_is_when_the_sign_in_is_old(self):
        client = with_age(sign_in(doctor(), showing=None), 600)

        assert (
            client.get(reverse("mfa_activate_totp")).headers["Location"].startswith("/account/reauthenticate")
        )

    def test_is_not_for_patients(self):
        patient = User.objects.create_user("a-patient", role=Role.PATIENT)
        client = sign_in(patient)

        for name in ("mfa_activate_totp", "mfa_view_recovery_codes", "account_change_password"):
            assert client.get(reverse(name)).status_code == 404, name


class TestIsLastWayIn:
    def test_of_a_patient_is_their_only_passkey(self):
        patient = User.objects.create_user("a-patient", role=Role.PATIENT)
        passkey = Authenticator.objects.create(user=patient, type="webauthn", data={})
        TOTP.activate(patient, generate_totp_secret())

        assert is_last_way_in(passkey)

    def test_of_staff_may_be_either(self):
        staff = doctor()
        passkey = Authenticator.objects.create(user=staff, type="webauthn", data={})
        assert is_last_way_in(passkey)

        TOTP.activate(staff, generate_totp_secret())
        assert not is_last_way_in(passkey)

    def test_is_never_a_list_of_recovery_codes(self):
        staff = doctor()

        assert not is_last_way_in(RecoveryCodes.activate(staff).instance)


class TestRemovingAnAuthenticatorApp:
    def test_is_refused_when_it_is_the_only_second_factor(self):
        staff = doctor()
        TOTP.activate(staff, generate_totp_secret())
        client = sign_in(staff, showing="totp")

        page = client.post(reverse("mfa_deactivate_totp"))

        assert "staff cannot work without one" in page.text
        assert has_second_factor(staff)


def test_the_page_data_of_a_new_passkey_asks_for_verification():
    client = sign_in(doctor(), showing=None)

    options = page_data(client.get(reverse("mfa_add_webauthn")))["creation_options"]["publicKey"]

    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["authenticatorSelection"]["residentKey"] == "required"


class TestHasJustShownSecondFactor:
    @pytest.mark.parametrize(("seconds", "is_fresh"), [(0, True), (299, True), (301, False)])
    def test_counts_for_five_minutes(self, rf, seconds, is_fresh):
        staff = doctor()
        request = rf.get("/")
        request.user = staff
        request.session = with_age(sign_in(staff), seconds).session

        assert has_just_shown_second_factor(request, at=timezone.now()) is is_fresh

    def test_is_not_the_password(self, rf):
        staff = doctor()
        request = rf.get("/")
        request.user = staff
        request.session = sign_in(staff, showing=None).session

        assert not has_just_shown_second_factor(request, at=timezone.now())
