"""What follows from allauth's own announcements."""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added
from django.http import HttpRequest

from accounts.models import User
from accounts.second_factor import STRONG


def note_that_it_was_shown(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **kwargs: Any
) -> None:
    """Count the second factor just set up as shown: whoever set it up has it in their hand."""
    if authenticator.type in STRONG and request.user.is_authenticated and request.user.pk == user.pk:
        record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)


def connect() -> None:
    """Listen, once for each process."""
    authenticator_added.connect(note_that_it_was_shown, dispatch_uid="accounts.note_that_it_was_shown")
