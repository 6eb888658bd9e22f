"""Consent passkeys in software, and a page of the consent host as far as signing needs one."""

from fido2.utils import websafe_decode, websafe_encode

from chain.deployment import contracts
from consent.signing import Signed
from consent.signing.passkeys import (
    begin_registration,
    check_assertion,
    complete_registration,
    consent_origin,
    consent_rp_id,
    signature_of,
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

    def answer_to(self, digest, *, rp_id=RP_ID):
        """Sign a form as the page's script asks, and return what the browser would send."""
        return self.sign({"publicKey": {"rpId": rp_id, "challenge": websafe_encode(digest)}})

    def yes_to(self, digest):
        """Sign a form, and have that checked as the consent host does."""
        return check_assertion(
            self.answer_to(digest),
            digest=digest,
            keys=[self.made],
            rp_id=consent_rp_id(),
            origin=consent_origin(),
        )

    def unchecked_yes_to(self, digest):
        """Sign a form, and have that sent by a server that checks nothing; the contract will."""
        part = {name: websafe_decode(value) for name, value in self.answer_to(digest)["response"].items()}
        signature = signature_of(part["authenticatorData"], part["clientDataJSON"], part["signature"])
        return Signed(self.signer, signature)
