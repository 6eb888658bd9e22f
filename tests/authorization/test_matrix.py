"""
Every address, asked by everybody, answers as the reviewed matrix says.

`matrix.csv` is the review: one line an address and method, one column a person, everything belonging to
one patient. An address that is missing from it fails here, so none comes in unnoticed.
"""

import csv
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from tests.authorization.world import EVERYBODY, addresses, make_world

pytestmark = pytest.mark.django_db

MATRIX = Path(__file__).with_name("matrix.csv")
# A form that was sent empty is the page again, with its errors.
WORDS = {
    200: "ok",
    403: "forbidden",
    404: "not found",
    405: "no such method",
    409: "not ready",
    422: "refused",
    503: "unavailable",
}
# What stands only on the consent host, where a sign-in to the portal means nothing.
CONSENT_HOST = "consent_host:"
CONFIRM_IT_IS_YOU = ("account_reauthenticate", "mfa_reauthenticate", "mfa_reauthenticate_webauthn")


def rows():
    with MATRIX.open(newline="") as file:
        return list(csv.DictReader(file))


def answer_to(client, method, name, arguments):
    """Say in the matrix's words what happened; nothing that a request changed stays."""
    cookies = client.cookies.copy()
    with transaction.atomic():
        urlconf = settings.CONSENT_URLCONF if name.startswith(CONSENT_HOST) else None
        host = urlsplit(settings.CONSENT_URL if urlconf else settings.PORTAL_URL).netloc
        response = client.generic(method, reverse(name, urlconf, kwargs=arguments), HTTP_HOST=host)
        if response.streaming:
            b"".join(response.streaming_content)
        transaction.set_rollback(True)
    client.cookies = cookies
    if response.status_code in (301, 302, 303):
        return destination(response.url)
    return WORDS.get(response.status_code, str(response.status_code))


def destination(url):
    """Name where somebody is sent: the ways that matter here, or simply elsewhere."""
    path = urlsplit(url).path
    if path == reverse("account_login"):
        return "sign in"
    if path in (reverse("mfa_index"), reverse("accounts:index")):
        return "own account"
    if path in map(reverse, CONFIRM_IT_IS_YOU):
        return "confirm it is you"
    return "elsewhere"


class TestMatrix:
    def test_holds_every_address(self):
        of_both_hosts = {*addresses(), *addresses(settings.CONSENT_URLCONF)}
        assert {row["address"] for row in rows()} == of_both_hosts

    def test_has_a_column_for_everybody(self):
        assert list(rows()[0])[2:] == EVERYBODY

    @pytest.mark.parametrize("who", EVERYBODY)
    def test_is_what_the_portal_does(self, who, noon, settings):
        settings.RATELIMIT_ENABLE = False
        world = make_world(noon)
        client = world.client(who)

        found = {
            (row["method"], row["address"]): answer_to(
                client, row["method"], row["address"], world.arguments.get(row["address"], {})
            )
            for row in rows()
        }

        assert found == {(row["method"], row["address"]): row[who] for row in rows()}
