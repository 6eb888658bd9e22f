"""The stylesheet is what the package's becomes, and nothing of the NHS's own is left in it."""

import pytest

from ehrportal.stylesheet import SOURCE, TARGET, portal_stylesheet


@pytest.fixture(scope="module")
def stylesheet():
    return TARGET.read_text()


class TestPortalStylesheet:
    def test_is_made_of_the_package_that_is_installed(self, stylesheet):
        assert portal_stylesheet(SOURCE.read_text()) == stylesheet, "run python -m ehrportal.stylesheet"

    @pytest.mark.parametrize("words", ["frutiger", "assets.nhs.uk", "@font-face", "#005eb8", "//"])
    def test_asks_nothing_of_the_nhs(self, stylesheet, words):
        assert words not in stylesheet.lower()

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("a{margin-left:4px}", "a{margin-inline-start:4px}"),
            ("a{padding-right:0!important}", "a{padding-inline-end:0!important}"),
            ("a{left:0;top:0}", "a{inset-inline-start:0;top:0}"),
            ("a{text-align:left}", "a{text-align:start}"),
            ("a{float:right}", "a{float:inline-end}"),
            ("a{border-left-width:4px}", "a{border-inline-start-width:4px}"),
            ("a{margin:0 1px 2px 3px}", "a{margin-block:0 2px;margin-inline:3px 1px}"),
            ("a{margin:0 1px 2px 1px}", "a{margin:0 1px 2px 1px}"),
            ("a{left:50%;transform:translate(-50%,0)}", "a{left:50%;transform:translate(-50%,0)}"),
            (
                "a{background:url(data:image/svg;base64,x);left:0}",
                "a{background:url(data:image/svg;base64,x);inset-inline-start:0}",
            ),
            ("a{color:#005eb8}", "a{color:var(--hospital-colour)}"),
        ],
    )
    def test_lets_sides_follow_the_text(self, before, after):
        assert portal_stylesheet(before).strip() == after
