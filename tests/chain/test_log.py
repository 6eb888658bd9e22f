"""The log in the database: leaves, sealing, tiles and checkpoints."""

import os
from datetime import timedelta
from threading import Event, Thread

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import IntegrityError, ProgrammingError, connection, transaction

from chain.checkpoint import open_note, parse_checkpoint
from chain.locks import Busy, only_one
from chain.log import (
    NotAnchored,
    NotInTransaction,
    append_leaf,
    append_leaves,
    covering_head,
    inclusion_path,
    stored_tree,
)
from chain.merkle import leaf_hash, root_of, verify_consistency, verify_inclusion
from chain.models import Head, Leaf, Tile
from chain.sealing import LOCK, seal, should_seal

pytestmark = pytest.mark.django_db


def add(count, at):
    with transaction.atomic():
        return append_leaves(topic="test", commitments=[os.urandom(32) for _ in range(count)], at=at)


class TestAppendLeaf:
    def test_waits_until_it_is_sealed(self, noon):
        with transaction.atomic():
            leaf = append_leaf(topic="test", commitment=b"c" * 32, at=noon)

        leaf.refresh_from_db()
        assert (leaf.topic, bytes(leaf.commitment), leaf.created_at) == ("test", b"c" * 32, noon)
        assert not leaf.is_sealed
        assert leaf.anchoring.is_waiting

    @pytest.mark.django_db(transaction=True)
    def test_is_refused_outside_the_transaction_of_what_it_commits_to(self, noon):
        with pytest.raises(NotInTransaction):
            append_leaf(topic="test", commitment=b"c" * 32, at=noon)

    def test_goes_when_that_transaction_fails(self, noon):
        def write_something():
            with transaction.atomic():
                append_leaf(topic="test", commitment=b"c" * 32, at=noon)
                raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"):
            write_something()

        assert not Leaf.objects.exists()

    def test_keeps_the_order_of_many(self, noon):
        commitments = [os.urandom(32) for _ in range(300)]
        with transaction.atomic():
            leaves = append_leaves(topic="test", commitments=commitments, at=noon)

        assert [leaf.commitment for leaf in leaves] == commitments
        assert [leaf.pk for leaf in leaves] == sorted(leaf.pk for leaf in leaves)

    @pytest.mark.parametrize("commitment", [b"", b"c" * 31, b"c" * 33])
    def test_takes_32_bytes_and_nothing_else(self, noon, commitment):
        with pytest.raises(IntegrityError), transaction.atomic():
            append_leaf(topic="test", commitment=commitment, at=noon)

    def test_takes_a_commitment_once(self, noon):
        with transaction.atomic():
            append_leaf(topic="test", commitment=b"c" * 32, at=noon)

        with pytest.raises(IntegrityError), transaction.atomic():
            append_leaf(topic="test", commitment=b"c" * 32, at=noon)


class TestSealing:
    def test_does_nothing_when_nothing_waits(self, noon):
        assert seal(noon) is None
        assert not Head.objects.exists()

    @pytest.mark.parametrize("batches", [[1], [1, 1, 1], [256], [255, 2], [300, 300, 1, 70]])
    def test_makes_the_tree_that_the_definition_makes(self, noon, batches):
        for count in batches:
            add(count, noon)
            seal(noon)

        leaves = list(Leaf.objects.order_by("index"))
        hashes = [leaf_hash(leaf.entry) for leaf in leaves]
        assert [leaf.index for leaf in leaves] == list(range(sum(batches)))
        size = 0
        for head, count in zip(Head.objects.order_by("size"), batches, strict=True):
            size += count
            assert head.size == size
            assert bytes(head.root) == root_of(hashes[:size])
            assert head.leaves.count() == count

    def test_gives_places_in_the_order_of_arrival(self, noon):
        leaves = add(20, noon)
        seal(noon)

        by_index = Leaf.objects.order_by("index").values_list("pk", flat=True)
        assert list(by_index) == [leaf.pk for leaf in leaves]

    def test_proves_each_leaf_and_each_step_from_the_stored_tiles(self, noon):
        add(400, noon)
        first = seal(noon)
        add(300, noon)
        second = seal(noon)

        for index in (0, 255, 256, 399, 400, 699):
            leaf = Leaf.objects.get(index=index)
            verify_inclusion(
                index=index,
                size=second.size,
                leaf=leaf_hash(leaf.entry),
                path=inclusion_path(leaf, second),
                root=second.root,
            )
        verify_consistency(
            old_size=first.size,
            old_root=first.root,
            new_size=second.size,
            new_root=second.root,
            proof=stored_tree(second.size).consistency_proof(first.size),
        )

    def test_signs_a_checkpoint_over_the_head(self, noon, settings):
        add(3, noon)
        head = seal(noon)

        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(settings.LOG_SIGNING_KEY)).public_key()
        text = open_note(head.checkpoint, name=settings.LOG_ORIGIN, key=key)
        checkpoint = parse_checkpoint(text)
        assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (settings.LOG_ORIGIN, 3, head.root)

    def test_takes_few_statements_however_many_wait(self, noon, django_assert_max_num_queries):
        add(3000, noon)

        with django_assert_max_num_queries(10):
            seal(noon)

    def test_writes_nothing_when_it_fails_half_way(self, noon, monkeypatch):
        add(3, noon)
        monkeypatch.setattr("chain.sealing._place", lambda *args: 1 / 0)

        with pytest.raises(ZeroDivisionError):
            seal(noon)

        assert Leaf.objects.pending().count() == 3
        assert not Head.objects.exists()
        assert not Tile.objects.exists()

    @pytest.mark.parametrize(
        ("waiting", "seconds", "expected"),
        [(0, 100, False), (1, 29, False), (1, 30, True), (9, 0, False), (10, 0, True), (11, 0, True)],
    )
    def test_is_due_by_number_or_by_age(self, noon, settings, waiting, seconds, expected):
        settings.LOG_SEAL_SIZE = 10
        settings.LOG_SEAL_SECONDS = 30
        add(waiting, noon)

        assert should_seal(noon + timedelta(seconds=seconds)) is expected


