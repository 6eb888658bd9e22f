"""Consent passkeys: enrolled, let in, removed, and replaced when all are lost."""

import secrets
from datetime import timedelta

import pytest

from accounts.models import Role, User
from audit.models import Event
from consent.models import Pseudonym, Recovery, Relay, Signer
from consent.services import keys
from consent.services.keys import NewKey
from patients.models import Notice
from tests.records.factories import PatientFactory

pytestmark = pytest.mark.django_db
State = Relay.State


@pytest.fixture
def amina(db):
    patient = PatientFactory()
    patient.user = User.objects.create_user("amina", role=Role.PATIENT)
    patient.save()
    return patient


def new_key(name="My phone"):
    return NewKey(
        name=name,
        signer=secrets.token_bytes(140),
        credential_id=secrets.token_bytes(16),
        credential=secrets.token_bytes(77),
    )


def called(*signers):
    """What a relay holds of a call that carries these signers."""
    return ["0x" + "aa" * 32, [["0x" + one.signer.hex(), "0x00"] for one in signers], "1"]


def enrol(patient, at, *, key=None, pseudonym=None):
    key = key or new_key()
    return keys.enrol(
        patient=patient,
        pseudonym=pseudonym or secrets.token_bytes(32),
        key=key,
        digest=secrets.token_bytes(32),
        call=called(key),
        by=patient.user,
        at=at,
    )


def add(patient, at, *, let_in_by, key=None):
    key = key or new_key("My tablet")
    added, known = ([f"0x{bytes(one.signer).hex()}", "0x00"] for one in (key, let_in_by))
    return keys.add_signer(
        patient=patient,
        key=key,
        let_in_by=let_in_by,
        digest=secrets.token_bytes(32),
        call=["0x00", "1", "2", added, known],
        by=patient.user,
        at=at,
    )


def remove(signer, at, *, signed_by):
    keys.remove_signer(
        signer=signer,
        signed_by=signed_by,
        digest=secrets.token_bytes(32),
        call=[],
        by=signer.pseudonym.patient.user,
        at=at,
    )


def propose(recovery, at, *, key=None, number=1):
    key = key or new_key("My new phone")
    return keys.propose_recovery(
        recovery=recovery,
        number=number,
        key=key,
        digest=secrets.token_bytes(32),
        call=called(key),
        by=recovery.patient.user,
        at=at,
    )


def veto(recovery, at):
    keys.veto_recovery(
        recovery=recovery, digest=secrets.token_bytes(32), call=[], by=recovery.patient.user, at=at
    )


def relay_of(kind):
    return Relay.objects.get(kind=kind)


class TestNotices:
    def test_tell_the_patient_of_every_key_that_comes_or_goes(self, amina, noon):
        first = enrol(amina, noon)
        second = add(amina, noon, let_in_by=first)
        keys.remove_signer(
            signer=second,
            signed_by=first,
            digest=secrets.token_bytes(32),
            call=["0x" + "aa" * 32],
            by=amina.user,
            at=noon,
        )

        assert Notice.objects.filter(patient=amina, kind=Notice.Kind.KEY).count() == 3


class TestEnrol:
    def test_makes_a_key_that_counts_at_once_and_waits_for_the_chain(self, amina, noon):
        signer = enrol(amina, noon)

        assert list(keys.usable_signers(amina)) == [signer]
        assert signer.on_chain_at is None
        assert relay_of("enrol").state == State.WAITING
        assert Event.objects.get(name="consent.key_enrolled").patient_id == amina.pk

    def test_keeps_the_pseudonym_that_was_signed(self, amina, noon):
        enrol(amina, noon, pseudonym=b"p" * 32)

        assert bytes(Pseudonym.objects.get().value) == b"p" * 32

    def test_happens_once(self, amina, noon):
        enrol(amina, noon)

        with pytest.raises(keys.AlreadyEnrolled):
            enrol(amina, noon)

        assert Signer.objects.count() == 1

    def test_goes_on_under_the_pseudonym_of_an_enrolment_that_came_to_nothing(self, amina, noon):
        refused = enrol(amina, noon, pseudonym=b"p" * 32)
        refused.removed_at = noon
        refused.save()

        with pytest.raises(keys.AlreadyEnrolled):
            enrol(amina, noon, pseudonym=b"q" * 32)
        enrol(amina, noon, pseudonym=b"p" * 32)

        assert keys.has_keys(amina)

    def test_refuses_a_passkey_that_is_somebodys(self, amina, noon):
        key = new_key()
        enrol(amina, noon, key=key)
        other = PatientFactory()
        other.user = User.objects.create_user("bela", role=Role.PATIENT)
        other.save()

        with pytest.raises(keys.KeyKnown):
            enrol(other, noon, key=key)

    def test_keeps_the_name_of_a_key_to_its_owner(self, amina, noon):
        enrol(amina, noon, key=new_key("Amina Diallo's phone"))

        told = [str(vars(event)) for event in Event.objects.all()]
        assert not any("Diallo" in line for line in told)


