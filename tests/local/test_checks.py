import os

import pytest

from ehrportal.local import checks, chromium
from ehrportal.local.checks import Check, Tally
from ehrportal.local.trouble import Trouble

UNIT = Check("Tests", "pytest", is_pytest=True)
LINT = Check("Lint", "ruff check .")


class TestATally:
    def test_counts_the_tests_that_pytest_ran_and_a_check_as_one(self):
        tally = Tally()
        tally.add(LINT, 0, "All checks passed!")
        tally.add(UNIT, 0, "......\n6 passed in 0.11s")

        assert (tally.passed, tally.failed, tally.failures) == (7, 0, [])

    def test_names_what_did_not_hold(self):
        tally = Tally()
        tally.add(LINT, 1, "E501")
        tally.add(UNIT, 1, "=== 2 failed, 3 passed, 1 error in 61.02s (0:01:01) ===")

        assert (tally.passed, tally.failed, tally.failures) == (3, 4, ["Lint", "Tests"])

    @pytest.mark.parametrize(
        ("code", "output"),
        [
            (0, "5 passed, 1 skipped in 0.10s"),
            (5, "no tests ran in 0.01s"),
            (0, "no tests ran in 0.01s"),
            (4, "ERROR: file or directory not found: tests/journeys"),
            (2, "!!! Interrupted: 1 error during collection !!!\n1 error in 0.50s"),
        ],
    )
    def test_takes_tests_that_did_not_run_for_tests_that_did_not_hold(self, code, output):
        tally = Tally()
        tally.add(UNIT, code, output)

        assert tally.failed == 1
        assert tally.failures == ["Tests"]


class TestTheReport:
    def test_ends_with_the_line_that_machines_read(self):
        lines = []

        assert checks.report(Tally(7, 1, ["Lint"]), lines.append) == 1
        assert lines[-2:] == ["Did not hold: Lint", "7 passed, 1 failed"]

    def test_is_0_only_when_all_held(self):
        assert checks.report(Tally(7, 0), lambda line: None) == 0

    def test_comes_after_every_check_has_run(self, capfd):
        todo = [Check("First", "false"), Check("Second", "echo second ran")]

        tally = checks.run_all(todo, dict(os.environ), lambda line: None)

        assert tally.failures == ["First"]
        assert "second ran" in capfd.readouterr().out


class TestChromium:
    def test_is_the_one_on_path(self, monkeypatch, tmp_path):
        (tmp_path / "chromium").write_text("#!/bin/sh\n")
        (tmp_path / "chromium").chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path))

        assert chromium.find_or_install(print) == str(tmp_path / "chromium")

    def test_is_asked_for_when_we_may_not_install_it(self, monkeypatch, tmp_path):
        monkeypatch.setenv("PATH", str(tmp_path))
        monkeypatch.setattr(os, "geteuid", lambda: 1000)

        with pytest.raises(Trouble, match="apt-get install chromium"):
            chromium.find_or_install(print)
