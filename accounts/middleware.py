"""Staff cannot enter without a second factor."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

# What a staff member without a second factor may still open: setting one up, and leaving.
OPEN_WITHOUT_SECOND_FACTOR = frozenset(
    {
        "account_login",
        "account_logout",
        "account_reauthenticate",
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_reauthenticate",
        "mfa_reauthenticate_webauthn",
        "healthz",
        "readyz",
        "set_language",
    }
)


class SecondFactorRequired:
    """
    Send staff who have no second factor yet to the page where they set one up.

    Whoever has one is asked for it by allauth before the session is theirs, so having it is enough here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view_func: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        user = request.user
        if not user.is_authenticated or not user.is_staff:
            return None
        match = request.resolver_match
        if match and match.url_name in OPEN_WITHOUT_SECOND_FACTOR:
            return None
        return None if is_mfa_enabled(user) else redirect("mfa_index")
