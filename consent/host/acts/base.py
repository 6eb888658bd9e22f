"""What every act on the consent host has in common: a ticket, a form to sign, and keys that may."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from fido2.utils import websafe_encode

from accounts.models import User
from chain.deployment import contracts
from consent.host.middleware import HostSession
from consent.host.refusals import Refused
from consent.host.registry import known_domain
from consent.models import Signer, Ticket
from consent.models.keys import new_pseudonym
from consent.services import keys, tickets
from consent.signing import Domain, Form, Signed, new_nonce, seconds
from consent.signing.passkeys import (
    HasKey,
    begin_registration,
    check_assertion,
    complete_registration,
    consent_origin,
    consent_rp_id,
)
from consent.signing.refusals import PasskeyRefused
from patients.models import Patient

REGISTRATION = "registration"
LONGEST_NAME = 60


@dataclass(frozen=True)
class Answer:
    """
    What the page sent: the passkeys' answers, still to be judged.

    :param credential: of a passkey that was just made
    :param by_new: the new passkey's signature
    :param by_known: the signature of one that the patient had before
    """

    name: str = ""
    credential: dict[str, Any] | None = None
    by_new: dict[str, Any] | None = None
    by_known: dict[str, Any] | None = None

    @classmethod
    def read(cls, content: Any) -> "Answer":
        """
        Read the page's JSON.

        :raises Refused: if it is something else
        """
        if not isinstance(content, dict):
            raise Refused("NotAnAssertion")
        parts = {name: content.get(name) for name in ("credential", "by_new", "by_known")}
        name = content.get("name", "")
        if not isinstance(name, str) or any(not isinstance(part, dict | None) for part in parts.values()):
            raise Refused("NotAnAssertion")
        return cls(name=" ".join(name.split())[:LONGEST_NAME], **parts)


class Act(ABC):
    """One thing that a patient does here: offered by `page`, done by `take`."""

    template: str

    def __init__(self, ticket: Ticket, session: HostSession) -> None:
        self.ticket = ticket
        self.session = session

    @abstractmethod
    def page(self, at: datetime) -> dict[str, Any]:
        """
        Return what the page is made of; `data` is for its script, which computes the digest itself.

        :raises Hindered: if it cannot be offered now
        """

    @abstractmethod
    def take(self, answer: Answer, at: datetime) -> None:
        """
        Judge the answer and do it; all of it in one transaction that finishes the ticket.

        :raises Refused: if it does not hold; nothing has changed then
        :raises TicketClosed: if it was done before
        """

    @property
    def patient(self) -> Patient:
        return self.ticket.patient

    @property
    def by(self) -> User:
        return self.ticket.by

    @property
    def content(self) -> dict[str, Any]:
        return self.ticket.content

    @property
    def domain(self) -> Domain:
        return known_domain()

    def pseudonym(self) -> bytes:
        return bytes(self.patient.pseudonym.value)

    def known_keys(self) -> list[Signer]:
        """Return the keys that may sign this."""
        return list(keys.usable_signers(self.patient).select_related("pseudonym"))

    def form_facts(self, at: datetime) -> dict[str, Any]:
        """Return what the form needs besides its subject; drawn once, however often the page is loaded."""
        if "form" not in self.content:
            drawn = {"nonce": str(new_nonce()), "deadline": last_second(at)}
            tickets.remember(self.ticket, form=drawn | {"pseudonym": new_pseudonym().hex()})
        facts: dict[str, Any] = self.content["form"]
        return facts

    def form_data(self, at: datetime, **more: Any) -> dict[str, Any]:
        """Return what the script needs of the form, whichever it is."""
        facts = self.form_facts(at)
        where = self.domain
        return {
            "chainId": str(where.chain_id),
            "registry": where.registry,
            "nonce": facts["nonce"],
            "deadline": str(facts["deadline"]),
            "keys": [websafe(signer.credential_id) for signer in self.known_keys()],
            **more,
        }

    def registration_options(self) -> dict[str, Any]:
        """Return what a new passkey is made from, and remember what it was asked for."""
        options, self.session[REGISTRATION] = begin_registration(
            rp_id=consent_rp_id(), known=self.known_keys()
        )
        self.session.save()
        return as_json(options["publicKey"])

    def new_key(self, answer: Answer) -> keys.NewKey:
        """Take in the passkey that was made; that it signs is for `signed_by_new` to see."""
        state = self.session.get(REGISTRATION)
        if answer.credential is None or state is None:
            raise Refused("NotAnAssertion")
        try:
            made = complete_registration(
                answer.credential,
                state,
                verifier=contracts().consent_verifier,
                rp_id=consent_rp_id(),
                origin=consent_origin(),
            )
        except PasskeyRefused as refusal:
            raise Refused(refusal.cause) from refusal
        return keys.NewKey(
            name=answer.name or str(_("My key")),
            signer=made.signer,
            credential_id=made.credential_id,
            credential=made.credential,
        )

    def signed_by_new(self, answer: Answer, form: Form, key: keys.NewKey) -> Signed:
        return self._signed(answer.by_new, form, [key])

    def signed_by_known(self, answer: Answer, form: Form) -> tuple[Signer, Signed]:
        """Return which of the patient's keys signed this form, and what the registry takes of it."""
        known = self.known_keys()
        signed = self._signed(answer.by_known, form, known)
        return next(one for one in known if bytes(one.signer) == signed.signer), signed

    def _signed(self, assertion: dict[str, Any] | None, form: Form, known: Sequence[HasKey]) -> Signed:
        if assertion is None:
            raise Refused("NotAnAssertion")
        try:
            return check_assertion(
                assertion,
                digest=form.digest(self.domain),
                keys=known,
                rp_id=consent_rp_id(),
                origin=consent_origin(),
            )
        except PasskeyRefused as refusal:
            raise Refused(refusal.cause) from refusal

    def lock_key(self, key: Signer) -> None:
        """
        Make sure, in the transaction that does the act, that this key counts until it has happened.

        :raises Refused: if it was removed meanwhile
        """
        Patient.objects.select_for_update().get(pk=self.patient.pk)
        if not keys.usable_signers(self.patient).filter(pk=key.pk).exists():
            raise Refused("NotASigner")


def last_second(at: datetime) -> int:
    """Return until when a form that is signed now can be relayed."""
    return seconds(at + timedelta(days=settings.CONSENT_FORM_DAYS))


def websafe(value: bytes | memoryview) -> str:
    return websafe_encode(bytes(value))


def as_json(value: Any) -> Any:
    """Return a fido2 option as plain JSON."""
    if isinstance(value, bytes | memoryview):
        return websafe(value)
    if hasattr(value, "items"):
        return {name: as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    return value
