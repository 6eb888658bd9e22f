"""
What somebody may not see leaves no trace: every answer they get is the same whether it is there or not.

Not one page is named here. All addresses of the portal are asked, by everybody in turn, in a world with a
record that they may not see and in the same world without it; status, headers and body must be the same,
byte for byte. A page that counts, links, sorts or resolves what it should not is found by this.

By default in one world that has much of everything; in as many drawn ones as you have time for with
pytest --hypothesis-profile=thorough.
"""

import base64
import json
import os
import re
import uuid
from dataclasses import dataclass
from datetime import timedelta

import pgtrigger
import pytest
import time_machine
from django.contrib.auth.models import AnonymousUser
from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from audit.models import Event
from chain.log import append_leaves
from consent.categories import Kind, Sensitivity
from consent.documents import SECURITY_LABELS
from consent.helping import SESSION_KEY
from doctors.models import Clinician
from patients.models import Patient
from records.models import Record, RecordVersion
from records.models.record import RecordQuerySet, RecordVersionQuerySet
from records.services.grounds import Reason
from records.services.importing import import_records
from records.services.opening import open_list
from tests.authorization.world import addresses, make_world
from tests.consent import by_definition
from tests.consent.factories import (
    BreakGlassFactory,
    CareFactory,
    ClinicianFactory,
    DepartmentFactory,
    GrantFactory,
    this_hospital,
)
from tests.records.bundles import bundle, found_in

pytestmark = pytest.mark.django_db

# The first two are given something in the scenes below, in one way or another.
EVERYBODY = [
    "other_doctor", "helper", "colleague", "other_patient", "patient", "doctor", "unknown_doctor", "billing",
    "records_officer", "privacy_officer", "superuser", "anonymous",
]  # fmt: skip
# Signing in and keeping one's own account is the same for everybody, and asks nothing about records.
ACCOUNT = re.compile(r"^(account_|mfa_|accounts:|usersessions_|invitation|workspace:(login|logout|jsi18n))")
# What somebody may ask a list for. Each is asked of every address: one that does not know it ignores it.
QUESTIONS = [
    "page=2", "page=999", "kind=result", "kind=document", "kind=medicine", "year=2024", "source=clinic",
    "source=lab", "earliest=2025-01-01&latest=2026-01-01", "view=results", "view=documents", "paperwork=on",
    "view=results&page=2", "view=documents&page=2", "q=Diallo", "q=Osei", "only_new=on", "who=others",
    "element=/valueQuantity/value", "kind=result&page=2&source=lab",
]  # fmt: skip
CLOSED = (301, 302, 403, 405)
OPENING = uuid.UUID(int=17)
DAYS = ["2024-02-01", "2025-06-03", "2026-03-02", "2026-05-11"]
SENSITIVITIES = [None, (), (Sensitivity.HIV,), (Sensitivity.MENTAL_HEALTH, Sensitivity.HIV)]


@dataclass(frozen=True)
class Item:
    """One record that might be there: of the patient or of the other one, in one of the shapes below."""

    shape: str
    is_of_other: bool = False
    source: str = "lab"
    day: str = DAYS[0]
    sensitivities: tuple | None = ()
    # Which other item it refers to, if its shape refers to any.
    refers_to: int = 0

    def document(self, number, owner):
        shape = dict(SHAPES[self.shape](self, number))
        if self.sensitivities:
            labels = [SECURITY_LABELS[one] for one in self.sensitivities]
            shape["meta"] = {"security": [{"system": system, "code": code} for system, code in labels]}
        shape |= {"id": f"item-{number}", OWNER.get(self.shape, "subject"): {"reference": f"Patient/{owner}"}}
        return json.dumps(shape)


def concept(text, code="718-7", system="http://loinc.org"):
    return {"coding": [{"system": system, "code": code, "display": text}], "text": text}


def clinical(resource, code):
    system = f"http://terminology.hl7.org/CodeSystem/{resource}-clinical"
    return {"coding": [{"system": system, "code": code}]}


