"""The trail in the words of staff."""

import ast

from django.conf import settings

from consent.trail import WORDS

APPS = ("accounts", "audit", "consent", "doctors", "patients", "records")
WRITERS = {"record", "record_all", "trace", "_trace"}


def names_in(source):
    """Every event name that this source hands to a function which writes the trail."""
    for call in ast.walk(ast.parse(source)):
        if isinstance(call, ast.Call) and call.args:
            function = call.func
            writer = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if writer in WRITERS:
                for part in ast.walk(call.args[0]):
                    if isinstance(part, ast.Constant) and "." in str(part.value):
                        yield part.value


class TestWords:
    def test_are_there_for_everything_that_is_written_about_a_patient(self):
        written = {
            name
            for app in APPS
            for path in (settings.BASE_DIR / app).rglob("*.py")
            for name in names_in(path.read_text())
        }
        # Of no patient, so no line of the list.
        of_nobody = {"import.started", "import.retried", "passkey.removed"}

        assert {"consent.granted", "care.started", "patient.found"} <= written
        assert written - of_nobody <= {*WORDS}
