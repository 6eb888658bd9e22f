"""What counts as a second factor, and whether this session has come through one."""

from datetime import datetime, timedelta

from allauth.account.internal.flows.login import get_authentication_records
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest

from accounts.models import User

# Recovery codes only stand in for one of these; alone they are a second password on paper.
STRONG = (Authenticator.Type.WEBAUTHN, Authenticator.Type.TOTP)

# How long a second factor counts as shown just now, for what must not be done from a screen left open.
JUST_NOW = timedelta(minutes=5)


def has_second_factor(user: User) -> bool:
    """Tell whether this account has a passkey or an authenticator app."""
    return bool(is_mfa_enabled(user, types=STRONG))


def has_passed_second_factor(request: HttpRequest) -> bool:
    """
    Tell whether whoever holds this session has shown a second factor in it.

    An account may have got its second factor after a session began: whoever knew the password alone
    would keep that session, so having a second factor is not enough.
    """
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))


def has_just_shown_second_factor(request: HttpRequest, *, at: datetime) -> bool:
    """Tell whether whoever holds this session has shown a second factor in the last five minutes."""
    since = (at - JUST_NOW).timestamp()
    return any(
        record.get("method") == "mfa" and record.get("at", 0) >= since
        for record in get_authentication_records(request, request.user)
    )


def is_last_way_in(authenticator: Authenticator) -> bool:
    """Tell whether this person could not sign in any more without this passkey or authenticator app."""
    if authenticator.type not in STRONG:
        return False
    # A patient has no password, so only a passkey opens their account.
    kinds = STRONG if authenticator.user.is_staff else (Authenticator.Type.WEBAUTHN,)
    others = Authenticator.objects.filter(user=authenticator.user_id, type__in=kinds).exclude(
        pk=authenticator.pk
    )
    return not others.exists()
