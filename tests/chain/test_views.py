"""The public log, as a monitor reads it: nothing but HTTP and the specifications."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.urls import reverse

from chain.checkpoint import open_note, parse_checkpoint
from chain.merkle import leaf_hash, root_of
from chain.models import Leaf
from chain.tiles import TileId, entries_in, entries_path, tile_path

pytestmark = pytest.mark.django_db


@pytest.fixture
def sealed(hospital):
    hospital.seal(300)
    return hospital.seal(300)


def get(client, path):
    return client.get(reverse("chain:tile", kwargs={"path": path}))


class TestCheckpoint:
    def test_is_not_there_before_there_is_a_head(self, client):
        assert client.get(reverse("chain:checkpoint")).status_code == 404

    def test_is_the_newest_head_under_the_published_key(self, client, sealed):
        import base64

        line = client.get(reverse("chain:key")).text.strip()
        name, _, key = line.split("+", 2)
        public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])

        note = client.get(reverse("chain:checkpoint")).text

        checkpoint = parse_checkpoint(open_note(note, name=name, key=public_key))
        assert (checkpoint.size, checkpoint.root) == (600, bytes(sealed.root))


class TestTile:
    def test_gives_a_monitor_all_it_needs_to_recompute_the_root(self, client, sealed):
        hashes = b"".join(
            get(client, tile_path(TileId(0, number), width)).content
            for number, width in ((0, 256), (1, 256), (2, 88))
        )

        assert root_of([hashes[at : at + 32] for at in range(0, len(hashes), 32)]) == bytes(sealed.root)

    def test_gives_entries_that_hash_to_the_leaves(self, client, sealed):
        bundle = get(client, entries_path(2, 88)).content
        hashes = get(client, tile_path(TileId(0, 2), 88)).content

        assert b"".join(leaf_hash(entry) for entry in entries_in(bundle)) == hashes
        assert entries_in(bundle)[0] == Leaf.objects.get(index=512).entry

    def test_still_gives_the_narrower_state_of_a_tile_that_grew(self, client, sealed):
        wide = get(client, tile_path(TileId(0, 1), 256)).content

        assert get(client, tile_path(TileId(0, 1), 44)).content == wide[: 44 * 32]

    def test_has_higher_levels(self, client, sealed):
        assert len(get(client, tile_path(TileId(1, 0), 2)).content) == 64

    @pytest.mark.parametrize(
        "path",
        [
            "tile/0/003",
            "tile/0/002",
            "tile/0/002.p/89",
            "tile/1/000.p/3",
            "tile/2/000.p/1",
            "tile/entries/002",
            "tile/entries/002.p/89",
            "tile/0/2",
            "tile/0/002.p/0",
            "tile/0/002.p/256",
            "tile/99/000",
            "tile/0/x999/x999/x999/x999/x999/x999/999",
        ],
    )
    def test_is_not_found_where_the_log_has_not_grown(self, client, sealed, path):
        assert get(client, path).status_code == 404

    def test_takes_a_query_or_two(self, client, sealed, django_assert_max_num_queries):
        with django_assert_max_num_queries(1):
            get(client, "tile/0/000")


class TestEveryAnswer:
    @pytest.mark.parametrize("path", ["log/checkpoint", "log/key", "log/tile/0/000", "log/tile/entries/000"])
    def test_is_for_everyone_and_leaves_no_cookie(self, client, sealed, path):
        response = client.get(f"/{path}")

        assert response.status_code == 200
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert not response.cookies

    def test_may_be_kept_for_ever_if_it_cannot_change(self, client, sealed):
        assert "immutable" in get(client, "tile/0/000").headers["Cache-Control"]
        assert "immutable" not in client.get(reverse("chain:checkpoint")).headers["Cache-Control"]

    def test_is_refused_to_anything_but_reading(self, client, sealed):
        assert client.post(reverse("chain:checkpoint")).status_code == 405
