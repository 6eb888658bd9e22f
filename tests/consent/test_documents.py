"""The FHIR Consent of a grant: valid, complete, in the patient's words, and the same when it is read back."""

import json
import uuid
from datetime import datetime, timedelta

import pytest
from django.utils import translation
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.categories import OF_PATIENTS, Kind, Sensitivity
from consent.documents import SECURITY_LABELS, Grantee, Terms, consent_document
from consent.models import Covers, Grant, Purpose
from consent.services.granting import (
    NothingCovered,
    PeriodInvalid,
    attest_grant,
    grantee_of,
    prepare_grant,
    terms_of,
)
from records.services.storing import faults_of
from tests.consent.factories import (
    ClinicianFactory,
    DepartmentFactory,
    TermsFactory,
    grantee,
    other_hospital,
    this_hospital,
)
from tests.records.factories import SPRING, PatientFactory

pytestmark = pytest.mark.django_db

# What people are called and call things, without what no text of FHIR may hold.
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=0, max_size=40)
# Any microsecond of ten years: the columns keep them, the document and the chain whole seconds.
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=3_650)).map(lambda later: SPRING + later)
PERIODS = st.tuples(MOMENTS, st.timedeltas(timedelta(seconds=2), timedelta(days=3_650)))
SAID = {
    "to": st.integers(0, 4),
    "covers": st.sampled_from(Covers),
    "kinds": st.lists(st.sampled_from([*OF_PATIENTS, Kind.DIRECTORY]), max_size=5, unique=True),
    "records": st.dictionaries(st.uuids(), NAMES, max_size=3),
    "sensitivities": st.lists(st.sampled_from(Sensitivity), max_size=6, unique=True),
    "purpose": st.sampled_from(Purpose),
    "period": PERIODS,
    "is_once": st.booleans(),
    "name": NAMES,
    "language": st.sampled_from(["en", "ar"]),
}


@pytest.fixture
def amina(db):
    return PatientFactory()


@pytest.fixture
def grantees(db):
    cardiology = DepartmentFactory()
    return [
        ClinicianFactory(department=cardiology),
        cardiology,
        this_hospital(),
        other_hospital(),
        PatientFactory().user,
    ]


def terms(grantees, *, to, kinds, period, name, language, **said):
    starts_at, lasts = period
    whom = grantees[to]
    return Terms(
        grantee=Grantee(proxy=whom, proxy_name=name) if to == 4 else grantee(whom),
        chosen_kinds=kinds,
        starts_at=starts_at,
        expires_at=starts_at + lasts,
        **said,
    )


ANY_TERMS = settings(
    max_examples=settings.default.max_examples // 2,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


class TestConsentDocument:
    @given(**SAID)
    @ANY_TERMS
    def test_passes_the_gate_of_every_record(self, amina, grantees, **said):
        with translation.override(said["language"]):
            written = consent_document(amina, terms(grantees, **said), id=uuid.uuid4(), at=SPRING)

        assert [str(fault) for fault in faults_of(written)] == []

    @given(**SAID)
    @ANY_TERMS
    def test_says_all_that_decisions_are_made_from(self, amina, grantees, **said):
        said = terms(grantees, **said)
        try:
            draft = prepare_grant(amina, said, at=said.starts_at)
        except (NothingCovered, PeriodInvalid):
            says_nothing = not said.kinds and not said.single_records
            assert says_nothing or said.expires_at < said.starts_at + 2 * SECOND
            return

        content = json.loads(draft.document)
        provision = content["provision"]
        columns = draft.columns
        assert [one["code"] for one in provision.get("class", [])] == columns["kinds"]
        assert [one["reference"]["reference"] for one in provision.get("data", [])] == [
            f"urn:uuid:{record}" for record in columns["record_ids"]
        ]
        labels = {SECURITY_LABELS[Sensitivity(one)] for one in columns["sensitivities"]}
        assert {(one["system"], one["code"]) for one in provision.get("securityLabel", [])} == labels
        assert provision["purpose"][0]["code"] == columns["purpose"]
        assert datetime.fromisoformat(provision["period"]["end"]) == datetime.fromisoformat(
            columns["expires_at"]
        )
        assert datetime.fromisoformat(provision["period"]["start"]) <= datetime.fromisoformat(
            columns["starts_at"]
        )
        assert provision["actor"][0]["reference"]["reference"] == draft.grantee_text
        assert ("modifierExtension" in content) == columns["is_once"]
        assert Kind.DIRECTORY not in columns["kinds"]
        assert not (columns["kinds"] and columns["record_ids"])

    def test_is_written_in_the_language_of_the_patient(self, amina):
        with translation.override("ar"):
            written = consent_document(amina, TermsFactory(), id=uuid.uuid4(), at=SPRING)

        kinds = json.loads(written)["provision"]["class"]
        assert kinds[0]["code"] == "result"
        assert kinds[0]["display"] != str(Kind.RESULT.label)

    def test_names_whom_it_is_for_as_an_address_that_others_can_follow(self, amina, grantees):
        clinician, cardiology, here, there, helper = grantees

        assert [grantee(one).text.rsplit("/", 2)[-2:] for one in (clinician, cardiology, helper)] == [
            ["Practitioner", str(clinician.pk)],
            ["Organization", str(cardiology.pk)],
            ["RelatedPerson", str(helper.pk)],
        ]
        assert [grantee(one).text for one in (here, there)] == [here.portal_url, there.portal_url]


SECOND = timedelta(seconds=1)


class TestTermsOf:
    @given(**SAID)
    @settings(ANY_TERMS, max_examples=settings.default.max_examples // 5)
    def test_are_what_was_said_with_other_dates(self, amina, grantees, **said):
        said = terms(grantees, **said)
        try:
            grant = attest_grant(amina, said, paper_reference="", by=grantees[0].user, at=said.starts_at)
        except (NothingCovered, PeriodInvalid):
            return
        grant = Grant.objects.get(pk=grant.pk)

        again = terms_of(grant, starts_at=said.starts_at, expires_at=said.expires_at)

        assert again.grantee.text == said.grantee.text
        assert again.grantee.name.strip() == said.grantee.name.strip()
        assert again.kinds == said.kinds
        assert list(again.single_records) == list(said.single_records)
        assert [one.strip() for one in again.single_records.values()] == [
            one.strip() for one in said.single_records.values()
        ]
        assert set(again.sensitivities) == set(said.sensitivities)
        for name in ("covers", "purpose", "is_once", "starts_at", "expires_at"):
            assert getattr(again, name) == getattr(said, name)
        assert grantee_of(grant).text == said.grantee.text
