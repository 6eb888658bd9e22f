"""The evidence of a consent is what a stranger's verifier takes, and nothing that belongs to another."""

import json
import uuid
from datetime import timedelta
from hashlib import sha256

import pytest
from django.utils import translation

from chain.commitment import Header, commit
from consent.categories import OF_PATIENTS, SUMMARY, Kind, Sensitivity
from consent.documents import consent_document
from consent.evidence import (
    MAX_DOCUMENT,
    EvidenceInvalid,
    evidence_of,
    grantee_commitment,
    grantee_salt,
    write_evidence,
)
from consent.models import Covers, Purpose
from consent.services.evidence import take_evidence
from consent.signing import Domain, Grant, new_nonce, seconds
from tests.consent.factories import (
    ClinicianFactory,
    DepartmentFactory,
    TermsFactory,
    other_hospital,
    staff,
    this_hospital,
)
from tests.consent.passkeys import ORIGIN, ConsentDevice
from tests.records.factories import SPRING, PatientFactory
from tests.vectors import make_consent
from tests.verify.python_side import both, verifier

SECRET = sha256(b"secret").digest()
READER = "https://south.example"
DOCUMENT = json.dumps(
    {
        "resourceType": "Consent",
        "status": "active",
        "provision": {
            "type": "permit",
            "period": {"end": "2027-05-12T10:00:00+00:00"},
            "actor": [{"reference": {"reference": READER, "display": "Süd"}}],
        },
    },
    ensure_ascii=False,
).encode()
HEADER = Header(
    topic="consent", resource_type="Consent", id="consent-1", version=1, author="https://north.example"
)
WALLET = make_consent.Wallet("wallet")
REGISTRY = make_consent.REGISTRY


def form_of(document=DOCUMENT, *, reader=READER, **changes):
    return {
        "patient": sha256(b"pseudonym").digest(),
        "grantee": grantee_commitment(grantee_salt(SECRET), reader),
        "scope": commit(document, HEADER, SECRET),
        "expiry": 1_810_116_000,
        "nonce": make_consent.nonce(11),
        "deadline": 1_779_184_800,
        **changes,
    }


def evidence(form=None, **changes):
    form = form_of() if form is None else form
    return evidence_of(
        **{
            "document": DOCUMENT,
            "header": HEADER,
            "secret": SECRET,
            "grantee_text": READER,
            "form": form,
            "chain_id": 31337,
            "registry": REGISTRY,
            "signer": WALLET.signer,
            "transaction": None,
            **changes,
            "signature": changes["signature"]
            if "signature" in changes
            else WALLET.sign(make_consent.digest_of("Grant", form)),
        }
    )


