"""How passkeys and authenticator apps are named, and how their secrets are kept."""

from urllib.parse import urlsplit

from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.second_factor import is_last_way_in
from audit import columns


class MFAAdapter(DefaultMFAAdapter):
    """Second factors that tell nothing about a patient, and whose secrets are encrypted at rest."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": _("This was not accepted. Check that it belongs to this account, and try again."),
        "cannot_delete_authenticator": _("It is your only second factor."),
    }

    def encrypt(self, text: str) -> str:
        return columns.seal(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return columns.unseal(encrypted_text.encode()).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        return not is_last_way_in(authenticator)

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        number = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return gettext("Passkey %(number)d") % {"number": number}

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        """Bind passkeys to the portal's own host name, whatever name a request came in under."""
        return {"id": urlsplit(settings.PORTAL_URL).hostname or "", "name": settings.HOSPITAL_NAME}

    def get_public_key_credential_user_entity(self, user: User) -> dict[str, object]:
        """
        Name the account in the passkey list of a phone.

        Others may see that list, and its maker may copy it to a cloud: a patient's entry names the
        hospital, and never them.
        """
        name = settings.HOSPITAL_NAME if user.is_patient else user.username
        return {
            "id": user_pk_to_url_str(user).encode(),
            "name": name,
            "display_name": name if user.is_patient else user.display_name or name,
        }
