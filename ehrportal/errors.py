"""What went wrong, in the portal's own look; these pages ask nothing of the database."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from consent.host import errors as consent_host
from consent.host.middleware import is_consent_host
from ehrportal.context_processors import hospital


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "errors/400.html", status=400)


def permission_denied(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "errors/403.html", status=403)


def page_not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return render(request, "errors/404.html", status=404)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Say that a form was too old, which it is far more often than forged."""
    if is_consent_host(request):
        return consent_host.csrf_failure(request)
    return render(request, "errors/csrf.html", status=403)


def too_many_requests(request: HttpRequest) -> HttpResponse:
    """Answer for allauth's rate limits, which look this handler up beside Django's own."""
    return render(request, "errors/429.html", status=429)


def server_error(request: HttpRequest) -> HttpResponse:
    """
    Answer although something of ours failed, perhaps the database.

    Asks for nobody's session: the page is rendered for a request that has none.
    """
    bare = HttpRequest()
    bare.path = request.path
    bare.method = request.method
    html = render_to_string("errors/500.html", hospital(bare) | {"request": bare, "is_broken": True})
    return HttpResponse(html, status=500)
