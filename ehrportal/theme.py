"""The hospital's colours, as a stylesheet of a few custom properties: `/theme.css`."""

import re

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control

SHADES = (90, 80, 70, 65, 50)
TINTS = (80, 22, 20, 15)


def is_colour(text: str) -> bool:
    """Tell whether `text` can only be a colour: anything else could end the rule and start another."""
    return bool(
        re.fullmatch(r"#[0-9a-fA-F]{3,8}|[a-zA-Z]+|(?:rgb|hsl|oklch|oklab|lab|lch)\([\w\s.,%/-]+\)", text)
    )


def theme(colour: str, accent: str) -> str:
    """Return the custom properties that `static/portal/nhsuk.css` is drawn with."""
    for value in (colour, accent):
        if not is_colour(value):
            raise ValueError(
                f"{value!r} is not a CSS colour. Set HOSPITAL_COLOUR and HOSPITAL_ACCENT_COLOUR."
            )
    plain = [f"--hospital-shade-{n}:{accent}" for n in SHADES] + [
        f"--hospital-tint-{n}:#e8edf2" for n in TINTS
    ]
    mixed = [f"--hospital-shade-{n}:color-mix(in srgb,{colour} {n}%,black)" for n in SHADES]
    mixed += [f"--hospital-tint-{n}:color-mix(in srgb,{colour} {n}%,white)" for n in TINTS]
    return (
        f":root{{--hospital-colour:{colour};--hospital-accent-colour:{accent};{';'.join(plain)}}}\n"
        f"@supports (color:color-mix(in srgb,red,blue)){{:root{{{';'.join(mixed)}}}}}\n"
    )


@login_not_required
@cache_control(public=True, max_age=3600)
def stylesheet(request: HttpRequest) -> HttpResponse:
    """Serve the colours; a file of its own, so that the content security policy needs no inline style."""
    css = theme(settings.HOSPITAL_COLOUR, settings.HOSPITAL_ACCENT_COLOUR)
    return HttpResponse(css, content_type="text/css; charset=utf-8")
