import os
from pathlib import Path

import numpy as np
import pytest

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.listing import (
    Layout,
    Listing,
    Row,
    fingerprint,
    full_list_of,
    listing_of,
    open_folder,
)
from tests.ceil_jax.datasets.trees import write_image

ROWS = [
    Row("b/1.jpg", 7, 2, 1, (False, True), (True, False)),
    Row("a/1.jpg", -1, 3, 0, (True, True), (False, False)),
]


def layout(listing: Listing, *wrong: str) -> Layout:
    return Layout("THE-SET", 2, lambda root: listing, lambda found: list(wrong))


def test_rows_become_sorted_columns():
    listing = listing_of(ROWS, num_trials=2, camera_names={2: "door"})
    assert listing.names == ["a/1.jpg", "b/1.jpg"]
    assert listing.identities.tolist() == [-1, 7]
    assert listing.cameras.tolist() == [3, 2]
    assert listing.modalities.tolist() == [0, 1]
    assert listing.train.tolist() == [[True, True], [False, True]]
    assert listing.test.tolist() == [[False, False], [True, False]]
    assert listing.camera_names == {2: "door"}
    assert listing.identity_names == {}
    assert listing_of([], num_trials=10).train.shape == (0, 10)


def test_a_whole_folder_opens_without_a_word(tmp_path: Path):
    listing = listing_of(ROWS, num_trials=2)
    opened = open_folder(layout(listing), tmp_path, allow_partial=False)
    assert opened == (listing, ())


@pytest.mark.parametrize(
    ("wrong", "missing", "want"),
    [
        (["3 instead of 4"], [], "3 instead of 4"),
        ([], ["no folder x"], "no folder x"),
        (["a", "b"], [], "a; b"),
        (["a"], ["b", "c"], "b; c; and 1 more wrong figure"),
        (["a", "b", "c"], ["d"], "d; a; and 2 more wrong figures"),
    ],
)
def test_wrong_figures_stop_or_warn(
    tmp_path: Path, wrong: list[str], missing: list[str], want: str
):
    listing = listing_of(ROWS, num_trials=2, missing=missing, notes=["odd"])
    message = f"THE-SET at {tmp_path} is not whole: {want}"
    if "more" in want:
        message += f"; the full list is in {full_list_of(tmp_path)}"
    with pytest.raises(DataError) as caught:
        open_folder(layout(listing, *wrong), tmp_path, allow_partial=False)
    hint = " (--config.allow_partial=True goes on nevertheless)"
    assert str(caught.value) == message + hint
    assert "\n" not in str(caught.value)
    opened = open_folder(layout(listing, *wrong), tmp_path, allow_partial=True)
    assert opened == (listing, (message, f"THE-SET at {tmp_path}: odd"))


def test_nothing_at_all_is_refused_even_if_partial(tmp_path: Path):
    empty = listing_of([], missing=["no folder cam1", "no folder cam2", "more"])
    with pytest.raises(DataError) as caught:
        open_folder(layout(empty, "0 instead of 4"), tmp_path, allow_partial=True)
    want = f"THE-SET at {tmp_path} holds no image: no folder cam1; no folder cam2"
    assert str(caught.value) == want


def test_a_name_that_cannot_be_stored_is_refused(tmp_path: Path):
    row = ROWS[0]._replace(name=os.fsdecode(b"a/\xff.jpg"))
    with pytest.raises(DataError, match=r"the file name .*xff.* is not UTF-8"):
        open_folder(
            layout(listing_of([row], num_trials=2)), tmp_path, allow_partial=True
        )


def test_fingerprint_changes_with_everything_that_is_prepared(tmp_path: Path):
    for row in ROWS:
        write_image(tmp_path / "one" / row.name, 1, 1, 0)
        write_image(tmp_path / "two" / row.name, 1, 1, 0)
        for root in ("one", "two"):
            os.utime(tmp_path / root / row.name, ns=(5, 5))
    whole = listing_of(ROWS, num_trials=2)
    root = tmp_path / "one"
    first = fingerprint(root, whole)
    assert fingerprint(root, whole._replace(notes=("odd",))) == first
    others = {
        fingerprint(tmp_path / "two", whole),
        fingerprint(root, listing_of(ROWS[:1], num_trials=2)),
        fingerprint(root, whole._replace(camera_names={1: "door"})),
        fingerprint(root, whole._replace(train=whole.test, test=whole.train)),
        fingerprint(root, whole._replace(identities=whole.identities + 1)),
        fingerprint(root, whole._replace(cameras=whole.cameras + 1)),
    }
    os.utime(root / "a/1.jpg", ns=(5, 6))
    others.add(fingerprint(root, whole))
    others |= {
        fingerprint(root, whole._replace(test=~whole.test)),
        fingerprint(root, whole._replace(train=~whole.train)),
        fingerprint(root, whole._replace(modalities=1 - whole.modalities)),
        fingerprint(root, whole._replace(identity_names={1: "x"})),
    }
    with (root / "a/1.jpg").open("ab") as file:  # longer, and as old as before
        file.write(b"more")
    os.utime(root / "a/1.jpg", ns=(5, 6))
    others.add(fingerprint(root, whole))
    assert len(others | {first}) == 13
    np.testing.assert_array_equal(whole.cameras, [3, 2])


def test_empty_and_vanished_images_are_named(tmp_path: Path):
    listing = listing_of(ROWS[:1], num_trials=2)
    with pytest.raises(DataError, match=r"image is listed but missing: .*b/1\.jpg"):
        fingerprint(tmp_path, listing)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "1.jpg").touch()
    with pytest.raises(DataError, match=r"image .*b/1\.jpg is empty \(0 bytes\)"):
        fingerprint(tmp_path, listing)
