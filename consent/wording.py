"""Consents in the words of the patient who gives them; every page about one says it with these."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from consent.categories import Kind
from consent.documents import Grantee
from consent.models import AccessRequest, Covers, EndedBy, Grant, GranteeKind, Purpose, Relay
from consent.models.grants import DocumentDamaged
from consent.services.granting import grantee_of, helper_in, sensitivities_in, titles_in

# The ends of the sentence “Dr Khan may see your results …”.
WHY = {
    Purpose.TREATMENT: gettext_lazy("to treat you"),
    Purpose.SECOND_OPINION: gettext_lazy("to give a second opinion or plan your care"),
    Purpose.HELP: gettext_lazy("to help you with your health"),
    Purpose.PAYMENT: gettext_lazy("to get your care paid"),
    Purpose.RESEARCH: gettext_lazy("for research"),
}
REVOCATIONS = (Relay.Kind.REVOKE, Relay.Kind.REVOKE_BY_INSTITUTION)


@dataclass(frozen=True)
class RegisterState:
    """
    How far the public register is with a grant or its end. `waits` says that it will change by itself.

    `can_be_signed` is that the hospital has not yet sent its own word for the patient's stop.
    """

    text: str
    waits: bool = False
    is_refused: bool = False
    can_be_signed: bool = False


@dataclass(frozen=True)
class GrantInWords:
    """A grant as a card or a page shows it."""

    grant: Grant
    who: str
    # As the middle of a sentence, and alone.
    what: str
    what_alone: str
    titles: Sequence[str]
    sensitive: Sequence[str]
    purpose: str
    sentence: str
    standing: str
    colour: str
    is_active: bool
    can_be_stopped: bool
    register: RegisterState
    # What is stored of it is not what was signed.
    is_damaged: bool = False

    @property
    def is_for_helper(self) -> bool:
        return self.grant.grantee_kind == GranteeKind.PROXY


def in_words(grants: Iterable[Grant], *, at: datetime) -> list[GrantInWords]:
    """Say each of these grants in words; fetch them with `with_grantees`."""
    return [_in_words(grant, at=at) for grant in grants]


def with_grantees(grants: Any) -> Any:
    """Fetch with grants all that their words are made of, in as many queries for many as for one."""
    return grants.select_related(
        "patient", "institution", "clinician__institution", "department__institution", "proxy"
    ).prefetch_related("relays__transaction")


def what_in_words(covers: str, kinds: Sequence[str], titles: Sequence[str]) -> str:
    """Say what a grant is about, as the middle of a sentence."""
    if covers == Covers.EVERYTHING:
        return _("your whole record")
    if covers == Covers.SUMMARY:
        return _("a summary of your record")
    if covers == Covers.CATEGORIES:
        return _("parts of your record (%(kinds)s)") % {"kinds": kinds_in_words(kinds)}
    if len(titles) == 1:
        return _("one record: “%(title)s”") % {"title": titles[0]}
    return ngettext("%(number)s single record", "%(number)s single records", len(titles)) % {
        "number": len(titles)
    }


def kinds_in_words(kinds: Sequence[str]) -> str:
    """Name these kinds of records, in the order in which people know them."""
    return _(", ").join(str(kind.label) for kind in Kind if kind.value in kinds)


def sentence_of(
    *,
    grantee: Grantee,
    what: str,
    purpose: str,
    expires_at: datetime,
    is_once: bool,
    has_ended: bool = False,
) -> str:
    """Say a grant in one sentence, to the patient."""
    words = {
        "who": _who_in_sentence(grantee),
        "what": what,
        "why": WHY[Purpose(purpose)],
        "day": day_of(expires_at),
    }
    if has_ended:
        return _("%(who)s could see %(what)s, %(why)s.") % words
    if is_once:
        return _("%(who)s may see %(what)s once, %(why)s. This must happen by %(day)s.") % words
    return _("%(who)s may see %(what)s until %(day)s, %(why)s.") % words


def sentence_of_request(asked: AccessRequest) -> str:
    """Say in one sentence what a doctor asks for, to the patient."""
    return _("%(who)s asks to see %(what)s for %(days)s, %(why)s.") % {
        "who": asked.clinician.name,
        "what": what_in_words(asked.covers, asked.kinds, ()),
        "days": days_in_words(asked.days),
        "why": WHY[Purpose(asked.purpose)],
    }


def days_in_words(days: int) -> str:
    return ngettext("%(number)s day", "%(number)s days", days) % {"number": days}


def day_of(moment: datetime) -> str:
    """A moment's day as people write it."""
    return str(date_format(timezone.localtime(moment), "j F Y"))


def who_in_words(grant: Grant) -> str:
    """Name those who may read, as the patient knows them."""
    return grantee_of(grant, proxy_name=helper_in(grant)).name


