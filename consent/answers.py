"""
What a patient has answered so far on the way to a grant: one question a page, kept in the session.

It is sealed there, for it names records and people, and sessions stand in the database.
"""

import json
import uuid
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Self

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from audit import columns
from consent.categories import Kind, Sensitivity
from consent.documents import Grantee, Terms
from consent.models import AccessRequest, Covers, Grant, GranteeKind, Purpose
from consent.services.granting import terms_of
from consent.services.proxies import name_of
from doctors.models import Clinician, Department, Institution
from patients.models import Patient

SESSION_KEY = "sharing"
LONGEST = timedelta(days=2 * 365)
# A grant for once waits this long for its one occasion.
TO_USE_ONCE = timedelta(days=30)
ONCE, UNTIL = "once", "date"
# The mark of a record that nobody has looked at for sensitive topics: no grant reaches it yet.
UNSORTED = "unsorted"
MOST_RECORDS = 50

# The questions in their order, each with the address of its page.
WHO, WHAT, KINDS, RECORDS = "sharing:who", "sharing:what", "sharing:kinds", "share-records"
SENSITIVE, PURPOSE = "sharing:sensitive", "sharing:purpose"
LENGTH, LAST_DAY, CHECK = "sharing:length", "sharing:last-day", "sharing:check"


class NobodyThere(Exception):
    """The person or place that was chosen cannot be given anything any more."""


