"""
What leaves and events are about, as the apps above this one tell us.

`chain` cannot know what a leaf commits to. Each app registers its topics in `AppConfig.ready`, with a
function that looks at the thing itself again and says what its commitment should be. In the same way it
registers what it does when a contract announces something.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chain.client import Node
    from chain.deployment import Contracts
    from chain.findings import Finding
    from chain.models import Event, Mismatch


@dataclass(frozen=True, kw_only=True)
class Recomputed:
    """
    What a leaf's commitment should be, judged by the thing it commits to.

    :param commitment: None if it cannot be computed
    :param label: names the row to a colleague, such as “version 2 of Observation/17”; no patient data
    :param cause: why it cannot be computed, such as “the stored bytes do not decrypt”
    :param is_erased: it cannot be computed because its secret was destroyed on purpose, which is no fault
    """

    leaf_id: int
    commitment: bytes | None
    label: str
    cause: str = ""
    is_erased: bool = False


# Given primary keys of leaves, in batches of thousands. A leaf left out of the answer counts as orphaned.
Recompute = Callable[[Sequence[int]], Iterable[Recomputed]]

_topics: dict[str, Recompute] = {}


class TopicTaken(Exception):
    """Two apps want the same topic."""


def register(topic: str, *, recompute: Recompute) -> None:
    """
    Say how leaves of a topic are recomputed.

    :raises TopicTaken: if another function answers for it already
    """
    if _topics.setdefault(topic, recompute) is not recompute:
        raise TopicTaken(topic)


def recompute_for(topic: str) -> Recompute | None:
    """Return the function that answers for a topic, or nothing if no app does."""
    return _topics.get(topic)


@dataclass(frozen=True, kw_only=True)
class EventHandler:
    """
    What an app does when an event is read, and how that is undone should its block be gone.

    Both run inside the follower's database transaction, once the event is as deep as the settings ask.
    """

    handle: Callable[["Event", datetime], None]
    undo: Callable[["Event", datetime], None]


_handlers: dict[tuple[str, str], list[EventHandler]] = {}


def register_event(contract: str, event: str, handler: EventHandler) -> None:
    """Have an event of a contract followed. Twice does no harm."""
    handlers = _handlers.setdefault((contract, event), [])
    if handler not in handlers:
        handlers.append(handler)


def handlers_for(contract: str, event: str) -> Sequence[EventHandler]:
    return _handlers.get((contract, event), [])


# Given a node and where the contracts are, names in what a contract and an app's rows contradict each other.
Compare = Callable[["Node", "Contracts"], Iterable["Finding"]]

_comparisons: list[Compare] = []


def register_comparison(compare: Compare) -> None:
    """Have `check_log` compare what a contract holds with an app's own rows. Twice does no harm."""
    if compare not in _comparisons:
        _comparisons.append(compare)


def comparisons() -> Sequence[Compare]:
    return _comparisons


# What an app does about mismatches that were found just now, in the transaction that remembers them.
HandleMismatches = Callable[[Sequence["Mismatch"], datetime], None]

_mismatch_handlers: list[HandleMismatches] = []


def register_mismatch(handle: HandleMismatches) -> None:
    """Have an app told of every mismatch when it is found. Twice does no harm."""
    if handle not in _mismatch_handlers:
        _mismatch_handlers.append(handle)


def tell_of_mismatches(found: Sequence["Mismatch"], at: datetime) -> None:
    """Hand new mismatches to whoever asked for them."""
    if found:
        for handle in _mismatch_handlers:
            handle(found, at)
