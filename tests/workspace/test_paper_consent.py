"""Paper consents: entered from the paper, read back, attested, and ended on paper again."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import Role, User
from audit.models import Event, Ground
from consent.models import Basis, Covers, Grant, Purpose
from consent.rules import Action, decide
from doctors.models import Department
from patients.models import Notice
from patients.numbers import new_number
from tests.consent.factories import ClinicianFactory, DepartmentFactory, GrantFactory, other_hospital
from tests.records.factories import PatientFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def helper(db):
    return PatientFactory(given_names="Fatou", family_name="Diallo", identifiers=[new_number()])


@pytest.fixture
def paper(clinician):
    """What the officer reads off the paper, as the form takes it."""
    today = timezone.localdate()
    return {
        "grantee_kind": "person",
        "clinician": str(clinician.pk),
        "covers": "categories",
        "kinds": ["allergy", "medicine"],
        "sensitivities": ["hiv"],
        "purpose": "TREAT",
        "starts_date": today.isoformat(),
        "expires_date": (today + timedelta(days=30)).isoformat(),
        "paper_reference": "Folder 12, sheet 3",
    }


def page_of(patient):
    return f"/workspace/patients/{patient.pk}/paper-consent/"


def register_page(browser, patient):
    page = browser.get(f"/workspace/patients/{patient.pk}/").content.decode()
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", page)


class TestPaperConsent:
    def test_reads_it_back_before_it_counts(self, as_officer, boris, paper):
        page = as_officer.post(page_of(boris), paper).content.decode()

        for words in (
            "Compare with the paper",
            "Dr Ada Okafor, North Hospital",
            "medicines, allergies",
            "HIV",
            "Folder 12, sheet 3",
        ):
            assert words in page
        assert not Grant.objects.exists()

    def test_attests_it(self, as_officer, boris, paper, clinician, records_officer, doctor_account):
        answer = as_officer.post(page_of(boris), {**paper, "step": "attest"})

        assert answer.url == f"/workspace/patients/{boris.pk}/"
        grant = Grant.objects.get()
        assert (grant.basis, grant.clinician, grant.by) == (Basis.ATTESTED, clinician, records_officer)
        assert grant.kinds == ["medicine", "allergy"]
        assert len(grant.sensitivities) == 1
        assert grant.paper_reference == "Folder 12, sheet 3"
        assert grant.digest is None
        assert not grant.relays.exists()
        now = timezone.now()
        assert decide(actor=doctor_account, action=Action.READ, patient=boris, at=now).ground is Ground.GRANT

    def test_lasts_to_the_end_of_the_last_day(self, as_officer, boris, paper):
        today = timezone.localdate()
        as_officer.post(page_of(boris), {**paper, "expires_date": today.isoformat(), "step": "attest"})

        grant = Grant.objects.get()
        assert timezone.localtime(grant.expires_at).date() == today + timedelta(days=1)
        assert timezone.localtime(grant.expires_at).hour == 0
        assert grant.starts_at <= timezone.now()

    def test_leaves_a_line_and_tells_the_patient(self, as_officer, boris, paper):
        as_officer.post(page_of(boris), {**paper, "step": "attest"})

        assert Event.objects.get(name="consent.attested").ground == Ground.STAFF_DUTY
        assert Notice.objects.get(patient=boris).kind == Notice.Kind.GRANT

    def test_opens_it_to_a_department(self, as_officer, boris, paper, hospital):
        department = DepartmentFactory(institution=hospital)

        as_officer.post(
            page_of(boris),
            {**paper, "grantee_kind": "department", "department": str(department.pk), "step": "attest"},
        )

        assert Grant.objects.get().department == department

    def test_opens_it_to_the_hospital(self, as_officer, boris, paper, hospital):
        as_officer.post(page_of(boris), {**paper, "grantee_kind": "institution", "step": "attest"})

        assert Grant.objects.get().institution == hospital

    def test_opens_it_to_a_helper_by_their_number(self, as_officer, boris, paper, helper):
        number = helper.identifiers.get().value
        named = {**paper, "grantee_kind": "proxy", "helper_number": number, "purpose": Purpose.HELP}

        check = as_officer.post(page_of(boris), named).content.decode()
        as_officer.post(page_of(boris), {**named, "step": "attest"})

        assert "Fatou Diallo" in check
        assert Grant.objects.get().proxy == helper.user

    @pytest.mark.parametrize("whose", ["nobody", "the patient", "without account"])
    def test_takes_no_helper_who_could_not_read(self, as_officer, paper, whose, helper):
        own = [new_number()]
        patient = PatientFactory(identifiers=own)
        helper.user = None
        helper.save()
        numbers = {
            "nobody": "no-such-number",
            "the patient": own[0].value,
            "without account": helper.identifiers.get().value,
        }

        answer = as_officer.post(
            page_of(patient),
            {
                **paper,
                "grantee_kind": "proxy",
                "helper_number": numbers[whose],
                "purpose": "FAMRQT",
                "step": "attest",
            },
        )

        assert answer.status_code == 422
        assert "helper_number" in answer.context["form"].errors
        assert not Grant.objects.exists()

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"clinician": ""}, "clinician"),
            ({"grantee_kind": "department"}, "department"),
            ({"grantee_kind": "proxy"}, "helper_number"),
            ({"kinds": []}, "kinds"),
            ({"kinds": ["directory"]}, "kinds"),
            ({"covers": "documents"}, "covers"),
            ({"purpose": "FAMRQT"}, "purpose"),
            ({"expires_date": "2020-01-01"}, "expires_date"),
            ({"expires_date": "2999-01-01"}, "expires_date"),
            ({"paper_reference": ""}, "paper_reference"),
        ],
    )
    def test_takes_nothing_incomplete(self, as_officer, boris, paper, change, field):
        answer = as_officer.post(page_of(boris), {**paper, **change, "step": "attest"})

        assert answer.status_code == 422
        assert field in answer.context["form"].errors
        assert not Grant.objects.exists()

    def test_offers_nobody_of_another_hospital(self, as_officer, boris, paper):
        other = ClinicianFactory(institution=other_hospital(), name="Dr Elsewhere")
        ward = DepartmentFactory(institution=other_hospital(), name="Ward elsewhere")

        page = as_officer.get(page_of(boris)).content.decode()
        answer = as_officer.post(page_of(boris), {**paper, "clinician": str(other.pk), "step": "attest"})

        assert "elsewhere" not in page.lower()
        assert Department.objects.filter(pk=ward.pk).exists()
        assert answer.status_code == 422

    def test_lets_it_be_changed_without_losing_a_word(self, as_officer, boris, paper):
        form = as_officer.post(page_of(boris), {**paper, "step": "change"}).context["form"]

        assert form["paper_reference"].value() == "Folder 12, sheet 3"
        assert form["kinds"].value() == ["allergy", "medicine"]

    @pytest.mark.parametrize("role", ["as_doctor", "as_privacy_officer", "as_clerk"])
    def test_is_for_records_officers_only(self, boris, paper, role, request):
        browser = request.getfixturevalue(role)

        assert browser.get(page_of(boris)).status_code == 403
        assert browser.post(page_of(boris), {**paper, "step": "attest"}).status_code == 403
        assert not Grant.objects.exists()


class TestOnThePatientsPage:
    def test_stands_with_its_end_and_where_the_paper_is(self, as_officer, boris, clinician):
        GrantFactory(patient=boris, to=clinician, attested=True, starts_at=timezone.now())

        page = register_page(as_officer, boris)

        assert "Dr Ada Okafor, North Hospital" in page
        assert "Folder 12" in page
        assert "End it" in page

    def test_shows_nothing_that_the_patient_signed(self, as_officer, boris, amina, clinician):
        before = register_page(as_officer, boris)
        GrantFactory(patient=boris, to=clinician, starts_at=timezone.now())
        GrantFactory(patient=amina, to=clinician, attested=True, starts_at=timezone.now())

        assert register_page(as_officer, boris) == before


class TestEndPaperConsent:
    @pytest.fixture
    def grant(self, boris, clinician):
        return GrantFactory(patient=boris, to=clinician, attested=True, starts_at=timezone.now())

    def page(self, grant):
        return f"/workspace/paper-consents/{grant.pk}/end/"

    def test_ends_it_at_once_and_keeps_where_the_paper_is(self, as_officer, grant, doctor_account, boris):
        as_officer.post(self.page(grant), {"paper_reference": "Folder 12, sheet 4"})

        grant.refresh_from_db()
        assert grant.ended_by == "hospital"
        assert not decide(actor=doctor_account, action=Action.READ, patient=boris, at=timezone.now()).allowed
        assert Event.objects.get(name="consent.revoked").facts["paper"] == "Folder 12, sheet 4"
        assert Notice.objects.filter(patient=boris, kind=Notice.Kind.GRANT).count() == 2
        assert "Ended" in register_page(as_officer, boris)

    def test_changes_nothing_when_it_is_only_looked_at(self, as_officer, grant):
        assert "End this consent" in as_officer.get(self.page(grant)).content.decode()

        grant.refresh_from_db()
        assert grant.revoked_at is None

    def test_owes_where_the_paper_is(self, as_officer, grant):
        assert as_officer.post(self.page(grant)).status_code == 422

        grant.refresh_from_db()
        assert grant.revoked_at is None

    def test_says_when_it_had_ended(self, as_officer, grant):
        as_officer.post(self.page(grant), {"paper_reference": "a"})

        page = as_officer.post(self.page(grant), {"paper_reference": "b"}, follow=True).content.decode()

        assert "Nothing has changed" in page

    def test_does_not_find_what_a_patient_signed(self, as_officer, boris, clinician):
        signed = GrantFactory(patient=boris, to=clinician, covers=Covers.SUMMARY, starts_at=timezone.now())

        assert as_officer.get(self.page(signed)).status_code == 404
        assert as_officer.post(self.page(signed), {"paper_reference": "a"}).status_code == 404

    @pytest.mark.parametrize("role", ["as_doctor", "as_privacy_officer", "as_clerk"])
    def test_is_for_records_officers_only(self, grant, role, request):
        assert request.getfixturevalue(role).post(self.page(grant)).status_code == 403

    def test_is_not_there_for_a_patient(self, client, grant):
        client.force_login(User.objects.create_user("random", role=Role.PATIENT))

        assert client.post(self.page(grant)).status_code == 404
