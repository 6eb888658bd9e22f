"""One grant: what it says, what became of it, and its end."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.addresses import address_of
from audit import services as audit
from audit.models import Event, Ground
from consent.answers import Answers
from consent.models import EndedBy, Grant, GranteeKind, Relay, Ticket
from consent.models.grants import ONE_OCCASION
from consent.services.evidence import NoEvidence, take_evidence
from consent.services.keys import has_keys
from consent.services.revoking import GrantNotActive, revoke_grant
from consent.views.page import Press, SharingPage
from consent.wording import GrantInWords, in_words

# The newest openings are looked through for those under one grant; “Who looked” has all of them.
OPENINGS_SEARCHED = 300
USES_SHOWN = 5
ENDS = {
    EndedBy.PATIENT: gettext_lazy("You stopped it"),
    EndedBy.HOSPITAL: gettext_lazy("The hospital ended it"),
    EndedBy.CONTRACT: gettext_lazy("The public register did not take it"),
    EndedBy.CHAIN: gettext_lazy("It was stopped in the public register"),
}


class GrantDetail(SharingPage):
    """Everything about one grant."""

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        [shown] = in_words([self.grant(pk)], at=self.now)
        grant = shown.grant
        uses, person = self._uses(grant)
        if uses:
            # Who looked is read here as on the page of that name.
            audit.record(
                "log.read",
                at=self.now,
                by=self.user,
                patient_id=self.patient.pk,
                ground=Ground.OWN_RECORD,
                address=address_of(request),
                grant=str(grant.pk),
            )
        relays = sorted(grant.relays.all(), key=lambda relay: relay.pk)
        context = self.get_context_data(
            shown=shown,
            history=_history(shown, uses),
            looked=self._looked(grant, person),
            relays=relays,
            digest="0x" + bytes(grant.digest).hex() if grant.digest else "",
            has_evidence=grant.is_signed,
            can_be_renewed=grant.revoked_at is None,
            can_sign_stop=shown.register.can_be_signed and has_keys(self.patient),
            renewed=Grant.objects.visible_to(self.patient).filter(renews=grant).newest_first().first(),
        )
        return render(request, "consent/grant.html", context)

    def _uses(self, grant: Grant) -> tuple[list[Event], uuid.UUID | None]:
        """The newest openings under this grant, and who made the last one."""
        openings = Event.objects.of_patient(self.patient.pk).openings()
        found = []
        for event in openings.filter(ground=Ground.GRANT, at__gte=grant.starts_at).newest_first()[
            :OPENINGS_SEARCHED
        ]:
            if str(grant.pk) in event.legible_facts.get("grants", ()):
                found.append(event)
                if len(found) == USES_SHOWN:
                    break
        return found, found[0].actor_id if found else None

    def _looked(self, grant: Grant, person: uuid.UUID | None) -> str:
        """The page “Who looked”, filtered by the one person who may use it where it is one."""
        address = reverse("records:openings")
        is_one = grant.grantee_kind in (GranteeKind.PERSON, GranteeKind.PROXY)
        return f"{address}?who=person:{person}" if is_one and person else address


class StopGrant(SharingPage):
    """Stop sharing: asked once, then done at once, whether or not the public register can be reached."""

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        [shown] = in_words([self.grant(pk)], at=self.now)
        if not shown.can_be_stopped:
            return redirect("sharing:grant", pk=pk)
        can_sign = _is_known_to_register(shown.grant) and has_keys(self.patient)
        return render(request, "consent/stop.html", self.get_context_data(shown=shown, can_sign=can_sign))

    def post(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        grant = self.grant(pk)
        signs = "sign" in request.POST and _is_known_to_register(grant) and has_keys(self.patient)
        try:
            revoke_grant(grant=grant, by=self.user, at=self.now, will_sign=signs)
        except GrantNotActive:
            messages.info(request, _("This had ended already. Nothing has changed."))
        else:
            messages.success(
                request, _("You stopped sharing. From this moment nothing more can be seen under it.")
            )
            if signs:
                return self.go_and_sign(Ticket.Kind.REVOKE, {"grant": str(grant.pk)})
        return redirect("sharing:grant", pk=pk)


class SignStop(Press):
    """Put one's own signature under a stop whose word the hospital has not sent yet."""

    page = "sharing:grant"

    def find(self, **kwargs: Any) -> Any:
        return self.grant(kwargs["pk"])

    def post(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        [shown] = in_words([self.grant(pk)], at=self.now)
        if not shown.register.can_be_signed or not has_keys(self.patient):
            messages.info(request, _("The hospital has sent your stop already. It needs no signature more."))
            return redirect("sharing:grant", pk=pk)
        return self.go_and_sign(Ticket.Kind.REVOKE, {"grant": str(pk)})


class RenewGrant(Press):
    """Share the same again: the path with its answers filled in, and a new signature at its end."""

    page = "sharing:grant"

    def find(self, **kwargs: Any) -> Any:
        return self.grant(kwargs["pk"])

    def post(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        grant = self.grant(pk)
        if grant.revoked_at is not None:
            messages.info(request, _("What was stopped is not renewed. Share it anew instead."))
            return redirect("sharing:grant", pk=pk)
        answers = Answers.to_renew(grant, at=self.now)
        answers.keep(request)
        return redirect(answers.next_question)


class Evidence(SharingPage):
    """The evidence of a signed grant as a file; of a paper one the page says why there is none."""

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        grant = self.grant(pk)
        try:
            evidence = take_evidence(grant, by=self.user, at=self.now)
        except NoEvidence as refusal:
            context = self.get_context_data(grant=grant, is_attested=not grant.is_signed, reason=refusal)
            return render(request, "consent/no_evidence.html", context, status=409)
        response = HttpResponse(evidence, content_type="application/json")
        name = f"consent-{timezone.localdate(grant.created_at).isoformat()}.json"
        response.headers["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def _is_known_to_register(grant: Grant) -> bool:
    """Whether the register has the grant, or is about to: of another there is nothing to tell it."""
    known = (Relay.State.SENT, Relay.State.DONE)
    return any(relay.kind == Relay.Kind.GRANT and relay.state in known for relay in grant.relays.all())


def _history(shown: GrantInWords, uses: list[Event]) -> list[dict[str, Any]]:
    """What happened to a grant, newest first, as lines of a timeline."""
    grant = shown.grant
    lines: list[tuple[Any, dict[str, Any]]] = [
        (
            grant.created_at,
            {
                "title": _("You gave it, signed with your own key")
                if grant.is_signed
                else _("You gave it on paper, and the hospital recorded it")
            },
        )
    ]
    if grant.on_chain_at:
        lines.append((grant.on_chain_at, {"title": _("It came into the public register")}))
    for event in uses:
        name = event.legible_facts.get("actorName") or _("Somebody")
        lines.append(
            (
                event.at,
                {
                    "title": _("%(name)s looked at your record") % {"name": name},
                    "address": reverse("records:opening", args=[event.pk]),
                },
            )
        )
    if grant.revoked_at:
        lines.append((grant.revoked_at, {"title": ENDS[EndedBy(grant.ended_by)]}))
    elif grant.is_once and grant.used_at and not shown.is_active:
        lines.append((min(grant.used_at + ONE_OCCASION, grant.expires_at), {"title": _("It was used")}))
    elif not shown.is_active:
        lines.append((grant.expires_at, {"title": _("It ran out")}))
    if grant.off_chain_at:
        lines.append((grant.off_chain_at, {"title": _("The public register knew that it had ended")}))
    lines.sort(key=lambda line: line[0])
    return [{"moment": _moment(at), **line} for at, line in reversed(lines)]


def _moment(at: Any) -> str:
    return str(date_format(timezone.localtime(at), "j F Y, H:i"))