OWNER = {"allergy": "patient", "vaccination": "patient", "claim": "patient"}
# As hospitals write them; those that refer name another item, which may be hidden.
SHAPES = {
    "result": lambda one, number: {
        "resourceType": "Observation",
        "status": "final",
        "code": concept("Haemoglobin"),
        "effectiveDateTime": one.day,
        "valueQuantity": {"value": 11 + number / 10, "unit": "g/dL"},
    },
    "report": lambda one, number: {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "code": concept(f"Blood count {number}", "58410-2"),
        "effectiveDateTime": one.day,
        "result": [{"reference": f"Observation/item-{one.refers_to}"}],
    },
    "medicine": lambda one, number: {
        "resourceType": "MedicationStatement",
        "status": "active",
        "medicationCodeableConcept": {"text": f"Medicine {number}"},
        "effectiveDateTime": one.day,
        "reasonReference": [{"reference": f"Condition/item-{one.refers_to}"}],
    },
    "allergy": lambda one, number: {
        "resourceType": "AllergyIntolerance",
        "clinicalStatus": clinical("allergyintolerance", "active"),
        "code": {"text": f"Allergen {number}"},
        "recordedDate": one.day,
    },
    "condition": lambda one, number: {
        "resourceType": "Condition",
        "clinicalStatus": clinical("condition", "active"),
        "code": {"text": f"Condition {number}"},
        "recordedDate": one.day,
    },
    "vaccination": lambda one, number: {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": {"text": f"Vaccine {number}"},
        "occurrenceDateTime": one.day,
    },
    "visit": lambda one, number: {
        "resourceType": "Encounter",
        "status": "finished",
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
        "period": {"start": one.day},
    },
    "letter": lambda one, number: {
        "resourceType": "DocumentReference",
        "status": "current",
        "date": f"{one.day}T09:00:00Z",
        "description": f"Letter {number}",
        "content": [
            {"attachment": {"contentType": "text/plain", "data": base64.b64encode(b"Dear").decode()}}
        ],
    },
    "claim": lambda one, number: {
        "resourceType": "Claim",
        "status": "active",
        "type": concept("Institutional", "institutional", "http://terminology.hl7.org/CodeSystem/claim-type"),
        "use": "claim",
        "created": one.day,
        "provider": {"display": "North Hospital"},
        "priority": concept("Normal", "normal", "http://terminology.hl7.org/CodeSystem/processpriority"),
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"display": "None"}}],
    },
}

items = st.builds(
    Item,
    shape=st.sampled_from([*SHAPES]),
    is_of_other=st.sampled_from([False, False, False, True]),
    source=st.sampled_from(["lab", "clinic"]),
    day=st.sampled_from(DAYS),
    sensitivities=st.sampled_from(SENSITIVITIES),
    refers_to=st.integers(0, 7),
)
grants = st.fixed_dictionaries(
    {
        "to": st.sampled_from(["other_doctor", "department", "hospital", "helper"]),
        "kinds": st.sets(st.sampled_from([Kind.RESULT, Kind.MEDICINE, Kind.CONDITION, Kind.DOCUMENT])),
        "sensitivities": st.sampled_from([(), (Sensitivity.HIV,), (Sensitivity.MENTAL_HEALTH,)]),
    }
)
scenes = st.fixed_dictionaries(
    {
        "found": st.lists(items, min_size=2, max_size=8),
        "grants": st.lists(grants, max_size=3),
        # Results that the grants of results reach: with them lists have a second page, or only just not.
        "more": st.sampled_from([0, 0, 17, 20]),
        "emergency": st.booleans(),
        "questions": st.lists(st.sampled_from(QUESTIONS), min_size=2, max_size=3, unique=True),
    }
)


@dataclass(repr=False)
class Scene:
    """The world of the matrix, with more people in it, and what this example puts there."""

    world: object
    noon: object
    patients: tuple

    def client(self, who):
        client = self.world.client("other_patient" if who == "helper" else who)
        if who == "helper":
            session = client.session
            session[SESSION_KEY] = str(self.patients[0].pk)
            session.save()
        return client

    def user(self, who):
        return self.world.users["other_patient" if who == "helper" else who] or AnonymousUser()

    def grantee(self, to):
        clinician = Clinician.objects.get(user=self.world.users["other_doctor"])
        return {
            "other_doctor": clinician,
            "department": clinician.department,
            "hospital": this_hospital(),
            "helper": self.world.users["other_patient"],
        }[to]

    def import_items(self, numbered):
        """Bring records in as any import does, and return them in their order."""
        for number, item in numbered:
            owner = self.patients[item.is_of_other]
            document = bundle(item.document(number, owner.pk))
            report = import_records(found_in(document), source=item.source, at=self.noon, patient=owner)
            assert not report.faults, [str(fault) for fault in report.faults]
        records = [
            Record.objects.select_related("patient__user").get(source=item.source, fhir_id=f"item-{number}")
            for number, item in numbered
        ]
        for record, (_number, item) in zip(records, numbered, strict=True):
            if item.sensitivities is None:
                # As an import of an older release left it.
                record.sensitivities = None
                record.save(update_fields=["sensitivities"])
        return records


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


