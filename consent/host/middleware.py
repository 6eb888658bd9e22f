"""What makes the consent host an origin of its own: its addresses, its session, its headers."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpRequest, HttpResponse
from django.http.request import split_domain_port

from consent.models import Ticket

# Nothing that is not one of our own files, and no way for text to become a script.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
PERMISSIONS = (
    "publickey-credentials-get=(self), publickey-credentials-create=(self), "
    "camera=(), microphone=(), geolocation=(), clipboard-read=()"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": PERMISSIONS,
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
}


class HostSession(SessionStore):
    """
    A session of the consent host, which belongs to one ticket.

    Django signs what a session holds under the name of its class, so a key of the portal's sessions opens
    nothing here, and one of these opens nothing there.
    """


class ConsentHost:
    """
    Answer for the consent host with its own addresses, and for every other name as before.

    It stands before the portal's sessions: a sign-in there is none here. The name alone decides, whatever
    the port, for cookies and passkeys do not know ports.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        if not is_consent_host(request):
            return self.get_response(request)
        request.urlconf = settings.CONSENT_URLCONF
        request.COOKIES.pop(settings.SESSION_COOKIE_NAME, None)
        request.host_session = HostSession(request.COOKIES.get(cookie_name()))
        response = self.get_response(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response


def is_consent_host(request: HttpRequest) -> bool:
    """Whether a request is for the host where consents are signed."""
    name, _port = split_domain_port(request.get_host())
    return name == urlsplit(settings.CONSENT_URL).hostname


def cookie_name() -> str:
    """Name the session's cookie; in production so that browsers refuse it from any other name or path."""
    return "__Host-consent" if settings.SESSION_COOKIE_SECURE else "consent"


def begin_session(ticket: Ticket, response: HttpResponse) -> None:
    """Start a fresh session for a ticket, whatever the browser brought."""
    session = HostSession()
    session["ticket"] = str(ticket.pk)
    session.set_expiry(Ticket.TO_FINISH)
    session.create()
    response.set_cookie(
        cookie_name(),
        session.session_key or "",
        max_age=Ticket.TO_FINISH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