@dataclass
class Answers:
    """One path through the questions. What is empty was not answered yet."""

    grantee_kind: str = ""
    grantee: str = ""
    # The account of somebody who helps, from their code until the patient has seen the name.
    helper: str = ""
    covers: str = ""
    kinds: list[str] = field(default_factory=list)
    # Of each record that was chosen: what people call it, and the sensitive topics it is marked with, or
    # UNSORTED.
    records: dict[str, str] = field(default_factory=dict)
    marks: dict[str, list[str]] = field(default_factory=dict)
    # None until it was asked: that nothing is ticked is an answer.
    sensitivities: list[str] | None = None
    purpose: str = ""
    # ONCE, UNTIL, or a number of days.
    length: str = ""
    until: str = ""
    request: str = ""
    renews: str = ""
    # The grant that was last written down for signing.
    draft: str = ""

    @classmethod
    def of(cls, request: HttpRequest) -> Self | None:
        """Return what this browser has answered; None where no path was begun, or it ended in a grant."""
        sealed = request.session.get(SESSION_KEY)
        if sealed is None:
            return None
        try:
            answers = cls(**json.loads(columns.unseal(sealed.encode())))
        except (columns.ColumnDamaged, TypeError, ValueError):
            return None
        # Signed on the other origin, which cannot tell this session of it.
        is_over = bool(answers.draft) and Grant.objects.filter(pk=answers.draft).exists()
        return None if is_over else answers

    @classmethod
    def to_request(cls, asked: AccessRequest, *, at: datetime) -> Self:
        """Answer as a doctor asked; the patient may still change everything but who."""
        return cls(
            grantee_kind=GranteeKind.PERSON.value,
            grantee=str(asked.clinician_id),
            covers=asked.covers,
            kinds=[*asked.kinds],
            sensitivities=[],
            purpose=asked.purpose,
            length=UNTIL,
            until=(timezone.localdate(at) + timedelta(days=asked.days)).isoformat(),
            request=str(asked.pk),
        )

    @classmethod
    def to_renew(cls, grant: Grant, *, at: datetime) -> Self:
        """Answer as in an earlier grant, all but for how long."""
        terms = terms_of(grant, starts_at=at, expires_at=at + LONGEST)
        member = grant.clinician or grant.department or grant.proxy or grant.institution
        return cls(
            grantee_kind=grant.grantee_kind,
            grantee=str(member.pk) if member else "",
            covers=grant.covers,
            kinds=[kind.value for kind in terms.chosen_kinds] if grant.covers == Covers.CATEGORIES else [],
            records={str(record): title for record, title in terms.records.items()},
            sensitivities=[one.value for one in terms.sensitivities],
            purpose=grant.purpose,
            renews=str(grant.pk),
        )

    def keep(self, request: HttpRequest) -> None:
        """Keep these answers for the next page."""
        request.session[SESSION_KEY] = columns.seal(json.dumps(asdict(self)).encode()).decode()

    @property
    def is_who_settled(self) -> bool:
        """Whether who is no question, because this answers a doctor or renews a grant."""
        return bool(self.request or self.renews)

    @property
    def questions(self) -> list[str]:
        """The pages of this path, in their order: what one answer makes needless is left out."""
        pages = [] if self.is_who_settled else [WHO]
        pages.append(WHAT)
        if self.covers == Covers.CATEGORIES:
            pages.append(KINDS)
        if self.covers == Covers.DOCUMENTS:
            pages.append(RECORDS)
        pages.append(SENSITIVE)
        if self.grantee_kind != GranteeKind.PROXY:
            pages.append(PURPOSE)
        pages.append(LENGTH)
        if self.length == UNTIL:
            pages.append(LAST_DAY)
        return [*pages, CHECK]

    def is_answered(self, question: str) -> bool:
        return {
            WHO: bool(self.grantee_kind and self.grantee),
            WHAT: bool(self.covers),
            KINDS: bool(self.kinds),
            RECORDS: bool(self.records),
            SENSITIVE: self.sensitivities is not None,
            PURPOSE: bool(self.purpose),
            LENGTH: bool(self.length),
            LAST_DAY: bool(self.until),
            CHECK: False,
        }[question]

    @property
    def next_question(self) -> str:
        """The first page without an answer; the check once there is none."""
        return next(page for page in self.questions if not self.is_answered(page))

    def before(self, question: str) -> str:
        """The page to go back to from this one: the check if all is answered, else the question before."""
        if self.next_question == CHECK and question != CHECK:
            return CHECK
        pages = self.questions
        place = pages.index(question) if question in pages else 0
        return pages[place - 1] if place else ""

    def can_be_asked(self, question: str) -> bool:
        """Whether all questions before this one have their answer."""
        pages = self.questions
        return question in pages and pages.index(question) <= pages.index(self.next_question)

    def choose_grantee(self, kind: str, pk: Any) -> None:
        """Answer who; with somebody who helps there is one reason, and with others that one is none."""
        self.grantee_kind, self.grantee = kind, str(pk)
        if kind == GranteeKind.PROXY:
            self.purpose = Purpose.HELP.value
        elif self.purpose == Purpose.HELP:
            self.purpose = ""
        if kind == GranteeKind.PROXY and self.length == ONCE:
            self.length = ""

    def choose_records(self, records: dict[str, str], marks: dict[str, list[str]]) -> None:
        """Answer which single records, each with its title and the sensitive topics it is marked with."""
        if records != self.records:
            # Another choice may hold other topics, so they are asked for once more.
            self.sensitivities = None
        self.covers, self.kinds = Covers.DOCUMENTS.value, []
        self.records, self.marks = records, marks

    def grantee_now(self) -> Grantee:
        """
        Return to whom access is given, as they are at this moment.

        :raises NobodyThere: if an account was closed or a place is gone since the question was answered
        """
        pk = uuid.UUID(self.grantee)
        if self.grantee_kind == GranteeKind.PERSON:
            clinician = clinicians().filter(pk=pk).first()
            if clinician is not None:
                return Grantee(clinician=clinician)
        elif self.grantee_kind == GranteeKind.DEPARTMENT:
            department = Department.objects.select_related("institution").filter(pk=pk).first()
            if department is not None:
                return Grantee(department=department)
        elif self.grantee_kind == GranteeKind.INSTITUTION:
            institution = Institution.objects.filter(pk=pk).first()
            if institution is not None:
                return Grantee(institution=institution)
        else:
            user = _account(self.grantee)
            name = name_of(user) if user else ""
            if user is not None and name:
                return Grantee(proxy=user, proxy_name=name)
        raise NobodyThere

    def helper_now(self) -> User | None:
        """Whoever showed the code, as long as their account is open."""
        return _account(self.helper) if self.helper else None

    def expires_at(self, *, at: datetime) -> datetime:
        """The last second of the last day, in the hospital's time zone, of what was answered."""
        if self.length == ONCE:
            last = timezone.localdate(at) + TO_USE_ONCE
        elif self.length == UNTIL:
            last = date.fromisoformat(self.until)
        else:
            last = timezone.localdate(at) + timedelta(days=int(self.length))
        return timezone.make_aware(datetime.combine(last, time(23, 59, 59)))

    def terms(self, *, at: datetime) -> Terms:
        """
        Return what the patient says yes to.

        :raises NobodyThere: as `grantee_now` does
        """
        return Terms(
            grantee=self.grantee_now(),
            covers=Covers(self.covers),
            purpose=Purpose(self.purpose),
            starts_at=at,
            expires_at=self.expires_at(at=at),
            is_once=self.length == ONCE,
            chosen_kinds=[Kind(kind) for kind in self.kinds],
            records={uuid.UUID(record): title for record, title in self.records.items()}
            if self.covers == Covers.DOCUMENTS
            else {},
            sensitivities=[Sensitivity(one) for one in self.sensitivities or ()],
        )

    def open_request(self, patient: Patient, *, at: datetime) -> AccessRequest | None:
        """The doctor's request that this answers, as long as it waits for an answer."""
        if not self.request:
            return None
        return AccessRequest.objects.open(at).filter(patient=patient, pk=uuid.UUID(self.request)).first()

    def renewed(self, patient: Patient) -> Grant | None:
        """The grant that this renews."""
        return Grant.objects.visible_to(patient).filter(pk=self.renews).first() if self.renews else None


def day_in(text: str) -> date | None:
    """Read a day as `Answers` keeps it."""
    return date.fromisoformat(text) if text else None


def _account(pk: str) -> User | None:
    return User.objects.filter(pk=pk, is_active=True).first()


def forget(request: HttpRequest) -> None:
    """Leave the path: nothing of its answers is kept."""
    request.session.pop(SESSION_KEY, None)


def clinicians() -> Any:
    """Choose the doctors of this hospital who can be given access."""
    return Clinician.objects.select_related("institution", "department").filter(
        institution__is_this_hospital=True, user__is_active=True
    )
