"""
Writes evidence of consents and the chain it stands on: `python -m tests.vectors.make_evidence`.

As in `make_proofs`, the chain is a list of transactions signed with fixed keys, so everybody gets the same
bytes. Each case has the cause that it must end in: `cause` where the chain is asked, `offline` where only the
file is read. Both verifiers are tried on these, and whoever writes another one is welcome to them.
"""

import json
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from eth_abi import encode
from eth_utils import keccak

from chain.commitment import Header, commit, disclose
from chain.proof import fields_of
from consent.evidence import evidence_of, grantee_commitment, grantee_salt
from tests.vectors import make_consent
from tests.vectors.make_consent import CHROMIUM, DAY, FUNCTIONS, HMAC_SECRET_OUTPUT, Passkey, Wallet, nonce
from tests.vectors.make_proofs import (
    ARTIFACTS,
    BEGINNING,
    CHAIN_ID,
    HERE,
    NORTH,
    OWNER,
    SOUTH,
    Ledger,
    altered,
    flipped,
    hexed,
)

FILE = "evidence.json"

SECRET = sha256(b"secret of this consent").digest()
READER = "https://south.example/Practitioner/7"
START, END, DEADLINE = BEGINNING, BEGINNING + 365 * DAY, BEGINNING + 7 * DAY
PATIENT, OTHER_PATIENT = (sha256(name).digest() for name in (b"pseudonym", b"another pseudonym"))
HEADER = Header(
    topic="consent", resource_type="Consent", id="consent-1", version=1, author="https://north.example"
)

PHONE, TABLET, LATER, STRANGERS = (Passkey(name) for name in ("phone", "tablet", "later", "stranger's"))
WALLET, OTHER_WALLET = Wallet("wallet"), Wallet("another wallet")

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N_OF_WALLETS = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def consent(end="2027-05-12T10:00:00+00:00", **changes):
    """A FHIR Consent as the portal writes it, with fields of its provision changed; None leaves one out."""
    whole = changes.pop("whole", {})
    provision = {
        "type": "permit",
        "period": {"start": "2026-05-12T10:00:00+00:00", "end": end},
        "actor": [
            {"reference": {"reference": READER, "display": "Dr Ines Keller, South Hospital"}},
        ],
        "action": [{"coding": [{"code": "access", "display": "Access"}]}],
        "purpose": [{"code": "TREAT", "display": "To treat me"}],
        "class": [
            {"code": "result", "display": "Results"},
            {"code": "medicine", "display": "Medicines"},
        ],
        **changes,
    }
    document = {
        "resourceType": "Consent",
        "id": "consent-1",
        "status": "active",
        "dateTime": "2026-05-12T09:55:00+00:00",
        "organization": [{"reference": "https://north.example", "display": "North Hospital"}],
        "provision": {name: value for name, value in provision.items() if value is not None},
        **whole,
    }
    return json.dumps(document, ensure_ascii=False).encode()


CONSENT = consent()

# With what stands before it, client data of 2,048 bytes.
BEFORE = 80 + len(f',"origin":"{PHONE.origin}"')
FILLED = f',"crossOrigin":false,"filled":"{"x" * (2048 - BEFORE - 33)}"}}'


