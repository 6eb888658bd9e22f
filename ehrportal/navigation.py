"""The way around the portal: which pages stand in the menu of which person."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from consent.helping import helped_by


@dataclass
class Item:
    """One line of the menu, and whether the page we are on lies under it."""

    label: str | Promise
    address: str
    is_current: bool = False


# Label, name of its address. An address that is not built yet leaves its line out.
PATIENT = (
    (_("Home"), "home"),
    (_("My record"), "records:timeline"),
    (_("Sharing"), "sharing:index"),
    (_("Who looked"), "records:openings"),
    (_("My account"), "accounts:index"),
)
# Of somebody who looks at the record of a person they help; the rest is that person's own.
HELPER = (
    (_("Home"), "home"),
    (_("Record"), "records:timeline"),
    (_("People I help"), "sharing:people"),
    (_("My account"), "accounts:index"),
)
STAFF = (
    (_("Workspace"), "workspace:index"),
    (_("My account"), "accounts:index"),
)


def _lines_of(request: HttpRequest) -> Sequence[tuple[str | Promise, str]]:
    if request.user.is_staff:
        return STAFF
    return HELPER if helped_by(request, at=timezone.now()) else PATIENT


def menu(request: HttpRequest) -> list[Item]:
    """List the menu of whoever asks; nobody signed in has none."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []

    items = []
    for label, name in _lines_of(request):
        try:
            items.append(Item(label=label, address=reverse(name)))
        except NoReverseMatch:
            continue

    # The root is the start of every path, so Home is current on its own page alone; of the others the
    # longest wins, for one page may lie under another.
    under = [
        i
        for i in items
        if request.path == i.address or (i.address != "/" and request.path.startswith(i.address))
    ]
    if under:
        max(under, key=lambda item: len(item.address)).is_current = True
    return items
