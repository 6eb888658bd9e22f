"""What patients do on the consent host, each with its page and its form."""

from consent.host.acts.base import Act, Answer
from consent.host.acts.keeping import AddKey, MakeFirstKey, RemoveKey
from consent.host.acts.recovering import ProposeKey, StopRecovery
from consent.host.acts.sharing import GiveAccess, TakeAccessAway
from consent.host.middleware import HostSession
from consent.models import Ticket
from consent.services import keys

__all__ = ["Act", "Answer", "act_of"]

ACTS: dict[str, type[Act]] = {
    Ticket.Kind.ENROL: MakeFirstKey,
    Ticket.Kind.GRANT: GiveAccess,
    Ticket.Kind.REVOKE: TakeAccessAway,
    Ticket.Kind.ADD_SIGNER: AddKey,
    Ticket.Kind.REMOVE_SIGNER: RemoveKey,
    Ticket.Kind.RECOVER: ProposeKey,
    Ticket.Kind.VETO: StopRecovery,
}


def act_of(ticket: Ticket, session: HostSession) -> Act:
    """Return what a ticket leads to now: whoever comes to share and has no key makes one first."""
    if ticket.kind == Ticket.Kind.GRANT and not keys.has_keys(ticket.patient):
        return MakeFirstKey(ticket, session, is_on_the_way=True)
    return ACTS[ticket.kind](ticket, session)
