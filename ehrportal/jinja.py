"""The Jinja2 environment of the patients' and public pages."""

import json
from datetime import datetime
from typing import Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.serializers.json import DjangoJSONEncoder
from django.templatetags.static import static
from django.urls import reverse
from django.utils import formats, timezone, translation
from django.utils.timesince import timesince
from jinja2 import ChainableUndefined, ChoiceLoader, Environment, PackageLoader
from markupsafe import Markup


def date_in_words(value: Any) -> str:
    """A day as people write it, with the year: 12 May 2026."""
    return formats.date_format(value, "j F Y") if value else ""


def moment_in_words(value: Any) -> str:
    """A moment as people write it, in the hospital's time zone: 12 May 2026 at 14:05."""
    return formats.date_format(timezone.localtime(value), "j F Y, H:i") if value else ""


def day_of_moment(value: Any) -> str:
    """The day of a moment in the hospital's time zone, or a day itself: 12 May 2026."""
    if isinstance(value, datetime):
        value = timezone.localtime(value)
    return date_in_words(value)


def json_for_script(value: Any) -> Markup:
    """Write `value` as JSON that can stand in a <script> block: nothing in it ends the block."""
    text = json.dumps(value, cls=DjangoJSONEncoder)
    return Markup(text.replace("<", "\\u003C").replace(">", "\\u003E").replace("&", "\\u0026"))  # noqa: S704 - escaped just now


def environment(**options: Any) -> Environment:
    """Build the environment: our templates first, then the components of nhsuk-frontend."""
    options["loader"] = ChoiceLoader([options["loader"], PackageLoader("nhsuk_frontend_jinja")])
    # The components of nhsuk-frontend ask for options of options that nobody gave.
    options["undefined"] = ChainableUndefined
    options.update(trim_blocks=True, lstrip_blocks=True)
    env = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], **options)  # noqa: S701 - Django hands in autoescape
    env.install_gettext_callables(  # type: ignore[attr-defined] # the i18n extension adds it
        gettext=translation.gettext,
        ngettext=translation.ngettext,
        newstyle=True,
        pgettext=translation.pgettext,
        npgettext=translation.npgettext,
    )
    env.globals.update(
        static=static,
        url=lambda name, *args, **kwargs: reverse(name, args=args, kwargs=kwargs),
        get_language=translation.get_language,
        get_language_bidi=translation.get_language_bidi,
    )
    env.filters.update(
        date=date_in_words,
        day=day_of_moment,
        moment=moment_in_words,
        intcomma=intcomma,
        timesince=timesince,
        json_for_script=json_for_script,
    )
    return env
