"""What the registry announces is taken in by the moment of its block, and taken back when the block goes."""

import os
from datetime import timedelta

import pgtrigger
import pytest
from eth_utils import keccak

from audit import columns
from audit.models import Event as AuditEvent
from chain.checking import check_log
from chain.client import current_node, time_of
from chain.deploying import forget_chain
from chain.deployment import CONSENT_REGISTRY, REGISTRY
from chain.follower import follow
from chain.models import Event, Mismatch
from chain.transactions import drive
from consent import comparing, tasks
from consent.models import Grant, Pseudonym, Relay, Signer
from consent.relaying import queue_recoveries, relay_waiting, settle
from consent.services import keys
from consent.signing import Enrolment, Veto, arguments_of, call_of, domain, seconds
from consent.signing import Recovery as RecoveryForm
from patients.models import Notice
from tests.chain.conftest import OWNER
from tests.consent.conftest import WEEK
from tests.consent.passkeys import ConsentDevice

SOUTH = "0x" + "b0" * 20


def fresh(row):
    return type(row).objects.get(pk=row.pk)


def block_time_of(relay):
    return relay.transaction.block_at


def send(consents, sender, function, *arguments):
    """Send a call as anybody, past our own workers."""
    data = CONSENT_REGISTRY.calldata(function, *arguments)
    consents.anvil.send_as(sender, consents.hospital.consent_registry, data)


def send_as_operator(consents, function, *arguments):
    send(consents, consents.hospital.address, function, *arguments)


def admit_south(consents):
    """Let a second hospital into the registry."""
    admission = REGISTRY.calldata("admit", SOUTH, "South", "http://south", bytes(32))
    consents.anvil.send_as(OWNER, consents.hospital.registry, admission)


def read(consents):
    consents.anvil.mine(2)
    follow(consents.at)


def start_recovery(consents, device, officer):
    """Have an officer check a patient who lost the key, and the patient make a new one."""
    recovery = keys.start_recovery(patient=device.patient, checked="passport", by=officer, at=consents.at)
    new = ConsentDevice()
    new.make_key()
    new.patient = device.patient
    form = RecoveryForm(
        patient=bytes(device.patient.pseudonym.value),
        institution=consents.hospital.institution,
        number=1,
        signers=[keccak(new.signer)],
        deadline=seconds(consents.at + WEEK),
    )
    digest = form.digest(domain())
    keys.propose_recovery(
        recovery=recovery,
        number=1,
        key=consents.new_key(new),
        digest=digest,
        call=call_of(form, new.yes_to(digest)),
        by=device.patient.user,
        at=consents.at,
    )
    return recovery, new


def veto(device):
    form = Veto(patient=bytes(device.patient.pseudonym.value), number=1)
    digest = form.digest(domain())
    return digest, call_of(form, device.yes_to(digest))


class TestEnrolment:
    def test_is_known_since_its_block(self, consents):
        device = consents.enrol()
        consents.see_final()

        mined_at = block_time_of(Relay.objects.get())
        assert Pseudonym.objects.get().on_chain_at == mined_at
        assert consents.signer(device).on_chain_at == mined_at

    def test_of_another_hospitals_patients_is_none_of_our_business(self, consents):
        admit_south(consents)
        device = ConsentDevice()
        device.make_key()
        form = Enrolment(
            patient=os.urandom(32),
            institution=2,
            signers=[keccak(device.signer)],
            deadline=seconds(consents.at + WEEK),
        )
        call = call_of(form, device.yes_to(form.digest(domain())))
        send(consents, SOUTH, "enrol", *arguments_of("enrol", call))

        read(consents)

        assert Event.objects.filter(name="PatientEnrolled").count() == 1
        assert not Pseudonym.objects.exists()
        assert not Mismatch.objects.exists()
        assert comparing.compare_now(consents.at) == []

    def test_of_our_pseudonym_by_another_institution_is_told_to_people(self, consents):
        device = consents.enrol()
        pseudonym = bytes(device.patient.pseudonym.value)
        admit_south(consents)
        thief = ConsentDevice()
        thief.make_key()
        form = Enrolment(
            patient=pseudonym,
            institution=2,
            signers=[keccak(thief.signer)],
            deadline=seconds(consents.at + WEEK),
        )
        call = call_of(form, thief.yes_to(form.digest(domain())))
        send(consents, SOUTH, "enrol", *arguments_of("enrol", call))

        consents.see_final()

        assert Relay.objects.get().cause == "AlreadyEnrolled"
        assert Pseudonym.objects.get().on_chain_at is None
        causes = [each.cause for each in Mismatch.objects.open()]
        assert any("institution 2 enrolled it" in cause for cause in causes)
        assert any("no such key was made here" in cause for cause in causes)
        # A check finds the same, and does not take it for healed.
        assert len(check_log(consents.at).findings) == 2
        assert Mismatch.objects.open().count() == 2


