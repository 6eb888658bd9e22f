"""Staff cannot enter without a second factor."""

from collections.abc import Callable
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.second_factor import has_passed_second_factor, has_second_factor

# What anybody may open, whoever they are: their own way out, and what tells nothing about anybody.
OPEN = frozenset(
    {
        "account_login",
        "account_logout",
        "set_language",
        "theme",
        "healthz",
        "readyz",
        "verify",
        "gallery",
        "chain:checkpoint",
        "chain:key",
        "chain:tile",
    }
)
# What a staff member may open to set up their first second factor.
OPEN_TO_SET_UP = frozenset(
    {"account_reauthenticate", "accounts:index", "mfa_index", "mfa_activate_totp", "mfa_add_webauthn"}
)
# What a session opens to show the second factor that its account has got meanwhile.
OPEN_TO_SHOW_IT = frozenset({"account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn"})


class SecondFactorRequired:
    """
    Send staff who have no second factor to the page where they set one up, and staff who have one but
    did not show it in this session to the page where they do.

    allauth asks for it at sign-in already; this holds for sessions that began otherwise or earlier.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view_func: object, args: object, kwargs: object
    ) -> HttpResponse | None:
        # The name comes first: health checks must not touch the session, and so the database.
        name = request.resolver_match.view_name if request.resolver_match else ""
        if name in OPEN or not request.user.is_authenticated or not request.user.is_staff:
            return None
        if has_passed_second_factor(request):
            return None
        if has_second_factor(request.user):
            if name in OPEN_TO_SHOW_IT:
                return None
            back = request.get_full_path() if request.method == "GET" else reverse("home")
            return redirect(reverse("account_reauthenticate") + "?" + urlencode({"next": back}))
        return None if name in OPEN_TO_SET_UP else redirect("accounts:index")
