"""What patients signed reaches the registry, once; and what it does not take ends here under its own name."""

import dataclasses
from datetime import timedelta
from threading import Thread

import pgtrigger
import pytest
from django.db import connection
from fido2.webauthn import AuthenticatorData
from web3 import HTTPProvider, Web3

from audit.models import Event
from chain.client import NodeUnavailable, current_node
from chain.deployment import CONSENT_REGISTRY
from chain.models import Transaction
from chain.transactions import drive, send
from consent import tasks
from consent.models import Grant, Relay
from consent.relaying import relay_waiting, settle
from consent.services.revoking import revoke_grant
from consent.signing import arguments_of
from patients.models import Notice
from tests.chain.conftest import OWNER
from tests.consent.passkeys import ConsentDevice


def relay_of(grant, kind=Relay.Kind.GRANT):
    return grant.relays.get(kind=kind)


def fresh(row):
    return type(row).objects.get(pk=row.pk)


class TestRelayWaiting:
    def test_enrols_a_patient_and_then_relays_what_they_granted(self, consents):
        device = consents.enrol()
        grant = consents.grant(device)

        assert consents.relay() == 1
        assert relay_of(grant).state == "waiting"
        assert consents.relay() == 1

        assert [relay.state for relay in Relay.objects.order_by("pk")] == ["done", "done"]
        assert consents.is_active(grant)
        # As anybody asks it, with no part of ours.
        registry = Web3(HTTPProvider(consents.anvil.url)).eth.contract(
            address=consents.hospital.consent_registry, abi=CONSENT_REGISTRY.abi
        )
        asked = registry.functions.isActive(bytes(grant.patient.pseudonym.value), bytes(grant.digest))
        assert asked.call() is True
        assert consents.relay() == 0
        assert [each.purpose for each in Transaction.objects.in_order()] == ["consent.enrol", "consent.grant"]

    def test_revokes_with_the_patients_own_key(self, consents):
        device = consents.enrol()
        grant = consents.grant(device)
        consents.see_final()

        consents.revoke(device, grant)
        consents.see_final()

        assert not consents.is_active(grant)
        assert relay_of(grant, Relay.Kind.REVOKE).state == "done"

    def test_revokes_by_the_hospitals_word(self, consents):
        device = consents.enrol()
        grant = consents.grant(device)
        consents.see_final()

        consents.revoke_unsigned(device, grant)
        consents.see_final()

        assert not consents.is_active(grant)
        assert Transaction.objects.in_order().last().purpose == "consent.revoke_by_institution"

    def test_lets_keys_in_and_out(self, consents):
        phone = consents.enrol()
        tablet = consents.add_key(phone)
        consents.see_final()
        consents.remove_key(phone, by=tablet)
        grant = consents.grant(tablet)

        consents.see_final()

        assert consents.is_active(grant)
        assert {relay.state for relay in Relay.objects.all()} == {"done"}
        assert consents.ask("patientOf", bytes(phone.patient.pseudonym.value)) == (1, 1)

    def test_sends_a_grant_before_the_key_that_signed_it_goes(self, consents):
        phone = consents.enrol()
        tablet = consents.add_key(phone)
        grant = consents.grant(phone)
        consents.remove_key(phone, by=tablet)

        consents.see_final()

        assert consents.is_active(grant)
        assert {relay.state for relay in Relay.objects.all()} == {"done"}

    def test_takes_a_key_away_although_what_it_waited_for_was_called_off(self, consents):
        phone = consents.enrol()
        tablet = consents.add_key(phone)
        consents.see_final()
        grant = consents.grant(phone)
        consents.remove_key(phone, by=tablet)
        consents.revoke_unsigned(phone, grant)

        consents.see_final()

        assert relay_of(grant).state == "cancelled"
        assert consents.ask("patientOf", bytes(phone.patient.pseudonym.value)) == (1, 1)

    def test_keeps_everything_while_the_chain_is_away(self, consents_on_own_chain):
        consents = consents_on_own_chain
        device = consents.enrol()
        consents.see_final()
        consents.anvil.stop()

        grant = consents.grant(device)
        ended = consents.grant(device)
        consents.revoke_unsigned(device, ended)
        for _ in range(3):
            with pytest.raises(NodeUnavailable):
                relay_waiting(consents.at)

        assert fresh(grant).is_active(consents.at)
        assert relay_of(grant).state == "waiting"
        assert Transaction.objects.count() == 1
        consents.anvil.start()
        consents.see_final()
        assert consents.is_active(grant)
        assert fresh(grant).on_chain_at is not None
        # Revoked before the chain could hear of it: there is nothing to tell.
        assert relay_of(ended).state == "cancelled"

    def test_goes_the_whole_way_with_a_chain_that_comes_back_at_the_end(self, consents_on_own_chain):
        consents = consents_on_own_chain
        # So that one who signs need not ask the node: what they sign for is known.
        consents.anvil.stop()
        phone = consents.enrol()
        tablet = consents.add_key(phone)
        kept = [consents.grant(phone), consents.grant(tablet)]

        consents.anvil.start()
        consents.see_final()

        assert all(consents.is_active(grant) for grant in kept)
        assert {relay.state for relay in Relay.objects.all()} == {"done"}
        assert all(grant.on_chain_at for grant in Grant.objects.all())

    def test_waits_for_its_moment(self, consents):
        device = consents.enrol()
        grant = consents.grant(device)
        consents.see_final()
        revoke_grant(grant=grant, by=device.patient.user, at=consents.at, will_sign=True)

        assert consents.relay() == 0
        consents.at += timedelta(minutes=30)
        assert consents.relay() == 1

    def test_sends_nothing_twice_however_many_do_it(self, consents, transactional_db):
        devices = [consents.enrol() for _ in range(4)]
        errors = []

        def work():
            try:
                relay_waiting(consents.at)
            except Exception as error:
                errors.append(error)
            finally:
                connection.close()
                current_node().close()

        threads = [Thread(target=work) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        consents.see_final()

        assert errors == []
        assert Transaction.objects.count() == len(devices)
        assert {relay.state for relay in Relay.objects.all()} == {"done"}

    def test_pays_for_no_more_gas_than_allowed(self, consents, settings):
        settings.CHAIN_RELAY_GAS_CAP = 50_000
        consents.enrol()

        consents.relay()

        assert Relay.objects.get().cause == "GasAboveCap"
        assert not Transaction.objects.exists()

    def test_stays_below_what_is_allowed_by_default(self, consents, settings):
        device = consents.enrol()
        consents.grant(device)
        consents.see_final()

        used = [each.gas_limit for each in Transaction.objects.all()]
        assert max(used) < settings.CHAIN_RELAY_GAS_CAP / 2

    def test_is_not_held_up_by_a_row_that_is_no_call(self, consents):
        device = consents.enrol()
        consents.see_final()
        broken = consents.grant(device)
        with pgtrigger.ignore("consent.Relay:relay_stays_as_signed"):
            Relay.objects.filter(grant=broken).update(call=["nothing"])
        good = consents.grant(device)

        consents.see_final()

        assert relay_of(broken).cause == "CallMalformed"
        assert consents.is_active(good)


class TestRefusal:
    """Nobody pays for what the contract would not take; it ends here with the contract's own word."""

    @pytest.fixture
    def device(self, consents):
        device = consents.enrol()
        consents.see_final()
        return device

    def must_be_refused(self, consents, grant, cause):
        sent = Transaction.objects.count()
        consents.relay()
        relay = relay_of(grant)
        assert (relay.state, relay.cause) == ("refused", cause)
        assert relay.finished_at == consents.at
        assert Transaction.objects.count() == sent
        grant = fresh(grant)
        assert (grant.ended_by, grant.revoked_at) == ("contract", consents.at)
        assert Event.objects.filter(name="consent.refused", patient_id=grant.patient_id).count() == 1
        assert Notice.objects.filter(kind=Notice.Kind.GRANT, patient=grant.patient_id).count() == 1

    def test_of_a_grant_that_was_changed_after_it_was_signed(self, consents, device):
        grant = consents.grant(device, sent=lambda form: dataclasses.replace(form, scope=b"\x01" * 32))

        self.must_be_refused(consents, grant, "WrongChallenge")

    def test_of_a_longer_grant_than_was_signed(self, consents, device):
        grant = consents.grant(device, sent=lambda form: dataclasses.replace(form, expiry=form.expiry + 1))

        self.must_be_refused(consents, grant, "WrongChallenge")

    def test_of_another_patients_passkey(self, consents, device):
        stranger = consents.enrol()
        consents.see_final()
        grant = consents.grant(device, signed=stranger.yes_to)

        self.must_be_refused(consents, grant, "NotASigner")

    def test_of_another_passkey_under_the_patients_name(self, consents, device):
        stranger = ConsentDevice()
        stranger.make_key()
        stranger.made = dataclasses.replace(stranger.made, signer=device.signer)
        grant = consents.grant(device, signed=stranger.unchecked_yes_to)

        self.must_be_refused(consents, grant, "SignatureNotOfKey")

    def test_of_somebody_whom_the_device_did_not_check(self, consents, device):
        device.presence = AuthenticatorData.FLAG.USER_PRESENT
        grant = consents.grant(device, signed=device.unchecked_yes_to)

        self.must_be_refused(consents, grant, "UserNotVerified")

    def test_of_what_was_signed_on_the_portal(self, consents, device):
        device.origin = "http://portal.localhost:8000"
        grant = consents.grant(device, signed=device.unchecked_yes_to)

        self.must_be_refused(consents, grant, "WrongOrigin")

    def test_of_a_high_s(self, consents, device, monkeypatch):
        # As a server would send it that does not flip it.
        monkeypatch.setattr("consent.signing.passkeys.min", max, raising=False)
        grant = consents.grant(device, signed=device.unchecked_yes_to)

        self.must_be_refused(consents, grant, "HighS")

    def test_of_what_comes_after_its_deadline(self, consents_on_own_chain):
        consents = consents_on_own_chain
        device = consents.enrol()
        consents.see_final()
        grant = consents.grant(device)
        consents.wait(days=7, seconds=60)

        self.must_be_refused(consents, grant, "TooLate")

    def test_of_what_has_expired_before_it_came(self, consents_on_own_chain):
        consents = consents_on_own_chain
        device = consents.enrol()
        consents.see_final()
        grant = consents.grant(device, days=2)
        consents.wait(days=3)

        self.must_be_refused(consents, grant, "AlreadyExpired")

    def test_of_a_nonce_that_was_used(self, consents, device, monkeypatch):
        monkeypatch.setattr("tests.consent.conftest.new_nonce", lambda: 7 << 64)
        consents.grant(device)
        consents.see_final()
        grant = consents.grant(device)

        self.must_be_refused(consents, grant, "WrongNonce")

    def test_of_a_revocation_leaves_it_to_the_hospitals_word(self, consents, device):
        grant = consents.grant(device)
        consents.see_final()
        stranger = consents.enrol()
        consents.revoke(device, grant, signed=stranger.yes_to)

        consents.see_final()

        relay = relay_of(grant, Relay.Kind.REVOKE)
        assert (relay.state, relay.cause) == ("refused", "NotASigner")
        assert not consents.is_active(grant)
        assert fresh(grant).off_chain_at is not None

    def test_of_an_enrolment_takes_its_key_and_all_that_it_signed(self, consents_on_own_chain):
        consents = consents_on_own_chain
        device = consents.enrol(deadline=timedelta(hours=1))
        grant = consents.grant(device)
        consents.wait(hours=2)

        consents.relay()
        consents.relay()

        assert list(Relay.objects.order_by("pk").values_list("state", "cause")) == [
            ("refused", "TooLate"),
            ("refused", "NotASigner"),
        ]
        assert consents.signer(device).removed_at is not None
        assert fresh(grant).ended_by == "contract"
        assert Event.objects.filter(name="consent.key_refused").count() == 1

    def test_of_another_key_leaves_the_first_one(self, consents_on_own_chain):
        consents = consents_on_own_chain
        device = consents.enrol()
        new = consents.add_key(device, deadline=timedelta(hours=1))
        consents.see_final()
        late = consents.add_key(device, deadline=timedelta(hours=1))
        consents.wait(hours=2)

        consents.relay()

        assert [consents.signer(each).removed_at is None for each in (device, new, late)] == [
            True,
            True,
            False,
        ]


class TestWhatStandsAlready:
    """Anybody may relay what a patient signed; and a database may be restored from before it was relayed."""

    def send_as_stranger(self, consents, relay, *, waits=True):
        data = CONSENT_REGISTRY.calldata(relay.kind, *arguments_of(relay.kind, relay.call))
        if waits:
            consents.anvil.send_as(OWNER, consents.hospital.consent_registry, data)
            return
        consents.anvil.ask("anvil_impersonateAccount", OWNER)
        call = {"from": OWNER, "to": consents.hospital.consent_registry, "data": "0x" + data.hex()}
        price = {"maxFeePerGas": hex(10**12), "maxPriorityFeePerGas": hex(10**11), "gas": hex(500_000)}
        consents.anvil.ask("eth_sendTransaction", call | price)

    def test_is_done_although_a_stranger_relayed_it(self, consents):
        device = consents.enrol()
        consents.see_final()
        grant = consents.grant(device)
        self.send_as_stranger(consents, relay_of(grant))

        consents.see_final()

        relay = relay_of(grant)
        assert (relay.state, relay.transaction) == ("done", None)
        assert fresh(grant).on_chain_at is not None
        assert fresh(grant).revoked_at is None

    def test_is_done_although_our_rows_are_older(self, consents):
        phone = consents.enrol()
        tablet = consents.add_key(phone)
        grant = consents.grant(phone)
        consents.see_final()
        consents.revoke(phone, grant)
        consents.remove_key(phone, by=tablet)
        consents.see_final()
        sent = Transaction.objects.count()
        done = Relay.objects.filter(state="done")
        done.update(state="waiting", transaction=None, finished_at=None)

        for _ in range(6):
            consents.relay()

        assert {relay.kind: relay.state for relay in Relay.objects.all()} == {
            "enrol": "done",
            "addSigner": "done",
            "grant": "done",
            "revoke": "done",
            # Not needed, as the patient signed.
            "revokeByInstitution": "cancelled",
            "removeSigner": "done",
        }
        assert Transaction.objects.count() == sent
        assert consents.signer(tablet).removed_at is None


class TestSettle:
    def test_follows_a_transaction_that_is_lost_and_comes_back(self, consents_on_own_chain):
        consents = consents_on_own_chain
        device = consents.enrol()
        consents.see_final()
        grant = consents.grant(device)
        consents.relay()
        assert relay_of(grant).state == "done"

        consents.anvil.reorganise(1)
        drive(consents.at)
        settle(consents.at)
        assert relay_of(grant).state == "sent"
        consents.see_final()
        consents.see_final()

        assert relay_of(grant).state == "done"
        assert consents.is_active(grant)
        assert relay_of(grant).transaction.state == "final"

    def test_sends_anew_what_was_dropped(self, consents):
        device = consents.enrol()
        consents.see_final()
        grant = consents.grant(device)
        relay_waiting(consents.at)
        first = relay_of(grant).transaction
        # The key is used elsewhere, against the rules, and takes the nonce.
        consents.anvil.send_as(consents.hospital.address, OWNER, b"")
        consents.anvil.mine(3)
        drive(consents.at)
        assert fresh(first).state == "dropped"

        consents.see_final()

        assert relay_of(grant).transaction != first
        assert consents.is_active(grant)

    def test_tries_anew_what_was_refused_only_when_it_was_mined(self, consents_on_own_chain):
        consents = consents_on_own_chain
        device = consents.enrol()
        consents.see_final()
        grant = consents.grant(device)
        consents.anvil.hold_blocks()
        relay_waiting(consents.at)
        send(consents.at)
        # The same form by a stranger who pays more, in the same block and before ours.
        TestWhatStandsAlready().send_as_stranger(consents, relay_of(grant), waits=False)
        consents.anvil.make_blocks()
        consents.anvil.mine(3)
        drive(consents.at)
        settle(consents.at)

        assert Transaction.objects.in_order().last().state == "reverted"
        assert relay_of(grant).state == "waiting"
        assert consents.relay() == 0
        consents.at += timedelta(minutes=1)
        consents.relay()

        assert relay_of(grant).state == "done"
        assert fresh(grant).revoked_at is None
        assert consents.is_active(grant)


class TestTasks:
    def test_relay_and_send_what_waits(self, consents, monkeypatch):
        consents.enrol()
        monkeypatch.setattr("django.utils.timezone.now", lambda: consents.at)

        tasks.relay_forms()

        assert Transaction.objects.get().sent_at is not None

    def test_leave_the_rows_alone_while_the_node_is_away(self, consents, settings, monkeypatch):
        consents.enrol()
        settings.CHAIN_RPC_URL = "http://127.0.0.1:1"
        monkeypatch.setattr("django.utils.timezone.now", lambda: consents.at)

        with pytest.raises(tasks.relay_forms.throws):
            tasks.relay_forms()

        assert Relay.objects.get().state == "waiting"