class TestAddSigner:
    def test_waits_for_the_enrolment_of_the_key_that_lets_it_in(self, amina, noon):
        first = enrol(amina, noon)

        second = add(amina, noon, let_in_by=first)

        assert set(keys.usable_signers(amina)) == {first, second}
        assert relay_of("addSigner").after == relay_of("enrol")
        assert keys.relay_that_makes(second) == relay_of("addSigner")

    def test_waits_for_nothing_once_that_is_on_the_chain(self, amina, noon):
        first = enrol(amina, noon)
        Relay.objects.update(state=State.DONE)

        add(amina, noon, let_in_by=first)

        assert relay_of("addSigner").after is None
        assert keys.relay_that_makes(first) is None

    def test_is_not_done_by_a_key_that_was_removed(self, amina, noon):
        first = enrol(amina, noon)
        second = add(amina, noon, let_in_by=first)
        remove(first, noon, signed_by=second)

        with pytest.raises(keys.KeyNotUsable):
            add(amina, noon, let_in_by=first)

    def test_stops_at_what_the_registry_takes(self, amina, noon):
        first = enrol(amina, noon)
        for _ in range(keys.MOST_KEYS - 1):
            add(amina, noon, let_in_by=first)

        with pytest.raises(keys.TooManyKeys):
            add(amina, noon, let_in_by=first)


class TestRemoveSigner:
    def test_makes_it_count_no_more_at_once(self, amina, noon):
        first = enrol(amina, noon)
        second = add(amina, noon, let_in_by=first)

        remove(first, noon, signed_by=second)

        assert list(keys.usable_signers(amina)) == [second]
        assert Event.objects.filter(name="consent.key_removed").exists()

    def test_lets_what_was_signed_before_go_first(self, amina, noon):
        first = enrol(amina, noon)
        second = add(amina, noon, let_in_by=first)

        remove(first, noon, signed_by=second)

        assert relay_of("removeSigner").after == relay_of("addSigner")

    def test_keeps_the_only_key(self, amina, noon):
        only = enrol(amina, noon)

        with pytest.raises(keys.LastKey):
            remove(only, noon, signed_by=only)

        assert keys.has_keys(amina)

    def test_does_not_remove_twice(self, amina, noon):
        first = enrol(amina, noon)
        second = add(amina, noon, let_in_by=first)
        third = add(amina, noon, let_in_by=first)
        remove(first, noon, signed_by=second)

        with pytest.raises(keys.KeyNotUsable):
            remove(first, noon, signed_by=third)


@pytest.fixture
def recovery(amina, noon, records_officer):
    """An officer has seen who it was, after the key of before was enrolled."""
    enrol(amina, noon)
    Relay.objects.update(state=State.DONE)
    return keys.start_recovery(patient=amina, checked="Passport", by=records_officer, at=noon)


class TestStartRecovery:
    def test_tells_the_patient_at_once(self, amina, recovery):
        assert Notice.objects.filter(patient=amina, kind=Notice.Kind.RECOVERY).exists()
        assert Event.objects.filter(name="consent.recovery_started", ground="staff_duty").exists()
        assert keys.open_recovery(amina) == recovery

    def test_is_one_at_a_time(self, amina, recovery, records_officer, noon):
        with pytest.raises(keys.RecoveryOpen):
            keys.start_recovery(patient=amina, checked="Passport", by=records_officer, at=noon)

    def test_is_for_whoever_had_keys(self, amina, records_officer, noon):
        with pytest.raises(keys.NotEnrolled):
            keys.start_recovery(patient=amina, checked="Passport", by=records_officer, at=noon)