class TestGrant:
    @pytest.fixture
    def device(self, consents):
        device = consents.enrol()
        consents.see_final()
        return device

    def test_is_on_the_chain_since_its_block(self, consents, device):
        grant = consents.grant(device)
        assert fresh(grant).on_chain_at is None

        consents.see_final()

        assert fresh(grant).on_chain_at == block_time_of(grant.relays.get())

    def test_is_off_it_since_the_block_of_its_revocation(self, consents, device):
        grant = consents.grant(device)
        consents.see_final()
        consents.revoke(device, grant)
        told_at = fresh(grant).revoked_at

        consents.see_final()

        ended = fresh(grant)
        assert ended.off_chain_at == block_time_of(grant.relays.get(kind=Relay.Kind.REVOKE))
        assert (ended.revoked_at, ended.ended_by) == (told_at, "patient")

    def test_ends_here_too_when_it_was_revoked_elsewhere(self, consents, device):
        grant = consents.grant(device)
        consents.see_final()
        send_as_operator(
            consents,
            "revokeByInstitution",
            bytes(device.patient.pseudonym.value),
            bytes(grant.digest),
        )
        block_at = time_of(current_node().block("latest"))

        read(consents)

        ended = fresh(grant)
        assert (ended.revoked_at, ended.off_chain_at, ended.ended_by) == (block_at, block_at, "chain")
        assert AuditEvent.objects.filter(name="consent.revoked_on_chain").count() == 1
        assert Notice.objects.filter(kind=Notice.Kind.GRANT, patient=device.patient).count() == 1

    def test_that_is_not_held_here_is_told_to_people(self, consents, device):
        _, form = consents.draft(device)
        call = call_of(form, device.yes_to(form.digest(domain())))
        send(consents, OWNER, "grant", *arguments_of("grant", call))

        read(consents)

        assert "no such grant is held here" in Mismatch.objects.open().get().cause
        comparing.compare_now(consents.at)
        assert Mismatch.objects.open().count() == 1

    def test_opens_nothing_again_when_its_revocation_is_reorganised_away(self, consents_on_own_chain):
        consents = consents_on_own_chain
        device = consents.enrol()
        grant = consents.grant(device)
        consents.see_final()
        before = consents.anvil.block_number()
        consents.revoke(device, grant)
        consents.see_final()
        assert fresh(grant).off_chain_at is not None

        consents.anvil.reorganise(consents.anvil.block_number() - before)
        consents.anvil.mine(1)
        follow(consents.at)

        ended = fresh(grant)
        assert ended.off_chain_at is None
        assert ended.on_chain_at is not None
        assert ended.revoked_at is not None
        consents.see_final()
        consents.see_final()
        assert fresh(grant).off_chain_at is not None
        assert not consents.is_active(grant)

    def test_is_not_on_the_chain_any_more_when_its_block_goes(self, consents_on_own_chain):
        consents = consents_on_own_chain
        device = consents.enrol()
        consents.see_final()
        before = consents.anvil.block_number()
        grant = consents.grant(device)
        consents.see_final()

        consents.anvil.reorganise(consents.anvil.block_number() - before)
        consents.anvil.mine(1)
        follow(consents.at)
        assert fresh(grant).on_chain_at is None
        assert fresh(grant).is_active(consents.at)

        consents.see_final()
        consents.see_final()
        assert fresh(grant).on_chain_at is not None