class Chain(Ledger):
    """The ledger, on which consents are granted."""

    gas = 6_000_000

    def __init__(self):
        super().__init__()
        self.granted = {}
        self.registry = self.deploy(OWNER, "InstitutionRegistry", OWNER.address)
        self.verifier = self.deploy(OWNER, "ConsentWebAuthnVerifier")
        code = json.loads((ARTIFACTS / "ConsentRegistry.json").read_text())["bytecode"]
        arguments = encode(["address", "address[]"], [self.registry, [self.verifier]])
        self.consents = self.send(OWNER, None, bytes.fromhex(code[2:]) + arguments)[1]
        for operator, name in ((NORTH, "North"), (SOUTH, "South")):
            self.call(
                OWNER,
                self.registry,
                "admit(address,string,string,bytes32)",
                operator.address,
                f"{name} Hospital",
                f"https://{name.lower()}.example",
                bytes(32),
            )

    @property
    def now(self):
        """When the next transaction will be in a block."""
        return BEGINNING + 600 * len(self.sent)

    def tell(self, sender, function, *arguments):
        types = FUNCTIONS[function]
        selector = keccak(text=f"{function}({','.join(types)})")[:4]
        return self.send(sender, self.consents, selector + encode(types, list(arguments)))[0]

    def signer_of(self, key):
        return key.signer if isinstance(key, Wallet) else bytes.fromhex(self.verifier[2:]) + key.key

    def digest(self, form, message, *, chain_id=CHAIN_ID, contract=None):
        domain = {
            **make_consent.DOMAIN,
            "chainId": chain_id,
            "verifyingContract": contract or self.consents,
        }
        return make_consent.digest_of(form, message, domain)

    def enrol(self, operator, institution, patient, *keys):
        keys = sorted(keys, key=lambda key: keccak(self.signer_of(key)))
        message = {
            "patient": patient,
            "institution": institution,
            "signers": [keccak(self.signer_of(key)) for key in keys],
            "deadline": DEADLINE,
        }
        digest = self.digest("Enrolment", message)
        proofs = [(self.signer_of(key), key.sign(digest)) for key in keys]
        self.tell(operator, "enrol", patient, proofs, DEADLINE)

    def grant(self, given):
        """Relay what somebody signed."""
        signed = (bytes.fromhex(given["signer"][2:]), bytes.fromhex(given["signature"][2:]))
        form = given["form"]
        message = (
            *(bytes.fromhex(form[name][2:]) for name in ("patient", "grantee", "scope")),
            form["expiry"],
            int(form["nonce"], 16),
            form["deadline"],
        )
        return {**given, "transaction": self.tell(OWNER, "grant", message, signed)}

    def digest_in(self, given):
        form = given["form"]
        return self.digest("Grant", {**form_of(form), "nonce": int(form["nonce"], 16)})


def form_of(form):
    return {
        name: bytes.fromhex(value[2:]) if name in ("patient", "grantee", "scope") else value
        for name, value in form.items()
    }


class Signing:
    """Evidence of consents that somebody signs, each under a nonce of its own."""

    def __init__(self, chain):
        self.chain = chain
        self.count = 0

    def sign(
        self,
        key=PHONE,
        *,
        document=CONSENT,
        header=HEADER,
        patient=PATIENT,
        expiry=END,
        chain_id=CHAIN_ID,
        contract=None,
        form="Grant",
        signature=None,
        signer=None,
        transaction=None,
        **how,
    ):
        """
        Return evidence of what a key signed.

        :param signature: is handed the digest, and makes another signature than the key would
        :param how: what else is peculiar about the key's signature
        """
        self.count += 1
        message = {
            "patient": patient,
            "grantee": grantee_commitment(grantee_salt(SECRET), READER),
            "scope": commit(document, header, SECRET),
            "expiry": expiry,
            "nonce": nonce(self.count),
            "deadline": DEADLINE,
        }
        contract = contract or self.chain.consents
        digest = self.chain.digest("Grant", message, chain_id=chain_id, contract=contract)
        if form != "Grant":
            digest = self.chain.digest(form, {"patient": patient, "grant": digest})
        made = signature(digest) if signature else key.sign(digest, **how)
        return evidence_of(
            document=document,
            header=header,
            secret=SECRET,
            grantee_text=READER,
            form=message,
            chain_id=chain_id,
            registry=contract,
            signer=signer or self.chain.signer_of(key),
            signature=made,
            transaction=transaction,
        )


