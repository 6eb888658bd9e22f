"""People who help each other: the code by which they meet, and looking at whose record one may see."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from accounts.addresses import address_of
from audit.models import Ground
from consent.helping import begin, end, helped_by, patients_helped_by
from consent.models import Grant, GranteeKind
from consent.rules import grants_held_by
from consent.services.proxies import make_code
from consent.views.page import Press, SharingPage
from consent.wording import in_words, with_grantees
from patients.listing import Listing, record_listed
from patients.models import Patient


class People(SharingPage):
    """Who helps me, whom I help, and my code."""

    is_for_helpers = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request)

    def show(self, request: HttpRequest, **more: Any) -> HttpResponse:
        mine = Grant.objects.visible_to(self.patient).filter(grantee_kind=GranteeKind.PROXY)
        held = grants_held_by(request.user, at=self.now).select_related("patient").order_by("expires_at")
        # Of two grants of one person the one that lasts longer.
        helped = {grant.patient_id: grant for grant in held}
        note_helped(request, helped, at=self.now)
        context = self.get_context_data(
            helpers=in_words(with_grantees(mine.active(self.now)).newest_first(), at=self.now),
            helped=[(grant.patient, grant) for grant in helped.values()],
            now_helping=helped_by(request, at=self.now),
            **more,
        )
        return render(request, "consent/people.html", context)


def note_helped(request: HttpRequest, patients: Iterable[uuid.UUID], *, at: datetime) -> None:
    """Write for each of these patients that whoever helps them saw their name."""
    record_listed(
        patients,
        listing=Listing.HELPED,
        by=request.user,
        at=at,
        ground=Ground.GRANT,
        address=address_of(request),
    )


class NewCode(People):
    """Make the code, and show it this once."""

    def get(self, request: HttpRequest) -> HttpResponse:
        # Whoever switches the language on the answer comes here.
        return redirect("sharing:people")

    def post(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, code=make_code(by=self.user, at=self.now))


class Look(SharingPage):
    """Turn to the record of somebody whom I help, after being told what that means."""

    is_for_helpers = True

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        helped = self.helped(pk)
        note_helped(request, [helped.pk], at=self.now)
        return render(request, "consent/look.html", self.get_context_data(helped=helped))

    def post(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        begin(request, self.helped(pk))
        return redirect("home")

    def helped(self, pk: uuid.UUID) -> Patient:
        return get_object_or_404(patients_helped_by(self.request, at=self.now), pk=pk)


class Return(Press):
    """Turn back to one's own record."""

    page = "sharing:people"
    is_for_helpers = True

    def post(self, request: HttpRequest) -> HttpResponse:
        end(request)
        messages.success(request, _("You are back at your own record."))
        return redirect("home")