class TestKeys:
    def test_are_known_to_be_let_in_and_removed(self, consents):
        phone = consents.enrol()
        tablet = consents.add_key(phone)
        consents.see_final()
        assert consents.signer(tablet).on_chain_at is not None

        consents.remove_key(phone, by=tablet)
        relay = Relay.objects.get(kind=Relay.Kind.REMOVE_SIGNER)
        # As if we had not known: somebody else relays it, and our row is older.
        Signer.objects.update(removed_at=None)
        send(consents, OWNER, relay.kind, *arguments_of(relay.kind, relay.call))
        block_at = time_of(current_node().block("latest"))
        read(consents)

        assert consents.signer(phone).removed_at == block_at
        assert consents.signer(tablet).removed_at is None


class TestRecovery:
    @pytest.fixture
    def lost(self, consents_on_own_chain):
        device = consents_on_own_chain.enrol()
        consents_on_own_chain.see_final()
        return device

    def test_replaces_all_keys_after_three_days(self, consents_on_own_chain, lost, records_officer):
        consents = consents_on_own_chain
        grant = consents.grant(lost)
        recovery, new = start_recovery(consents, lost, records_officer)
        consents.see_final()
        proposed_at = block_time_of(recovery.relays.get())
        assert fresh(recovery).recoverable_at == proposed_at + timedelta(days=3)
        assert queue_recoveries(consents.at) == 0

        consents.wait(days=3, minutes=1)
        assert queue_recoveries(consents.at) == 1
        assert queue_recoveries(consents.at) == 0
        consents.see_final()

        carried_out = fresh(recovery)
        mined_at = block_time_of(recovery.relays.get(kind=Relay.Kind.RECOVER))
        assert carried_out.carried_out_at == mined_at
        assert consents.signer(lost).removed_at == mined_at
        assert consents.signer(new).accepted_at == mined_at
        assert consents.signer(new).on_chain_at == mined_at
        assert consents.is_active(grant)
        # The new key revokes what the old one granted.
        consents.revoke(new, grant)
        consents.see_final()
        assert not consents.is_active(grant)
        assert comparing.compare_now(consents.at) == []

    def test_waits_for_the_chains_clock_and_not_for_ours(self, consents_on_own_chain, lost, records_officer):
        consents = consents_on_own_chain
        recovery, _ = start_recovery(consents, lost, records_officer)
        consents.see_final()
        consents.at += timedelta(days=3, minutes=1)
        queue_recoveries(consents.at)

        assert consents.relay() == 0
        relay = recovery.relays.get(kind=Relay.Kind.RECOVER)
        assert (relay.state, relay.cause) == ("waiting", "TooEarly")

    def test_is_closed_by_a_veto_that_somebody_else_relayed(
        self, consents_on_own_chain, lost, records_officer
    ):
        consents = consents_on_own_chain
        recovery, new = start_recovery(consents, lost, records_officer)
        consents.see_final()
        _, call = veto(lost)
        send(consents, OWNER, "vetoRecovery", *arguments_of("vetoRecovery", call))
        block_at = time_of(current_node().block("latest"))
        read(consents)

        assert fresh(recovery).vetoed_at == block_at
        assert consents.signer(new).removed_at == block_at
        consents.wait(days=4)
        assert queue_recoveries(consents.at) == 0

    def test_is_vetoed_here_and_there(self, consents_on_own_chain, lost, records_officer):
        consents = consents_on_own_chain
        recovery, _ = start_recovery(consents, lost, records_officer)
        consents.see_final()
        digest, call = veto(lost)
        keys.veto_recovery(recovery=recovery, digest=digest, call=call, by=lost.patient.user, at=consents.at)
        vetoed_at = fresh(recovery).vetoed_at
        consents.see_final()

        assert fresh(recovery).vetoed_at == vetoed_at
        assert consents.ask("recoveryOf", bytes(lost.patient.pseudonym.value)) == (1, 0, ())
        assert {relay.state for relay in recovery.relays.all()} == {"done"}

    def test_is_withdrawn_by_the_hospital(self, consents_on_own_chain, lost, records_officer):
        consents = consents_on_own_chain
        recovery, _ = start_recovery(consents, lost, records_officer)
        consents.see_final()
        keys.withdraw_recovery(recovery=recovery, by=records_officer, at=consents.at)
        consents.see_final()

        assert consents.ask("recoveryOf", bytes(lost.patient.pseudonym.value)) == (1, 0, ())
        assert {relay.state for relay in recovery.relays.all()} == {"done"}

    def test_gives_the_old_keys_back_while_its_block_is_gone(
        self, consents_on_own_chain, lost, records_officer
    ):
        consents = consents_on_own_chain
        recovery, new = start_recovery(consents, lost, records_officer)
        consents.see_final()
        consents.wait(days=3, minutes=1)
        queue_recoveries(consents.at)
        before = consents.anvil.block_number()
        consents.see_final()
        assert fresh(recovery).carried_out_at is not None

        consents.anvil.reorganise(consents.anvil.block_number() - before)
        consents.anvil.mine(1)
        follow(consents.at)
        assert fresh(recovery).carried_out_at is None
        assert consents.signer(lost).removed_at is None
        assert consents.signer(new).accepted_at is None

        consents.see_final()
        consents.see_final()
        assert fresh(recovery).carried_out_at is not None
        assert consents.signer(new).accepted_at is not None

    def test_that_nobody_here_proposed_is_told_to_people(self, consents_on_own_chain, lost):
        consents = consents_on_own_chain
        thief = ConsentDevice()
        thief.make_key()
        form = RecoveryForm(
            patient=bytes(lost.patient.pseudonym.value),
            institution=1,
            number=1,
            signers=[keccak(thief.signer)],
            deadline=seconds(consents.at + WEEK),
        )
        call = call_of(form, thief.yes_to(form.digest(domain())))
        send_as_operator(consents, "proposeRecovery", *arguments_of("proposeRecovery", call))

        read(consents)

        assert "nobody here proposed it" in Mismatch.objects.open().get().cause


