"""The keys with which a patient signs: which there are, another one, and none that is not theirs."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from consent.models import Ticket
from consent.services.keys import (
    MOST_KEYS,
    RecoveryClosed,
    has_keys,
    open_recovery,
    usable_signers,
    withdraw_recovery,
)
from consent.views.page import Press, SharingPage


class Keys(SharingPage):
    """The keys, and a replacement that is under way."""

    def get(self, request: HttpRequest) -> HttpResponse:
        signers = [*usable_signers(self.patient)]
        context: dict[str, Any] = self.get_context_data(
            signers=signers,
            recovery=open_recovery(self.patient),
            can_add=len(signers) < MOST_KEYS,
            can_remove=len(signers) > 1,
        )
        return render(request, "consent/keys.html", context)


class NewKey(Press):
    """Go and make a key: the first one, or another one that a key of before lets in."""

    page = "sharing:keys"

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.go_and_sign(Ticket.Kind.ADD_SIGNER if has_keys(self.patient) else Ticket.Kind.ENROL)


class RemoveKey(SharingPage):
    """Go and sign that a key counts no more; the only one stays."""

    def get(self, request: HttpRequest, pk: int) -> HttpResponse:
        signer = get_object_or_404(usable_signers(self.patient), pk=pk)
        context = self.get_context_data(signer=signer, is_last=usable_signers(self.patient).count() == 1)
        return render(request, "consent/remove_key.html", context)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        signer = get_object_or_404(usable_signers(self.patient), pk=pk)
        if usable_signers(self.patient).count() == 1:
            messages.error(request, _("This is your only key, so it was kept."))
            return redirect("sharing:keys")
        return self.go_and_sign(Ticket.Kind.REMOVE_SIGNER, {"signer": signer.pk})


class Recover(Press):
    """Go and make the new key, after the hospital has seen who it is."""

    page = "sharing:keys"

    def post(self, request: HttpRequest) -> HttpResponse:
        recovery = open_recovery(self.patient)
        if recovery is None or recovery.proposed_at is not None:
            messages.info(request, _("There is no new key to make. Nothing has changed."))
            return redirect("sharing:keys")
        return self.go_and_sign(Ticket.Kind.RECOVER)


class StopRecovery(Press):
    """
    Stop a replacement of keys that somebody else asked for.

    With a key it is signed, which binds the public register. Without one, signed in here, the hospital takes
    its proposal back: whoever is unsure must never be held up for want of a device.
    """

    page = "sharing:keys"

    def post(self, request: HttpRequest) -> HttpResponse:
        recovery = open_recovery(self.patient)
        if recovery is None:
            messages.info(request, _("No keys are being replaced any more. Nothing has changed."))
            return redirect("sharing:keys")
        if recovery.proposed_at is not None and "without_key" not in request.POST:
            return self.go_and_sign(Ticket.Kind.VETO, {"recovery": str(recovery.pk)})
        try:
            withdraw_recovery(recovery=recovery, by=self.user, at=self.now)
        except RecoveryClosed:
            messages.info(request, _("No keys are being replaced any more. Nothing has changed."))
        else:
            messages.success(request, _("Stopped. Your keys stay as they are."))
        return redirect("sharing:keys")