def off_the_curve(verifier):
    """
    A signer whose key is no point of P-256, and what signs in its name without any private key.

    The point has y = 0 and so, for formulas that never look at b, order two: with an even r/s it drops out
    of the sum, and r can be had from g alone. Only who checks the key against the curve refuses it.
    """
    honest = Passkey("phone")
    x = 5
    signer = bytes.fromhex(verifier[2:]) + x.to_bytes(32, "big") + bytes(32) + honest.key[64:]

    def sign(digest):
        made = honest.sign(digest)
        authenticator_data, client_data = parts_of(made)
        z = int.from_bytes(sha256(authenticator_data + sha256(client_data).digest()).digest(), "big")
        n = make_consent.N
        for factor in range(1, 1000):
            r = ec.derive_private_key(factor, ec.SECP256R1()).public_key().public_numbers().x % n
            s = z * pow(factor, -1, n) % n
            if s <= n // 2 and r * pow(s, -1, n) % n % 2 == 0:
                return r.to_bytes(32, "big") + s.to_bytes(32, "big") + made[64:]
        raise AssertionError("half of all factors would have done")

    return signer, sign


def parts_of(signature):
    """Authenticator data and client data of a well-formed assertion."""
    data = int.from_bytes(signature[192:224], "big")
    at = 224 + -(-data // 32) * 32
    text = int.from_bytes(signature[at : at + 32], "big")
    return signature[224 : 224 + data], signature[at + 32 : at + 32 + text]


def word(value):
    return value.to_bytes(32, "big")


def make():
    chain = Chain()
    signing = Signing(chain)
    chain.enrol(NORTH, 1, PATIENT, PHONE, TABLET, WALLET)
    chain.enrol(SOUTH, 2, OTHER_PATIENT, LATER)
    cases = []

    def case(name, evidence, cause=None, offline=None, **more):
        """
        :param cause: what it ends in where the chain is asked
        :param offline: what it ends in where it is not; of what is wrong in the file itself, the same
        """
        text = evidence if isinstance(evidence, str) else json.dumps(evidence, indent=1) + "\n"
        cases.append({"name": name, "cause": cause, "offline": offline, "evidence": text, **more})

    def wrong(name, evidence, cause, **more):
        case(name, evidence, cause, cause, **more)

    good = chain.grant(signing.sign())
    case("signed with a passkey", good)
    case("signed with a passkey, for the contract that the reader trusts", good, trusted=chain.consents)
    case("of the contract in small letters", good, trusted=chain.consents.lower())
    case("relayed, it is not said by which transaction", {**good, "transaction": None})
    case("in one line", json.dumps(good))
    case("signed with Chromium", chain.grant(signing.sign(rest=CHROMIUM)))
    case("signed with Safari", chain.grant(signing.sign(rest="}")))
    case(
        "signed with extension data",
        chain.grant(signing.sign(flags=0x85, extensions=HMAC_SECRET_OUTPUT, counter=41)),
    )
    case("signed with as much client data as there may be", chain.grant(signing.sign(rest=FILLED)))
    case(
        "signed with as much authenticator data as there may be",
        chain.grant(signing.sign(flags=0x85, extensions=bytes(1024 - 37))),
    )
    wallets = chain.grant(signing.sign(WALLET))
    case("signed with a wallet", wallets)

    tablets = chain.grant(signing.sign(TABLET))
    message = {
        "patient": PATIENT,
        "signer": keccak(chain.signer_of(TABLET)),
        "nonce": nonce(999),
        "deadline": DEADLINE,
    }
    digest = chain.digest("SignerRemoval", message)
    chain.tell(OWNER, "removeSigner", *message.values(), (chain.signer_of(PHONE), PHONE.sign(digest)))
    case("signed with a passkey that was removed later", tablets)
    case(
        "signed with a passkey that was removed, it is not said by which transaction",
        {**tablets, "transaction": None},
        "not_a_signer",
    )

    def worded(name, **changes):
        whole = {"whole": changes.pop("whole")} if "whole" in changes else {}
        case(name, chain.grant(signing.sign(document=consent(**changes, **whole))))

    titles = [f"Letter {number}" for number in range(1, 13)]
    worded(
        "for single records, with labels, once",
        **{"class": None},
        data=[{"reference": {"reference": f"urn:{title}", "display": title}} for title in titles],
        securityLabel=[{"code": "HIV", "display": "HIV"}],
        whole={"modifierExtension": [{"url": "urn:ehrportal:consent:once", "valueBoolean": True}]},
    )
    worded(
        "with all that is known",
        id="provision-1",
        data=[{"reference": {"reference": "urn:letter", "display": "Letter"}}],
        securityLabel=[{"code": "MH", "display": "Mental health"}, {"code": "HIV", "display": "HIV"}],
    )
    worded("for everything and any purpose", **{"class": None}, purpose=None)
    worded("without displays", purpose=[{"code": "TREAT"}], **{"class": [{"code": "result"}, {}, 7]})
    worded("that ends on a day", end="2027-05-12")
    worded("that ends at the same moment elsewhere", end="2027-05-12T12:00:00.5+02:00")
    worded(
        "with characters that steer a terminal",
        actor=[{"reference": {"reference": READER, "display": 'Dr \x1b[2J" may not\u202e\u2028'}}],
    )
    for name, changes in {
        "a denial": {"type": "deny"},
        "an exception inside": {"provision": [{"type": "deny"}]},
        "two readers": {"actor": [{"reference": {"reference": READER}}] * 2},
        "nobody": {"actor": []},
        "another action": {"action": [{"coding": [{"code": "correct"}]}]},
        "a modifier that is not known": {"whole": {"modifierExtension": [{"url": "urn:not"}]}},
        "a draft": {"whole": {"status": "draft"}},
        "another resource": {"whole": {"resourceType": "Contract"}},
    }.items():
        worded(f"not in words: {name}", **changes)
    case(
        "not in words: something else than a consent",
        chain.grant(signing.sign(document=b'{"resourceType": "Observation", "value": 1.5}')),
    )
    case(
        "not in words: a consent that was committed to as a record",
        chain.grant(signing.sign(header=Header(**{**HEADER.__dict__, "topic": "record"}))),
    )

    soon = chain.now + 300
    short = chain.grant(signing.sign(document=consent(period=None), expiry=soon))
    case("that has ended", short, "expired")
    ended = chain.grant(signing.sign())
    revocation = {"patient": PATIENT, "grant": chain.digest_in(ended)}
    digest = chain.digest("Revocation", revocation)
    chain.tell(OWNER, "revoke", *revocation.values(), (WALLET.signer, WALLET.sign(digest)))
    case("that the patient revoked", ended, "revoked")
    taken = chain.grant(signing.sign())
    chain.tell(NORTH, "revokeByInstitution", PATIENT, chain.digest_in(taken))
    case("that the hospital revoked", {**taken, "transaction": None}, "revoked")
    elsewhere = chain.grant(signing.sign(LATER, patient=OTHER_PATIENT))
    chain.call(OWNER, chain.registry, "suspend(uint256)", 2)
    case("of a patient of a hospital that is suspended today", elsewhere)

    case("that was not relayed", signing.sign(), "not_granted")
    case("that the chain did not accept", signing.sign(STRANGERS), "not_granted")
    case("another chain", signing.sign(chain_id=1), "wrong_chain")
    case("no contract there", signing.sign(contract="0x" + "12" * 20), "no_contract")
    case("a contract that holds no consents", signing.sign(contract=chain.registry), "not_a_registry")
    case("another contract than the reader trusts", good, "other_contract", trusted=chain.registry)
    for name, transaction in {
        "a transaction that nobody sent": "0x" + "cd" * 32,
        "the transaction of another grant": wallets["transaction"],
    }.items():
        case(name, {**good, "transaction": transaction}, "wrong_transaction")

    # Anybody who knows a grant can sign its digest with a key of their own.
    strangers = {
        **good,
        "signer": hexed(chain.signer_of(STRANGERS)),
        "signature": hexed(STRANGERS.sign(chain.digest_in(good))),
    }
    case("a stranger's key over a true grant", strangers, "wrong_transaction")
    case(
        "a stranger's key over a true grant, without its transaction",
        {**strangers, "transaction": None},
        "not_a_signer",
    )
    other_verifier = "0x" + "99" * 20 + good["signer"][42:]
    case("another verifier", {**good, "signer": other_verifier}, "wrong_transaction")

    damaged_files(good, wrong)
    damaged_contents(good, signing, wrong)
    damaged_passkeys(chain, signing, good, wrong)
    damaged_wallets(signing, wallets, good, wrong)
    not_evidence(json.dumps(good), wrong)

    return {
        "chain": {
            "id": CHAIN_ID,
            "senders": [account.address for account in (OWNER, NORTH, SOUTH)],
            "registry": chain.registry,
            "verifier": chain.verifier,
            "contract": chain.consents,
            "transactions": chain.sent,
        },
        "count": len(cases),
        "cases": cases,
    }


def damaged_files(good, wrong):
    """A field that is not what it must be, or that is missing, or too many."""
    for where, new in (
        ("header.topic", ""),
        ("header.version", 0),
        ("commitment.count", 2**20 + 1),
        ("elements", []),
        ("elements", good["elements"] * 2),
        ("elements.0.pointer", "/status"),
        ("elements.0.text", ""),
        ("elements.0.text", "\ud800"),
        ("elements.0.path", good["elements"][0]["path"][:1] * 21),
        ("grantee", None),
        ("grantee.text", ""),
        ("grantee.text", "x" * 1025),
        ("grantee.salt", "0x12"),
        ("form.chainId", 0),
        ("form.chainId", str(good["form"]["chainId"])),
        ("form.verifyingContract", "0x" + "12" * 19),
        ("form.patient", good["form"]["patient"].upper()),
        ("form.expiry", 2**53),
        ("form.expiry", -1),
        ("form.expiry", True),
        ("form.nonce", 1),
        ("form.nonce", "0x1"),
        ("form.deadline", 2**64),
        ("signer", "0x"),
        ("signer", good["signer"][:-1]),
        ("signer", good["signer"][: 2 + 2 * 116]),
        ("signer", good["signer"] + "61" * 255),
        ("signer", good["signer"].upper().replace("0X", "0x")),
        ("signature", "0x"),
        ("signature", good["signature"] + "0"),
        ("signature", "0x" + "00" * 4097),
        ("transaction", "0x12"),
        ("transaction", ""),
        ("form.from", 1),
        ("status", "valid"),
    ):
        wrong(
            f"{where} made {json.dumps(new)[:30]}", altered(good, where, lambda _, n=new: n), "damaged_file"
        )
    for name in good:
        if name != "format":
            wrong(f"no {name}", {key: part for key, part in good.items() if key != name}, "damaged_file")
    for version in ("2", "1.1", ""):
        wrong(f"format {version}", {**good, "format": f"ehrportal-consent/{version}"}, "unsupported_version")


def damaged_contents(good, signing, wrong):
    """The consent, its reader or its form are not those that were signed."""
    whole = good["elements"][0]["text"]
    for where, cause in {
        "elements.0.salt": "document_changed",
        "elements.0.path.0": "document_changed",
        "commitment.root": "document_changed",
        "commitment.value": "header_changed",
        "grantee.salt": "grantee_changed",
        "form.patient": "wrong_challenge",
        "form.scope": "other_document",
        "form.grantee": "grantee_changed",
        "form.nonce": "wrong_challenge",
        "form.verifyingContract": "wrong_challenge",
        "signer": "wrong_origin",
    }.items():
        wrong(f"one bit of {where}", altered(good, where, flipped), cause)
    for where, new, cause in (
        ("elements.0.text", whole.replace("Results", "Everything"), "document_changed"),
        ("elements.0.text", whole + " ", "document_changed"),
        ("elements.0.index", 1, "document_changed"),
        ("commitment.count", 1, "document_changed"),
        ("header.id", "consent-2", "header_changed"),
        ("header.topic", "record", "header_changed"),
        ("header.version", 2, "header_changed"),
        ("header.author", "https://south.example", "header_changed"),
        ("header.previous", "0x" + "00" * 32, "header_changed"),
        ("grantee.text", "https://evil.example", "grantee_changed"),
        ("form.expiry", good["form"]["expiry"] + 1, "wrong_challenge"),
        ("form.deadline", good["form"]["deadline"] + 1, "wrong_challenge"),
        ("form.chainId", 1, "wrong_challenge"),
    ):
        wrong(f"{where} made {str(new)[-40:]}", altered(good, where, lambda _, n=new: n), cause)

    # Somebody who knows how commitments are made, and makes them anew.
    wider = fields_of(disclose(consent(**{"class": None}), HEADER, SECRET, [""]))
    wrong("another consent put in", {**good, **wider}, "other_document")
    value = wider["commitment"]["value"]
    wrong(
        "another consent put in, and into the form",
        {**good, **wider, "form": {**good["form"], "scope": value}},
        "wrong_challenge",
    )
    evil = grantee_commitment(bytes(32), "https://evil.example")
    wrong(
        "another reader put in, and into the form",
        {
            **good,
            "grantee": {"text": "https://evil.example", "salt": hexed(bytes(32))},
            "form": {**good["form"], "grantee": hexed(evil)},
        },
        "wrong_challenge",
    )

    # What was signed, and says one thing to people and another to the contract.
    wrong(
        "a consent that ends before its form",
        signing.sign(document=consent(end="2026-05-19T10:00:00Z")),
        "other_expiry",
    )
    wrong(
        "a consent that ends after its form",
        signing.sign(expiry=END - 1),
        "other_expiry",
    )
    for name, actor in (
        ("a consent for another reader than its form", {"reference": "https://evil.example"}),
        ("a consent for a reader without an address", {"display": "Dr Ines Keller, South Hospital"}),
    ):
        wrong(name, signing.sign(document=consent(actor=[{"reference": actor}])), "other_grantee")


def damaged_passkeys(chain, signing, good, wrong):
    """An assertion that ConsentWebAuthnVerifier refuses, for the same cause."""
    for name, how, cause in (
        ("at the portal's sign-in", {"origin": "https://portal.north.example"}, "wrong_origin"),
        ("at an origin that begins alike", {"origin": "https://consent.north.example.evil"}, "wrong_origin"),
        (
            "at an origin that steers a terminal",
            {"origin": "https://consent.nort\x1b[2Jh\u202e"},
            "wrong_origin",
        ),
        ("with a passkey of another site", {"rp_id": "north.example"}, "wrong_rp_id"),
        ("in a frame", {"rest": ',"crossOrigin":true}'}, "cross_origin"),
        (
            "in a frame, denied afterwards",
            {"rest": ',"crossOrigin":true,"crossOrigin":false}'},
            "cross_origin",
        ),
        (
            "in a frame that is named",
            {"rest": ',"crossOrigin":true,"topOrigin":"https://a.example"}'},
            "cross_origin",
        ),
        ("in a frame, with white space", {"rest": ',"crossOrigin":true ,"more":1}'}, "cross_origin"),
        ("something behind the end", {"rest": ',"crossOrigin":false} '}, "cross_origin"),
        ("nothing behind the origin", {"rest": ""}, "cross_origin"),
        ("without verifying the user", {"flags": 0x01}, "user_not_verified"),
        ("without the user", {"flags": 0x04}, "user_not_verified"),
        ("backed up where it cannot be", {"flags": 0x15}, "user_not_verified"),
        ("as a registration", {"kind": "webauthn.create"}, "client_data_malformed"),
        ("as a type that is none", {"kind": "webauthn.got"}, "wrong_type"),
        ("with a high s", {"high_s": True}, "high_s"),
        ("with a challenge elsewhere", {"indexes": (24, 1)}, "wrong_index"),
        ("with a huge index", {"indexes": (23, 2**256 - 1)}, "wrong_index"),
        ("a form of another kind", {"form": "Revocation"}, "wrong_challenge"),
    ):
        wrong(f"signed {name}", signing.sign(**how), cause)
    wrong(
        "signed for another chain",
        altered(signing.sign(chain_id=1), "form.chainId", lambda _: CHAIN_ID),
        "wrong_challenge",
    )
    wrong(
        "signed for another contract",
        altered(signing.sign(contract=chain.registry), "form.verifyingContract", lambda _: chain.consents),
        "wrong_challenge",
    )
    wrong("signed with another passkey", signing.sign(signer=chain.signer_of(TABLET)), "signature_not_of_key")

    def resigned(change):
        return signing.sign(signature=lambda digest: change(PHONE.sign(digest)))

    half = make_consent.N // 2
    for name, change, cause in (
        ("a bit of r", lambda made: flip(made, 31), "signature_not_of_key"),
        ("a bit of s", lambda made: flip(made, 63), "signature_not_of_key"),
        ("r zero", lambda made: bytes(32) + made[32:], "signature_not_of_key"),
        ("r of n", lambda made: word(make_consent.N) + made[32:], "signature_not_of_key"),
        ("s zero", lambda made: made[:32] + bytes(32) + made[64:], "signature_not_of_key"),
        ("s just low enough", lambda made: made[:32] + word(half) + made[64:], "signature_not_of_key"),
        ("s just too high", lambda made: made[:32] + word(half + 1) + made[64:], "high_s"),
        ("a bit of the counter", lambda made: flip(made, 224 + 36), "signature_not_of_key"),
        ("cut off", lambda made: made[:-64], "not_an_assertion"),
        ("nothing but words", lambda made: made[:192], "not_an_assertion"),
        ("a byte", lambda made: made[:1], "not_an_assertion"),
        ("a word behind", lambda made: made + bytes(32), "not_an_assertion"),
        ("padding that is not zero", lambda made: made[:-1] + b"\x01", "not_an_assertion"),
        ("a huge offset", lambda made: made[:128] + b"\xff" * 32 + made[160:], "not_an_assertion"),
        ("an offset into the middle", lambda made: made[:128] + word(193) + made[160:], "not_an_assertion"),
        ("a huge length", lambda made: made[:192] + b"\xff" * 32 + made[224:], "not_an_assertion"),
        ("the same data twice", lambda made: made[:160] + made[128:160] + made[192:], "not_an_assertion"),
    ):
        wrong(f"assertion: {name}", resigned(change), cause)

    def encoded(authenticator_data, client_data):
        types = ["bytes32", "bytes32", "uint256", "uint256", "bytes", "bytes"]
        return encode(types, [word(1), word(1), 23, 1, authenticator_data, client_data])

    data, client_data = parts_of(PHONE.sign(bytes(32)))
    for name, parts in {
        "authenticator data one byte short": (data[:36], client_data),
        "authenticator data one byte long": (data + bytes(1025 - len(data)), client_data),
        "client data one byte long": (data, client_data + b" " * (2049 - len(client_data))),
    }.items():
        made = encoded(*parts)
        wrong(f"assertion: {name}", signing.sign(signature=lambda _, m=made: m), "not_an_assertion")
    for name, text in {
        "no client data": b"",
        "client data that ends in the origin": client_data[:100],
        "client data in another order": b"{%s,%s%s"
        % (client_data[23:80], client_data[1:22], client_data[80:]),
        "client data with white space": client_data.replace(b'","origin"', b'", "origin"'),
        "client data that is no object": b"[" + client_data[1:],
    }.items():
        made = encoded(data, text)
        wrong(f"assertion: {name}", signing.sign(signature=lambda _, m=made: m), "client_data_malformed")

    signer, forge = off_the_curve(chain.verifier)
    wrong(
        "a key that is no point of the curve",
        signing.sign(signer=signer, signature=forge),
        "signature_not_of_key",
    )
    outside = bytearray(chain.signer_of(PHONE))
    outside[20:52] = word(int.from_bytes(outside[20:52], "big") % 2**200 + P)
    wrong("a key outside of the field", signing.sign(signer=bytes(outside)), "signature_not_of_key")
    for name, origin in {
        "a quotation mark": 'https://a.example","origin":"https://b.example',
        "a space": "https://consent.north example",
        "a letter that is not plain": "https://consent.nörth.example",
    }.items():
        key = Passkey("phone", origin=origin)
        wrong(f"an origin with {name}", signing.sign(key), "origin_not_plain")
    wrong(
        "a wallet's signature for a passkey",
        signing.sign(signature=WALLET.sign),
        "not_an_assertion",
    )


def damaged_wallets(signing, wallets, good, wrong):
    """A signature that is not of the wallet."""
    wrong(
        "signed with another wallet", signing.sign(OTHER_WALLET, signer=WALLET.signer), "signature_not_of_key"
    )
    wrong("one bit of a wallet", altered(wallets, "signer", flipped), "signature_not_of_key")
    wrong(
        "a wallet's form changed",
        altered(wallets, "form.deadline", lambda deadline: deadline + 1),
        "signature_not_of_key",
    )

    def resigned(change):
        return signing.sign(WALLET, signature=lambda digest: change(WALLET.sign(digest)))

    def mirrored(made):
        s = N_OF_WALLETS - int.from_bytes(made[32:64], "big")
        return made[:32] + word(s) + bytes([55 - made[64]])

    for name, change, cause in (
        ("a high s", mirrored, "high_s"),
        ("the other parity", lambda made: made[:64] + bytes([55 - made[64]]), "signature_not_of_key"),
        ("parity from zero", lambda made: made[:64] + bytes([made[64] - 27]), "not_a_wallet_signature"),
        ("64 bytes", lambda made: made[:64], "not_a_wallet_signature"),
        ("66 bytes", lambda made: made + b"\x00", "not_a_wallet_signature"),
        ("r zero", lambda made: bytes(32) + made[32:], "signature_not_of_key"),
        ("r of n", lambda made: word(N_OF_WALLETS) + made[32:], "signature_not_of_key"),
        # 5 cubed and seven has no root.
        ("r without a point", lambda made: word(5) + made[32:], "signature_not_of_key"),
        ("s zero", lambda made: made[:32] + bytes(32) + made[64:], "signature_not_of_key"),
    ):
        wrong(f"wallet: {name}", resigned(change), cause)
    wrong(
        "a passkey's signature for a wallet",
        {**wallets, "signature": good["signature"]},
        "not_a_wallet_signature",
    )


def not_evidence(good, wrong):
    """What is not JSON as the format has it."""
    expiry = f'"expiry": {END}'
    for name, text in {
        "cut in the middle": good[: len(good) // 2],
        "twice behind each other": good + good,
        "a key given twice": good.replace(expiry, f'{expiry}, "expiry": 1'),
        "a number with a point": good.replace(expiry, f"{expiry}.0"),
        "a number with an exponent": good.replace(expiry, '"expiry": 1e9'),
        "a mark before the file": "\ufeff" + good,
        "another format": good.replace("ehrportal-consent/1", "consent/1"),
    }.items():
        wrong(f"no evidence: {name}", text, "not_a_proof")
    wrong("a huge number", good.replace(expiry, '"expiry": ' + "9" * 400), "damaged_file")


def flip(made, at):
    return made[:at] + bytes([made[at] ^ 1]) + made[at + 1 :]


def main():
    (HERE / FILE).write_text(json.dumps(make(), indent=1) + "\n")


if __name__ == "__main__":
    main()
