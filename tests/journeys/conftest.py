"""A real browser, a real portal, and a real chain; each journey has a hospital of its own."""

import os
import shutil

import pytest
from django.core.management import call_command
from playwright.sync_api import sync_playwright

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
def portal_url(live_server, settings):
    """The portal under the name that its passkeys belong to."""
    settings.PORTAL_URL = live_server.url.replace("localhost", "portal.localhost")
    return settings.PORTAL_URL


@pytest.fixture
def deployed(portal_url, transactional_db):
    """The contracts on the chain, and this hospital admitted."""
    call_command("deploy_contracts", "--json")


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
