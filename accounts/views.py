"""A person's own account: passkeys, second factor, devices, language."""

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth, flows
from allauth.mfa.webauthn.views import AddWebAuthnView, EditWebAuthnView
from allauth.usersessions.internal.flows.sessions import end_sessions
from allauth.usersessions.models import UserSession
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from django.views.generic import TemplateView

from accounts.devices import device_in_words
from accounts.forms import AddPasskeyForm
from accounts.models import User
from accounts.second_factor import has_second_factor, is_last_way_in
from audit import services as audit

View = Callable[..., HttpResponseBase]


@login_not_required
def closed(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    """Answer as if a page of allauth's that we don't offer did not exist: sign-up, e-mail, lost password."""
    raise Http404


def for_staff(view: View) -> View:
    """Let a patient find nothing here: they have no password, and so no use for a second factor."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.is_staff:
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


class Account(TemplateView):
    """My account. Staff without a second factor land here, and are told to set one up."""

    template_name = "account/index.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        authenticators = list(Authenticator.objects.filter(user_id=user.pk).order_by("created_at", "pk"))
        passkeys = [one for one in authenticators if one.type == Authenticator.Type.WEBAUTHN]
        by_type = {one.type: one for one in authenticators}
        codes = by_type.get(Authenticator.Type.RECOVERY_CODES)
        return super().get_context_data(
            passkeys=passkeys,
            can_remove_passkey=len(passkeys) > 1
            or (user.is_staff and Authenticator.Type.TOTP in by_type and bool(passkeys)),
            totp=by_type.get(Authenticator.Type.TOTP),
            recovery_codes_left=len(codes.wrap().get_unused_codes()) if codes else None,
            needs_second_factor=user.is_staff and not has_second_factor(user),
            device_count=UserSession.objects.filter(user_id=user.pk).count(),
            **kwargs,
        )


class AddPasskey(AddWebAuthnView):
    """Register one more passkey: discoverable and verified, so that it opens the account alone."""

    form_class = AddPasskeyForm

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["js_data"] = {
            "creation_options": auth.begin_registration(self.request.user, passwordless=True)
        }
        return context

    def form_valid(self, form: AddPasskeyForm) -> HttpResponse:
        if self.request.user.is_staff:
            with transaction.atomic():
                response: HttpResponse = super().form_valid(form)
                audit.record("passkey.added", at=timezone.now(), by=self.request.user)
            return response

        # Not allauth's own way, which makes recovery codes: they only go with a password.
        with transaction.atomic():
            flows.signup_authenticator(
                self.request,
                user=self.request.user,
                name=form.cleaned_data["name"],
                credential=form.cleaned_data["credential"],
            )
            audit.record("passkey.added", at=timezone.now(), by=self.request.user)
        return redirect("accounts:index")


class RenamePasskey(EditWebAuthnView):
    """Give a passkey another name."""

    def get_success_url(self) -> str:
        return reverse("accounts:index")


@method_decorator(reauthentication_required(app="allauth.mfa"), name="dispatch")
class RemovePasskey(TemplateView):
    """Remove a passkey, but never the last way in."""

    template_name = "mfa/webauthn/authenticator_confirm_delete.html"

    def passkey(self) -> Authenticator:
        passkeys = Authenticator.objects.filter(user=self.request.user, type=Authenticator.Type.WEBAUTHN)
        return get_object_or_404(passkeys, pk=self.kwargs["pk"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        passkey = self.passkey()
        return super().get_context_data(passkey=passkey, is_last=is_last_way_in(passkey), **kwargs)

    @transaction.atomic
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        # Two pages could remove two passkeys at once, each leaving the other: the account's row keeps
        # them apart.
        user = User.objects.select_for_update().get(pk=cast(User, request.user).pk)
        passkey = self.passkey()
        if is_last_way_in(passkey):
            messages.error(request, _("This is the only way into your account, so it was kept."))
        else:
            flows.remove_authenticator(request, passkey)
            audit.record("passkey.removed", at=timezone.now(), by=user)
        return redirect("accounts:index")


class Devices(ListUserSessionsView):
    """Where this account is signed in."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        context["devices"] = [
            {
                "words": device_in_words(session.user_agent),
                "address": session.ip,
                "since": session.created_at,
                "seen_at": session.last_seen_at,
                "is_current": session.is_current(),
            }
            for session in sorted(context["sessions"], key=lambda one: one.last_seen_at, reverse=True)
        ]
        return context


@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End every session of this account, this one included."""
    end_sessions(request, list(UserSession.objects.filter(user_id=request.user.pk)))
    return HttpResponseRedirect(get_adapter(request).get_logout_redirect_url(request))