class TestEvidence:
    def test_is_taken_by_both_verifiers(self):
        verdict = both(write_evidence(evidence()).decode())
        assert verdict["ok"], verdict
        assert "may read everything, for any purpose, until 12 May 2027, 10:00:00 UTC" in verdict["sentence"]

    def test_is_plain_ascii_so_that_no_transport_can_hurt_it(self):
        file = write_evidence(evidence())
        assert file.isascii()
        assert json.loads(file)["elements"][0]["text"].encode() == DOCUMENT

    def test_keeps_the_secret(self):
        file = write_evidence(evidence()).decode()
        assert SECRET.hex() not in file

    def test_carries_the_transaction_that_relayed_it(self):
        assert evidence(transaction="0x" + "AB" * 32)["transaction"] == "0x" + "ab" * 32

    def test_takes_the_form_as_the_outbox_keeps_it_too(self):
        kept = {
            name: "0x" + value.hex() if isinstance(value, bytes) else value
            for name, value in form_of().items()
        }
        again = evidence(kept, signature=WALLET.sign(make_consent.digest_of("Grant", form_of())))
        assert again == evidence()

    def test_writes_a_nonce_of_256_bits_exactly(self):
        nonce = 2**256 - 1
        form = form_of(nonce=nonce)
        made = evidence(form)
        assert made["form"]["nonce"] == "0x" + "ff" * 32
        assert verifier.verify(write_evidence(made))["ok"]

    def test_is_not_made_of_another_document(self):
        with pytest.raises(EvidenceInvalid, match="another document"):
            evidence(document=DOCUMENT.replace(b"permit", b"deny"))

    def test_is_not_made_under_another_header(self):
        with pytest.raises(EvidenceInvalid, match="another document"):
            evidence(header=Header(**{**HEADER.__dict__, "author": "https://south.example"}))

    def test_is_not_made_for_another_grantee(self):
        with pytest.raises(EvidenceInvalid, match="another grantee"):
            evidence(grantee_text="https://evil.example")

    def test_is_not_made_with_another_secret(self):
        with pytest.raises(EvidenceInvalid):
            evidence(secret=bytes(32))

    @pytest.mark.parametrize(
        ("form", "changes"),
        [
            ({"expiry": 2**53}, {}),
            ({"expiry": 0}, {}),
            ({"deadline": 2**64}, {}),
            ({"patient": b"short"}, {}),
            ({"nonce": "0x12"}, {}),
            ({}, {"chain_id": 0}),
            ({}, {"registry": "0x12"}),
            ({}, {"transaction": "0x12"}),
            ({}, {"signer": b"\x01" * 19}),
            ({}, {"signer": b"\x01" * 116}),
            ({}, {"signer": b"\x01" * 372}),
            ({}, {"signature": b""}),
            ({}, {"signature": bytes(4097)}),
        ],
    )
    def test_is_not_made_where_a_verifier_would_not_read_it(self, form, changes):
        with pytest.raises(ValueError, match=r"cannot stand|this is not|does not have"):
            evidence(form_of() | form, **({"signature": bytes(65)} | changes))

    def test_is_not_made_of_a_consent_that_is_too_long(self):
        long = DOCUMENT + b" " * MAX_DOCUMENT
        with pytest.raises(ValueError, match="a consent in evidence does not have"):
            evidence(form_of(long), document=long, signature=bytes(65))

    @pytest.mark.parametrize("reader", ["", "x" * 1025])
    def test_is_not_made_for_a_grantee_that_no_verifier_reads(self, reader):
        with pytest.raises(ValueError, match="a grantee in evidence does not have"):
            evidence(form_of(reader=reader), grantee_text=reader, signature=bytes(65))


@pytest.mark.django_db
class TestOurConsents:
    """What consent.documents writes is what the verifiers put into words."""

    def terms(self, **changes):
        patient = PatientFactory()
        terms = TermsFactory(**changes)
        document = consent_document(patient, terms, id=uuid.uuid4(), at=SPRING)
        return terms, verifier.terms_of(document.decode())

    @pytest.mark.parametrize("to", ["doctor", "department", "hospital", "another hospital", "helper"])
    def test_say_who_may_read(self, to):
        make = {
            "doctor": ClinicianFactory,
            "department": DepartmentFactory,
            "hospital": this_hospital,
            "another hospital": other_hospital,
            "helper": lambda: staff("patient"),
        }
        terms, read = self.terms(to=make[to]())
        assert read["reader"] == terms.grantee.name
        assert read["address"] == terms.grantee.text

    @pytest.mark.parametrize(
        ("covered", "kinds"),
        [
            ({"covers": Covers.EVERYTHING}, OF_PATIENTS),
            ({"covers": Covers.SUMMARY}, SUMMARY),
            ({"kinds": [Kind.RESULT, Kind.MEDICINE]}, [Kind.RESULT, Kind.MEDICINE]),
            ({"records": [uuid.uuid4()]}, []),
        ],
    )
    def test_say_what_is_covered(self, covered, kinds):
        _, read = self.terms(**covered)
        assert read["kinds"] == [str(kind.label) for kind in Kind if kind in kinds]
        assert read["records"] == (["Haemoglobin, 2 March 2026"] if "records" in covered else [])

    @pytest.mark.parametrize("purpose", list(Purpose))
    def test_say_what_for(self, purpose):
        assert self.terms(purpose=purpose)[1]["purposes"] == [str(purpose.label)]

    def test_say_what_they_name_beyond_it(self):
        _, read = self.terms(sensitivities=list(Sensitivity))
        assert read["labels"] == [str(one.label) for one in Sensitivity]
        assert not read["is_once"]

    def test_say_that_they_are_for_once(self):
        assert self.terms(is_once=True)[1]["is_once"]

    def test_say_from_when_until_when(self):
        _, read = self.terms(starts_at=SPRING + timedelta(hours=1, microseconds=7), days=3)
        assert read["start"] == seconds(SPRING) + 3600
        assert read["end"] == seconds(SPRING) + 3600 + 3 * 86_400
        assert read["written"] == seconds(SPRING)

    def test_say_it_in_the_patient_s_language(self):
        with translation.override("ar"):
            terms, read = self.terms(kinds=[Kind.RESULT])
            assert read["kinds"] == [str(Kind.RESULT.label)]
        assert read["reader"] == terms.grantee.name


