"""A patient signs on the consent host, in a real browser, and the contract takes it; nothing else does."""


import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Role, User
from chain.client import current_node
from chain.deployment import CONSENT_REGISTRY, contracts
from consent.categories import Kind, Sensitivity
from consent.models import Grant, Relay, Signer, Ticket
from consent.services import tickets
from consent.services.granting import prepare_grant
from tests.consent.factories import ClinicianFactory, TermsFactory
from tests.journeys.accessibility import assert_accessible
from tests.journeys.conftest import PHONE
from tests.records.factories import PatientFactory

pytestmark = [pytest.mark.journey, pytest.mark.django_db(transaction=True)]


class Journey:
    """Amina, her browser, and what the chain says."""

    def __init__(self, page):
        self.page = page
        self.user = User.objects.create_user("amina", role=Role.PATIENT)
        self.amina = PatientFactory()
        self.amina.user = self.user
        self.amina.save()

    def ticket(self, kind, content=None):
        return tickets.issue(
            kind=kind, patient=self.amina, content=content or {}, by=self.user, at=timezone.now()
        )

    def draft(self, **terms):
        now = timezone.now()
        terms = {"to": ClinicianFactory(), "kinds": [Kind.RESULT, Kind.MEDICINE], "starts_at": now} | terms
        return prepare_grant(self.amina, TermsFactory(**terms), at=now)

    def when_she_is_sent_to(self, kind, content=None):
        self.page.goto(self.ticket(kind, content))

    def when_she_is_sent_to_share(self, **terms):
        self.page.goto(self.ticket(Ticket.Kind.GRANT, self.draft(**terms).as_content()))

    def when_she_makes_her_first_key(self, name="My phone"):
        expect(self.page.get_by_role("heading", level=1)).to_contain_text("Make your key for sharing")
        self.page.get_by_label("Name of this key").fill(name)
        self.page.get_by_role("button", name="Make my key").click()
        self.page.get_by_role("button", name="Use my new key").click()

    def when_she_confirms(self, button):
        self.page.get_by_role("button", name=button).click()

    def then_the_page_is_called(self, words):
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(words)
        assert_accessible(self.page)

    def ask_chain(self, function, *arguments):
        return current_node().call(CONSENT_REGISTRY, contracts().consent_registry, function, *arguments)

    def is_active(self, grant):
        return self.ask_chain("isActive", bytes(self.amina.pseudonym.value), bytes(grant.digest))


def test_a_patient_shares_and_stops_and_the_contract_says_so(deployed, browse, consent_url, chain_catches_up):
    amina = Journey(browse(PHONE))
    amina.when_she_is_sent_to_share(sensitivities=[Sensitivity.MENTAL_HEALTH])
    amina.then_the_page_is_called("Make your key for sharing")
    amina.when_she_makes_her_first_key()
    amina.then_the_page_is_called("Do you want to share this?")
    amina.when_she_confirms("Share, and confirm with my passkey")
    amina.then_the_page_is_called("You are sharing")

    grant = Grant.objects.get()
    assert not grant.on_chain_at
    chain_catches_up()
    grant.refresh_from_db()
    assert grant.on_chain_at
    assert amina.is_active(grant)

    amina.when_she_is_sent_to(Ticket.Kind.REVOKE, {"grant": str(grant.pk)})
    amina.then_the_page_is_called("Stop sharing this?")
    amina.when_she_confirms("Stop sharing, and confirm with my passkey")
    amina.then_the_page_is_called("You have stopped sharing")
    grant.refresh_from_db()
    assert grant.revoked_at
    chain_catches_up()
    assert not amina.is_active(grant)
    # The hospital's own word, which would have followed had she not signed, was not needed.
    ended = {relay.kind: relay.state for relay in Relay.objects.all()}
    assert ended == {"enrol": "done", "grant": "done", "revoke": "done", "revokeByInstitution": "cancelled"}
    assert Signer.objects.get().on_chain_at
