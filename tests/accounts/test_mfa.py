"""Second factors are encrypted where they lie, and passkeys tell nothing about a patient."""

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP

from accounts.models import Role, User
from audit.columns import ColumnDamaged

pytestmark = pytest.mark.django_db


@pytest.fixture
def patient():
    return User.objects.create_user("5b1c0f9e", role=Role.PATIENT)


class TestSecrets:
    def test_of_authenticator_apps_are_not_in_the_database(self, doctor_account):
        TOTP.activate(doctor_account, "JBSWY3DPEHPK3PXP")

        stored = Authenticator.objects.get().data["secret"]
        assert "JBSWY3DPEHPK3PXP" not in stored
        assert get_adapter().decrypt(stored) == "JBSWY3DPEHPK3PXP"

    def test_of_recovery_codes_are_not_in_the_database(self, doctor_account):
        codes = RecoveryCodes.activate(doctor_account)

        stored = str(Authenticator.objects.get().data)
        assert codes.get_unused_codes()
        assert not any(code in stored for code in codes.get_unused_codes())
        assert get_adapter().decrypt(codes.instance.data["seed"]) not in stored

    def test_cannot_be_read_with_another_key(self, settings):
        secret = get_adapter().encrypt("JBSWY3DPEHPK3PXP")
        settings.COLUMN_KEYS = ["another" * 10]

        with pytest.raises(ColumnDamaged):
            get_adapter().decrypt(secret)


class TestPasskeyNames:
    def test_of_a_patient_name_the_hospital_alone(self, patient, settings):
        entity = get_adapter().get_public_key_credential_user_entity(patient)

        assert entity["name"] == entity["display_name"] == settings.HOSPITAL_NAME

    def test_of_staff_name_them(self, doctor_account):
        entity = get_adapter().get_public_key_credential_user_entity(doctor_account)

        assert entity["display_name"] == "Dr Ada Okafor"

    def test_belong_to_the_portal_s_own_host(self, settings):
        settings.PORTAL_URL = "https://portal.north.example:8443"

        assert get_adapter().get_public_key_credential_rp_entity()["id"] == "portal.north.example"

    def test_are_numbered_until_their_owner_names_them(self, patient):
        Authenticator.objects.create(user=patient, type="webauthn", data={})

        assert get_adapter().generate_authenticator_name(patient, "webauthn") == "Passkey 2"