class TestComparing:
    @pytest.fixture
    def device(self, consents):
        device = consents.enrol()
        consents.see_final()
        return device

    def must_find(self, consents, subject, cause):
        (finding,) = comparing.compare_now(consents.at)
        assert (finding.subject, finding.cause) == (subject, cause)
        report = check_log(consents.at)
        assert [str(each) for each in report.findings] == [str(finding)]
        assert report.chain_unread == ""

    def test_finds_nothing_where_all_is_well(self, consents, device):
        grants = [consents.grant(device) for _ in range(3)]
        consents.see_final()
        consents.revoke(device, grants[0])
        consents.revoke_unsigned(device, grants[1])
        consents.see_final()
        consents.grant(device)

        assert comparing.compare_now(consents.at) == []
        assert check_log(consents.at).is_clean

    def test_leaves_what_is_on_its_way(self, consents, device):
        sent, ended = consents.grant(device), consents.grant(device)
        relay_waiting(consents.at)
        assert comparing.compare_now(consents.at) == []
        consents.see_final()
        consents.revoke_unsigned(device, ended)
        assert comparing.compare_now(consents.at) == []
        # Revoked on the chain, in a block that nobody here has read.
        send_as_operator(
            consents, "revokeByInstitution", bytes(device.patient.pseudonym.value), bytes(sent.digest)
        )
        assert comparing.compare_now(consents.at) == []

    def test_names_a_grant_that_was_opened_again_in_the_database(self, consents, device):

        grant = consents.grant(device)
        consents.see_final()
        consents.revoke(device, grant)
        consents.see_final()
        with pgtrigger.ignore("consent.Grant:revoked_grant_stays_revoked"):
            Grant.objects.update(revoked_at=None, revoked_by=None, ended_by="")
        # What happened in the very second up to which was read might not have been read.
        consents.anvil.ask("anvil_mine", "0x3", "0x2")
        follow(consents.at)

        self.must_find(consents, f"grant {grant.pk}", "it was revoked on the chain, and holds here")

    def test_names_a_grant_that_was_lengthened_in_the_database(self, consents, device):

        grant = consents.grant(device)
        consents.see_final()
        with pgtrigger.ignore("consent.Grant:grant_stays_as_signed"):
            Grant.objects.update(expires_at=grant.expires_at + timedelta(days=300))

        self.must_find(consents, f"grant {grant.pk}", "it ends at another moment on the chain than here")

    def test_names_a_grant_that_was_never_signed(self, consents, device):

        grant = consents.grant(device)
        consents.see_final()
        with pgtrigger.ignore("consent.Grant:grant_stays_as_signed"):
            Grant.objects.update(digest=os.urandom(32))

        findings = {finding.cause for finding in comparing.compare_now(consents.at)}
        assert "it was on the chain, and is not any more" in findings
        assert fresh(grant).pk == grant.pk

    def test_names_a_grant_that_ended_here_and_nobody_told_the_chain(self, consents, device):
        grant = consents.grant(device)
        consents.see_final()
        consents.revoke_unsigned(device, grant)
        Relay.objects.filter(kind=Relay.Kind.REVOKE_BY_INSTITUTION).update(
            state="refused", finished_at=consents.at
        )

        self.must_find(
            consents,
            f"grant {grant.pk}",
            "it was ended here, it holds on the chain, and no revocation is on its way",
        )

    def test_names_a_grant_that_nothing_carries_to_the_chain(self, consents, device):
        grant = consents.grant(device)
        Relay.objects.filter(grant=grant).update(state="cancelled", finished_at=consents.at)

        self.must_find(consents, f"grant {grant.pk}", "it holds here, and nothing carries it to the chain")

    def test_names_keys_that_count_on_one_side_alone(self, consents, device):
        tablet = consents.add_key(device)
        consents.see_final()
        Signer.objects.filter(credential_id=tablet.credential_id).update(removed_at=consents.at)

        self.must_find(
            consents,
            f"signer {consents.signer(tablet).pk}",
            "it was removed here, and still counts on the chain",
        )

    def test_heals_what_agrees_again_and_nothing_else(self, consents, device):
        grant = consents.grant(device)
        Relay.objects.filter(grant=grant).update(state="cancelled", finished_at=consents.at)
        comparing.compare_now(consents.at)
        other = Mismatch.objects.create(
            kind="chain", subject="newest head", cause="it differs", found_at=consents.at
        )
        Relay.objects.filter(grant=grant).update(state="waiting", finished_at=None)

        tasks.compare_with_chain()

        assert list(Mismatch.objects.open()) == [other]

    def test_leaves_what_was_found_open_while_the_chain_is_away(self, consents, device, settings):
        grant = consents.grant(device)
        Relay.objects.filter(grant=grant).update(state="cancelled", finished_at=consents.at)
        comparing.compare_now(consents.at)
        settings.CHAIN_RPC_URL = "http://127.0.0.1:1"

        report = check_log(consents.at)

        assert report.chain_unread
        assert Mismatch.objects.open().get().subject == f"grant {grant.pk}"


