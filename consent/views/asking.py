"""A doctor's request: what is asked and why, and the patient's answer, which is given once."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _

from consent.answers import CHECK, WHAT, Answers
from consent.forms import DeclineForm
from consent.models import AccessRequest
from consent.services.granting import answer
from consent.views.page import Press, SharingPage
from consent.wording import kinds_in_words, sentence_of_request


class RequestPage(SharingPage):
    """A page about one request; that of another patient is not found."""

    def asked(self, pk: uuid.UUID) -> AccessRequest:
        requests = AccessRequest.objects.filter(patient=self.patient)
        return get_object_or_404(requests.select_related("clinician__institution"), pk=pk)

    def too_late(self, request: HttpRequest, asked: AccessRequest) -> HttpResponse:
        messages.info(request, _("This was answered or taken back before. Nothing has changed."))
        return redirect("sharing:request", pk=asked.pk)


class RequestDetail(RequestPage):
    """Who asks for what, and why in the doctor's own words."""

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        asked = self.asked(pk)
        context: dict[str, Any] = self.get_context_data(
            asked=asked,
            sentence=sentence_of_request(asked),
            kinds=kinds_in_words(asked.kinds),
            department=asked.clinician.department,
            is_open=asked.is_open(self.now),
            grant=asked.grants.filter(patient=self.patient).first(),
        )
        return render(request, "consent/request.html", context)


class AcceptRequest(RequestPage, Press):
    """Go on to the check with what was asked, or to the questions to share less; nothing is given yet."""

    page = "sharing:request"

    def find(self, **kwargs: Any) -> Any:
        return self.asked(kwargs["pk"])

    def post(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        asked = self.asked(pk)
        if not asked.is_open(self.now):
            return self.too_late(request, asked)
        Answers.to_request(asked, at=self.now).keep(request)
        return redirect(WHAT if "less" in request.POST else CHECK)


class DeclineRequest(RequestPage):
    """Say no, with words to the doctor or without."""

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        asked = self.asked(pk)
        if not asked.is_open(self.now):
            return redirect("sharing:request", pk=pk)
        return self.show(request, asked, DeclineForm())

    def post(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        form = DeclineForm(request.POST)
        asked = self.asked(pk)
        if not form.is_valid():
            return self.show(request, asked, form, status=422)
        words = form.cleaned_data["words"].strip()
        if not answer(asked, is_accepted=False, words=words, by=self.user, at=self.now):
            return self.too_late(request, asked)
        messages.success(
            request,
            _("You declined. %(doctor)s sees nothing more than before.") % {"doctor": asked.clinician},
        )
        return redirect("sharing:index")

    def show(
        self, request: HttpRequest, asked: AccessRequest, form: DeclineForm, status: int = 200
    ) -> HttpResponse:
        context = self.get_context_data(asked=asked, form=form)
        return render(request, "consent/decline.html", context, status=status)
