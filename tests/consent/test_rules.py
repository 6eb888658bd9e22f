"""The decision function, and the rows that must follow from it."""

import uuid
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts.models import Role, User
from audit.models import Ground
from consent.categories import OF_PATIENTS, SUMMARY, Kind, Sensitivity, sensitivity_token
from consent.models import Covers, Grant
from consent.rules import Action, decide, patients_readable_by
from consent.services.revoking import GrantNotActive, revoke_grant
from doctors.models import CareRelationship
from records.models import Record
from tests.consent import by_definition
from tests.consent.factories import (
    BreakGlassFactory,
    CareFactory,
    ClinicianFactory,
    DepartmentFactory,
    GrantFactory,
    other_hospital,
    staff,
    this_hospital,
)
from tests.records.factories import PatientFactory

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)
EVERYBODY = [
    "first", "second", "helper", "former_helper", "doctor", "colleague", "stranger", "unknown_doctor",
    "gone", "elsewhere", "lent", "former_doctor", "billing", "records_officer", "privacy_officer",
    "superuser", "anonymous",
]  # fmt: skip
# Those with whom care, an emergency or a grant would be a ground, if nothing else spoke against it.
DOCTORS = ["doctor", "colleague", "stranger", "gone", "elsewhere", "lent", "former_doctor"]


@dataclass
class People:
    """Two patients with accounts, everybody who might read their records, and what they might be granted."""

    users: dict
    clinicians: dict
    departments: dict
    patients: list

    def __getitem__(self, who):
        return self.users[who]

    @property
    def first(self):
        return self.patients[0]

    @property
    def grantees(self):
        return [
            *self.clinicians.values(),
            *self.departments.values(),
            this_hospital(),
            other_hospital(),
            self["helper"],
            self["former_helper"],
        ]


@pytest.fixture
def people(db):
    here, there = this_hospital(), other_hospital()
    departments = {
        "cardiology": DepartmentFactory(institution=here),
        "oncology": DepartmentFactory(institution=here),
        "elsewhere": DepartmentFactory(institution=there),
    }
    clinicians = {
        "doctor": ClinicianFactory(department=departments["cardiology"]),
        "colleague": ClinicianFactory(department=departments["cardiology"]),
        "stranger": ClinicianFactory(),
        "gone": ClinicianFactory(department=departments["cardiology"]),
        "elsewhere": ClinicianFactory(institution=there, department=departments["elsewhere"]),
        # Of this hospital, and by a slip in a department of another one.
        "lent": ClinicianFactory(department=departments["elsewhere"]),
        "former_doctor": ClinicianFactory(department=departments["cardiology"]),
    }
    users = {who: clinician.user for who, clinician in clinicians.items()}
    users |= {role.value: staff(role) for role in Role if role.is_staff and role != Role.DOCTOR}
    users |= {
        "unknown_doctor": staff(Role.DOCTOR),
        "superuser": User.objects.create_user("root", role=Role.BILLING, is_superuser=True),
        "helper": PatientFactory().user,
        "former_helper": staff(Role.DOCTOR),
        "anonymous": AnonymousUser(),
    }
    change(users["gone"], is_active=False)
    change(users["former_doctor"], role=Role.BILLING)
    patients = [PatientFactory(family_name=name) for name in ("First", "Second")]
    users |= {"first": patients[0].user, "second": patients[1].user}
    return People(users, clinicians, departments, patients)


def change(user, **columns):
    for name, value in columns.items():
        setattr(user, name, value)
    user.save()


def may(people, noon, action=Action.READ):
    """Return everybody who may, with their ground."""
    decisions = {
        who: decide(actor=people[who], action=action, patient=people.first, at=noon) for who in EVERYBODY
    }
    assert all(decision.allowed == bool(decision.ground) for decision in decisions.values())
    return {who: decision.ground for who, decision in decisions.items() if decision.allowed}


