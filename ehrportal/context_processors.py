"""What every page knows: whose portal this is, and the way around it."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from consent.helping import helped_by
from ehrportal.navigation import menu


def hospital(request: HttpRequest) -> dict[str, Any]:
    """Name, colours and telephone of the hospital, as its settings say; the menu and the languages."""
    return {
        "hospital_name": settings.HOSPITAL_NAME,
        "hospital_colour": settings.HOSPITAL_COLOUR,
        "hospital_accent_colour": settings.HOSPITAL_ACCENT_COLOUR,
        "hospital_phone": settings.HOSPITAL_PHONE,
        "languages": settings.LANGUAGES,
        # Lazy, for it asks who is signed in, which costs a query that some pages do not need.
        "navigation": SimpleLazyObject(lambda: menu(request)),
        # Whose record a helper looks at, which every page says in a banner.
        "helping": SimpleLazyObject(lambda: helped_by(request, at=timezone.now())),
    }