def register_state(grant: Grant, relays: Iterable[Relay]) -> RegisterState:
    """Say how far the public register is, from the grant and all that was sent there about it."""
    by_kind: Mapping[str, Relay] = {relay.kind: relay for relay in sorted(relays, key=lambda one: one.pk)}
    if not grant.is_signed:
        return RegisterState(_("Not in the public register, which takes nothing but your own signature."))
    if grant.ended_by == EndedBy.CONTRACT:
        return RegisterState(
            _("The public register has not taken it, so it does not hold here either."), is_refused=True
        )
    if grant.revoked_at is None:
        return _state_of_giving(grant)
    if grant.off_chain_at is not None:
        return RegisterState(
            _("The public register has known that you stopped it since %(day)s.")
            % {"day": day_of(grant.off_chain_at)}
        )
    granting = by_kind.get(Relay.Kind.GRANT)
    if granting is not None and granting.state == Relay.State.CANCELLED:
        return RegisterState(_("You stopped it before it reached the public register."))
    if granting is not None and granting.state == Relay.State.REFUSED:
        return RegisterState(_("It never came into the public register."))
    waiting = by_kind.get(Relay.Kind.REVOKE_BY_INSTITUTION)
    return RegisterState(
        _("It has ended here. The public register will be told as soon as it can be reached."),
        waits=True,
        can_be_signed=waiting is not None
        and waiting.state == Relay.State.WAITING
        and Relay.Kind.REVOKE not in by_kind,
    )


def _state_of_giving(grant: Grant) -> RegisterState:
    if grant.on_chain_at is not None:
        return RegisterState(_("In the public register since %(day)s.") % {"day": day_of(grant.on_chain_at)})
    return RegisterState(_("On its way to the public register. It holds here already."), waits=True)


def _in_words(grant: Grant, *, at: datetime) -> GrantInWords:
    is_damaged = False
    try:
        grantee, titles = grantee_of(grant, proxy_name=helper_in(grant)), [*titles_in(grant).values()]
    except DocumentDamaged:
        # The columns still say what is decided by; names of helpers and records stood in the document.
        is_damaged = True
        grantee = grantee_of(grant, proxy_name=_("Somebody who helps you"))
        titles = [_("A record whose name is not known any more")] * len(grant.record_ids)
    what = what_in_words(grant.covers, grant.kinds, titles)
    standing, colour = _standing_of(grant, at)
    return GrantInWords(
        grant=grant,
        who=grantee.name,
        what=what,
        what_alone=_what_alone(grant, titles),
        titles=titles,
        sensitive=[str(one.label) for one in sensitivities_in(grant)],
        purpose=str(Purpose(grant.purpose).label),
        sentence=sentence_of(
            grantee=grantee,
            what=what,
            purpose=grant.purpose,
            expires_at=grant.expires_at,
            is_once=grant.is_once,
            has_ended=not grant.is_active(at),
        ),
        standing=standing,
        colour=colour,
        is_active=grant.is_active(at),
        can_be_stopped=grant.can_be_revoked(at) and grant.is_active(at),
        register=register_state(grant, grant.relays.all()),
        is_damaged=is_damaged,
    )


def _who_in_sentence(grantee: Grantee) -> str:
    member = grantee.clinician or grantee.department
    if member is None:
        return grantee.name
    return _("%(member)s of %(hospital)s") % {"member": member, "hospital": grantee.hospital}


def _what_alone(grant: Grant, titles: Sequence[str]) -> str:
    if grant.covers == Covers.CATEGORIES:
        return kinds_in_words(grant.kinds)
    if grant.covers == Covers.DOCUMENTS and len(titles) == 1:
        return titles[0]
    return str(Covers(grant.covers).label)


def _standing_of(grant: Grant, at: datetime) -> tuple[str, str]:
    if grant.revoked_at is not None:
        day = day_of(grant.revoked_at)
        words = {
            EndedBy.PATIENT: _("You stopped it on %(day)s"),
            EndedBy.HOSPITAL: _("The hospital ended it on %(day)s"),
            EndedBy.CONTRACT: _("Not taken by the public register, ended on %(day)s"),
            EndedBy.CHAIN: _("Stopped in the public register on %(day)s"),
        }
        is_refused = grant.ended_by == EndedBy.CONTRACT
        return words[EndedBy(grant.ended_by)] % {"day": day}, "red" if is_refused else "grey"
    if grant.expires_at <= at:
        return _("Ran out on %(day)s") % {"day": day_of(grant.expires_at)}, "grey"
    if not grant.is_active(at):
        return _("Used on %(day)s") % {"day": day_of(grant.used_at or at)}, "grey"
    if grant.is_once and grant.used_at is not None:
        return _("Being used now"), "green"
    return _("Open"), "green"
