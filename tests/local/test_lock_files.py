import json

import pytest

from ehrportal.local import lock_files

HASHED = "attrs==26.1.0 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n    # via fhir\n"


@pytest.fixture
def checkout(tmp_path):
    for name in lock_files.REQUIREMENTS:
        (tmp_path / name).write_text(f"# made by script/lock\n{HASHED}")
    write_npm(tmp_path, {"integrity": "sha512-aa"})
    return tmp_path


def write_npm(checkout, package):
    packages = {"": {"name": "ehrportal"}, "node_modules/solc": package}
    (checkout / "package-lock.json").write_text(json.dumps({"packages": packages}))


class TestTheLockFilesCheck:
    def test_accepts_hashes_without_addresses(self, checkout):
        assert lock_files.check(checkout) == 0

    def test_accepts_the_lock_files_of_this_checkout(self):
        assert lock_files.check() == 0

    @pytest.mark.parametrize(
        ("line", "complaint"),
        [
            ("attrs==26.1.0\n", "attrs==26.1.0 has no hash"),
            ("attrs>=26 --hash=sha256:aa\n", "attrs>=26 is not pinned to one version"),
            ("attrs @ https://mirror.test/attrs.whl --hash=sha256:aa\n", "attrs has a download address"),
            ("--index-url https://mirror.test/simple\n", "--index-url is an option"),
            ("", "requirements.txt names no package"),
        ],
    )
    def test_names_the_requirement_that_is_wrong(self, checkout, capsys, line, complaint):
        (checkout / "requirements.txt").write_text(line)

        assert lock_files.check(checkout) == 1
        assert complaint in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("package", "complaint"),
        [
            ({"integrity": "sha512-aa", "resolved": "https://mirror.test/solc.tgz"}, "download address"),
            ({"version": "0.8.30"}, "has no hash"),
        ],
    )
    def test_names_the_node_package_that_is_wrong(self, checkout, capsys, package, complaint):
        write_npm(checkout, package)

        assert lock_files.check(checkout) == 1
        assert complaint in capsys.readouterr().out
