"""Who enters the workspace, and which of its pages open to which role."""

import uuid

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from accounts.models import Role, User
from accounts.sites import WorkspaceAdmin, workspace
from tests.workspace.conftest import signed_in

DOCTOR, OFFICER, PRIVACY, BILLING = Role.DOCTOR, Role.RECORDS_OFFICER, Role.PRIVACY_OFFICER, Role.BILLING

# Every page and list of the workspace, and who may open it. A new one without a line here fails below.
PAGES = {
    "my_patients": {DOCTOR},
    "chart": {DOCTOR},
    "chart_record": {DOCTOR},
    "chart_version": {DOCTOR},
    "chart_file": {DOCTOR},
    "write_note": {DOCTOR},
    "correct_record": {DOCTOR},
    "shared_with_me": {DOCTOR},
    "find_patient": {DOCTOR},
    "ask_access": {DOCTOR},
    "my_requests": {DOCTOR},
    "withdraw_request": {DOCTOR},
    "break_glass": {DOCTOR},
    "register_today": {OFFICER},
    "register_patient": {OFFICER},
    "patient": {OFFICER},
    "invite_patient": {OFFICER},
    "start_care": {OFFICER},
    "end_care": {OFFICER},
    "paper_consent": {OFFICER},
    "end_paper_consent": {OFFICER},
    "start_recovery": {OFFICER},
    "withdraw_recovery": {OFFICER},
    "imports": {OFFICER},
    "import": {OFFICER},
    "import_progress": {OFFICER},
    "import_refused": {OFFICER},
    "import_retry": {OFFICER},
    "condition": {OFFICER, PRIVACY},
    "privacy_today": {PRIVACY},
    "reviews": {PRIVACY},
    "review": {PRIVACY},
    "log_line": {PRIVACY},
    "billing_today": {BILLING},
    "patients_patient_changelist": {OFFICER},
    "doctors_carerelationship_changelist": {OFFICER},
    "audit_event_changelist": {PRIVACY},
    "chain_mismatch_changelist": {PRIVACY},
}


def routed_names():
    """The name of every address under /workspace/, but for the doors that lead elsewhere."""
    names = set()
    for pattern in workspace.get_urls():
        inner = pattern.url_patterns if hasattr(pattern, "url_patterns") else [pattern]
        names |= {one.name for one in inner}
    return names - {"index", "login", "logout", "password_change", "jsi18n"}


@pytest.fixture
def address_of(amina, haemoglobin, care):
    """Return the address of a page, about Amina and her result where it is about somebody."""
    kwargs = {
        "pk": {"end_care": care.pk, **{name: uuid.uuid4() for name in PAGES if name.startswith("import_")}},
        "record": haemoglobin.pk,
        "number": 1,
        "index": 0,
    }

    def address(name):
        named = next(
            (one for page in [workspace.get_urls()] for one in _flat(page) if one.name == name), None
        )
        wanted = named.pattern.converters if named else {}
        values = {
            key: kwargs["pk"].get(name, uuid.uuid4() if name == "import" else amina.pk)
            if key == "pk"
            else kwargs[key]
            for key in wanted
        }
        return reverse(f"workspace:{name}", kwargs=values)

    return address


def _flat(patterns):
    for pattern in patterns:
        yield from pattern.url_patterns if hasattr(pattern, "url_patterns") else [pattern]


class TestTheTable:
    def test_names_every_page_there_is(self):
        assert routed_names() == set(PAGES)

    @pytest.mark.parametrize("name", sorted(PAGES))
    def test_opens_a_page_to_its_roles_and_to_no_other(self, name, browsers, address_of):
        for role, browser in browsers.items():
            status = browser.get(address_of(name)).status_code

            # 404 and 405 are answers of the page itself: there is no such import, and a retry is posted.
            expected = {200, 404, 405} if role in PAGES[name] else {403}
            assert status in expected, f"{role} got {status} at {name}"

    @pytest.mark.parametrize("name", sorted(PAGES))
    def test_takes_no_form_from_another_role(self, name, browsers, address_of):
        for role, browser in browsers.items():
            if role not in PAGES[name]:
                assert browser.post(address_of(name)).status_code == 403


