"""The hospital's colours reach the page, and nothing else does by that way."""

import re

import pytest

from ehrportal.stylesheet import TARGET
from ehrportal.theme import is_colour, theme


class TestIsColour:
    @pytest.mark.parametrize("text", ["#005eb8", "#fff", "teal", "rgb(0 94 184 / 90%)", "oklch(0.5 0.2 250)"])
    def test_knows_colours(self, text):
        assert is_colour(text)

    @pytest.mark.parametrize(
        "text",
        ["", "#12", "red;background:url(//evil)", "red}body{display:none", "url(x)", "var(--x)", "#fff\n}"],
    )
    def test_refuses_what_could_end_the_rule(self, text):
        assert not is_colour(text)


class TestTheme:
    def test_defines_every_property_that_the_stylesheet_uses(self):
        used = set(re.findall(r"var\((--hospital-[a-z0-9-]+)", TARGET.read_text()))
        assert used <= set(re.findall(r"(--hospital-[a-z0-9-]+):", theme("teal", "navy")))

    def test_names_the_setting_that_is_no_colour(self):
        with pytest.raises(ValueError, match="HOSPITAL_COLOUR"):
            theme("red}", "navy")

    def test_is_served_without_a_session(self, client, settings):
        settings.HOSPITAL_COLOUR = "#123456"

        response = client.get("/theme.css")

        assert response.headers["Content-Type"].startswith("text/css")
        assert "--hospital-colour:#123456" in response.text
