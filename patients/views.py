"""The two pages between a letter and an account: the code, then the passkey."""

import uuid
from datetime import timedelta
from typing import Any

from allauth.account.models import Login
from allauth.mfa.webauthn.internal import auth, flows
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import FormView

from accounts.forms import FirstPasskeyForm
from accounts.models import User
from accounts.rate_limit import RateLimit, TriedTooOften
from patients import services
from patients.forms import InvitationForm
from patients.models import Invitation

ATTEMPTS = RateLimit("invitation", attempts=10, seconds=15 * 60)
SESSION_KEY = "invitation"
# How long a browser may take from the code to the passkey.
TIME_TO_REGISTER = timedelta(minutes=15)


@method_decorator([login_not_required, sensitive_post_parameters()], name="dispatch")
class RedeemInvitation(FormView):
    """Ask for the code and the birth date. Every wrong answer is answered alike."""

    form_class = InvitationForm
    template_name = "invitation/redeem.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return redirect("home")
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: InvitationForm) -> HttpResponse:
        now = timezone.now()
        try:
            ATTEMPTS.use(self.request)
            invitation = services.verify(form.cleaned_data["code"], form.cleaned_data["birth_date"], at=now)
        except TriedTooOften as refusal:
            return self.refuse(
                form,
                ngettext(
                    "Too many attempts. Try again in %(minutes)d minute.",
                    "Too many attempts. Try again in %(minutes)d minutes.",
                    refusal.minutes,
                )
                % {"minutes": refusal.minutes},
                status=429,
            )
        except services.InvitationRefused:
            return self.refuse(
                form,
                _(
                    "This code and date of birth do not open an invitation. "
                    "Check both. A code works once, and only until the date in your letter."
                ),
            )
        # A new session, so that whoever knew the old one's key does not share what follows.
        self.request.session.cycle_key()
        user = invitation.patient.user
        self.request.session[SESSION_KEY] = {
            "id": invitation.pk,
            "user": str(user.pk if user else uuid.uuid4()),
            "at": now.isoformat(),
        }
        return redirect("invitation_passkey")

    def refuse(self, form: InvitationForm, words: str, status: int = 200) -> HttpResponse:
        form.add_error(None, words)
        return self.render_to_response(self.get_context_data(form=form), status=status)


@method_decorator(login_not_required, name="dispatch")
class RegisterPasskey(FormView):
    """Make a passkey, and with it the account."""

    form_class = FirstPasskeyForm
    template_name = "invitation/passkey.html"
    invitation: Invitation
    user: User

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        known = request.session.get(SESSION_KEY)
        if request.user.is_authenticated or not known:
            return redirect("invitation")
        verified_at = parse_datetime(known["at"])
        invitation = Invitation.objects.select_related("patient__user").filter(pk=known["id"]).first()
        now = timezone.now()
        if (
            verified_at is None
            or verified_at + TIME_TO_REGISTER < now
            or invitation is None
            or not invitation.is_open(now)
        ):
            return self.start_again()
        self.invitation = invitation
        self.user = services.account_to_be(invitation, uuid.UUID(known["user"]))
        return super().dispatch(request, *args, **kwargs)

    def start_again(self) -> HttpResponse:
        self.request.session.pop(SESSION_KEY, None)
        return redirect(reverse("invitation") + "?again")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "user": self.user}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        options = auth.begin_registration(self.user, passwordless=True)
        return super().get_context_data(
            **kwargs,
            js_data={"creation_options": options},
            has_account=self.invitation.patient.user is not None,
        )

    def form_valid(self, form: FirstPasskeyForm) -> HttpResponse:
        try:
            authenticator = services.accept(
                self.invitation.pk,
                user_id=self.user.pk,
                passkey_name=form.cleaned_data["name"],
                credential=form.cleaned_data["credential"],
                at=timezone.now(),
            )
        except services.InvitationRefused:
            return self.start_again()
        self.request.session.pop(SESSION_KEY, None)
        login = Login(user=authenticator.user, redirect_url=reverse("home"))
        return flows.perform_passwordless_login(self.request, authenticator, login)