def differences(scene, who, *, found, grants, more, emergency, questions, only=None):
    """
    Ask everything as `who`, with and without those of the items that they may not see.

    Returns what differs, a line an address; nothing of this example stays.

    :param only: a pattern of the names of the addresses that are asked; all of them if there is none
    """
    with transaction.atomic():
        _permit(scene, grants, emergency)
        hidden, seen = _told_apart(scene, scene.user(who), [*enumerate(found)])
        plenty = [(100 + number, Item("result", day=DAYS[number % 4])) for number in range(more)]
        visible = scene.import_items([*seen, *plenty])
        client = scene.client(who)
        # What the privacy officer looks at is the log: a line that names more records is another line.
        is_told_of_more = who != "privacy_officer"
        present = {}
        with transaction.atomic():
            records = scene.import_items(hidden)
            _patient_looks(scene, visible + records if is_told_of_more else visible)
            for ways in ways_to_ask(scene, visible, records, questions, only):
                for address in ways:
                    present[address] = answer(client, address)
                    # A door that is closed to this role is closed whatever is asked for behind it.
                    if present[address][0] in CLOSED:
                        break
            transaction.set_rollback(True)
        with transaction.atomic():
            # The log is public, and so is how long it is: in both worlds the same.
            append_leaves(topic="test", commitments=[os.urandom(32) for _ in hidden], at=scene.noon)
            _patient_looks(scene, visible)
            absent = {address: answer(client, address) for address in present}
            transaction.set_rollback(True)
        transaction.set_rollback(True)
    return [
        f"{who} at {address}: {first_difference(present[address], absent[address])}"
        for address in present
        if present[address] != absent[address]
    ]


def _permit(scene, grants, emergency):
    amina = scene.patients[0]
    for one in grants:
        GrantFactory(
            patient=amina,
            to=scene.grantee(one["to"]),
            kinds=one["kinds"],
            sensitivities=one["sensitivities"],
            starts_at=scene.noon - timedelta(days=1),
        )
    if emergency:
        BreakGlassFactory(
            patient=scene.patients[1],
            by=scene.world.users["other_doctor"],
            at=scene.noon - timedelta(minutes=9),
        )


def _told_apart(scene, actor, numbered):
    """Split the items into those that `actor` may not see and those that they may, by the definition."""
    with transaction.atomic():
        hidden, seen = [], []
        for one, record in zip(numbered, scene.import_items(numbered), strict=True):
            readable = by_definition.readable(actor, [record], record.patient, scene.noon)
            (seen if readable else hidden).append(one)
        transaction.set_rollback(True)
    return hidden, seen


def _patient_looks(scene, records):
    """The patient looked at all of their records this morning; one line of the access log says so."""
    amina = scene.patients[0]
    at = scene.noon - timedelta(hours=2)
    hers = Q(record__in=[one for one in records if one.patient == amina])
    versions = RecordVersion.objects.filter(hers | Q(record__fhir_id="hb"))
    event_ids = set(Event.objects.values_list("pk", flat=True))
    open_list(versions.order_by("record__fhir_id"), by=amina.user, at=at, patient=amina)
    # Its key is random. It is one line in both worlds, so it gets one name.
    with pgtrigger.ignore("audit.Event:append_only"):
        Event.objects.exclude(pk__in=event_ids).update(id=OPENING)


