"""WCAG 2.2 AA as far as a machine can see it, on the pages that journeys come through."""

from axe_playwright_python.sync_playwright import Axe

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


def assert_accessible(page):
    """Fail with what axe found, element by element."""
    found = Axe().run(page, options=RULES)
    assert found.violations_count == 0, found.generate_report()
