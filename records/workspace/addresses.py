"""Small things that pages of the workspace ask of a request."""

from django.http import HttpRequest


def address_of(request: HttpRequest) -> str | None:
    """Return the network address the request came from, for the access log."""
    address: str | None = request.META.get("REMOTE_ADDR")
    return address or None


def query_without_page(request: HttpRequest) -> str:
    """Return the search as it was asked, so that the next page keeps it."""
    asked = request.GET.copy()
    asked.pop("page", None)
    return asked.urlencode()
