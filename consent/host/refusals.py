"""What the consent host says when it does not take an answer. In each case nothing has changed."""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext_lazy as _

WORDS = {
    "WrongOrigin": _(
        "This was signed on another page. Confirm only on a page whose address begins with %(host)s."
    ),
    "CrossOrigin": _("This page was shown inside another one. Open it by itself, and confirm there."),
    "WrongRpId": _("This passkey belongs to another site. Use the one that you made for sharing."),
    "WrongChallenge": _("What was confirmed is not what this page shows now. Load this page again."),
    "UserNotVerified": _("Your device did not check that it is you. Use your finger, your face or its PIN."),
    "UnknownCredential": _("This passkey is not one of your keys for sharing. Use one that is."),
    "SignatureInvalid": _("This passkey's answer is not right. Try again, or use another of your keys."),
    "KeyNotTaken": _("This device makes passkeys of a kind that cannot be used here. Try another device."),
    "KeyKnown": _("This passkey is one of your keys already. Use another device."),
    "AlreadyEnrolled": _("You have a key for sharing already. Load this page again."),
    "NotASigner": _("This key does not count any more. Use another of your keys."),
    "AlreadyExpired": _("This would have ended by now. Start again with a later date."),
    "TooLate": _("This form is too old. Start again from your own pages at the hospital."),
    "AlreadyRevoked": _("This had been stopped before."),
    "LastSigner": _("This is your only key. Make another one before you remove it."),
    "TooManySigners": _("You have as many keys as there can be. Remove one first."),
    "RecoveryWaits": _("Your keys are being replaced already."),
    "RecoveryEnded": _("Replacing your keys was stopped or has been done, so there is nothing to confirm."),
    "TicketClosed": _("This was confirmed before, or its half hour is over."),
}
OTHERWISE = _("Your answer could not be used. Load this page again and try once more.")


class Refused(Exception):
    """An answer was not taken; `cause` names why, as the contracts do where they have a name for it."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause

    @property
    def words(self) -> str:
        """Say it to the patient."""
        said = str(WORDS.get(self.cause, OTHERWISE))
        return said % {"host": urlsplit(settings.CONSENT_URL).hostname} if "%(host)s" in said else said


class Hindered(Exception):
    """An act cannot even be offered; the words say why, and what to do."""

    def __init__(self, words: str, *, status: int = 409) -> None:
        super().__init__(words)
        self.words = words
        self.status = status
