"""Keys for sharing: the first one, another one, and one less."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from eth_utils import encode_hex, keccak

from chain.deployment import contracts
from consent.host.acts.base import Act, Answer
from consent.host.refusals import Hindered, Refused
from consent.host.registry import our_number, refuse_what_the_registry_would
from consent.models import Pseudonym, Relay, Signer
from consent.services import keys, tickets
from consent.signing import call_of, forms


class MakeFirstKey(Act):
    """
    Make the first key, and use it once to prove that it signs.

    On the way to a grant it leaves the ticket open for what the patient came for.
    """

    template = "consent_host/enrol.html"

    def __init__(self, *args: Any, is_on_the_way: bool = False) -> None:
        super().__init__(*args)
        self.is_on_the_way = is_on_the_way

    def page(self, at: datetime) -> dict[str, Any]:
        if keys.has_keys(self.patient):
            raise Hindered(
                _("You have a key for sharing already. You can add another one from your own pages.")
            )
        data = self.form_data(
            at,
            act="enrol",
            patient=encode_hex(self.pseudonym_to_be(at)),
            institution=str(our_number()),
            verifier=contracts().consent_verifier,
            create=self.registration_options(),
        )
        return {"data": data, "is_on_the_way": self.is_on_the_way}

    def pseudonym_to_be(self, at: datetime) -> bytes:
        """Return the pseudonym that the form names: drawn now, unless an enrolment came to nothing before."""
        known = Pseudonym.objects.filter(patient=self.patient).first()
        return bytes(known.value) if known else bytes.fromhex(self.form_facts(at)["pseudonym"])

    def take(self, answer: Answer, at: datetime) -> None:
        if keys.has_keys(self.patient):
            raise Refused("AlreadyEnrolled")
        key = self.new_key(answer)
        pseudonym = self.pseudonym_to_be(at)
        form = forms.Enrolment(
            patient=pseudonym,
            institution=our_number(),
            signers=[keccak(key.signer)],
            deadline=self.form_facts(at)["deadline"],
        )
        call = call_of(form, self.signed_by_new(answer, form, key))
        refuse_what_the_registry_would(Relay.Kind.ENROL, call)
        with transaction.atomic():
            if not self.is_on_the_way:
                tickets.finish(self.ticket, at=at)
            keys.enrol(
                patient=self.patient,
                pseudonym=pseudonym,
                key=key,
                digest=form.digest(self.domain),
                call=call,
                by=self.by,
                at=at,
            )


class AddKey(Act):
    """Make another key; it and one of before sign that it is one from now on."""

    template = "consent_host/add_signer.html"

    def page(self, at: datetime) -> dict[str, Any]:
        if not keys.has_keys(self.patient):
            raise Hindered(_("You have no key for sharing yet. Make the first one from your own pages."))
        data = self.form_data(
            at,
            act="add",
            patient=encode_hex(self.pseudonym()),
            verifier=contracts().consent_verifier,
            create=self.registration_options(),
        )
        return {"data": data, "signers": self.known_keys()}

    def take(self, answer: Answer, at: datetime) -> None:
        key = self.new_key(answer)
        facts = self.form_facts(at)
        form = forms.SignerAddition(
            patient=self.pseudonym(),
            signer=keccak(key.signer),
            nonce=int(facts["nonce"]),
            deadline=facts["deadline"],
        )
        by_new = self.signed_by_new(answer, form, key)
        known, by_known = self.signed_by_known(answer, form)
        call = call_of(form, by_new, by_known)
        if keys.relay_that_makes(known) is None:
            refuse_what_the_registry_would(Relay.Kind.ADD_SIGNER, call)
        with transaction.atomic():
            tickets.finish(self.ticket, at=at)
            keys.add_signer(
                patient=self.patient,
                key=key,
                let_in_by=known,
                digest=form.digest(self.domain),
                call=call,
                by=self.by,
                at=at,
            )


class RemoveKey(Act):
    """
    Take a key away, signed by another one.

    The registry would take the key's own signature, too; another one's shows that the patient is not about
    to lock themselves out.
    """

    template = "consent_host/remove_signer.html"

    def page(self, at: datetime) -> dict[str, Any]:
        signer = self.signer()
        data = self.form_data(
            at,
            act="remove",
            patient=encode_hex(self.pseudonym()),
            signer=encode_hex(bytes(signer.signer)),
        )
        return {"data": data, "signer": signer}

    def known_keys(self) -> list[Signer]:
        return [one for one in super().known_keys() if one.pk != self.content["signer"]]

    def signer(self) -> Signer:
        signer = keys.usable_signers(self.patient).filter(pk=self.content["signer"]).first()
        if signer is None:
            raise Hindered(_("This key does not count any more, so there is nothing to remove."))
        if not self.known_keys():
            raise Hindered(_("This is your only key. Make another one before you remove it."))
        return signer

    def take(self, answer: Answer, at: datetime) -> None:
        signer = self.signer()
        facts = self.form_facts(at)
        form = forms.SignerRemoval(
            patient=self.pseudonym(),
            signer=bytes(signer.hash),
            nonce=int(facts["nonce"]),
            deadline=facts["deadline"],
        )
        known, signed = self.signed_by_known(answer, form)
        call = call_of(form, signed)
        if not Relay.objects.unfinished().filter(patient=self.patient).exists():
            refuse_what_the_registry_would(Relay.Kind.REMOVE_SIGNER, call)
        with transaction.atomic():
            tickets.finish(self.ticket, at=at)
            keys.remove_signer(
                signer=signer,
                signed_by=known,
                digest=form.digest(self.domain),
                call=call,
                by=self.by,
                at=at,
            )