class TestConsentLeaf:
    def test_is_recomputed_from_the_document(self, consents):
        device = consents.enrol()
        grant = consents.grant(device)
        assert check_log(consents.at, with_chain=False).is_clean

        with pgtrigger.ignore("consent.Grant:grant_stays_as_signed"):
            Grant.objects.update(sealed_document=columns.seal(grant.document.replace(b"Consent", b"consent")))

        (finding,) = check_log(consents.at, with_chain=False).findings
        assert finding.subject.startswith(f"grant {grant.pk} (leaf")
        assert "was changed after it was written" in finding.cause

    def test_says_when_the_bytes_do_not_decrypt(self, consents):
        device = consents.enrol()
        consents.grant(device)
        with pgtrigger.ignore("consent.Grant:grant_stays_as_signed"):
            Grant.objects.update(sealed_document=b"nonsense")

        (finding,) = check_log(consents.at, with_chain=False).findings
        assert finding.cause == "the stored bytes do not decrypt: they were changed"


class TestChainLost:
    def test_takes_back_what_it_said(self, consents_on_own_chain):
        consents = consents_on_own_chain
        device = consents.enrol()
        grant = consents.grant(device)
        consents.see_final()

        forget_chain(consents.at)

        assert fresh(grant).on_chain_at is None
        assert Pseudonym.objects.get().on_chain_at is None
        assert not Event.objects.exists()
        settle(consents.at)
        drive(consents.at)
        assert {relay.state for relay in Relay.objects.all()} == {"waiting"}
