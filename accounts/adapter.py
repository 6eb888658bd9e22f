"""Where sign-in bends to our rules: nobody signs up, people are invited."""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.second_factor import has_second_factor


class AccountAdapter(DefaultAccountAdapter):
    """Sign-in by invitation only, with the strongest proof the account has."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": _("The user name or the password is not right."),
        "too_many_login_attempts": _("Too many failed attempts. Try again in five minutes."),
    }

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Patients come by invitation and staff are entered by the hospital, so this is always no."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        if request.user.is_authenticated and request.user.is_staff:
            try:
                return reverse("workspace:index")
            except NoReverseMatch:
                pass
        return reverse("home")

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("accounts:index")

    def post_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse:
        """Go on in the language this person chose last, whatever this browser prefers."""
        response: HttpResponse = super().post_login(request, user, **kwargs)
        if user.language:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                user.language,
                secure=settings.SESSION_COOKIE_SECURE,
                httponly=True,
                samesite="Lax",
            )
        return response

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        """Spare whoever has signed in a moment ago from doing it twice."""
        request = self.request
        latest = max((r["at"] for r in get_authentication_records(request, request.user)), default=0)
        return bool(time.time() - latest >= app_settings.REAUTHENTICATION_TIMEOUT)

    def get_reauthentication_methods(self, user: User) -> list[dict[str, Any]]:
        """Leave the password out where there is something stronger: a stolen one must change nothing."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        if user.is_authenticated and has_second_factor(user):
            methods = [method for method in methods if method["id"] != "reauthenticate"]
        # A passkey is one touch; a code has to be fetched.
        return sorted(methods, key=lambda method: method["id"] != "mfa_reauthenticate:webauthn")
