"""Gas per head and per record, up to a million records, beside a transaction per record on the same node."""

import os
import sys

from benchmarks._bench import add_leaves, figure, portal

LIMIT = 90_000
MILLION = 1_000_000

# Leaves a head, and how many such heads. One short of a round number: a tree of a ragged size has the longest
# consistency proofs, and they are what a head costs.
HEADS = [(100, 5), (1_000, 5), (99_999, 3)]


def main() -> int:
    with portal("chain"):
        from django.conf import settings
        from django.utils import timezone

        from chain.client import current_node
        from chain.deploying import deploy
        from chain.extending import extend
        from chain.models import Head
        from chain.sealing import MAX_LEAVES, seal
        from chain.signing import operator
        from chain.transactions import drive, settle, submit
        from chain.waiting import wait_until

        # Gas is settled when a transaction is mined.
        settings.CHAIN_CONFIRMATIONS = 0

        def gas_of(row) -> int:
            def is_final() -> bool:
                current_node().ask("evm_mine")
                drive(timezone.now())
                row.refresh_from_db()
                return row.state == "final"

            wait_until(is_final)
            return row.gas_used

        def head_of(count: int) -> int:
            add_leaves(count)
            while seal(timezone.now()) is not None:
                pass
            settle(timezone.now())
            return gas_of(extend(timezone.now()))

        deploy(timezone.now())
        peer = [
            gas_of(submit(purpose="bench", to=operator().address, data=os.urandom(32), at=timezone.now()))
            for _ in range(3)
        ]
        beside = {
            "peer": "one transaction per record, carrying its 32-byte commitment as data",
            "peer_gas_a_record": max(peer),
        }

        figure("gas of the log's first head", head_of(1), "gas", leaves=1)
        worst = 0
        for count, heads in HEADS:
            used = [head_of(count) for _ in range(heads)]
            worst = max(worst, *used)
            figure(
                f"gas per head at {count:,} leaves a head",
                max(used),
                "gas",
                leaves_in_the_log=Head.objects.newest().size,
                gas_a_record=round(max(used) / count, 2),
                cheaper_than_peer=round(max(peer) * count / max(used)),
                **beside,
            )

        used = []
        while (size := Head.objects.newest().size) < MILLION:
            used.append(head_of(min(MAX_LEAVES - 1, MILLION - size)))
        # And a day later, when the log is as long and as ragged as it gets.
        used += [head_of(count) for count in (1, 1, 1, 100, 1_000)]
        worst = max(worst, *used)
        figure(
            "gas per head up to a million leaves, the dearest one after the first",
            worst,
            "gas",
            leaves_in_the_log=Head.objects.newest().size,
            must_stay_under=LIMIT,
            **beside,
        )
        return 0 if worst < LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
