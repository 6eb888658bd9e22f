"""What went wrong on the consent host: one plain page, which asks nothing of the database."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _


def dead_end(request: HttpRequest, words: str, *, status: int, heading: str = "") -> HttpResponse:
    """Say why there is nothing to do here, and lead back to the portal."""
    context = {
        "heading": heading or _("There is nothing to confirm here"),
        "words": words,
        "back": f"{settings.PORTAL_URL}/sharing/",
    }
    return render(request, "consent_host/dead_end.html", context, status=status)


def bad_request(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return dead_end(request, _("This page was asked for in a way that it does not know."), status=400)


def permission_denied(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return dead_end(request, _("Start again from your own pages at the hospital."), status=403)


def page_not_found(request: HttpRequest, exception: Any = None) -> HttpResponse:
    return dead_end(request, _("There is no such page on this address."), status=404)


def csrf_failure(request: HttpRequest) -> HttpResponse:
    """Answer the page's own script, which shows these words."""
    words = _("This page has been open for too long. Load it again; nothing has changed.")
    return JsonResponse({"cause": "PageTooOld", "words": words}, status=403)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer although something of ours failed."""
    bare = HttpRequest()
    bare.path, bare.method = request.path, "GET"
    words = _("Something went wrong at our end. Nothing has changed. Try again in a few minutes.")
    return dead_end(bare, words, status=500, heading=_("Sorry, this did not work"))
