"""Why a passkey's answer was not taken, under the names that the contracts have for it."""


class PasskeyRefused(Exception):
    """A passkey's answer that is not taken. `cause` names why; the words are for our own logs and tests."""

    @property
    def cause(self) -> str:
        return type(self).__name__


class NotAnAssertion(PasskeyRefused):
    """It is not what a passkey answers at all."""


class ClientDataHasWrongLength(NotAnAssertion):
    """The browser's part is longer than the contract takes."""


class AuthenticatorDataHasWrongLength(NotAnAssertion):
    """The device's part is shorter than it can be, or longer than the contract takes."""


class ClientDataMalformed(PasskeyRefused):
    """The browser's part is not laid out as browsers do."""


class WrongType(PasskeyRefused):
    """A registration was sent in the place of a signature, or the other way round."""


class WrongOrigin(PasskeyRefused):
    """Signed on another page, such as a planted sign-in."""


class CrossOrigin(PasskeyRefused):
    """Signed in a frame of another page."""


class WrongRpId(PasskeyRefused):
    """Signed with a passkey of another site."""


class WrongChallenge(PasskeyRefused):
    """Another form was signed, or this one was changed afterwards."""


class UserNotVerified(PasskeyRefused):
    """No PIN, finger or face."""


class UnknownCredential(PasskeyRefused):
    """Signed with a passkey that is none of this patient's, or not any more."""


class SignatureInvalid(PasskeyRefused):
    """The signature is not this passkey's."""


class KeyNotTaken(PasskeyRefused):
    """The device made a key that the contract cannot judge."""
