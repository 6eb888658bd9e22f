"""What the pages of sharing have in common: they belong to the patient who is signed in, to nobody else."""

from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.generic.base import ContextMixin, View

from accounts.models import User
from consent.helping import helped_by
from consent.models import Grant, Ticket
from consent.services.tickets import issue
from consent.wording import with_grantees
from patients.models import Patient
from patients.rules import patient_of


class SharingPage(ContextMixin, View):
    """
    A page about the signed-in patient's own sharing; for everybody else there is nothing at its address.

    Somebody who looks at another's record as their helper is told to return to their own first: what they
    would do here concerns themselves, under a banner with somebody else's name.
    """

    patient: Patient
    user: User
    now: datetime
    is_for_helpers = False

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.now = timezone.now()

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        patient = patient_of(request.user)
        if patient is None or not isinstance(request.user, User):
            raise Http404
        self.patient, self.user = patient, request.user
        if not self.is_for_helpers and helped_by(request, at=self.now):
            return own_record_only(request)
        return super().dispatch(request, *args, **kwargs)

    def grant(self, pk: Any) -> Grant:
        """Find one of this patient's own grants; anybody else's is not found."""
        return get_object_or_404(with_grantees(Grant.objects.visible_to(self.patient)), pk=pk)

    def go_and_sign(self, kind: Ticket.Kind, content: dict[str, Any] | None = None) -> HttpResponse:
        """Hand this patient over to the consent host, for one act there."""
        return redirect(
            issue(kind=kind, patient=self.patient, content=content or {}, by=self.user, at=self.now)
        )


class Press(SharingPage):
    """
    What a button does. Whoever comes by an address, as after signing in again, is led to the button's page.
    """

    page = "sharing:index"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.find(**kwargs)
        return redirect(self.page, *args, **kwargs)

    def find(self, **kwargs: Any) -> Any:
        """Look up what the address names, so that what is not theirs is not found here either."""


def own_record_only(request: HttpRequest) -> HttpResponse:
    """Say that this page is about one's own record, and how to return to it."""
    return render(request, "consent/own_only.html", status=409)
