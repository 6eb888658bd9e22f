"""What every page of the portal has: its language, its policy, its menu, and words when something fails."""

import re

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.test import Client, RequestFactory, override_settings
from django.urls import path, reverse

from accounts.models import Role, User
from ehrportal import errors, urls
from ehrportal.jinja import json_for_script
from ehrportal.navigation import PATIENT, STAFF, menu
from tests.accounts.signing_in import doctor, sign_in


def fail(request):
    raise RuntimeError("Amina Diallo, 31 March 1980")


def refuse(request):
    raise PermissionDenied


def misread(request):
    raise BadRequest


for view in (fail, refuse, misread):
    view.login_required = False
urlpatterns = [*urls.urlpatterns, path("fail/", fail), path("refuse/", refuse), path("misread/", misread)]
handler400, handler403 = errors.bad_request, errors.permission_denied
handler404, handler500 = errors.page_not_found, errors.server_error

with_failures = override_settings(ROOT_URLCONF="tests.ehrportal.test_pages")


class TestTheSkeleton:
    def test_says_its_language_and_direction(self, client):
        assert re.search(r'<html lang="en"\s+dir="ltr">', self.start(client, "en"))
        assert re.search(r'<html lang="ar"\s+dir="rtl">', self.start(client, "ar"))

    def start(self, client, language):
        return client.get("/account/login/", headers={"accept-language": language}).text

    def test_brings_no_logo_font_or_name_of_the_nhs(self, client):
        page = client.get("/gallery/").text

        assert not re.search(r"\bNHS\b|nhs\.uk|frutiger", page, re.IGNORECASE)
        assert "nhsuk-header__logo" not in page

    def test_runs_nothing_inline(self, client):
        page = client.get("/account/login/").text

        for attributes in re.findall(r"<script([^>]*)>", page):
            assert "src=" in attributes or 'type="application/json"' in attributes
        assert "<style" not in page
        assert not re.search(r'\s(style|on\w+)="', page)

    def test_allows_nothing_from_elsewhere(self, client):
        policy = client.get("/account/login/").headers["Content-Security-Policy"]

        assert "default-src 'self'" in policy
        assert "unsafe" not in policy

    def test_keeps_out_of_caches(self, client):
        assert client.get("/account/login/").headers["Cache-Control"] in (
            "no-store",
            "max-age=0, no-cache, no-store, must-revalidate, private",
        )


@pytest.mark.django_db
class TestMenu:
    def request(self, user, address):
        request = RequestFactory().get(address)
        request.user = user
        return request

    def test_holds_only_what_is_there(self):
        for _label, name in (*PATIENT, *STAFF):
            assert reverse(name)

    def test_marks_the_page_we_are_on(self):
        patient = User(role=Role.PATIENT)

        def current(address):
            return [str(item.label) for item in menu(self.request(patient, address)) if item.is_current]

        assert current("/") == ["Home"]
        assert current("/record/") == ["My record"]
        assert current("/record/who-looked/") == ["Who looked"]
        assert current("/account/sessions/") == ["My account"]
        assert current("/verify") == []

    def test_is_another_for_staff(self):
        labels = [str(item.label) for item in menu(self.request(User(role=Role.DOCTOR), "/"))]

        assert labels == ["Workspace", "My account"]

    def test_is_empty_before_signing_in(self, client):
        assert 'aria-label="Menu"' not in client.get("/account/login/").text


@pytest.mark.django_db
class TestLanguage:
    def test_is_kept_in_the_browser(self, client):
        client.post("/language/", {"language": "ar", "next": "/verify"})

        assert 'dir="rtl"' in client.get("/verify", headers={"accept-language": "en"}).text

    def test_is_remembered_on_the_account(self):
        staff = doctor()

        sign_in(staff).post("/language/", {"language": "ar"})

        staff.refresh_from_db()
        assert staff.language == "ar"

    def test_is_one_of_ours(self):
        staff = doctor()

        sign_in(staff).post("/language/", {"language": "../x"})

        staff.refresh_from_db()
        assert staff.language == ""

    def test_goes_back_to_this_site_only(self, client):
        response = client.post("/language/", {"language": "ar", "next": "https://evil.example/"})

        assert response.headers["Location"] == "/"

    def test_changes_by_no_link(self, client):
        assert client.get("/language/?language=ar").status_code == 405


class TestErrors:
    @with_failures
    @pytest.mark.parametrize(
        ("address", "status", "words"),
        [
            ("/misread/", 400, "We could not read that request"),
            ("/refuse/", 403, "You may not do this"),
            ("/nothing/", 404, "We could not find this page"),
        ],
    )
    def test_say_what_to_do(self, client, address, status, words):
        response = client.get(address)

        assert response.status_code == status
        assert words in response.text
        assert "North Hospital" in response.text

    @with_failures
    def test_say_so_without_the_database(self):
        """No `django_db` here: a query would fail the test."""
        client = Client(raise_request_exception=False)

        response = client.get("/fail/")

        assert response.status_code == 500
        assert "Something went wrong here" in response.text
        assert "North Hospital" in response.text

    @with_failures
    def test_log_where_and_not_what(self, caplog):
        Client(raise_request_exception=False).get("/fail/")

        logged = caplog.text
        assert "request.failed" in logged
        assert "RuntimeError" in logged
        assert "Amina" not in logged
        assert "/fail/" not in logged

    def test_of_a_form_that_was_open_too_long_blame_nobody(self):
        response = Client(enforce_csrf_checks=True).post("/language/", {"language": "ar"})

        assert response.status_code == 403
        assert "This page was open for too long" in response.text


class TestVerifyPage:
    pytestmark = pytest.mark.django_db

    def test_is_for_anybody(self, client, settings):
        page = client.get("/verify").text

        assert f'data-rpc-url="{settings.CHAIN_PUBLIC_RPC_URL}"' in page
        for name in (
            "verify",
            "verify-drop",
            "verify-file",
            "verify-result",
            "verify-rpc",
            "verify-contract",
            "verify-consent-registry",
        ):
            assert f'id="{name}"' in page

    def test_may_ask_a_node_of_the_visitor_s_choice_and_no_other_page_may(self, client):
        assert "connect-src 'self' https: http://127.0.0.1:*" in policy_of(client, "/verify")
        assert "connect-src" not in policy_of(client, "/account/login/")

    def test_hands_out_the_verifier(self, client):
        response = client.get("/static/verify.py")

        assert b"Verify an ehrportal proof" in b"".join(response)
        response.close()


def policy_of(client, address):
    return client.get(address).headers["Content-Security-Policy"]


class TestGallery:
    def test_shows_every_component(self, client):
        page = client.get("/gallery/").text

        assert "Anchored 12 May 2026, North Hospital" in page
        assert "Does not match what was anchored" in page
        assert "Recorded" in page


def test_json_in_a_script_block_cannot_end_it():
    assert "</script>" not in json_for_script({"name": "</script><script>alert(1)</script>&"})
