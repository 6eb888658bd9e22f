"""The check of the whole log names the row that differs, and only that."""

import json
import os
from io import StringIO

import pgtrigger
import pytest
from django.core.management import call_command
from django.db import connection, transaction

from chain import topics
from chain.anchoring import AnchoringState
from chain.checking import check_log
from chain.findings import Finding
from chain.log import append_leaf, read_tiles
from chain.merkle import leaf_hash
from chain.models import Head, Leaf, Mismatch
from chain.sealing import _signed_checkpoint
from chain.tiles import TiledTree
from chain.topics import Recomputed

pytestmark = pytest.mark.usefixtures("things")


def by_hand(statement, *parameters):
    """Do what only an owner of the database can: get around the triggers, and change a row."""
    with pgtrigger.ignore(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def findings(hospital):
    return [(finding.kind.value, finding.subject) for finding in check_log(hospital.at).findings]


class TestCheckLog:
    def test_finds_nothing_in_an_empty_log(self, hospital):
        report = check_log(hospital.at)

        assert report.is_clean
        assert report.chain_unread == ""

    def test_finds_nothing_in_a_sound_one(self, hospital):
        for count in (1, 300, 2, 40):
            hospital.anchor(count)
        hospital.seal(3)
        hospital.add_leaves(2)

        report = check_log(hospital.at)

        assert report.findings == []
        assert (report.leaves, report.waiting, report.heads, report.anchored_heads) == (346, 2, 5, 4)

    def test_names_exactly_the_record_that_was_changed(self, hospital, things):
        hospital.anchor(300)
        changed = Leaf.objects.get(index=17)
        things[changed.pk] = os.urandom(32)

        (finding,) = check_log(hospital.at).findings

        assert finding.subject == f"thing {changed.pk} (leaf {changed.pk}, index 17)"
        assert finding.cause == "what it commits to was changed after it was written"
        assert changed.anchoring.state == AnchoringState.FAILED
        assert Leaf.objects.get(index=18).anchoring.state == AnchoringState.ANCHORED

    def test_names_every_one_that_was_changed_the_first_first(self, hospital, things):
        hospital.anchor(300)
        for index in (250, 3, 40):
            things[Leaf.objects.get(index=index).pk] = os.urandom(32)

        subjects = [finding.subject for finding in check_log(hospital.at).findings]

        assert [subject.rsplit(" ", 1)[1] for subject in subjects] == ["3)", "40)", "250)"]

    def test_names_what_changed_before_it_was_even_sealed(self, hospital, things):
        (leaf,) = hospital.add_leaves(1)
        things[leaf.pk] = os.urandom(32)

        (finding,) = check_log(hospital.at).findings

        assert finding.subject == f"thing {leaf.pk} (leaf {leaf.pk}, waiting)"

    def test_repeats_the_apps_own_words_for_what_cannot_be_computed(self, hospital, things):
        hospital.anchor(2)
        pk = Leaf.objects.get(index=1).pk
        things[pk] = Recomputed(leaf_id=pk, commitment=None, label="thing", cause="it does not decrypt")

        (finding,) = check_log(hospital.at).findings

        assert finding.cause == "it does not decrypt"

    def test_takes_no_offence_at_what_was_erased(self, hospital, things):
        hospital.anchor(2)
        pk = Leaf.objects.get(index=1).pk
        things[pk] = Recomputed(leaf_id=pk, commitment=None, label="thing", is_erased=True)

        report = check_log(hospital.at)

        assert report.is_clean
        assert report.erased == 1

    def test_names_a_leaf_whose_thing_is_gone(self, hospital, things):
        hospital.anchor(2)
        things[Leaf.objects.get(index=0).pk] = None

        (finding,) = check_log(hospital.at).findings

        assert "nothing left of the test" in finding.cause

    def test_names_a_topic_that_no_app_answers_for_once(self, hospital):
        with transaction.atomic():
            append_leaf(topic="forgotten", commitment=b"a" * 32, at=hospital.at)
            append_leaf(topic="forgotten", commitment=b"b" * 32, at=hospital.at)
        hospital.seal(2)

        assert findings(hospital) == [("leaf", "topic forgotten")]


class TestDamage:
    @pytest.fixture(autouse=True)
    def sealed(self, hospital):
        hospital.anchor(200)
        hospital.anchor(100)
        hospital.anchor(300)

    def test_of_a_leaf_is_told_from_that_of_its_thing(self, hospital, things):
        leaf = Leaf.objects.get(index=7)
        things[leaf.pk] = bytes(leaf.commitment)
        by_hand("UPDATE chain_leaf SET commitment = sha256('x') WHERE index = 7")

        (finding,) = check_log(hospital.at).findings

        assert finding.subject == f"thing {leaf.pk} (leaf {leaf.pk}, index 7)"
        assert finding.cause == "the leaf itself was changed after it was sealed; what it commits to was not"

    def test_is_found_even_if_leaf_and_thing_were_changed_together(self, hospital):
        by_hand("UPDATE chain_leaf SET commitment = sha256('x') WHERE index = 7")

        found = findings(hospital)

        assert ("tile", "tile 0 of level 0") in found
        assert ("head", "head of 200 leaves") in found

    def test_of_leaf_thing_tile_and_head_together_is_found_on_the_chain(self, hospital):
        by_hand("UPDATE chain_leaf SET commitment = sha256('x') WHERE index = 599")
        _reseal_by_hand(600)

        found = check_log(hospital.at).findings

        assert ("chain", "head of 600 leaves") in [(each.kind.value, each.subject) for each in found]
        assert "the chain holds another root for it" in [each.cause for each in found]

    def test_of_a_tile_is_named(self, hospital):
        by_hand(
            "UPDATE chain_tile SET data = sha256('x') || substring(data FROM 33) WHERE level=0 AND index=1"
        )

        report = check_log(hospital.at)

        assert [(each.subject, each.cause) for each in report.findings] == [
            ("tile 1 of level 0", "it does not match the leaves, first at its hash 0")
        ]

    def test_of_a_missing_tile_is_named(self, hospital):
        by_hand("DELETE FROM chain_tile WHERE level = 1")

        assert ("tile", "tile 0 of level 1") in findings(hospital)

    def test_of_missing_leaves_is_named_as_a_gap(self, hospital):
        by_hand("DELETE FROM chain_leaf WHERE index IN (5, 100, 101, 102)")

        assert findings(hospital) == [
            ("gap", "leaf at index 5"),
            ("gap", "leaves at index 100 to 102"),
        ]

    def test_of_the_last_leaves_is_named_too(self, hospital):
        by_hand("DELETE FROM chain_leaf WHERE index >= 598")

        assert findings(hospital) == [("gap", "leaves at index 598 to 599")]

    def test_of_a_head_is_named(self, hospital):
        by_hand("UPDATE chain_head SET root = sha256('x') WHERE size = 300")

        assert ("head", "head of 300 leaves") in findings(hospital)
        assert ("head", "head of 600 leaves") not in findings(hospital)

    def test_of_a_checkpoint_is_named(self, hospital):
        by_hand("UPDATE chain_head SET checkpoint = replace(checkpoint, '300', '301') WHERE size = 300")

        assert findings(hospital) == [("checkpoint", "checkpoint of the head of 300 leaves")]

    def test_by_cutting_the_log_short_is_found_on_the_chain(self, hospital):
        by_hand("DELETE FROM chain_leaf WHERE index >= 300")
        by_hand("DELETE FROM chain_head WHERE size > 300")

        found = check_log(hospital.at).findings

        assert any("a head of 600 leaves, and the log here only 300" in each.cause for each in found)


class TestMemory:
    def test_keeps_a_mismatch_until_it_is_healed(self, hospital, things, noon):
        hospital.anchor(3)
        pk = Leaf.objects.get(index=1).pk
        things[pk] = os.urandom(32)
        check_log(hospital.at)
        check_log(hospital.at)
        mismatch = Mismatch.objects.get()
        assert mismatch.leaf_id == pk
        assert mismatch.resolved_at is None

        del things[pk]
        check_log(hospital.at)
        mismatch.refresh_from_db()
        assert mismatch.resolved_at == hospital.at

        things[pk] = os.urandom(32)
        check_log(hospital.at)
        assert Mismatch.objects.count() == 2

    def test_does_not_call_the_chain_healed_while_it_cannot_be_asked(self, hospital, settings, noon):
        Mismatch.objects.create(kind="chain", subject="head of 5 leaves", cause="c", found_at=noon)
        settings.CHAIN_RPC_URL = "http://127.0.0.1:1"

        report = check_log(noon)

        assert report.is_clean
        assert "no answer from the node" in report.chain_unread
        assert Mismatch.objects.open().exists()


class TestComparison:
    """What another app's contract holds is compared by that app, and healed by its own comparison alone."""

    @pytest.fixture
    def contradictions(self, monkeypatch):
        found = []
        monkeypatch.setattr(topics, "_comparisons", [lambda node, where: found])
        return found

    def test_is_part_of_the_check(self, hospital, contradictions, noon):
        contradictions.append(Finding(Mismatch.Kind.CONTRACT, "grant 17", "it holds on one side alone"))

        report = check_log(noon)

        assert [str(finding) for finding in report.findings] == ["grant 17: it holds on one side alone"]
        assert Mismatch.objects.open().get().kind == "contract"
        contradictions.clear()
        assert check_log(noon).is_clean
        assert not Mismatch.objects.open().exists()

    def test_is_left_as_it_was_while_the_chain_cannot_be_asked(
        self, hospital, contradictions, settings, noon
    ):
        contradictions.append(Finding(Mismatch.Kind.CONTRACT, "grant 17", "it holds on one side alone"))
        check_log(noon)
        contradictions.clear()
        settings.CHAIN_RPC_URL = "http://127.0.0.1:1"

        check_log(noon)

        assert Mismatch.objects.open().count() == 1

    def test_is_asked_once_however_often_it_is_registered(self, monkeypatch):
        monkeypatch.setattr(topics, "_comparisons", [])

        for _ in range(2):
            topics.register_comparison(check_log)

        assert list(topics.comparisons()) == [check_log]


class TestCommand:
    def run(self, *options):
        out = StringIO()
        code = 0
        try:
            call_command("check_log", *options, stdout=out)
        except SystemExit as leaving:
            code = leaving.code
        return code, out.getvalue()

    def test_leaves_with_0_when_everything_holds(self, hospital):
        hospital.anchor(3)

        code, out = self.run()

        assert code == 0
        assert "Everything holds." in out

    def test_leaves_with_1_and_names_the_row(self, hospital, things):
        hospital.anchor(3)
        pk = Leaf.objects.get(index=1).pk
        things[pk] = os.urandom(32)

        code, out = self.run("--json")

        assert code == 1
        (finding,) = json.loads(out)["findings"]
        assert finding["leaf"] == pk
        assert self.run()[1].count(f"thing {pk} (leaf {pk}, index 1)") == 1

    def test_leaves_with_2_when_the_chain_cannot_be_compared(self, hospital, settings):
        hospital.anchor(1)
        settings.CHAIN_RPC_URL = "http://127.0.0.1:1"

        code, out = self.run()

        assert code == 2
        assert "could not be compared" in out
        assert self.run("--no-chain")[0] == 0


def _reseal_by_hand(size):
    """Rewrite tiles, root and checkpoint of the newest head, as a forger who has our keys would."""
    hashes = [leaf_hash(leaf.entry) for leaf in Leaf.objects.order_by("index")]
    tree = TiledTree(0, read_tiles)
    for tile, data in tree.append(hashes).items():
        by_hand(
            "UPDATE chain_tile SET data = %s WHERE level = %s AND index = %s", data, tile.level, tile.number
        )
    root = tree.root()
    note = _signed_checkpoint(size, root)
    by_hand("UPDATE chain_head SET root = %s, checkpoint = %s WHERE size = %s", root, note, size)
    assert bytes(Head.objects.get(size=size).root) == root
