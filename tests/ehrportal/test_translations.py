"""Arabic has a word for every word of the portal's own pages, and Django reads what people wrote."""

import gettext
import io

import pytest
from django.conf import settings
from jinja2 import Environment

from ehrportal.translations import LOCALE, mo_of, read_po

PO = LOCALE / "ar" / "LC_MESSAGES" / "django.po"
PORTAL = settings.BASE_DIR / "templates" / "portal"


@pytest.fixture(scope="module")
def arabic():
    return read_po(PO.read_text())


def words_of(template):
    environment = Environment(extensions=["jinja2.ext.i18n", "jinja2.ext.do"], autoescape=True)
    for _line, _function, message in environment.extract_translations(template.read_text()):
        yield message if isinstance(message, str) else "\0".join(part for part in message if part)


class TestArabic:
    @pytest.mark.parametrize(
        "template",
        [
            path.relative_to(PORTAL).as_posix()
            for path in sorted(PORTAL.rglob("*"))
            if path.suffix in (".html", ".txt") and path.name != "gallery.html"
        ],
    )
    def test_has_every_word(self, template, arabic):
        assert [words for words in words_of(PORTAL / template) if words not in arabic] == []

    def test_keeps_the_places_for_names_and_numbers(self, arabic):
        for key, translated in arabic.items():
            places = {part.partition(")")[0] for part in key.split("%(")[1:]}
            for form in translated.split("\0"):
                assert {part.partition(")")[0] for part in form.split("%(")[1:]} <= places, key

    def test_is_what_django_reads(self, arabic):
        assert PO.with_suffix(".mo").read_bytes() == mo_of(arabic), "run python -m ehrportal.translations"


class TestMo:
    def test_is_read_by_python_s_own_gettext(self):
        po = (
            'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
            '"Plural-Forms: nplurals=2; plural=n!=1;\\n"\n\n'
            'msgid "Sign in"\nmsgstr "الدخول"\n\n'
            'msgid "a \\"quoted\\" "\n"word"\nmsgstr "كلمة"\n\n'
            'msgid "%(num)d code"\nmsgid_plural "%(num)d codes"\nmsgstr[0] "رمز"\nmsgstr[1] "رموز"\n\n'
            '#, fuzzy\nmsgid "Guess"\nmsgstr "تخمين"\n\nmsgid "Untranslated"\nmsgstr ""\n'
        )

        catalogue = gettext.GNUTranslations(io.BytesIO(mo_of(read_po(po))))

        assert catalogue.gettext("Sign in") == "الدخول"
        assert catalogue.gettext('a "quoted" word') == "كلمة"
        assert catalogue.ngettext("%(num)d code", "%(num)d codes", 7) == "رموز"
        assert catalogue.gettext("Guess") == "Guess"
        assert catalogue.gettext("Untranslated") == "Untranslated"
