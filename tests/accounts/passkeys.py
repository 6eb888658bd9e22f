"""A device with passkeys, in software: what a browser would answer to what a page asks of it."""

import os
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
)

ORIGIN = "http://portal.localhost:8000"
FLAG = AuthenticatorData.FLAG


class Device:
    """A phone that keeps discoverable passkeys; `verifies=False` for one that does not check its owner."""

    def __init__(self, *, origin=ORIGIN, verifies=True):
        self.origin = origin
        self.presence = FLAG.USER_PRESENT | (FLAG.USER_VERIFIED if verifies else 0)
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = os.urandom(16)
        self.user_handle = None

    def register(self, options):
        """Make a passkey as `navigator.credentials.create` would."""
        public_key = options["publicKey"]
        self.user_handle = public_key["user"]["id"]
        data = AuthenticatorData.create(
            sha256(public_key["rp"]["id"].encode()).digest(),
            self.presence | FLAG.ATTESTED,
            0,
            AttestedCredentialData.create(
                Aaguid.NONE, self.credential_id, ES256.from_cryptography_key(self.key.public_key())
            ),
        )
        client_data = self._client_data(CollectedClientData.TYPE.CREATE, public_key)
        attestation = AttestationObject.create("none", data, {})
        return self._credential(
            {"clientDataJSON": websafe_encode(client_data), "attestationObject": websafe_encode(attestation)}
        )

    def sign(self, options):
        """Use the passkey as `navigator.credentials.get` would."""
        public_key = options["publicKey"]
        data = AuthenticatorData.create(sha256(public_key["rpId"].encode()).digest(), self.presence, 1)
        client_data = self._client_data(CollectedClientData.TYPE.GET, public_key)
        signature = self.key.sign(data + client_data.hash, ec.ECDSA(SHA256()))
        return self._credential(
            {
                "clientDataJSON": websafe_encode(client_data),
                "authenticatorData": websafe_encode(data),
                "signature": websafe_encode(signature),
                "userHandle": self.user_handle,
            }
        )

    def _client_data(self, kind, public_key):
        return CollectedClientData.create(kind, websafe_decode(public_key["challenge"]), self.origin)

    def _credential(self, response):
        return {
            "id": websafe_encode(self.credential_id),
            "rawId": websafe_encode(self.credential_id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {"credProps": {"rk": True}},
        }
