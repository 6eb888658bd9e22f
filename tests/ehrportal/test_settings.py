"""Production: what is missing is named, what is guessable is refused, and nothing starts by accident."""

import os
import subprocess
import sys

import pytest

from tests.conftest import CHECKOUT

GOOD = {
    "SECRET_KEY": "76362ed93cf31e423755ed29aeaaa243ebfca2b70e9c852587c62141393cf2b9",
    "COLUMN_KEYS": "9b" * 20,
    "KEY_ENCRYPTION_KEYS": "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
    "BLIND_INDEX_KEY": "EjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJCrze8=",
    "LOG_SIGNING_KEY": "5a" * 32,
    "CHAIN_OPERATOR_KEY": "6b" * 32,
    "CHAIN_REGISTRY_ADDRESS": "0x5FbDB2315678afecb367f032d93F642f64180aa3",
    "CHAIN_RECORD_LOG_ADDRESS": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512",
    "CHAIN_CONSENT_REGISTRY_ADDRESS": "0x9fE46736679d2D9a65F0992F2272dE9f3c7fa6e0",
    "CHAIN_CONSENT_VERIFIER_ADDRESS": "0xCf7Ed3AccA5a467e9e704C703E8D87F634fB0Fc9",
    "CHAIN_ID": "1",
    "CHAIN_RPC_URL": "https://rpc.hospital.example",
    "DATABASE_URL": "postgresql://portal@db.hospital.example/portal",
    "BROKER_URL": "rediss://broker.hospital.example/0",
    "HOSPITAL_NAME": "South Hospital",
    "PORTAL_URL": "https://portal.hospital.example",
    "CONSENT_URL": "https://consent.hospital.example",
    "ALLOWED_HOSTS": "portal.hospital.example,consent.hospital.example",
}


def start(*command, **changes):
    """Run manage.py as a hospital would, with nothing of this machine's environment."""
    environment = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return subprocess.run(
        [sys.executable, "-W", "error::UserWarning", CHECKOUT / "manage.py", *command],
        env={"DJANGO_SETTINGS_MODULE": "ehrportal.settings.production", "PATH": os.defpath, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


class TestProduction:
    def test_passes_djangos_own_check_without_a_warning(self):
        done = start("check", "--deploy", "--fail-level", "WARNING")

        assert done.returncode == 0, done.stderr
        assert "no issues" in done.stdout

    @pytest.mark.parametrize(
        "name",
        [
            "SECRET_KEY",
            "KEY_ENCRYPTION_KEYS",
            "CHAIN_RPC_URL",
            "CHAIN_CONSENT_REGISTRY_ADDRESS",
            "CHAIN_CONSENT_VERIFIER_ADDRESS",
            "CONSENT_URL",
            "ALLOWED_HOSTS",
        ],
    )
    def test_names_the_value_it_misses_and_stops(self, name):
        done = start("check", **{name: None})

        assert done.returncode != 0
        assert name in done.stderr.splitlines()[-1]

    def test_names_all_that_it_misses_at_once(self):
        done = start("check", SECRET_KEY=None, BROKER_URL="")

        assert "SECRET_KEY, BROKER_URL" in done.stderr.splitlines()[-1]

    @pytest.mark.parametrize(
        "consent_url",
        [GOOD["PORTAL_URL"], "https://portal.hospital.example:8443", "https://hospital.example"],
    )
    def test_insists_on_another_host_for_consents_than_for_the_portal(self, consent_url):
        done = start("check", CONSENT_URL=consent_url)

        assert done.returncode != 0
        assert "CONSENT_URL must have another host name than PORTAL_URL" in done.stderr.splitlines()[-1]

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("SECRET_KEY", "django-insecure-" + "x" * 60),
            ("COLUMN_KEYS", "changeme" * 8),
            ("SECRET_KEY", "short"),
            ("KEY_ENCRYPTION_KEYS", "bm90IDMyIGJ5dGVz"),
            ("BLIND_INDEX_KEY", "not base64 at all!"),
            # The first account of every development chain: everybody has its key.
            ("CHAIN_OPERATOR_KEY", "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"),
            ("LOG_SIGNING_KEY", "11" * 31),
        ],
    )
    def test_refuses_a_secret_that_is_none_and_does_not_print_it(self, name, value):
        done = start("check", **{name: value})

        assert done.returncode != 0
        assert name in done.stderr.splitlines()[-1]
        assert value not in done.stderr
