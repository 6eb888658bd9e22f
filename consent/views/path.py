"""
Sharing with someone: one question a page, then a check, then the consent host.

Each page can be reached again from the check and by the browser's own way back. Until the patient has signed,
nothing is stored but the answers, in the session.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from consent import answers as path
from consent.answers import Answers, NobodyThere
from consent.categories import Sensitivity
from consent.documents import Grantee
from consent.forms import KindsForm, LastDayForm, LengthForm, PurposeForm, SensitiveForm, WhatForm, WhoForm
from consent.models import Covers, GranteeKind, Purpose, Ticket
from consent.services.granting import NothingCovered, PeriodInvalid, prepare_grant
from consent.services.keys import has_keys
from consent.views.page import Press, SharingPage
from consent.wording import day_of, kinds_in_words, sentence_of, what_in_words

# Where each kind of grantee is chosen.
WHICH = {
    GranteeKind.PERSON.value: "sharing:doctor",
    GranteeKind.DEPARTMENT.value: "sharing:department",
    GranteeKind.INSTITUTION.value: "sharing:hospital",
    GranteeKind.PROXY.value: "sharing:helper",
}


class Start(Press):
    """Begin anew: what an earlier path left behind is forgotten."""

    def post(self, request: HttpRequest) -> HttpResponse:
        path.forget(request)
        return redirect(path.WHO)


class Leave(Press):
    """Leave the path without sharing anything."""

    def post(self, request: HttpRequest) -> HttpResponse:
        path.forget(request)
        messages.info(request, _("Nothing was shared."))
        return redirect("sharing:index")


class OnThePath(SharingPage):
    """A page that can be reached once the questions before it have their answers."""

    question = path.WHO
    answers: Answers

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.answers = Answers.of(request) or Answers()
        return super().dispatch(request, *args, **kwargs)

    def go_on(self) -> HttpResponse:
        self.answers.keep(self.request)
        return redirect(self.answers.next_question)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        before = self.answers.before(self.question)
        return super().get_context_data(
            **{
                "back": reverse(before) if before else reverse("sharing:index"),
                "is_first": not before,
                "answers": self.answers,
                **kwargs,
            }
        )


class Question(OnThePath):
    """One question: its form, and what its answer changes."""

    template_name = "consent/path/question.html"

    def form(self, data: Any = None) -> forms.Form:
        raise NotImplementedError

    def take(self, given: dict[str, Any]) -> None:
        """Keep a valid answer."""
        raise NotImplementedError

    def get(self, request: HttpRequest) -> HttpResponse:
        if not self.answers.can_be_asked(self.question):
            return redirect(self.answers.next_question)
        return self.show(self.form())

    def post(self, request: HttpRequest) -> HttpResponse:
        if not self.answers.can_be_asked(self.question):
            return redirect(self.answers.next_question)
        form = self.form(request.POST)
        if not form.is_valid():
            return self.show(form, status=422)
        self.take(form.cleaned_data)
        return self.go_on()

    def show(self, form: forms.Form, status: int = 200) -> HttpResponse:
        return render(self.request, self.template_name, self.get_context_data(form=form), status=status)


class Who(Question):
    question = path.WHO

    def form(self, data: Any = None) -> forms.Form:
        return WhoForm(data, initial={"answer": self.answers.grantee_kind})

    def take(self, given: dict[str, Any]) -> None:
        if given["answer"] != self.answers.grantee_kind:
            self.answers.grantee_kind, self.answers.grantee = given["answer"], ""

    def go_on(self) -> HttpResponse:
        self.answers.keep(self.request)
        return redirect(WHICH[self.answers.grantee_kind])


class What(Question):
    question = path.WHAT

    def form(self, data: Any = None) -> forms.Form:
        return WhatForm(data, initial={"answer": self.answers.covers})

    def take(self, given: dict[str, Any]) -> None:
        if given["answer"] != self.answers.covers:
            self.answers.covers = given["answer"]
            # More or other records may hold other topics, so they are asked for once more.
            self.answers.sensitivities = None

    def go_on(self) -> HttpResponse:
        more = {Covers.CATEGORIES: path.KINDS, Covers.DOCUMENTS: path.RECORDS}
        self.answers.keep(self.request)
        return redirect(more.get(Covers(self.answers.covers), self.answers.next_question))


class Kinds(Question):
    question = path.KINDS

    def form(self, data: Any = None) -> forms.Form:
        return KindsForm(data, initial={"answer": self.answers.kinds})

    def take(self, given: dict[str, Any]) -> None:
        self.answers.kinds = given["answer"]


class Sensitive(Question):
    """Sensitive topics, none of them ticked; of single records it is told what they are marked with."""

    question = path.SENSITIVE
    template_name = "consent/path/sensitive.html"

    def form(self, data: Any = None) -> forms.Form:
        return SensitiveForm(data, initial={"answer": self.answers.sensitivities or []})

    def take(self, given: dict[str, Any]) -> None:
        self.answers.sensitivities = given["answer"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        is_single = self.answers.covers == Covers.DOCUMENTS
        marks = self.answers.marks if is_single else {}
        titles = self.answers.records
        marked = [
            (titles[record], [str(Sensitivity(one).label) for one in found])
            for record, found in marks.items()
            if found and path.UNSORTED not in found
        ]
        unsorted = [titles[record] for record, found in marks.items() if path.UNSORTED in found]
        return super().get_context_data(
            marked=marked, unsorted=unsorted, has_unmarked_only=is_single and not marked, **kwargs
        )


class Why(Question):
    question = path.PURPOSE

    def form(self, data: Any = None) -> forms.Form:
        return PurposeForm(data, initial={"answer": self.answers.purpose})

    def take(self, given: dict[str, Any]) -> None:
        self.answers.purpose = given["answer"]


class HowLong(Question):
    question = path.LENGTH

    def form(self, data: Any = None) -> forms.Form:
        return LengthForm(data, initial={"answer": self.answers.length}, answers=self.answers)

    def take(self, given: dict[str, Any]) -> None:
        if given["answer"] != self.answers.length:
            self.answers.length, self.answers.until = given["answer"], ""

    def go_on(self) -> HttpResponse:
        self.answers.keep(self.request)
        is_day = self.answers.length == path.UNTIL
        return redirect(path.LAST_DAY if is_day else self.answers.next_question)


class LastDay(Question):
    question = path.LAST_DAY
    template_name = "consent/path/last_day.html"

    def form(self, data: Any = None) -> forms.Form:
        initial = {"until": path.day_in(self.answers.until)}
        return LastDayForm(data, initial=initial, today=timezone.localdate(self.now))

    def take(self, given: dict[str, Any]) -> None:
        self.answers.until = given["until"].isoformat()


class Check(OnThePath):
    """All answers on one page, each with the way to change it; from here to the consent host."""

    question = path.CHECK

    def get(self, request: HttpRequest) -> HttpResponse:
        if self.answers.next_question != path.CHECK:
            return redirect(self.answers.next_question)
        try:
            grantee = self.answers.grantee_now()
        except NobodyThere:
            return self.nobody_there()
        context = self.get_context_data(**self.in_words(grantee))
        return render(request, "consent/path/check.html", context)

    def post(self, request: HttpRequest) -> HttpResponse:
        if self.answers.next_question != path.CHECK:
            return redirect(self.answers.next_question)
        asked = self.answers.open_request(self.patient, at=self.now)
        if self.answers.request and asked is None:
            path.forget(request)
            messages.info(request, _("This request was answered or taken back before. Nothing was shared."))
            return redirect("sharing:index")
        try:
            draft = prepare_grant(
                self.patient,
                self.answers.terms(at=self.now),
                at=self.now,
                request=asked,
                renews=self.answers.renewed(self.patient),
            )
        except NobodyThere:
            return self.nobody_there()
        except PeriodInvalid:
            # The last day has passed since it was answered.
            self.answers.length = ""
            messages.warning(request, _("The last day is over. Choose for how long you want to share."))
            return self.go_on()
        except NothingCovered:
            self.answers.covers = ""
            return self.go_on()
        self.answers.draft = str(draft.id)
        self.answers.keep(request)
        return self.go_and_sign(Ticket.Kind.GRANT, draft.as_content())

    def nobody_there(self) -> HttpResponse:
        """Whoever was chosen has left meanwhile: ask again, and of a request or a renewal begin anew."""
        messages.warning(
            self.request, _("You cannot share with them any more. Choose who you want to share with.")
        )
        self.answers.grantee_kind = self.answers.grantee = self.answers.request = self.answers.renews = ""
        return self.go_on()

    def in_words(self, grantee: Grantee) -> dict[str, Any]:
        answers = self.answers
        titles = [*answers.records.values()] if answers.covers == Covers.DOCUMENTS else []
        expires_at = answers.expires_at(at=self.now)
        what = what_in_words(answers.covers, answers.kinds, titles)
        return {
            "who": grantee.name,
            "what": what,
            "covers": Covers(answers.covers).label,
            "kinds": kinds_in_words(answers.kinds) if answers.covers == Covers.CATEGORIES else "",
            "titles": titles,
            "sensitive": [str(Sensitivity(one).label) for one in answers.sensitivities or ()],
            "why": Purpose(answers.purpose).label,
            "until": day_of(expires_at),
            "is_once": answers.length == path.ONCE,
            "sentence": sentence_of(
                grantee=grantee,
                what=what,
                purpose=answers.purpose,
                expires_at=expires_at,
                is_once=answers.length == path.ONCE,
            ),
            "has_keys": has_keys(self.patient),
            "asks_why": answers.grantee_kind != GranteeKind.PROXY,
        }
