"""Sealing: leaves per second, beside bare SHA-256 over the same tree."""

from statistics import median

from benchmarks._bench import add_leaves, figure, portal, timed

LEAVES = 100_000
ROUNDS = 3


def main() -> None:
    with portal("chain"):
        from django.utils import timezone

        from chain.merkle import leaf_hash, root_of
        from chain.models import Leaf
        from chain.sealing import seal

        sealing, hashing = [], []
        for _ in range(ROUNDS):
            add_leaves(LEAVES)
            seconds, head = timed(lambda: seal(timezone.now()))
            assert head.leaves.count() == LEAVES
            sealing.append(LEAVES / seconds)

            entries = [leaf.entry for leaf in Leaf.objects.filter(head=head).only("commitment")]
            seconds, _ = timed(lambda: root_of([leaf_hash(entry) for entry in entries]))  # noqa: B023
            hashing.append(LEAVES / seconds)

        figure(
            "leaves sealed",
            median(sealing),
            "leaves/s",
            leaves_a_head=LEAVES,
            peer="bare SHA-256 over the same tree, in memory",
            peer_value=round(median(hashing)),
            of_peer=round(median(sealing) / median(hashing), 3),
        )


if __name__ == "__main__":
    main()