class TestTheDoor:
    def test_leads_each_role_to_its_own_first_page(self, browsers):
        homes = {
            Role.DOCTOR: "my_patients",
            Role.RECORDS_OFFICER: "register_today",
            Role.PRIVACY_OFFICER: "privacy_today",
            Role.BILLING: "billing_today",
        }

        for role, browser in browsers.items():
            assert browser.get("/workspace/").url == reverse(f"workspace:{homes[role]}")

    def test_asks_a_stranger_to_sign_in_on_our_own_page(self, client, db):
        answer = client.get("/workspace/patients/")

        assert answer.status_code == 302
        assert answer.url.startswith(reverse("account_login"))

    def test_has_no_sign_in_form_of_its_own(self, client, db):
        assert client.get("/workspace/login/").url.startswith(reverse("account_login"))

    @pytest.mark.parametrize("name", sorted(PAGES))
    def test_is_not_there_for_a_patient(self, name, client, amina, address_of):
        amina.user = User.objects.create_user("random", role=Role.PATIENT)
        amina.save()
        client.force_login(amina.user)

        assert client.get(address_of(name)).status_code == 404

    def test_sends_staff_without_a_second_factor_to_set_one_up(self, client, doctor_account):
        client.force_login(doctor_account)

        answer = client.get("/workspace/patients/")

        assert answer.status_code == 302
        assert answer.url == reverse("accounts:index")

    def test_stays_shut_without_it_even_if_the_middleware_is_gone(self, client, doctor_account, monkeypatch):
        monkeypatch.setattr("accounts.middleware.has_passed_second_factor", lambda request: True)
        client.force_login(doctor_account)

        assert client.get("/workspace/patients/").status_code == 302

    def test_gives_a_superuser_flag_nothing(self, billing_clerk):
        User.objects.filter(pk=billing_clerk.pk).update(is_superuser=True)
        billing_clerk.refresh_from_db()

        browser = signed_in(billing_clerk)

        assert browser.get("/workspace/patients/patient/").status_code == 403
        assert browser.get("/workspace/audit/event/").status_code == 403

    def test_signs_out_through_our_own_page(self, as_clerk):
        as_clerk.post("/workspace/logout/")

        answer = as_clerk.get("/workspace/", follow=True)
        assert answer.redirect_chain[-1][0].startswith(reverse("account_login"))

    def test_changes_passwords_on_our_own_page(self, as_clerk):
        assert as_clerk.get("/workspace/password_change/").url == reverse("account_change_password")


class TestWhatDjangoBrings:
    @pytest.mark.parametrize(
        "address",
        ["search/?s=amina", "autocomplete/", "r/1/1/", "patients/", "doctors/", "auth/", "audit/event/add/"],
    )
    def test_is_left_out_where_it_would_go_past_a_lists_own_rows(self, address, as_officer):
        if address == "patients/":
            address = "consent/"
        assert as_officer.get(f"/workspace/{address}").status_code == 404

    @pytest.mark.parametrize("action", ["add/", "{pk}/change/", "{pk}/delete/", "{pk}/history/"])
    def test_neither_adds_nor_changes_nor_deletes(self, action, as_officer, amina):
        address = f"/workspace/patients/patient/{action.format(pk=amina.pk)}"

        assert as_officer.get(address).status_code == 404
        assert as_officer.post(address, {"post": "yes"}).status_code == 404

    def test_deletes_nothing_by_an_action_of_a_list(self, as_officer, amina):
        chosen = {"action": "delete_selected", "_selected_action": str(amina.pk), "post": "yes"}

        as_officer.post("/workspace/patients/patient/", chosen)

        amina.refresh_from_db()

    def test_writes_no_history_of_its_own(self, as_officer, amina):
        as_officer.get(f"/workspace/patients/{amina.pk}/")
        as_officer.get("/workspace/patients/patient/")

        assert not LogEntry.objects.exists()

    @pytest.mark.parametrize("probe", ["sex=female", "tokens__contains=x", "user__password__startswith=a"])
    def test_lets_no_address_probe_a_column(self, probe, as_officer, amina):
        answer = as_officer.get(f"/workspace/patients/patient/?{probe}")

        assert answer.status_code in (302, 400)

    def test_opens_no_list_that_names_no_role(self, rf, records_officer):
        class Forgotten(WorkspaceAdmin):
            pass

        request = rf.get("/")
        request.user = records_officer

        assert not Forgotten(User, workspace).has_view_permission(request)
