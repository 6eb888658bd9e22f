"""The way around the portal: which pages stand in the menu of which person."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


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
    (_("Who looked"), "records:openings"),
    (_("My account"), "accounts:index"),
)
STAFF = (
    (_("Workspace"), "workspace:index"),
    (_("My account"), "accounts:index"),
)


def menu(request: HttpRequest) -> list[Item]:
    """List the menu of whoever asks; nobody signed in has none."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return []

    items = []
    for label, name in STAFF if user.is_staff else PATIENT:
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
