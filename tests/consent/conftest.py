"""Consents on a chain of one's own: patients with passkeys, and what the workers would do."""

import os
from dataclasses import dataclass
from datetime import timedelta

import pytest
from eth_utils import keccak

from chain.client import current_node, time_of
from chain.deployment import CONSENT_REGISTRY
from chain.follower import follow
from chain.transactions import drive, send
from consent.evidence import grantee_commitment, grantee_salt
from consent.models import Signer
from consent.relaying import relay_waiting, settle
from consent.services import keys
from consent.services.granting import prepare_grant, sign_grant
from consent.services.revoking import revoke_grant, sign_revocation
from consent.signing import (
    Enrolment,
    Grant,
    Revocation,
    SignerAddition,
    SignerRemoval,
    call_of,
    domain,
    new_nonce,
    seconds,
)
from tests.chain.conftest import Hospital, make_hospital, own_anvil, shared_anvil
from tests.consent.factories import TermsFactory
from tests.consent.passkeys import ConsentDevice
from tests.records.factories import PatientFactory

__all__ = ["own_anvil", "shared_anvil"]

WEEK = timedelta(days=7)


@dataclass
class Consents:
    """One hospital, its registry of consents, and what its patients and its workers do."""

    hospital: Hospital
    at: object

    @property
    def anvil(self):
        return self.hospital.anvil

    # What patients do

    def enrol(self, patient=None, *, deadline=WEEK, device=None):
        """Have a patient make a first passkey, and return the device that holds it."""
        device = device or ConsentDevice()
        device.make_key()
        device.patient = patient or PatientFactory()
        pseudonym = os.urandom(32)
        form = Enrolment(
            patient=pseudonym,
            institution=self.hospital.institution,
            signers=[keccak(device.signer)],
            deadline=seconds(self.at + deadline),
        )
        digest = form.digest(domain())
        keys.enrol(
            patient=device.patient,
            pseudonym=pseudonym,
            key=self.new_key(device),
            digest=digest,
            call=call_of(form, device.yes_to(digest)),
            by=device.patient.user,
            at=self.at,
        )
        return device

    def new_key(self, device):
        made = device.made
        return keys.NewKey("Phone", made.signer, made.credential_id, made.credential)

    def draft(self, device, **terms):
        """Have a consent written down, and the form for it."""
        terms = TermsFactory(**{"starts_at": self.at, **terms})
        draft = prepare_grant(device.patient, terms, at=self.at)
        form = Grant(
            patient=bytes(device.patient.pseudonym.value),
            grantee=grantee_commitment(grantee_salt(draft.secret), draft.grantee_text),
            scope=draft.scope,
            expiry=seconds(terms.expires_at),
            nonce=new_nonce(),
            deadline=seconds(self.at + WEEK),
        )
        return draft, form

    def grant(self, device, *, signed=None, sent=None, **terms):
        """
        Have a patient sign a consent; `signed` for a hand that signs otherwise, `sent` for a form that was
        changed on its way.
        """
        draft, form = self.draft(device, **terms)
        digest = form.digest(domain())
        signed = (signed or device.yes_to)(digest)
        return sign_grant(
            draft,
            patient=device.patient,
            digest=digest,
            call=call_of(sent(form) if sent else form, signed),
            after=keys.relay_that_makes(self.signer(device)),
            by=device.patient.user,
            at=self.at,
        )

    def signer(self, device):
        return Signer.objects.get(credential_id=device.credential_id)

    def revoke(self, device, grant, *, signed=None):
        """Have a patient sign that a grant ends; `signed` for a hand that signs otherwise."""
        form = Revocation(patient=bytes(device.patient.pseudonym.value), grant=bytes(grant.digest))
        digest = form.digest(domain())
        sign_revocation(
            grant=grant,
            digest=digest,
            call=call_of(form, (signed or device.yes_to)(digest)),
            by=device.patient.user,
            at=self.at,
        )

    def revoke_unsigned(self, device, grant):
        revoke_grant(grant=grant, by=device.patient.user, at=self.at)

    def add_key(self, device, *, deadline=WEEK):
        """Have a patient let another passkey in."""
        new = ConsentDevice()
        new.make_key()
        new.patient = device.patient
        form = SignerAddition(
            patient=bytes(device.patient.pseudonym.value),
            signer=keccak(new.signer),
            nonce=new_nonce(),
            deadline=seconds(self.at + deadline),
        )
        digest = form.digest(domain())
        keys.add_signer(
            patient=device.patient,
            key=self.new_key(new),
            let_in_by=self.signer(device),
            digest=digest,
            call=call_of(form, new.yes_to(digest), device.yes_to(digest)),
            by=device.patient.user,
            at=self.at,
        )
        return new

    def remove_key(self, removed, *, by):
        form = SignerRemoval(
            patient=bytes(by.patient.pseudonym.value),
            signer=keccak(removed.signer),
            nonce=new_nonce(),
            deadline=seconds(self.at + WEEK),
        )
        digest = form.digest(domain())
        keys.remove_signer(
            signer=self.signer(removed),
            signed_by=self.signer(by),
            digest=digest,
            call=call_of(form, by.yes_to(digest)),
            by=by.patient.user,
            at=self.at,
        )

    # What workers do

    def relay(self):
        """Sign what may go, send it, and see it mined."""
        self.at += timedelta(seconds=5)
        signed = relay_waiting(self.at)
        send(self.at)
        self.anvil.wait_for_its_block()
        drive(self.at)
        settle(self.at)
        return signed

    def see_final(self):
        """Take everything as far as it goes, and read what was announced."""
        while self.relay():
            pass
        self.anvil.mine(2)
        drive(self.at)
        settle(self.at)
        follow(self.at)

    def wait(self, **time):
        """Let time pass, here and on the chain. For a chain of one's own."""
        passed = timedelta(**time)
        self.at += passed
        self.anvil.ask("evm_increaseTime", hex(int(passed.total_seconds())))
        self.anvil.mine()

    # What the contract says

    def ask(self, function, *questions):
        return current_node().call(CONSENT_REGISTRY, self.hospital.consent_registry, function, *questions)

    def is_active(self, grant):
        return self.ask("isActive", bytes(grant.patient.pseudonym.value), bytes(grant.digest))


def _consents(hospital):
    return Consents(hospital, time_of(current_node().block("latest")))


@pytest.fixture
def consents(shared_anvil, settings, db, noon):
    return _consents(make_hospital(shared_anvil, settings, noon))


@pytest.fixture
def consents_on_own_chain(own_anvil, settings, db, noon):
    return _consents(make_hospital(own_anvil, settings, noon))
