"""
What leaves are about, as the apps above this one tell us.

`chain` cannot know what a leaf commits to. Each app registers its topics in `AppConfig.ready`, with a
function that looks at the thing itself again and says what its commitment should be.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


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