class TestDecide:
    def test_lets_nobody_read_without_a_ground_but_the_patient(self, people, noon):
        assert may(people, noon) == {"first": Ground.OWN_RECORD}

    def test_lets_those_read_who_treat_the_patient_at_this_hospital(self, people, noon):
        for who in DOCTORS:
            CareFactory(patient=people.first, clinician=people.clinicians[who])

        assert may(people, noon) == {"first": Ground.OWN_RECORD} | dict.fromkeys(
            ["doctor", "colleague", "stranger", "lent"], Ground.TREATMENT
        )

    def test_lets_those_read_who_declared_an_emergency_within_the_hour(self, people, noon):
        for who in (*DOCTORS, "unknown_doctor", "billing", "superuser", "second"):
            BreakGlassFactory(patient=people.first, by=people[who], at=noon)

        assert may(people, noon) == may(people, noon + 0.99 * HOUR)
        assert may(people, noon) == {"first": Ground.OWN_RECORD} | dict.fromkeys(
            ["doctor", "colleague", "stranger", "lent"], Ground.BREAK_GLASS
        )
        assert may(people, noon - 0.1 * HOUR) == may(people, noon + HOUR) == {"first": Ground.OWN_RECORD}

    @pytest.mark.parametrize("attested", [False, True])
    @pytest.mark.parametrize(
        ("to", "readers"),
        [
            ("doctor", ["doctor"]),
            ("gone", []),
            ("elsewhere", []),
            ("former_doctor", []),
            ("cardiology", ["doctor", "colleague"]),
            ("oncology", []),
            ("elsewhere's department", []),
            ("this hospital", ["doctor", "colleague", "stranger", "lent"]),
            ("another hospital", []),
            ("helper", ["helper"]),
            ("former_helper", []),
        ],
    )
    def test_lets_those_read_whom_the_patient_allowed(self, people, noon, to, readers, attested):
        whom = {
            **people.clinicians,
            **people.departments,
            "elsewhere": people.clinicians["elsewhere"],
            "elsewhere's department": people.departments["elsewhere"],
            "this hospital": this_hospital(),
            "another hospital": other_hospital(),
            "helper": people["helper"],
            "former_helper": people["former_helper"],
        }
        GrantFactory(patient=people.first, to=whom[to], starts_at=noon, days=1, attested=attested)

        assert may(people, noon) == {"first": Ground.OWN_RECORD} | dict.fromkeys(readers, Ground.GRANT)
        assert (
            may(people, noon - 0.01 * HOUR) == may(people, noon + 24 * HOUR) == {"first": Ground.OWN_RECORD}
        )

    def test_tells_the_grants_that_may_be_used_newest_first(self, people, noon):
        to = people.clinicians["doctor"]
        old = GrantFactory(patient=people.first, to=to, starts_at=noon - 2 * HOUR)
        new = GrantFactory(patient=people.first, to=people.departments["cardiology"], starts_at=noon - HOUR)
        GrantFactory(patient=people.patients[1], to=to, starts_at=noon)
        GrantFactory(patient=people.first, to=to, starts_at=noon - HOUR, revoked_at=noon - HOUR / 2)

        decision = decide(actor=to.user, action=Action.READ, patient=people.first, at=noon)

        assert decision.grants == (new, old)
        assert decision.is_partial

    def test_says_no_from_the_very_moment_of_a_revocation(self, people, noon):
        to = people.clinicians["doctor"]
        grant = GrantFactory(patient=people.first, to=to, starts_at=noon - HOUR)
        revoke_grant(grant=grant, by=people["first"], at=noon)

        assert not decide(actor=to.user, action=Action.READ, patient=people.first, at=noon).allowed

    def test_tells_care_before_an_emergency_and_an_emergency_before_a_grant(self, people, noon):
        to = people.clinicians["doctor"]

        def ground():
            return decide(actor=to.user, action=Action.READ, patient=people.first, at=noon).ground

        GrantFactory(patient=people.first, to=to, starts_at=noon)
        assert ground() == Ground.GRANT
        broken = BreakGlassFactory(patient=people.first, by=to.user, at=noon)
        assert ground() == Ground.BREAK_GLASS
        assert decide(actor=to.user, action=Action.READ, patient=people.first, at=noon).break_glass == broken
        CareFactory(patient=people.first, clinician=to)
        assert ground() == Ground.TREATMENT

    def test_lets_only_those_write_who_treat_the_patient(self, people, noon):
        CareFactory(patient=people.first, clinician=people.clinicians["doctor"])
        BreakGlassFactory(patient=people.first, by=people["colleague"], at=noon)
        for to in (*people.clinicians.values(), people["helper"]):
            GrantFactory(patient=people.first, to=to, starts_at=noon)

        assert may(people, noon, Action.WRITE) == {"doctor": Ground.TREATMENT}


