"""Anchoring: from the commit of a leaf until it is final, beside a bare transfer on the same chain."""

import time
from statistics import median

from benchmarks._bench import figure, portal, timed

ROUNDS = 5
PAUSE = 0.05


def main() -> None:
    with portal("chain"):
        import os

        from django.conf import settings
        from django.db import transaction
        from django.utils import timezone

        from chain.client import current_node
        from chain.deploying import deploy
        from chain.extending import extend
        from chain.log import append_leaf
        from chain.sealing import seal
        from chain.signing import operator
        from chain.transactions import drive, settle, submit

        def until_final(row) -> None:
            while row.state != "final":
                time.sleep(PAUSE)
                drive(timezone.now())
                row.refresh_from_db()

        def anchor_one_leaf() -> None:
            with transaction.atomic():
                append_leaf(topic="bench", commitment=os.urandom(32), at=timezone.now())
            seal(timezone.now())
            settle(timezone.now())
            until_final(extend(timezone.now()))

        def transfer() -> None:
            row = submit(purpose="bench", to=operator().address, data=b"", at=timezone.now())
            until_final(row)

        deploy(timezone.now())
        anchor_one_leaf()
        anchoring = [timed(anchor_one_leaf)[0] for _ in range(ROUNDS)]
        transferring = [timed(transfer)[0] for _ in range(ROUNDS)]
        newest = int(current_node().block("latest")["timestamp"], 16)
        before = int(current_node().block(current_node().block_number() - 10)["timestamp"], 16)

        figure(
            "commit to final",
            median(anchoring),
            "s",
            confirmations=settings.CHAIN_CONFIRMATIONS,
            seconds_a_block=(newest - before) / 10,
            without="the wait for a head to fill, LOG_SEAL_SECONDS at most",
            peer="a bare transfer on the same chain, until final",
            peer_value=round(median(transferring), 2),
        )


if __name__ == "__main__":
    main()
