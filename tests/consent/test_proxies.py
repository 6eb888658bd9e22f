"""People who help: the code by which they are found, and looking at the record of whom they help."""

import uuid
from datetime import timedelta

import pytest
from django.core.cache import caches
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from audit.models import Event, Ground
from consent.helping import SESSION_KEY
from consent.models import Grant, ProxyCode, Purpose, Ticket
from consent.services.proxies import NoName, NoSuchCode, OwnCode, helper_of, make_code, name_of
from consent.services.revoking import revoke_grant
from patients.listing import Listing
from records.models import Record
from tests.accounts.signing_in import sign_in
from tests.consent.factories import ClinicianFactory, GrantFactory
from tests.consent.test_views import key_of, page, press, text_of
from tests.records.factories import PatientFactory, RecordFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _limits_of_its_own(monkeypatch):
    monkeypatch.setattr(caches["default"], "key_prefix", uuid.uuid4().hex)


@pytest.fixture
def maria():
    return PatientFactory(given_names="Maria", family_name="Rossi")


@pytest.fixture
def kofi():
    return PatientFactory(given_names="Kofi", family_name="Mensah")


@pytest.fixture
def hers(client, maria):
    client.force_login(maria.user)
    return client


@pytest.fixture
def his(kofi):
    """A browser in which Kofi is signed in."""
    return sign_in(kofi.user)


@pytest.fixture
def grant(maria, kofi):
    return GrantFactory(
        patient=maria,
        to=kofi.user,
        kinds=["result"],
        purpose=Purpose.HELP,
        starts_at=timezone.now() - timedelta(days=1),
    )


@pytest.fixture
def result_of_maria(maria):
    record = RecordFactory(patient=maria)
    Record.objects.filter(pk=record.pk).update(sensitivities=[])
    return record


@pytest.fixture
def looking(his, grant, maria, result_of_maria):
    """Kofi's browser, turned to Maria's record."""
    assert press(his, "look", maria.pk)["Location"] == reverse("home")
    return his


class TestCode:
    def test_finds_whoever_showed_it(self, maria, kofi, noon):
        code = make_code(by=kofi.user, at=noon)

        helper = helper_of(code.lower().replace("-", " "), asked_by=maria.user, at=noon)

        assert (helper.user, helper.name) == (kofi.user, "Kofi Mensah")

    def test_is_kept_nowhere(self, kofi, noon):
        code = make_code(by=kofi.user, at=noon)

        assert code.replace("-", "").encode() not in bytes(ProxyCode.objects.get().token)

    def test_ends_after_a_day(self, maria, kofi, noon):
        code = make_code(by=kofi.user, at=noon)

        helper_of(code, asked_by=maria.user, at=noon + timedelta(hours=23))
        with pytest.raises(NoSuchCode):
            helper_of(code, asked_by=maria.user, at=noon + timedelta(hours=24))

    def test_ends_the_one_before(self, maria, kofi, noon):
        first = make_code(by=kofi.user, at=noon)
        make_code(by=kofi.user, at=noon)

        with pytest.raises(NoSuchCode):
            helper_of(first, asked_by=maria.user, at=noon)

    def test_of_oneself_is_refused(self, kofi, noon):
        with pytest.raises(OwnCode):
            helper_of(make_code(by=kofi.user, at=noon), asked_by=kofi.user, at=noon)

    def test_of_a_closed_account_finds_nobody(self, maria, kofi, noon):
        code = make_code(by=kofi.user, at=noon)
        User.objects.filter(pk=kofi.user_id).update(is_active=False)

        with pytest.raises(NoSuchCode):
            helper_of(code, asked_by=maria.user, at=noon)

    def test_is_not_made_for_staff(self, noon):
        with pytest.raises(NoName):
            make_code(by=ClinicianFactory().user, at=noon)

    def test_names_no_staff(self):
        assert name_of(ClinicianFactory().user) == ""

    def test_is_traced(self, kofi, noon):
        make_code(by=kofi.user, at=noon)

        assert Event.objects.get(name="consent.proxy_code_made").patient_id == kofi.pk