@pytest.mark.django_db(transaction=True)
class TestTwoSealers:
    def test_keep_out_of_each_others_way(self, noon):
        add(5, noon)
        entered, leave = Event(), Event()

        def other_worker():
            with only_one(LOCK):
                entered.set()
                leave.wait(10)
            connection.close()

        thread = Thread(target=other_worker)
        thread.start()
        entered.wait(10)
        with pytest.raises(Busy):
            seal(noon)
        leave.set()
        thread.join()

        assert seal(noon).size == 5

    def test_leave_a_leaf_that_is_not_committed_yet_to_the_next_head(self, noon):
        written, commit = Event(), Event()

        def slow_writer():
            with transaction.atomic():
                append_leaf(topic="test", commitment=b"s" * 32, at=noon)
                written.set()
                commit.wait(10)
            connection.close()

        thread = Thread(target=slow_writer)
        thread.start()
        written.wait(10)
        # Its primary key is lower than these, and it is not there to be seen.
        add(2, noon)
        assert seal(noon).size == 2
        commit.set()
        thread.join()

        assert seal(noon).size == 3
        late = Leaf.objects.get(commitment=b"s" * 32)
        assert late.index == 2
        assert late.pk < Leaf.objects.get(index=0).pk


class TestTheDatabaseItself:
    """What no code of ours does, and a hand at the prompt might."""

    @pytest.fixture
    def sealed(self, noon):
        add(3, noon)
        return seal(noon)

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE chain_leaf SET commitment = sha256('x') WHERE index = 1",
            "UPDATE chain_leaf SET index = 17 WHERE index = 1",
            "UPDATE chain_leaf SET index = NULL, head_id = NULL WHERE index = 1",
            "UPDATE chain_leaf SET topic = 'other' WHERE index = 1",
            "DELETE FROM chain_leaf WHERE index = 1",
            "UPDATE chain_head SET root = sha256('x')",
            "UPDATE chain_head SET size = 2",
            "UPDATE chain_head SET checkpoint = ''",
            "DELETE FROM chain_head",
            "UPDATE chain_tile SET data = sha256('x')",
            "UPDATE chain_tile SET data = substring(data FROM 1 FOR 32)",
            "UPDATE chain_tile SET index = 5",
            "DELETE FROM chain_tile",
        ],
    )
    def test_refuses_to_rewrite_the_log(self, sealed, statement):
        with (
            pytest.raises(ProgrammingError, match="pgtrigger: Cannot"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    def test_refuses_to_change_a_leaf_that_waits(self, noon):
        add(1, noon)

        with pytest.raises(ProgrammingError, match="pgtrigger: Cannot"), transaction.atomic():
            Leaf.objects.update(commitment=b"x" * 32)

    def test_refuses_an_index_without_a_head(self, noon):
        add(1, noon)

        with pytest.raises(IntegrityError), transaction.atomic():
            Leaf.objects.update(index=0)

    def test_refuses_two_leaves_at_one_index(self, sealed, noon):
        add(1, noon)

        with pytest.raises(IntegrityError), transaction.atomic():
            Leaf.objects.pending().update(index=1, head=sealed)


class TestCoveringHead:
    def test_is_none_before_the_chain_has_it_for_good(self, noon):
        (leaf,) = add(1, noon)
        with pytest.raises(NotAnchored):
            covering_head(leaf)

        seal(noon)
        leaf.refresh_from_db()
        with pytest.raises(NotAnchored):
            covering_head(leaf)
