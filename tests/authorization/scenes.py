"""
Worlds in which some people may not see some records: a drawn one, and one that has much of everything.
"""

import base64
import json
from dataclasses import dataclass
from datetime import timedelta
from types import SimpleNamespace

from django.contrib.auth.models import AnonymousUser
from hypothesis import strategies as st

from consent.answers import UNTIL, Answers
from consent.categories import Kind, Sensitivity
from consent.documents import SECURITY_LABELS
from consent.helping import SESSION_KEY
from consent.models import Covers, GranteeKind, Purpose
from doctors.models import Clinician
from records.models import Record
from records.services.importing import import_records
from tests.consent.factories import BreakGlassFactory, GrantFactory, this_hospital
from tests.records.bundles import bundle, found_in

# What somebody may ask a list for. Each is asked of every address: one that does not know it ignores it.
QUESTIONS = [
    "page=2", "page=999", "kind=result", "kind=document", "kind=medicine", "year=2024", "source=clinic",
    "source=lab", "earliest=2025-01-01&latest=2026-01-01", "view=results", "view=documents", "paperwork=on",
    "view=results&page=2", "view=documents&page=2", "q=Diallo", "q=Osei", "only_new=on", "who=others",
    "element=/valueQuantity/value", "kind=result&page=2&source=lab",
]  # fmt: skip
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
        """Sign somebody in: a helper who looks, and patients who choose what to share."""
        client = self.world.client("other_patient" if who == "helper" else who)
        session = client.session
        if who == "helper":
            session[SESSION_KEY] = str(self.patients[0].pk)
        elif who in ("patient", "other_patient"):
            self._answers(self.user(who)).keep(SimpleNamespace(session=session))
        else:
            return client
        session.save()
        return client

    def _answers(self, user):
        """All answers on the way to a grant, so that every page on it is open."""
        records = [str(one.pk) for one in Record.objects.filter(patient__user=user, fhir_id="hb")]
        return Answers(
            grantee_kind=GranteeKind.INSTITUTION.value,
            grantee=str(this_hospital().pk),
            covers=Covers.DOCUMENTS.value,
            records=dict.fromkeys(records, "Haemoglobin"),
            marks={one: [] for one in records},
            sensitivities=[],
            purpose=Purpose.TREATMENT.value,
            length=UNTIL,
            until=(self.noon + timedelta(days=9)).date().isoformat(),
        )

    def permit(self, grants, emergency):
        """Have the patient give access, and a doctor break the other one's glass."""
        for one in grants:
            GrantFactory(
                patient=self.patients[0],
                to=self.grantee(one["to"]),
                kinds=one["kinds"],
                sensitivities=one["sensitivities"],
                starts_at=self.noon - timedelta(days=1),
            )
        if emergency:
            BreakGlassFactory(
                patient=self.patients[1],
                by=self.world.users["other_doctor"],
                at=self.noon - timedelta(minutes=9),
            )

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
    # A total is said where somebody filters.
    "questions": ["page=2", "view=results", "source=elsewhere", "kind=result"],
}