class TestGivingAccess:
    def code_of(self, his):
        response = press(his, "new-code")
        return response.content.decode().split('<bdi dir="ltr">')[1].partition("<")[0]

    def test_goes_by_code_and_name_and_asks_no_why(self, hers, his, maria, kofi):
        key_of(maria)
        code = self.code_of(his)
        press(hers, "start")
        press(hers, "who", answer="proxy")

        assert press(hers, "helper", code=code)["Location"] == reverse("sharing:helper-name")
        assert "Is it Kofi Mensah?" in text_of(page(hers, "helper-name"))
        assert press(hers, "helper-name")["Location"] == reverse("sharing:what")
        press(hers, "what", answer="summary")
        assert press(hers, "sensitive")["Location"] == reverse("sharing:length")
        press(hers, "length", answer="365")
        assert "Kofi Mensah may see a summary of your record" in text_of(page(hers, "check"))
        press(hers, "check")

        columns = Ticket.objects.get().content["columns"]
        assert (columns["proxy"], columns["purpose"]) == (str(kofi.user_id), "FAMRQT")

    def test_says_that_a_code_is_wrong(self, hers):
        response = press(hers, "helper", code="0000-0000-0000")

        assert response.status_code == 422
        assert "Nobody has this code." in text_of(response)

    def test_says_that_a_code_is_ones_own(self, hers):
        assert "This is your own code." in text_of(press(hers, "helper", code=self.code_of(hers)))

    def test_cannot_be_guessed(self, hers):
        for _ in range(10):
            press(hers, "helper", code="0000-0000-0000")

        response = press(hers, "helper", code="0000-0000-0000")

        assert response.status_code == 429
        assert "Too many attempts." in text_of(response)

    def test_shows_no_name_without_a_code(self, hers):
        assert page(hers, "helper-name")["Location"] == reverse("sharing:helper")
        assert press(hers, "helper-name")["Location"] == reverse("sharing:helper")

    def test_the_code_is_shown_once(self, his):
        code = self.code_of(his)

        assert code not in page(his, "people").content.decode()
        assert page(his, "new-code")["Location"] == reverse("sharing:people")


