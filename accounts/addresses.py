"""Where a request came from, for the access log."""

from allauth.account.adapter import get_adapter
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """Return the network address the request came from, past our own proxies, for the access log."""
    address: str = get_adapter(request).get_client_ip(request)
    return address
