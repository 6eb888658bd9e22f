"""What is logged while people use the portal: never a word about a patient."""

import logging

import pytest

from records.services.importing import import_records
from tests.records.bundles import PATIENT, bundle, found_in, observation
from tests.records.conftest import amina, haemoglobin

__all__ = ["amina", "haemoglobin"]

WORDS = ("Amina", "Diallo", "MRN-17", "1980-03-04", "Haemoglobin", "13.50", "amina", "718-7")


@pytest.fixture
def logged(caplog):
    caplog.set_level(logging.DEBUG)
    # The statements of the test's own database connection are nobody's log.
    logging.getLogger("django.db.backends").setLevel(logging.INFO)
    return lambda: "\n".join(
        f"{record.name} {record.getMessage()} {record.__dict__}" for record in caplog.records
    )


class TestLogs:
    def test_tell_nothing_of_an_import_or_of_what_it_refused(self, db, noon, logged):
        bad = observation("bad", status="Diallo")

        import_records(found_in(bundle(PATIENT, observation(value="13.50"), bad)), source="lab", at=noon)

        assert not [word for word in WORDS if word in logged()]

    def test_tell_nothing_of_pages_that_were_read(self, amina, haemoglobin, client, logged):
        client.force_login(amina.user, backend="allauth.account.auth_backends.AuthenticationBackend")

        for address in (
            "/",
            "/record/?kind=result",
            f"/record/{haemoglobin.record_id}/",
            "/record/who-looked/",
        ):
            assert client.get(address).status_code == 200

        lines = logged()
        assert "request.answered" in lines
        assert not [word for word in WORDS if word in lines]
        assert str(haemoglobin.record_id) not in lines

    def test_tell_where_a_view_failed_and_not_on_what(self, amina, haemoglobin, client, logged, monkeypatch):
        def fail(*args, **kwargs):
            raise ValueError("Amina Diallo has 13.50")

        monkeypatch.setattr("records.views.record.open_record", fail)
        client.force_login(amina.user, backend="allauth.account.auth_backends.AuthenticationBackend")
        client.raise_request_exception = False

        assert client.get(f"/record/{haemoglobin.record_id}/").status_code == 500

        lines = logged()
        assert "request.failed" in lines
        assert "ValueError" in lines
        assert not [word for word in WORDS if word in lines]
