"""What every page knows: whose portal this is."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def hospital(request: HttpRequest) -> dict[str, Any]:
    """Name, colours and telephone of the hospital, as its settings say."""
    return {
        "hospital_name": settings.HOSPITAL_NAME,
        "hospital_colour": settings.HOSPITAL_COLOUR,
        "hospital_accent_colour": settings.HOSPITAL_ACCENT_COLOUR,
        "hospital_phone": settings.HOSPITAL_PHONE,
    }
