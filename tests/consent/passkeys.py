"""Consent passkeys in software, and a page of the consent host as far as signing needs one."""

from chain.deployment import contracts
from consent.signing import passkeys
from consent.signing.passkeys import (
    begin_registration,
    check_assertion,
    complete_registration,
    consent_origin,
    consent_rp_id,
    request_options,
)
from tests.accounts.passkeys import Device

ORIGIN = "http://consent.localhost:8000"
RP_ID = "consent.localhost"


class ConsentDevice(Device):
    """A device whose passkey was made on the consent page; `origin` for one that believes another page."""

    def __init__(self, *, origin=ORIGIN, verifies=True):
        super().__init__(origin=origin, verifies=verifies)
        self.made = None

    def make_key(self, verifier=None):
        """Register on the consent page, and be that key from then on."""
        options, state = begin_registration(rp_id=RP_ID)
        self.made = complete_registration(
            self.register(options),
            state,
            verifier=verifier or contracts().consent_verifier,
            rp_id=RP_ID,
            origin=ORIGIN,
        )
        return self.made

    @property
    def signer(self):
        return self.made.signer

    def yes_to(self, digest):
        """Sign a form, and have that checked as the consent host does."""
        response = self.sign(request_options(digest, [self.made], rp_id=consent_rp_id()))
        _, signed = check_assertion(
            response, digest=digest, keys=[self.made], rp_id=consent_rp_id(), origin=consent_origin()
        )
        return signed

    def unchecked_yes_to(self, digest):
        """Sign a form, and have that sent by a server that checks nothing; the contract will."""
        answer = passkeys._parsed(
            passkeys.AuthenticationResponse,
            self.sign(request_options(digest, [self.made], rp_id=RP_ID)),
        ).response
        signature = passkeys._encoded(
            bytes(answer.authenticator_data), bytes(answer.client_data), answer.signature
        )
        return passkeys.Signed(self.signer, signature)
