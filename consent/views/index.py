"""“Sharing”: who can see the record, who asks to, and the keys with which that is signed."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from consent.answers import Answers, NobodyThere
from consent.models import AccessRequest, Grant, Recovery, Signer, Ticket
from consent.services.keys import open_recovery, usable_signers
from consent.views.page import SharingPage
from consent.wording import in_words, sentence_of_request, with_grantees
from doctors.models import CareRelationship

# Beyond this, what has ended is history that the log keeps.
ENDED_SHOWN = 50
# So long after coming back from the consent host it is told what was done there.
JUST_NOW = timedelta(minutes=10)


class Index(SharingPage):
    """Everything about sharing on one page, what waits for the patient first."""

    def get(self, request: HttpRequest) -> HttpResponse:
        grants = with_grantees(Grant.objects.visible_to(self.patient)).newest_first()
        active = in_words(grants.active(self.now), at=self.now)
        ended = in_words(
            grants.exclude(pk__in=[one.grant.pk for one in active])[: ENDED_SHOWN + 1], at=self.now
        )
        asked = AccessRequest.objects.open(self.now).filter(patient=self.patient)
        treating = CareRelationship.objects.active(self.now).filter(patient=self.patient)
        return render(
            request,
            "consent/index.html",
            self.get_context_data(
                active=active,
                ended=ended[:ENDED_SHOWN],
                has_more_ended=len(ended) > ENDED_SHOWN,
                requests=[
                    (one, sentence_of_request(one))
                    for one in asked.select_related("clinician__institution").order_by("created_at", "pk")
                ],
                treating=treating.select_related("clinician__department").order_by("clinician__name", "pk"),
                signers=[*usable_signers(self.patient)],
                recovery=open_recovery(self.patient),
                done=self._done(request.GET.get("done", "")),
                unfinished=self._unfinished(),
            ),
        )

    def _done(self, kind: str) -> dict[str, Any] | None:
        """What was just signed, from what is stored: the address alone could say anything."""
        since = self.now - JUST_NOW
        if kind == Ticket.Kind.GRANT:
            grants = with_grantees(Grant.objects.visible_to(self.patient)).newest_first()
            given = in_words(grants.active(self.now).filter(created_at__gte=since)[:1], at=self.now)
            return {"given": given[0]} if given else None
        if kind == Ticket.Kind.REVOKE:
            return {
                "is_stopped": Grant.objects.visible_to(self.patient).filter(revoked_at__gte=since).exists()
            }
        signers = Signer.objects.filter(pseudonym__patient=self.patient)
        if kind in (Ticket.Kind.ENROL, Ticket.Kind.ADD_SIGNER):
            return {"has_new_key": signers.usable().filter(accepted_at__gte=since).exists()}
        if kind == Ticket.Kind.REMOVE_SIGNER:
            return {"has_less_keys": signers.filter(removed_at__gte=since).exists()}
        recoveries = Recovery.objects.filter(patient=self.patient)
        if kind == Ticket.Kind.RECOVER:
            return {"is_proposed": recoveries.open().filter(proposed_at__gte=since).exists()}
        if kind == Ticket.Kind.VETO:
            return {"is_vetoed": recoveries.filter(vetoed_at__gte=since).exists()}
        return None

    def _unfinished(self) -> dict[str, Any] | None:
        """The path that this browser left half-way."""
        answers = Answers.of(self.request)
        if answers is None or not answers.grantee:
            return None
        try:
            return {"who": answers.grantee_now().name, "next": answers.next_question}
        except NobodyThere:
            return None
