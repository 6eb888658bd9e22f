"""The consent host's three pages: the way in, the act, and what came of it."""

import json
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.dateparse import parse_datetime
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views import View

from accounts.rate_limit import RateLimit, TriedTooOften
from consent.host.acts import Answer, act_of
from consent.host.errors import dead_end
from consent.host.middleware import HostSession, begin_session
from consent.host.refusals import Hindered, Refused
from consent.models import Ticket
from consent.services import keys, tickets
from consent.services.granting import PeriodInvalid
from consent.services.revoking import GrantNotActive

# Wide, for a waiting room full of patients may share one address, and no token can be guessed.
ENTRIES = RateLimit("consent-enter", attempts=120, seconds=15 * 60)
# Of one ticket: each answer may ask the chain.
ANSWERS = RateLimit("consent-answer", attempts=30, seconds=15 * 60)
# An answer holds three assertions at most, each bounded by what the contract takes.
LONGEST_ANSWER = 64 * 1024

# What the services say, under the names that the page has words for.
CAUSES: dict[type[Exception], str] = {
    tickets.TicketClosed: "TicketClosed",
    keys.AlreadyEnrolled: "AlreadyEnrolled",
    keys.KeyKnown: "KeyKnown",
    keys.KeyNotUsable: "NotASigner",
    keys.LastKey: "LastSigner",
    keys.TooManyKeys: "TooManySigners",
    keys.RecoveryClosed: "RecoveryEnded",
    GrantNotActive: "AlreadyRevoked",
    PeriodInvalid: "AlreadyExpired",
}


@method_decorator(login_not_required, name="dispatch")
class Enter(View):
    """Take a ticket's token, and begin a session that is the ticket's alone."""

    # Not HEAD: whoever only looks at an address must not use it up.
    http_method_names = ["get"]

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        try:
            ENTRIES.use(request)
            ticket = tickets.enter(token, at=timezone.now())
        except TriedTooOften as refusal:
            return dead_end(request, too_often(refusal), status=429)
        except tickets.TicketRefused:
            words = _(
                "This way in was used before, or has been open for more than five minutes. "
                "Start again from your own pages at the hospital. Nothing has changed."
            )
            return dead_end(request, words, status=403)
        response = redirect("consent_host:act")
        begin_session(ticket, response)
        return response


@method_decorator(login_not_required, name="dispatch")
class TicketView(View):
    """A page for whoever entered with a ticket, in the language that they have on the portal."""

    ticket: Ticket
    session: HostSession

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.session = request.host_session
        ticket = self.entered_ticket()
        if ticket is None:
            return self.refuse(_("Start from your own pages at the hospital, with what you want to confirm."))
        self.ticket = ticket
        with translation.override(ticket.content["language"]):
            response = super().dispatch(request, *args, **kwargs)
            response.headers["Content-Language"] = translation.get_language() or ""
        return response

    def entered_ticket(self) -> Ticket | None:
        """Return the session's ticket, if its patient still has the account that brought it here."""
        pk = self.session.get("ticket")
        if pk is None:
            return None
        ticket = Ticket.objects.select_related("patient", "by").filter(pk=pk, by__is_active=True).first()
        return ticket if ticket and ticket.patient.user_id == ticket.by_id else None

    def refuse(self, words: str, *, status: int = 403) -> HttpResponse:
        return dead_end(self.request, words, status=status)


class DoAct(TicketView):
    """Show what is to be confirmed, and take the passkey's yes. Nothing changes before that."""

    def get(self, request: HttpRequest) -> HttpResponse:
        at = timezone.now()
        if self.ticket.finished_at is not None:
            return redirect("consent_host:done")
        if self.ticket.expires_at <= at:
            words = _(
                "Half an hour has gone by. Nothing has changed. "
                "Start again from your own pages at the hospital."
            )
            return self.refuse(words, status=410)
        try:
            act = act_of(self.ticket, self.session)
            context = act.page(at)
        except tickets.TicketClosed:
            return redirect("consent_host:done")
        except Hindered as hindrance:
            return self.refuse(hindrance.words, status=hindrance.status)
        return render(request, act.template, page_context(request) | context)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Judge what the page's script sent, and answer it in JSON."""
        try:
            ANSWERS.use(request, by=str(self.ticket.pk))
            act_of(self.ticket, self.session).take(self.answer(), timezone.now())
        except TriedTooOften as refusal:
            return told("TriedTooOften", too_often(refusal), status=429)
        except Refused as refusal:
            return told(refusal.cause, refusal.words, status=422)
        except Hindered as hindrance:
            return told("Hindered", hindrance.words, status=hindrance.status)
        except tuple(CAUSES) as error:
            cause = CAUSES[type(error)]
            return told(cause, Refused(cause).words, status=409)
        ticket = Ticket.objects.get(pk=self.ticket.pk)
        where = "consent_host:done" if ticket.finished_at else "consent_host:act"
        return JsonResponse({"next": reverse(where)})

    def answer(self) -> Answer:
        if self.ticket.finished_at is not None or self.ticket.expires_at <= timezone.now():
            raise tickets.TicketClosed
        if len(self.request.body) > LONGEST_ANSWER:
            raise Refused("NotAnAssertion")
        try:
            content = json.loads(self.request.body)
        except (ValueError, RecursionError) as error:
            raise Refused("NotAnAssertion") from error
        return Answer.read(content)


class Done(TicketView):
    """Say what holds now, and that the chain follows."""

    def get(self, request: HttpRequest) -> HttpResponse:
        if self.ticket.finished_at is None:
            return redirect("consent_host:act")
        outcome = self.ticket.content
        context = page_context(request) | {
            "kind": self.ticket.kind,
            "until": parse_datetime(outcome["until"]) if "until" in outcome else None,
            "back": f"{settings.PORTAL_URL}/sharing/?done={self.ticket.kind}",
        }
        return render(request, "consent_host/done.html", context)


def page_context(request: HttpRequest) -> dict[str, Any]:
    """Return what every page here has: where it is, and the way back with nothing changed."""
    return {
        "host": request.get_host(),
        "back": f"{settings.PORTAL_URL}/sharing/",
        "time_zone": settings.TIME_ZONE,
        # Browsers write dates in plain “en” as Americans do, month first.
        "date_language": "en-GB" if translation.get_language() == "en" else translation.get_language(),
    }


def told(cause: str, words: str, *, status: int) -> JsonResponse:
    """Answer the page's script with what was wrong: a name for it, and words for the patient."""
    return JsonResponse({"cause": cause, "words": words}, status=status)


def too_often(refusal: TriedTooOften) -> str:
    words = ngettext(
        "Too many attempts. Try again in %(minutes)d minute.",
        "Too many attempts. Try again in %(minutes)d minutes.",
        refusal.minutes,
    )
    return str(words) % {"minutes": refusal.minutes}
