"""What the workspace's forms share, and forms around passkeys, where allauth's need a firmer hand."""

from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.forms import (
    AddWebAuthnForm,
    AuthenticateWebAuthnForm,
    LoginWebAuthnForm,
    ReauthenticateWebAuthnForm,
    SignupWebAuthnForm,
)
from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _


class StaffForm(forms.Form):
    """
    A form of the workspace. What was left empty is named with what to do, for the errors stand together
    above the form, too; a field with words of its own keeps them.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if field.error_messages["required"] == forms.Field.default_error_messages["required"]:
                words = (
                    _("Choose something under “{label}”.")
                    if isinstance(field, forms.ChoiceField)
                    else _("Fill in “{label}”.")
                )
                field.error_messages["required"] = format_lazy(words, label=field.label)


class NewPasskey:
    """
    Refuse as wrong what is no credential at all; allauth lets some of it fall through as an error of ours.

    That the device checked its owner is part of what was asked of it, and fido2 holds it to that.
    """

    def clean(self) -> dict[str, Any]:
        try:
            return super().clean()  # type: ignore[misc] # it is mixed into a form
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise get_adapter().validation_error("incorrect_code") from error


class UsedPasskey:
    """The same for an answer given with a passkey."""

    def clean_credential(self) -> Authenticator:
        try:
            return super().clean_credential()  # type: ignore[misc] # it is mixed into a form
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise get_adapter().validation_error("incorrect_code") from error


class AddPasskeyForm(NewPasskey, AddWebAuthnForm):
    """A passkey for an account that is signed in. It always signs in by itself, so nobody is asked."""

    name = forms.CharField(required=False, max_length=60)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["passwordless"]


class FirstPasskeyForm(NewPasskey, SignupWebAuthnForm):
    """A passkey for an account that is not saved yet."""

    name = forms.CharField(required=False, max_length=60)


class SignInByPasskeyForm(UsedPasskey, LoginWebAuthnForm):
    """A passkey in the place of user name and password."""


class SecondFactorByPasskeyForm(UsedPasskey, AuthenticateWebAuthnForm):
    """A passkey after the password."""


class ReauthenticateByPasskeyForm(UsedPasskey, ReauthenticateWebAuthnForm):
    """A passkey once more, before something that matters."""
