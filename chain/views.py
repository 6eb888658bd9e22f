"""
The log in public: its newest checkpoint, its tiles, its entries.

Anyone may read and copy them, from any page, without a name or a cookie: that is what keeps the hospital
honest. They tell the log's length and nothing else, for every entry is a salted commitment.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from chain.checkpoint import verifier_key
from chain.merkle import HASH_SIZE
from chain.models import Head, Leaf, Tile
from chain.sealing import signing_key
from chain.tiles import TILE_WIDTH, entry_bundle, parse_path

# A full tile never changes again, and one that grows is asked for at one width, which stays too.
FOR_EVER = "public, max-age=31536000, immutable"
# The newest checkpoint is replaced every half minute or so.
FOR_A_MOMENT = "public, max-age=5"

View = Callable[..., HttpResponse]


def public(view: View) -> View:
    """Let everyone read, scripts of other sites included: without cookies there is nothing to borrow."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    return login_not_required(require_safe(answer))


@public
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest head of the log, as the hospital signed it."""
    head = Head.objects.newest()
    if head is None:
        raise Http404("Nothing has been sealed yet.")
    return _answer(head.checkpoint.encode(), "text/plain; charset=utf-8", FOR_A_MOMENT)


@public
def key(request: HttpRequest) -> HttpResponse:
    """The key that checkpoints are signed with, in the form that monitors take."""
    line = verifier_key(settings.LOG_ORIGIN, signing_key().public_key())
    return _answer(f"{line}\n".encode(), "text/plain; charset=utf-8", FOR_A_MOMENT)


@public
def tile(request: HttpRequest, path: str) -> HttpResponse:
    """A tile of hashes, or a bundle of entries, whole or as it was at a smaller width."""
    try:
        found, number, width = parse_path(path)
    except ValueError:
        raise Http404("Not the path of a tile.") from None
    # What no database can hold, no log has reached.
    if number >= 2**55:
        raise Http404("The log has not grown that far.")
    content = _entries(number, width) if found is None else _hashes(found.level, number, width)
    if content is None:
        raise Http404("The log has not grown that far.")
    return _answer(content, "application/octet-stream", FOR_EVER)


def _hashes(level: int, number: int, width: int) -> bytes | None:
    row = Tile.objects.filter(level=level, index=number).first()
    if row is None or row.width < width:
        return None
    return bytes(row.data[: width * HASH_SIZE])


def _entries(number: int, width: int) -> bytes | None:
    start = number * TILE_WIDTH
    leaves = list(Leaf.objects.filter(index__gte=start, index__lt=start + width).order_by("index"))
    if len(leaves) < width:
        return None
    return entry_bundle([leaf.entry for leaf in leaves])


def _answer(content: bytes, content_type: str, caching: str) -> HttpResponse:
    return HttpResponse(content, content_type=content_type, headers={"Cache-Control": caching})
