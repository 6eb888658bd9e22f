"""Where sign-in bends to our rules: nobody signs up, people are invited."""

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest
from django.urls import reverse


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Patients come by invitation and staff are entered by the hospital, so this is always no."""
        return False

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("home")