class TestProposeRecovery:
    def test_leaves_the_old_key_and_does_not_count_the_new_one_yet(self, amina, recovery, noon):
        old = keys.usable_signers(amina).get()

        new = propose(recovery, noon)

        assert list(keys.usable_signers(amina)) == [old]
        assert new.accepted_at is None
        assert relay_of("proposeRecovery").recovery == recovery
        assert Recovery.objects.get().number == 1

    def test_happens_once(self, recovery, noon):
        propose(recovery, noon)

        with pytest.raises(keys.RecoveryClosed):
            propose(recovery, noon)


class TestVetoRecovery:
    def test_ends_it_before_the_chain_hears_of_it(self, amina, recovery, noon):
        new = propose(recovery, noon)

        veto(recovery, noon)

        new.refresh_from_db()
        assert new.removed_at == noon
        assert keys.open_recovery(amina) is None
        assert relay_of("proposeRecovery").state == State.CANCELLED
        assert not Relay.objects.filter(kind=Relay.Kind.VETO_RECOVERY).exists()

    @pytest.mark.parametrize("state", [State.SENT, State.DONE])
    def test_tells_the_chain_what_it_has_heard_of(self, recovery, noon, state):
        propose(recovery, noon)
        Relay.objects.filter(kind="proposeRecovery").update(state=state)

        veto(recovery, noon)

        assert relay_of("vetoRecovery").after == relay_of("proposeRecovery")

    def test_stops_what_was_about_to_carry_it_out(self, amina, recovery, noon):
        propose(recovery, noon)
        Relay.objects.update(state=State.DONE)
        due = Relay.objects.create(
            patient=amina, kind="recover", call=[], recovery=recovery, created_at=noon, not_before=noon
        )

        veto(recovery, noon)

        due.refresh_from_db()
        assert due.state == State.CANCELLED

    def test_comes_too_late_for_one_that_ended(self, recovery, noon):
        veto(recovery, noon)

        with pytest.raises(keys.RecoveryClosed):
            veto(recovery, noon)


class TestWithdrawRecovery:
    def test_needs_no_chain_before_a_key_was_proposed(self, amina, recovery, records_officer, noon):
        keys.withdraw_recovery(recovery=recovery, by=records_officer, at=noon)

        assert keys.open_recovery(amina) is None
        assert not Relay.objects.filter(kind="withdrawRecovery").exists()

    def test_takes_a_proposal_back(self, recovery, records_officer, noon):
        new = propose(recovery, noon)
        Relay.objects.update(state=State.DONE)

        keys.withdraw_recovery(recovery=recovery, by=records_officer, at=noon)

        new.refresh_from_db()
        assert new.removed_at == noon
        assert relay_of("withdrawRecovery").call == ["0x" + bytes(recovery.patient.pseudonym.value).hex()]

    def test_lets_another_one_begin(self, amina, recovery, records_officer, noon):
        keys.withdraw_recovery(recovery=recovery, by=records_officer, at=noon)

        assert keys.start_recovery(patient=amina, checked="Passport", by=records_officer, at=noon)


class TestCarryOutRecovery:
    def test_puts_the_new_key_in_the_place_of_all_others(self, amina, recovery, noon):
        old = keys.usable_signers(amina).get()
        new = propose(recovery, noon)
        later = noon + timedelta(days=3)

        keys.carry_out_recovery(recovery, at=later)

        old.refresh_from_db()
        assert list(keys.usable_signers(amina)) == [new]
        assert old.removed_at == later
        assert Event.objects.filter(name="consent.recovered").exists()
        assert Notice.objects.filter(kind=Notice.Kind.RECOVERY, created_at=later).exists()

    def test_is_done_once(self, recovery, noon):
        propose(recovery, noon)
        keys.carry_out_recovery(recovery, at=noon)

        keys.carry_out_recovery(recovery, at=noon + timedelta(days=1))

        assert Recovery.objects.get().carried_out_at == noon
        assert Event.objects.filter(name="consent.recovered").count() == 1
