"""When every key is lost: a new one proposed, or a proposal stopped by a key that was not lost after all."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from eth_utils import encode_hex, keccak

from chain.deployment import contracts
from consent.host.acts.base import Act, Answer
from consent.host.refusals import Hindered
from consent.host.registry import next_recovery_number, our_number, refuse_what_the_registry_would
from consent.models import Recovery, Relay
from consent.services import keys, tickets
from consent.signing import call_of, forms


class ProposeKey(Act):
    """Make a new key and propose it; a records officer had the patient in front of them before."""

    template = "consent_host/recover.html"

    def page(self, at: datetime) -> dict[str, Any]:
        self.recovery()
        data = self.form_data(
            at,
            act="recover",
            patient=encode_hex(self.pseudonym()),
            institution=str(our_number()),
            number=str(next_number(self)),
            verifier=contracts().consent_verifier,
            create=self.registration_options(),
        )
        return {"data": data}

    def recovery(self) -> Recovery:
        found = keys.open_recovery(self.patient)
        if found is None:
            raise Hindered(
                _(
                    "To replace lost keys, show at the hospital who you are, in person. "
                    "After that you can make a new one here."
                )
            )
        if found.proposed_at is not None:
            raise Hindered(_("You have proposed a new key already. It counts three days after that."))
        return found

    def take(self, answer: Answer, at: datetime) -> None:
        recovery = self.recovery()
        key = self.new_key(answer)
        form = forms.Recovery(
            patient=self.pseudonym(),
            institution=our_number(),
            number=next_number(self),
            signers=[keccak(key.signer)],
            deadline=self.form_facts(at)["deadline"],
        )
        call = call_of(form, self.signed_by_new(answer, form, key))
        if not Relay.objects.unfinished().filter(patient=self.patient).exists():
            refuse_what_the_registry_would(Relay.Kind.PROPOSE_RECOVERY, call)
        with transaction.atomic():
            tickets.finish(self.ticket, at=at)
            keys.propose_recovery(
                recovery=recovery,
                number=form.number,
                key=key,
                digest=form.digest(self.domain),
                call=call,
                by=self.by,
                at=at,
            )


class StopRecovery(Act):
    """Say no to a recovery, with any key that is still there."""

    template = "consent_host/veto.html"

    def page(self, at: datetime) -> dict[str, Any]:
        recovery = self.recovery()
        data = self.form_data(
            at, act="veto", patient=encode_hex(self.pseudonym()), number=str(self.number(recovery))
        )
        return {"data": data, "recovery": recovery}

    def recovery(self) -> Recovery:
        found = Recovery.objects.open().filter(patient=self.patient, pk=self.content["recovery"]).first()
        if found is None:
            raise Hindered(_("Your keys are not being replaced any more, so there is nothing to stop."))
        if not self.known_keys():
            raise Hindered(_("You have no key to sign this with. Call the hospital, which can stop it."))
        return found

    def number(self, recovery: Recovery) -> int:
        """Of a recovery that has no proposal yet: the one that it would get."""
        if recovery.number is not None:
            return recovery.number
        return next_number(self)

    def take(self, answer: Answer, at: datetime) -> None:
        recovery = self.recovery()
        form = forms.Veto(patient=self.pseudonym(), number=self.number(recovery))
        key, signed = self.signed_by_known(answer, form)
        call = call_of(form, signed)
        if recovery.recoverable_at is not None and keys.relay_that_makes(key) is None:
            refuse_what_the_registry_would(Relay.Kind.VETO_RECOVERY, call)
        with transaction.atomic():
            tickets.finish(self.ticket, at=at)
            self.lock_key(key)
            keys.veto_recovery(
                recovery=recovery, digest=form.digest(self.domain), call=call, by=self.by, at=at
            )


def next_number(act: Act) -> int:
    """Ask for the number of the next recovery once; the form that was offered is the form that is judged."""
    if "number" not in act.content:
        tickets.remember(act.ticket, number=next_recovery_number(act.pseudonym()))
    return int(act.content["number"])