def ways_to_ask(scene, visible, hidden, questions, only):
    """For every address that could tell something: with whatever can stand in it, and what can be asked."""
    patients = [one.pk for one in scene.patients]
    known = {one.pk for one in Record.objects.filter(fhir_id__in=["hb", "letter"])}
    yield [reverse("records:opening", kwargs={"pk": OPENING})]
    for name in addresses():
        if ACCOUNT.match(name) or (only and not re.search(only, name)):
            continue
        arguments = scene.world.arguments.get(name, {})
        choices = [arguments]
        if of_record := next((key for key, value in arguments.items() if value in known), None):
            # The page of every record that is seen: each may lead to what is not. The rest of the hidden.
            some = [*hidden[:2], *visible[:3]] if "number" not in arguments else [*hidden[:1], *visible[:1]]
            for one in some:
                owner = {key: one.patient_id for key, value in arguments.items() if value in patients}
                choices.append({**arguments, **owner, of_record: one.pk})
        elif [*arguments.values()] == patients[:1]:
            choices += [{**arguments, key: patients[1]} for key in arguments]
        try:
            paths = [reverse(name, kwargs=choice) for choice in choices]
        except NoReverseMatch:
            # Its arguments are missing in the world; the matrix says so.
            continue
        is_list = of_record is None and not set(arguments.values()) - {*patients}
        yield paths + [f"{path}?{one}" for path in paths if is_list for one in questions]


# Drawn anew for every answer, so that no two are ever the same: a form's token, and the name of a Bundle that
# is put together for a download. So is the name of the line that a request itself leaves in the log, which is
# taken out by that name. Nothing else is left out.
DRAWN_ANEW = re.compile(
    rb'name="csrfmiddlewaretoken" value="\w+"|(?<="resourceType": "Bundle", )"id": "[-0-9a-f]{36}"'
)


def answer(client, address):
    """Return all of an answer that can tell something; what the request changed is undone."""
    cache.clear()
    cookies = client.cookies.copy()
    before = set(Event.objects.values_list("pk", flat=True))
    with transaction.atomic():
        response = client.get(address)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        lines = set(Event.objects.values_list("pk", flat=True)) - before
        transaction.set_rollback(True)
    client.cookies = cookies
    for line in lines:
        body = body.replace(str(line).encode(), b"this line")
    set_cookies = {
        name: morsel.OutputString()
        for name, morsel in response.cookies.items()
        if name not in ("csrftoken", "sessionid")
    }
    return response.status_code, dict(response.headers), set_cookies, DRAWN_ANEW.sub(b"", body)


def first_difference(one, other):
    """Show the place where two answers part."""
    (status, headers, cookies, body), (status_2, headers_2, cookies_2, body_2) = one, other
    if status != status_2:
        return f"{status} and {status_2}"
    if body == body_2:
        changed = set(headers.items()) ^ set(headers_2.items())
        return f"headers {sorted(changed)}, cookies {cookies} and {cookies_2}"
    parted = (place for place, (a, b) in enumerate(zip(body, body_2, strict=False)) if a != b)
    place = next(parted, min(len(body), len(body_2)))
    around = slice(max(place - 60, 0), place + 120)
    return f"{body[around]!r} and {body_2[around]!r}"


# Something of every shape on either side of what is granted, with references across, so that even one
# example finds what is likeliest to leak: series, facets, counts, pages, names of what is referred to.
RICH = {
    "found": [
        Item("result", day=DAYS[1]),
        Item("result", day=DAYS[2], sensitivities=(Sensitivity.HIV,)),
        Item("report", day=DAYS[2], refers_to=1),
        Item("condition", sensitivities=(Sensitivity.HIV,)),
        Item("medicine", day=DAYS[3], refers_to=3),
        Item("medicine", day=DAYS[3], sensitivities=(Sensitivity.MENTAL_HEALTH,)),
        Item("allergy", source="clinic", sensitivities=None),
        Item("letter", source="clinic", sensitivities=(Sensitivity.HIV,)),
        Item("letter", day=DAYS[3]),
        Item("visit", day="2019-01-01", source="elsewhere"),
        Item("claim"),
        Item("result", is_of_other=True),
        Item("letter", is_of_other=True),
    ],
    "grants": [
        {"to": to, "kinds": {Kind.RESULT, Kind.MEDICINE, Kind.DOCUMENT}, "sensitivities": ()}
        for to in ("department", "helper")
    ],
    "more": 17,
    "emergency": True,
    "questions": ["page=2", "view=results", "source=elsewhere"],
}
AS_LONG_AS_ASKED = settings(
    # None is made smaller: that would take longer than to read it.
    phases=[Phase.explicit, *([Phase.generate] if settings.default.max_examples > 100 else [])],
    max_examples=settings.default.max_examples // 50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


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

    def test_finds_nothing_where_nothing_leaks(self, scene):
        assert not differences(scene, "other_doctor", **RICH, only="^workspace:chart")
