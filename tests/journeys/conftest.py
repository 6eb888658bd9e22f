"""A real browser, a real portal, and a real chain; each journey has a hospital of its own."""

import os
import shutil

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import sync_playwright
from pytest_django.live_server_helper import LiveServer

from chain.client import current_node
from chain.follower import follow
from chain.transactions import drive
from consent.models import Relay
from consent.relaying import relay_waiting

# Playwright runs an event loop in this thread, which Django would take for asynchronous code.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            # Root has no sandbox to offer; the others keep Chromium from calling home.
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def live_server(transactional_db):
    """A web server of one journey's own: a journey may stop it, and the next one starts another."""
    server = LiveServer("localhost")
    yield server
    server.stop()


@pytest.fixture
def portal_url(live_server, settings):
    """The portal under the name that its passkeys belong to, and the consent host beside it."""
    settings.PORTAL_URL = live_server.url.replace("localhost", "portal.localhost")
    settings.CONSENT_URL = live_server.url.replace("localhost", "consent.localhost")
    return settings.PORTAL_URL


@pytest.fixture
def consent_url(portal_url, settings):
    """Where consents are signed; `tickets.issue` leads there."""
    return settings.CONSENT_URL


@pytest.fixture
def deployed(portal_url, transactional_db):
    """The contracts on the chain, and this hospital admitted."""
    call_command("deploy_contracts", "--json")


@pytest.fixture
def chain_catches_up(deployed):
    """Do what the workers do until all that was signed is on the chain, and known here."""

    def catch_up():
        for _ in range(10):
            relay_waiting(timezone.now())
            drive(timezone.now())
            # As deep as the follower wants what it reads.
            current_node().ask("anvil_mine", hex(settings.CHAIN_CONFIRMATIONS + 1))
            drive(timezone.now())
            while follow(timezone.now()):
                pass
            if not Relay.objects.unfinished().exists():
                return
        raise AssertionError("something signed did not get to the chain")

    return catch_up


@pytest.fixture
def browse(chromium, portal_url):
    """Open a page in a browser of its own, with a passkey device in it."""
    contexts = []

    def open_browser(viewport=DESKTOP, **options):
        context = chromium.new_context(
            viewport=viewport, base_url=portal_url, accept_downloads=True, locale="en-GB", **options
        )
        contexts.append(context)
        page = context.new_page()
        devices = context.new_cdp_session(page)
        devices.send("WebAuthn.enable")
        devices.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        page.set_default_timeout(15_000)
        return page

    yield open_browser
    for context in contexts:
        context.close()
