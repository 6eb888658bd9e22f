"""
Single records to share: chosen from the record's list, or from the page of one.

It stands here and not beside the other questions, for consents know no records: they are handed ids, titles
and what each is marked with.
"""

import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _

from consent.answers import CHECK, MOST_RECORDS, RECORDS, UNSORTED, WHO, Answers
from consent.categories import Sensitivity, sensitivity_token
from consent.models import Covers
from patients.models import Patient
from records.forms import KINDS
from records.models import Record
from records.services.opening import Opened
from records.views.page import PatientPage, page_of


class ShareRecords(PatientPage):
    """Tick the records to share, page by page; what was ticked on other pages stays."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest) -> HttpResponse:
        answers = Answers.of(request)
        if answers is None or not answers.can_be_asked(RECORDS):
            return redirect(answers.next_question if answers else WHO)
        return self.show(answers)

    def post(self, request: HttpRequest) -> HttpResponse:
        answers = Answers.of(request)
        if answers is None or not answers.can_be_asked(RECORDS):
            return redirect(answers.next_question if answers else WHO)
        listed = _uuids(request.POST.getlist("listed"))
        ticked = _uuids(request.POST.getlist("record"))
        kept = {record: title for record, title in answers.records.items() if uuid.UUID(record) not in listed}
        marks = {record: answers.marks.get(record, []) for record in kept}
        chosen = self.visible_records().filter(pk__in=listed & ticked)
        for one in self.opened(chosen) if chosen.exists() else ():
            kept[str(one.record.pk)] = title_of(one)
            marks[str(one.record.pk)] = marks_of(one.record, self.patient)
        if len(kept) > MOST_RECORDS:
            return self.show(
                answers,
                ticked={str(one) for one in ticked},
                error=_("Choose %(most)s records or fewer. To share more, choose kinds of records instead.")
                % {"most": MOST_RECORDS},
            )
        answers.choose_records(kept, marks)
        answers.keep(request)
        if "turn" in request.POST:
            return redirect(f"{reverse(RECORDS)}?{self.query(page=request.POST['turn'])}")
        if not kept:
            return self.show(answers, error=_("Choose at least one record"))
        return redirect(answers.next_question)

    def show(self, answers: Answers, *, ticked: set[str] | None = None, error: str = "") -> HttpResponse:
        records = self.visible_records().newest_first()
        kind = self.kind()
        page = page_of(records.of_kind(kind) if kind else records, self.request)
        context = self.get_context_data(
            page=page,
            opened=self.opened(page.object_list),
            chosen=answers.records.keys() if ticked is None else ticked | answers.records.keys(),
            chosen_count=len(answers.records),
            kinds=[{"kind": one, "label": label} for one, label in KINDS],
            kind=kind,
            query=self.query(),
            back=reverse(CHECK if answers.before(RECORDS) == CHECK else answers.before(RECORDS)),
            error=error,
            has_errors=bool(error),
        )
        return render(self.request, "consent/path/records.html", context, status=422 if error else 200)

    def opened(self, records: Any) -> list[Opened]:
        return self.open(self.latest_of(records))

    def kind(self) -> str:
        asked = self.request.GET.get("kind", "")
        return asked if asked in dict(KINDS) else ""

    def query(self, **more: Any) -> str:
        """The list as it is filtered, for the address of another page of it."""
        asked = self.request.GET.copy()
        asked.pop("page", None)
        asked.pop("kind", None)
        if self.kind():
            asked["kind"] = self.kind()
        for name, value in more.items():
            asked[name] = str(value)
        return asked.urlencode()


class ShareThis(PatientPage):
    """Begin to share with this very record."""

    http_method_names = ["get", "head", "post", "options"]

    def get(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        get_object_or_404(self.visible_records(), pk=pk)
        return redirect("records:record", pk=pk)

    def post(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        record = get_object_or_404(self.visible_records(), pk=pk)
        [one] = self.open(self.latest_of([record]))
        answers = Answers(covers=Covers.DOCUMENTS.value)
        answers.choose_records({str(pk): title_of(one)}, {str(pk): marks_of(one.record, self.patient)})
        answers.keep(request)
        return redirect(answers.next_question)


def title_of(one: Opened) -> str:
    """What a record is called in a consent: its title and when it happened."""
    title = (one.presented.title if one.presented else "") or str(one.record.get_kind_display())
    when = (one.presented.occurred.text if one.presented else "") or ""
    return f"{title}, {when}" if when else str(title)


def marks_of(record: Record, patient: Patient) -> list[str]:
    """The sensitive topics that a record is marked with, which its patient may know; or that none looked."""
    if record.sensitivities is None:
        return [UNSORTED]
    marked = {bytes(token) for token in record.sensitivities}
    return [one.value for one in Sensitivity if sensitivity_token(patient.pk, one) in marked]


def _uuids(texts: list[str]) -> set[uuid.UUID]:
    found = set()
    for text in texts:
        try:
            found.add(uuid.UUID(text))
        except ValueError:
            continue
    return found