class TestLooking:
    def test_is_offered_to_those_who_may(self, his, hers, grant, maria):
        assert "Maria Rossi" in text_of(page(his, "people"))
        assert "Fatou Diallo" in text_of(page(hers, "people"))  # as the factory names helpers

    @pytest.mark.parametrize("where", ["people", "look"])
    def test_tells_the_patient_where_the_name_was_seen(self, his, grant, maria, kofi, where):
        page(his, where, *([maria.pk] if where == "look" else []))

        event = Event.objects.get(name="patient.listed")
        assert (event.patient_id, event.actor_id, event.ground) == (maria.pk, kofi.user_id, "grant")
        assert event.facts["listing"] == Listing.HELPED
        assert event.facts["address"]

    def test_is_explained_and_turns_to_the_record(self, his, grant, maria, result_of_maria):
        assert "Look at the record of Maria Rossi?" in text_of(page(his, "look", maria.pk))

        press(his, "look", maria.pk)

        said = text_of(his.get("/"))
        assert "You are looking at the record of Maria Rossi, as their helper until" in said
        assert "Haemoglobin" in said
        assert "Who looked" not in said

    @pytest.mark.parametrize("query", ["kind=allergy", "kind=nonsense"])
    def test_at_counts_alone_leaves_a_line(self, looking, maria, kofi, query):
        assert "Results" in text_of(looking.get(reverse("records:timeline") + "?" + query))

        event = Event.objects.of_patient(maria.pk).get(name="record.listed")
        assert (event.actor_id, event.ground, event.purpose) == (kofi.user_id, "grant", "FAMRQT")
        assert event.facts["versions"] == []
        assert event.facts["grants"]

    def test_is_found_by_nobody_else(self, his, maria):
        assert page(his, "look", maria.pk).status_code == 404
        assert press(his, "look", maria.pk).status_code == 404
        assert SESSION_KEY not in his.session

    def test_shows_what_was_granted_and_nothing_else(self, looking, maria):
        hidden = RecordFactory(
            patient=maria, content={"resourceType": "Condition", "code": {"text": "Asthma"}}
        )
        Record.objects.filter(pk=hidden.pk).update(sensitivities=[])

        assert "Asthma" not in text_of(looking.get(reverse("records:timeline")))
        assert looking.get(reverse("records:record", args=[hidden.pk])).status_code == 404

    def test_does_not_show_ones_own(self, looking, kofi):
        own = RecordFactory(patient=kofi, content={"resourceType": "Condition", "code": {"text": "Gout"}})

        assert "Gout" not in text_of(looking.get(reverse("records:timeline")))
        assert looking.get(reverse("records:record", args=[own.pk])).status_code == 404

    def test_stands_in_the_log_as_the_helpers(self, looking, hers, maria, kofi, result_of_maria):
        looking.get(reverse("records:record", args=[result_of_maria.pk]))

        event = Event.objects.filter(name="record.opened").latest("at")
        assert (event.patient_id, event.actor_id) == (maria.pk, kofi.user_id)
        assert event.ground == Ground.GRANT
        assert event.facts["actorName"] == "Kofi Mensah"
        assert event.facts["grants"] == [str(Grant.objects.get().pk)]
        assert "Kofi Mensah" in text_of(hers.get(reverse("records:openings")))

    @pytest.mark.parametrize(
        "name",
        [
            "sharing:index",
            "sharing:keys",
            "sharing:who",
            "sharing:check",
            "records:openings",
            "share-records",
        ],
    )
    def test_is_reading_only(self, looking, name):
        response = looking.get(reverse(name))

        assert response.status_code == 409
        assert "This page is about your own record" in text_of(response)

    def test_cannot_share_what_is_looked_at(self, looking, maria, result_of_maria, grant):
        share = reverse("records:share-this", args=[result_of_maria.pk])
        assert share not in looking.get(reverse("records:record", args=[result_of_maria.pk])).content.decode()

        assert looking.post(share).status_code == 409
        assert press(looking, "stop", grant.pk).status_code == 409
        grant.refresh_from_db()
        assert grant.revoked_at is None

    def test_names_no_emergency_request_or_key_of_the_helped(self, looking, maria):
        from tests.consent.factories import AccessRequestFactory, BreakGlassFactory

        AccessRequestFactory(patient=maria, at=timezone.now(), reason="Secret reason")
        BreakGlassFactory(patient=maria, at=timezone.now(), reason="Secret reason")

        said = text_of(looking.get("/"))

        assert "Secret reason" not in said
        assert "emergency" not in said

    def test_ends_by_going_back(self, looking):
        press(looking, "return")

        said = text_of(looking.get("/"))
        assert "You are back at your own record." in said
        assert "Welcome, Kofi Mensah" in said

    def test_ends_with_the_grant_and_says_so(self, looking, grant, maria):
        revoke_grant(grant=grant, by=maria.user, at=timezone.now())

        said = text_of(looking.get("/"))

        assert "You can no longer see the record of the person you helped." in said
        assert "Welcome, Kofi Mensah" in said
        assert "Maria Rossi" not in said
        assert SESSION_KEY not in looking.session

    def test_does_not_survive_a_forged_session(self, his, maria):
        session = his.session
        session[SESSION_KEY] = str(maria.pk)
        session.save()

        assert "Maria" not in text_of(his.get("/"))

    def test_is_nothing_for_nonsense_in_the_session(self, his):
        session = his.session
        session[SESSION_KEY] = "nonsense"
        session.save()

        assert "Welcome, Kofi Mensah" in text_of(his.get("/"))

    def test_the_menu_has_what_a_helper_may_open(self, looking):
        shown = looking.get("/").content.decode()

        assert reverse("sharing:people") in shown
        assert f'href="{reverse("sharing:index")}"' not in shown
