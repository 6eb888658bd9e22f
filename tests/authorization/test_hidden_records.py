"""
What somebody may not see leaves no trace: every answer they get is the same whether it is there or not.

Not one page is named here. All addresses of the portal are asked, by everybody in turn, in a world with a
record that they may not see and in the same world without it; status, headers and body must be the same,
byte for byte. A page that counts, links, sorts or resolves what it should not is found by this.

By default in one world that has much of everything; in as many drawn ones as you have time for with
pytest --hypothesis-profile=thorough.
"""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse
from django.urls import resolve
from hypothesis import HealthCheck, Phase, example, given, settings

from doctors.models import Clinician
from patients.models import Patient
from records.models import Record
from records.models.record import RecordQuerySet, RecordVersionQuerySet
from records.services.grounds import Reason
from records.views import timeline
from records.views.sharing import ShareThis
from tests.authorization.asking import answers, differences
from tests.authorization.scenes import RICH, Scene, scenes
from tests.authorization.world import make_world
from tests.consent import by_definition
from tests.consent.factories import CareFactory, ClinicianFactory, DepartmentFactory

pytestmark = pytest.mark.django_db

# The first two are given something in the scenes, in one way or another.
EVERYBODY = [
    "other_doctor", "helper", "colleague", "other_patient", "patient", "doctor", "unknown_doctor", "billing",
    "records_officer", "privacy_officer", "superuser", "anonymous",
]  # fmt: skip
RECORD = ["timeline", "record", "proof", "download"]
# Where those who see something of the patient's see it.
CHART = ["chart", "chart_record", "chart_version"]
OPEN = {
    "patient": ["home", *(f"records:{one}" for one in RECORD), "share-records"],
    "helper": ["home", *(f"records:{one}" for one in RECORD)],
    "other_patient": ["home", "records:timeline", "records:record"],
    "other_doctor": [f"workspace:{one}" for one in CHART],
    "doctor": [f"workspace:{one}" for one in (*CHART, "correct_record")],
    "colleague": [f"workspace:{one}" for one in CHART],
}
AS_LONG_AS_ASKED = settings(
    # None is made smaller: that would take longer than to read it.
    phases=[Phase.explicit, *([Phase.generate] if settings.default.max_examples > 100 else [])],
    max_examples=settings.default.max_examples // 50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture
def scene(noon, settings):
    settings.RATELIMIT_ENABLE = False
    # A chain goes on by itself, and some pages say how far.
    settings.CHAIN_RPC_URL = "http://127.0.0.1:9"
    # A minute later than all that happened before, so that the order of lines in the log is none of chance.
    with time_machine.travel(noon + timedelta(minutes=1), tick=False):
        world = make_world(noon)
        department = DepartmentFactory()
        clinician = Clinician.objects.get(user=world.users["other_doctor"])
        clinician.department = department
        clinician.save()
        world.users["other_doctor"] = clinician.user
        world.users["colleague"] = ClinicianFactory(department=department).user
        world.users["unknown_doctor"] = ClinicianFactory().user
        amina = Patient.objects.get(user=world.users["patient"])
        osei = Patient.objects.get(user=world.users["other_patient"])
        # The doctor treats the patient; the colleague treats the other one, and now and then looks in.
        CareFactory(
            patient=osei,
            clinician=Clinician.objects.get(user=world.users["colleague"]),
            at=noon - timedelta(days=9),
        )
        yield Scene(world, noon, (amina, osei))


class TestWhatIsHidden:
    @pytest.mark.parametrize("who", EVERYBODY)
    @given(drawn=scenes)
    @example(drawn=RICH)
    @AS_LONG_AS_ASKED
    def test_changes_no_answer(self, scene, who, drawn):
        found = differences(scene, who, **drawn)
        assert not found, "\n".join(found)


class TestThisTest:
    """It would be worth nothing if it could not fail."""

    @pytest.mark.parametrize(
        ("who", "only", "rows"),
        [
            ("helper", "^records:timeline$", RecordQuerySet),
            ("helper", "^records:record$", RecordVersionQuerySet),
            ("helper", "^home$", RecordVersionQuerySet),
            ("other_doctor", "^workspace:chart$", RecordVersionQuerySet),
        ],
    )
    def test_finds_rows_that_show_too_much(self, scene, monkeypatch, who, only, rows):
        monkeypatch.setattr(rows, "visible_to", lambda self, actor, *, at: self)
        monkeypatch.setattr(
            "records.services.opening.reason_to_read", lambda *args, **kwargs: Reason("grant")
        )

        assert differences(scene, who, **RICH, only=only)

    def test_finds_the_name_of_something_hidden_that_is_referred_to(self, scene, monkeypatch):
        whole = RecordVersionQuerySet.visible_to

        def visible_to(self, actor, *, at):
            return whole(self, scene.patients[0].user, at=at)

        monkeypatch.setattr(RecordVersionQuerySet, "visible_to", visible_to)

        assert differences(scene, "other_doctor", **RICH, only="^workspace:chart_record$")

    @pytest.mark.parametrize("leak", ["ETag", "Set-Cookie"])
    def test_finds_what_only_a_header_tells(self, scene, monkeypatch, leak):
        def get_response(self, request, whole=BaseHandler.get_response):
            response = whole(self, request)
            if leak == "ETag":
                response[leak] = f'"{Record.objects.count()}"'
            else:
                response.set_cookie("seen", Record.objects.count())
            return response

        monkeypatch.setattr(BaseHandler, "get_response", get_response)

        assert differences(scene, "helper", **RICH, only="^records:timeline$")

    def test_finds_a_total_that_is_too_high(self, scene, monkeypatch):
        monkeypatch.setattr(timeline, "count_in", lambda *_: Record.objects.count())

        assert differences(scene, "helper", **RICH, only="^records:timeline$")

    def test_finds_that_a_form_is_answered_otherwise_for_what_is_hidden(self, scene, monkeypatch):
        def post(self, request, pk):
            return HttpResponse(status=422 if Record.objects.filter(pk=pk).exists() else 404)

        monkeypatch.setattr(ShareThis, "post", post)

        assert differences(scene, "other_patient", **RICH, only="^records:share-this$")

    def test_has_something_to_hide_from_everybody(self, scene):
        scene.permit(RICH["grants"], RICH["emergency"])
        records = scene.import_items([*enumerate(RICH["found"])])

        for who in EVERYBODY:
            seen = [
                by_definition.readable(scene.user(who), [one], one.patient, scene.noon) for one in records
            ]
            assert not all(seen), who

    @pytest.mark.parametrize(("who", "names"), [*OPEN.items()])
    def test_gets_behind_the_doors_that_lead_to_records(self, scene, who, names):
        """An answer that is the same because nobody got in would say nothing."""
        present, _ = answers(scene, who, **RICH, only=f"^({'|'.join(names)})$")

        got_in = {
            resolve(urlsplit(address).path).view_name
            for (method, address), (status, _, _, body) in present.items()
            if status == 200 and b"Haemoglobin" in body
        }
        assert got_in == set(names)