class TestReadableRecords:
    """What a list, a count or a page is made of; compared with the definition below in every world."""

    @pytest.fixture
    def records(self, people, noon):
        return records_of(people.first, noon)

    def test_are_those_whose_kind_or_name_a_grant_has(self, people, records, noon):
        to = people.clinicians["doctor"]
        letter = next(one for one in records if one.kind == Kind.DOCUMENT and one.sensitivities == [])
        GrantFactory(patient=people.first, to=to, kinds=[Kind.RESULT], starts_at=noon)
        GrantFactory(patient=people.first, to=to, records=[letter], starts_at=noon)

        assert set(Record.objects.visible_to(to.user, at=noon)) == {letter} | {
            one for one in records if one.kind == Kind.RESULT and one.sensitivities == []
        }

    def test_are_withheld_while_a_grant_does_not_name_each_of_their_sensitivities(
        self, people, records, noon
    ):
        to = people.clinicians["doctor"]
        hiv, mental = (
            sensitivity_token(people.first.pk, one) for one in (Sensitivity.HIV, Sensitivity.MENTAL_HEALTH)
        )
        GrantFactory(patient=people.first, to=to, sensitivities=[Sensitivity.HIV], starts_at=noon)

        readable = Record.objects.visible_to(to.user, at=noon)

        found = {tuple(sorted(bytes(one) for one in record.sensitivities)) for record in readable}
        assert found == {(), (hiv,)}
        assert readable.count() < Record.objects.exclude(sensitivities=None).count()
        assert tuple(sorted([hiv, mental])) not in found

    def test_never_put_two_grants_together_to_reach_one_record(self, people, records, noon):
        to = people.clinicians["doctor"]
        for one in (Sensitivity.HIV, Sensitivity.MENTAL_HEALTH):
            GrantFactory(patient=people.first, to=to, sensitivities=[one], starts_at=noon)

        assert all(len(record.sensitivities) < 2 for record in Record.objects.visible_to(to.user, at=noon))

    def test_are_withheld_under_every_grant_until_they_have_been_classified(self, people, records, noon):
        to = people.clinicians["doctor"]
        unknown = next(one for one in records if one.sensitivities is None)
        GrantFactory(patient=people.first, to=to, sensitivities=[*Sensitivity], starts_at=noon)
        GrantFactory(
            patient=people.first, to=to, records=[unknown], sensitivities=[*Sensitivity], starts_at=noon
        )

        assert unknown not in Record.objects.visible_to(to.user, at=noon)

    def test_of_another_patient_are_not_reached_though_they_are_named(self, people, records, noon):
        to = people.clinicians["doctor"]
        foreign = Record.objects.create(
            patient=people.patients[1], kind=Kind.RESULT, fhir_id="x", sensitivities=[], created_at=noon
        )
        GrantFactory(patient=people.first, to=to, records=[foreign], starts_at=noon)

        assert not Record.objects.visible_to(to.user, at=noon).exists()

    def test_of_nobody_such_as_the_directory_are_nobodys(self, people, noon):
        Record.objects.create(
            patient=None, kind=Kind.DIRECTORY, fhir_id="x", sensitivities=[], created_at=noon
        )
        for to in people.grantees:
            GrantFactory(patient=people.first, to=to, starts_at=noon)

        assert not any(Record.objects.visible_to(people[who], at=noon).exists() for who in EVERYBODY)


def records_of(patient, noon):
    """One of each kind that grants are made of, in each state of knowledge about what is sensitive in it."""
    hiv, mental = (sensitivity_token(patient.pk, one) for one in (Sensitivity.HIV, Sensitivity.MENTAL_HEALTH))
    return Record.objects.bulk_create(
        Record(
            patient=patient,
            source="lab",
            fhir_id=f"{patient.pk.hex[:8]}-{kind}-{number}",
            kind=kind,
            sensitivities=tokens,
            created_at=noon,
        )
        for kind in (Kind.RESULT, Kind.MEDICINE, Kind.DOCUMENT)
        for number, tokens in enumerate([None, [], [hiv], [hiv, mental]])
    )


# Some moments before noon and after, often the same: edges are where two rules come apart.
OFFSETS = st.sampled_from([-49, -24, -2, -1, 0, 1, 24])


@st.composite
def grants(draw):
    starts = draw(OFFSETS)
    return {
        "patient": draw(st.integers(0, 1)),
        "to": draw(st.integers(0, 13)),
        "covers": draw(st.sampled_from(Covers)),
        "kinds": draw(st.sets(st.sampled_from([Kind.RESULT, Kind.MEDICINE, Kind.ALLERGY]), min_size=1)),
        "records": draw(st.sets(st.integers(0, 23), min_size=1, max_size=3)),
        "sensitivities": draw(
            st.sets(st.sampled_from([Sensitivity.HIV, Sensitivity.MENTAL_HEALTH, Sensitivity.GENETICS]))
        ),
        "starts": starts,
        "ends": starts + draw(st.sampled_from([1, 2, 24, 50, 100])),
        "attested": draw(st.booleans()),
        "is_once": draw(st.booleans()),
        "used": draw(st.none() | st.sampled_from([-3, -1, -0.5, 0])),
        "revoked": draw(st.none() | st.none() | OFFSETS),
    }


