"""A proof in a log of a million leaves: its size, and how long a stranger needs to verify it."""

import json
import os
import sys
from hashlib import sha256
from statistics import median

from benchmarks._bench import figure, portal, timed

MILLION = 1_000_000
PLACE = 654_321
ROUNDS = 20

# A laboratory value as laboratories send them.
OBSERVATION = {
    "resourceType": "Observation",
    "id": "glucose",
    "status": "final",
    "code": {"coding": [{"system": "http://loinc.org", "code": "2339-0", "display": "Glucose"}]},
    "subject": {"reference": "Patient/1"},
    "effectiveDateTime": "2026-05-12T08:30:00Z",
    "valueQuantity": {
        "value": 6.3,
        "unit": "mmol/l",
        "code": "mmol/L",
        "system": "http://unitsofmeasure.org",
    },
    "referenceRange": [{"low": {"value": 3.9}, "high": {"value": 6.1}}],
}


def main() -> int:
    with portal("chain"):
        from django.conf import settings
        from django.utils import timezone

        from chain.client import current_node
        from chain.commitment import Header, commit, disclose
        from chain.deploying import deploy
        from chain.deployment import RECORD_LOG, contracts, institution_number
        from chain.merkle import leaf_hash
        from chain.proof import build_proof, leaf_entry, write_proof
        from chain.tiles import TiledTree
        from chain.transactions import drive, submit
        from chain.waiting import wait_until

        settings.CHAIN_CONFIRMATIONS = 0
        document = json.dumps(OBSERVATION).encode()
        secret = os.urandom(32)
        header = Header(
            topic="record",
            resource_type="Observation",
            id="glucose",
            version=1,
            author="North Hospital",
            previous=None,
        )

        hashes = [leaf_hash(leaf_entry(sha256(number.to_bytes(4)).digest())) for number in range(MILLION)]
        hashes[PLACE] = leaf_hash(leaf_entry(commit(document, header, secret)))
        tree = TiledTree(0, lambda tiles: {})
        tree.append(hashes)

        deploy(timezone.now())
        where = contracts()
        data = RECORD_LOG.calldata("extend", MILLION, tree.root(), [])
        row = submit(purpose="log.extend", to=where.record_log, data=data, at=timezone.now())

        def is_final() -> bool:
            current_node().ask("evm_mine")
            drive(timezone.now())
            row.refresh_from_db()
            return row.state == "final"

        wait_until(is_final)
        place = {
            "leaf_index": PLACE,
            "size": MILLION,
            "root": tree.root(),
            "chain_id": settings.CHAIN_ID,
            "contract": where.record_log,
            "institution": institution_number(current_node(), where),
            "transaction": row.hash,
        }
        sys.path.insert(0, str(settings.BASE_DIR / "verify"))
        import verify

        for name, pointers in (("whole record", [""]), ("single value", ["/valueQuantity/value"])):
            disclosure = disclose(document, header, secret, pointers)
            seconds, path = timed(lambda: tree.inclusion_path(PLACE))
            proof = write_proof(build_proof(disclosure=disclosure, leaf_path=path, **place)).encode()
            taken = []
            for _ in range(ROUNDS):
                each, verdict = timed(lambda: verify.verify(proof, rpc=settings.CHAIN_RPC_URL))  # noqa: B023
                assert verdict["ok"], verdict
                taken.append(each)
            figure(
                f"proof of a {name}, in a log of a million leaves",
                len(proof),
                "bytes",
                milliseconds_to_verify=round(median(taken) * 1000, 1),
                verified_by="verify/verify.py, chain included",
                microseconds_to_find_the_path=round(seconds * 1e6),
                peer="the record itself",
                peer_value=len(document),
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
