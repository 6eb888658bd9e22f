"""How django-unfold dresses the staff workspace: the hospital's name and colours, and a menu by role."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def shades(colour: str) -> dict[str, str]:
    """Mix the shades that unfold asks for out of one colour, which itself is that of buttons."""
    lighter = {"50": 6, "100": 12, "200": 24, "300": 42, "400": 62, "500": 82}
    darker = {"700": 84, "800": 70, "900": 56, "950": 38}
    return {
        **{name: f"color-mix(in oklab, {colour} {share}%, white)" for name, share in lighter.items()},
        "600": colour,
        **{name: f"color-mix(in oklab, {colour} {share}%, black)" for name, share in darker.items()},
    }


def unfold(*, name: str, colour: str) -> dict[str, Any]:
    """Return the settings of the workspace of the hospital called `name`."""
    return {
        "SITE_TITLE": name,
        "SITE_HEADER": name,
        "SITE_SYMBOL": "local_hospital",
        "SITE_URL": None,
        "SITE_FAVICONS": [
            {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("portal/icon.svg")}
        ],
        "SHOW_HISTORY": False,
        "SHOW_VIEW_ON_SITE": False,
        "SHOW_BACK_BUTTON": False,
        # The dark theme halves what we have to look at; it comes when somebody asks for it.
        "THEME": "light",
        "BORDER_RADIUS": "6px",
        "COLORS": {"primary": shades(colour)},
        "STYLES": [lambda request: static("workspace/workspace.css")],
        "ACCOUNT": {
            "navigation": [
                {"title": _("My account and passkeys"), "link": reverse_lazy("accounts:index")},
                {"title": _("Devices signed in"), "link": reverse_lazy("usersessions_list")},
                {"title": _("Change password"), "link": reverse_lazy("account_change_password")},
            ]
        },
        # A search over everything would go past what each list shows, and be kept in a cache.
        "COMMAND": {"search_models": False, "show_history": False},
        "SIDEBAR": {
            "show_search": False,
            "command_search": False,
            "show_all_applications": False,
            "navigation": "accounts.sites.navigation",
        },
    }