WORLDS = {
    "written": st.lists(grants(), max_size=5),
    # Who, whom, from when, and for how long or for good.
    "care": st.lists(
        st.tuples(
            st.sampled_from(DOCTORS), st.integers(0, 1), OFFSETS, st.none() | st.sampled_from([1, 2, 24])
        ),
        max_size=3,
        unique_by=lambda care: care[:2],
    ),
    "emergencies": st.lists(
        st.tuples(
            st.sampled_from([*DOCTORS, "unknown_doctor", "superuser", "second"]),
            st.integers(0, 1),
            st.sampled_from([-1, -0.5, 0, 1]),
        ),
        max_size=2,
    ),
}


class TestDecideAndRows:
    @given(**WORLDS)
    @settings(
        max_examples=settings.default.max_examples // 8,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    def test_agree_with_each_other_and_with_the_definition(self, people, noon, written, care, emergencies):
        with transaction.atomic():
            populate(people, noon, written, care, emergencies)
            for who in EVERYBODY:
                compare(people[who], people, noon)
            transaction.set_rollback(True)


def populate(people, noon, written, care, emergencies):
    records = [record for patient in people.patients for record in records_of(patient, noon)]
    for one in written:
        grant = GrantFactory(
            patient=people.patients[one["patient"]],
            to=people.grantees[one["to"] % len(people.grantees)],
            covers=one["covers"],
            kinds=one["kinds"],
            records=[records[place] for place in one["records"]],
            sensitivities=one["sensitivities"],
            starts_at=noon + one["starts"] * HOUR,
            expires_at=noon + one["ends"] * HOUR,
            at=noon - 50 * HOUR,
            attested=one["attested"],
            is_once=one["is_once"],
        )
        if one["used"] is not None and one["is_once"]:
            grant.use(at=noon + one["used"] * HOUR)
        if one["revoked"] is not None:
            # Unless it had run out by then.
            with suppress(GrantNotActive):
                revoke_grant(grant=grant, by=people["first"], at=noon + one["revoked"] * HOUR)
    for who, place, starts, lasts in care:
        started_at = noon + starts * HOUR
        CareRelationship.objects.create(
            clinician=people.clinicians[who],
            patient=people.patients[place],
            reason="Clinic",
            started_at=started_at,
            ended_at=started_at + lasts * HOUR if lasts else None,
        )
    for who, place, at in emergencies:
        BreakGlassFactory(by=people[who], patient=people.patients[place], at=noon + at * HOUR)


def compare(actor, people, noon):
    """Hold the queries against the definition."""
    expected = {patient: by_definition.ground_to_read(actor, patient, noon) for patient in people.patients}
    decisions = {
        patient: decide(actor=actor, action=Action.READ, patient=patient, at=noon)
        for patient in people.patients
    }
    assert {patient: decision.ground for patient, decision in decisions.items()} == expected
    assert set(patients_readable_by(actor, at=noon)) & set(people.patients) == {
        patient for patient, ground in expected.items() if ground
    }
    for patient, decision in decisions.items():
        held = by_definition.grants_held(actor, patient, noon) if decision.is_partial else []
        assert set(decision.grants) == set(held)
        records = Record.objects.of_patient(patient)
        assert set(records.visible_to(actor, at=noon)) == by_definition.readable(
            actor, records, patient, noon
        )


class TestReaches:
    @given(
        kind=st.sampled_from(OF_PATIENTS),
        covers=st.sampled_from(Covers),
        named=st.sets(st.sampled_from(Sensitivity)),
        found=st.none() | st.sets(st.sampled_from(Sensitivity)),
    )
    def test_needs_kind_or_name_and_every_sensitivity(self, kind, covers, named, found):
        patient_id, record_id = uuid.uuid4(), uuid.uuid4()
        kinds = {Covers.EVERYTHING: OF_PATIENTS, Covers.SUMMARY: SUMMARY, Covers.CATEGORIES: [Kind.RESULT]}
        grant = Grant(
            kinds=[one.value for one in kinds.get(covers, ())],
            record_ids=[record_id] if covers == Covers.DOCUMENTS else [],
            sensitivities=[sensitivity_token(patient_id, one) for one in named],
        )
        tokens = None if found is None else [sensitivity_token(patient_id, one) for one in found]

        assert grant.reaches(kind=kind, record_id=record_id, sensitivities=tokens) == (
            found is not None and found <= named and (covers == Covers.DOCUMENTS or kind in kinds[covers])
        )