@pytest.mark.django_db
class TestConsentHost:
    def test_makes_keys_whose_signatures_both_verifiers_take(self):
        device = ConsentDevice()
        device.make_key(make_consent.VERIFIER)
        terms = TermsFactory(kinds=[Kind.RESULT])
        document = consent_document(PatientFactory(), terms, id=uuid.uuid4(), at=SPRING)
        form = Grant(
            patient=sha256(b"pseudonym").digest(),
            grantee=grantee_commitment(grantee_salt(SECRET), terms.grantee.text),
            scope=commit(document, HEADER, SECRET),
            expiry=seconds(terms.expires_at),
            nonce=new_nonce(),
            deadline=seconds(SPRING + timedelta(days=7)),
        )
        signed = device.yes_to(form.digest(Domain(chain_id=31337, registry=REGISTRY)))
        made = evidence(
            {name: getattr(form, name) for name in form.TYPES},
            document=document,
            grantee_text=terms.grantee.text,
            signer=signed.signer,
            signature=signed.signature,
        )

        verdict = both(write_evidence(made).decode())
        assert verdict["sentence"].startswith(
            f"Proven: on {ORIGIN} the holder of a passkey, checked by PIN, finger or face, signed that "
            f'"{terms.grantee.name}" may read "Results", for "To treat me", from '
        )

        other = {**made, "form": {**made["form"], "deadline": made["form"]["deadline"] + 1}}
        assert both(write_evidence(other).decode())["cause"] == "wrong_challenge"


class TestTakenEvidence:
    """From a passkey to a stranger's verdict, over a chain of our own."""

    def test_is_told_at_every_turn_what_has_become_of_the_consent(self, consents):
        device = consents.enrol()
        grant = consents.grant(device, kinds=[Kind.RESULT], days=365)

        def verdict(*, offline=False):
            file = take_evidence(grant, by=device.patient.user, at=consents.at)
            return both(file.decode(), None if offline else consents.anvil.url)

        assert verdict(offline=True)["ok"]
        assert verdict()["cause"] == "not_granted"

        consents.see_final()
        grant.refresh_from_db()
        held = verdict()
        assert held["cause"] is None, held
        details = {detail["label"]: detail["value"] for detail in held["details"]}
        assert details["What"] == "Results"
        assert details["Transaction"] == grant.relays.get(kind="grant").transaction.hash
        assert details["Key today"] == "one of the patient's"
        assert details["Its code"].startswith("the published one")

        consents.revoke(device, grant)
        consents.see_final()
        assert verdict()["cause"] == "revoked"
        assert verdict(offline=True)["ok"]
