"""Giving access, and taking it away."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from eth_utils import encode_hex

from chain.commitment import WHOLE, Header, disclose
from consent.evidence import grantee_commitment, grantee_salt
from consent.host.acts.base import Act, Answer
from consent.host.refusals import Hindered, Refused
from consent.host.registry import refuse_what_the_registry_would
from consent.models import Grant, Relay, Signer
from consent.services import granting, keys, revoking, tickets
from consent.services.granting import Draft
from consent.signing import call_of, forms, seconds


class GiveAccess(Act):
    """Sign a grant that was prepared on the portal."""

    template = "consent_host/grant.html"

    def page(self, at: datetime) -> dict[str, Any]:
        draft = Draft.from_content(self.content)
        data = self.form_data(
            at,
            act="grant",
            patient=encode_hex(self.pseudonym()),
            **shown(draft.document, draft.header, draft.secret),
        )
        return {"data": data}

    def form(self, at: datetime) -> forms.Grant:
        """Write the form from what the portal prepared, and from nothing that the page says."""
        draft = Draft.from_content(self.content)
        facts = self.form_facts(at)
        return forms.Grant(
            patient=self.pseudonym(),
            grantee=grantee_commitment(grantee_salt(draft.secret), draft.grantee_text),
            scope=draft.scope,
            expiry=expiry_of(draft),
            nonce=int(facts["nonce"]),
            deadline=facts["deadline"],
        )

    def take(self, answer: Answer, at: datetime) -> None:
        draft = Draft.from_content(self.content)
        form = self.form(at)
        if form.expiry <= seconds(at):
            raise Refused("AlreadyExpired")
        key, signed = self.signed_by_known(answer, form)
        call = call_of(form, signed)
        after = keys.relay_that_makes(key)
        if after is None:
            refuse_what_the_registry_would(Relay.Kind.GRANT, call)
        with transaction.atomic():
            tickets.finish(self.ticket, at=at, until=draft.columns["expires_at"])
            self.lock_key(key)
            granting.sign_grant(
                draft,
                patient=self.patient,
                digest=form.digest(self.domain),
                call=call,
                after=after,
                by=self.by,
                at=at,
            )


class TakeAccessAway(Act):
    """Sign the end of a grant. It ends here whether or not the chain can be reached."""

    template = "consent_host/revoke.html"

    def page(self, at: datetime) -> dict[str, Any]:
        grant = self.grant()
        signed_form = self.granting(grant).call[0]
        data = self.form_data(
            at,
            act="revoke",
            patient=encode_hex(self.pseudonym()),
            # The form of the grant, from which the script computes what it is called on the chain.
            granted={"nonce": signed_form[4], "deadline": signed_form[5]},
            **shown(grant.document, granting.header_of(grant), grant.secret),
        )
        return {"data": data, "is_stopped": grant.revoked_at is not None}

    def take(self, answer: Answer, at: datetime) -> None:
        grant = self.grant()
        form = forms.Revocation(patient=self.pseudonym(), grant=bytes(grant.digest or b""))
        key, signed = self.signed_by_known(answer, form)
        call = call_of(form, signed)
        # Asked before anything is locked: a node may take its time to answer.
        would_be_taken = self.would_be_taken(grant, key, call)
        with transaction.atomic():
            tickets.finish(self.ticket, at=at)
            self.lock_key(key)
            if would_be_taken:
                digest = form.digest(self.domain)
                revoking.sign_revocation(grant=grant, digest=digest, call=call, by=self.by, at=at)
            elif grant.revoked_at is None:
                revoking.revoke_grant(grant=grant, by=self.by, at=at)

    def would_be_taken(self, grant: Grant, key: Signer, call: list[Any]) -> bool:
        """
        Say whether the registry would take the signature. If not, the grant ends here all the same, and the
        hospital tells the chain in its own name: a patient's no is never refused.
        """
        if not grant.on_chain_at or keys.relay_that_makes(key) is not None:
            return True
        try:
            refuse_what_the_registry_would(Relay.Kind.REVOKE, call)
        except Refused:
            return False
        return True

    def grant(self) -> Grant:
        found = Grant.objects.visible_to(self.patient).filter(pk=self.content["grant"]).first()
        if found is None or not found.is_signed:
            raise Hindered(_("There is no consent of yours to stop here."), status=404)
        if not self.known_keys():
            raise Hindered(
                _("You have no key to sign this with. The hospital tells the register that you stopped it.")
            )
        return found

    def granting(self, grant: Grant) -> Relay:
        return Relay.objects.get(grant=grant, kind=Relay.Kind.GRANT)


def expiry_of(draft: Draft) -> int:
    return seconds(datetime.fromisoformat(draft.columns["expires_at"]))


def shown(document: bytes, header: Header, secret: bytes) -> dict[str, Any]:
    """
    Return the document as the page shows it, with what its commitment is computed from.

    The secret stays here: the page gets two salts of it, as a proof does.
    """
    disclosure = disclose(document, header, secret, [WHOLE])
    (whole,) = disclosure.elements
    return {
        "document": whole.text,
        "header": {
            "topic": header.topic,
            "resourceType": header.resource_type,
            "id": header.id,
            "version": header.version,
            "author": header.author,
        },
        "whole": {
            "salt": encode_hex(whole.salt),
            "index": whole.index,
            "path": [encode_hex(one) for one in whole.path],
            "count": disclosure.count,
        },
        "granteeSalt": encode_hex(grantee_salt(secret)),
    }
