import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.listing import Listing
from ceil_jax.datasets.sysu_mm01.layout import (
    deviations,
    num_indoor_queries,
    read_listing,
)
from tests.ceil_jax.datasets.trees import keep, write_sysu


def test_listing(tmp_path: Path):
    listing = read_listing(write_sysu(tmp_path / "campus" / "cam1" / "0004"))
    # Six cameras, five listed people, two images; camera 1 has not seen person 2.
    assert len(listing.names) == 6 * 5 * 2 - 2
    assert listing.names == sorted(set(listing.names))
    assert listing.names[0] == "cam1/0001/0001.jpg"
    for row, name in enumerate(listing.names):
        camera, identity, _ = name.split("/")
        assert listing.cameras[row] == int(camera.removeprefix("cam"))
        assert listing.identities[row] == int(identity)
        assert listing.modalities[row] == (camera in ("cam3", "cam6"))
        assert listing.train[row, 0] == (identity in ("0001", "0002", "0003"))
        assert listing.test[row, 0] == (identity in ("0004", "0011"))
    assert listing.missing == ()


def test_folders_may_be_named_without_zeros(tmp_path: Path):
    root = write_sysu(tmp_path / "SYSU-MM01")
    want = read_listing(root)
    for camera in range(1, 7):
        (root / f"cam{camera}" / "0004").rename(root / f"cam{camera}" / "4")
    got = read_listing(root)
    pairs = [
        sorted(zip(x.cameras.tolist(), x.identities.tolist(), strict=True))
        for x in (want, got)
    ]
    assert pairs[0] == pairs[1]
    (root / "cam5" / "004").mkdir()
    with pytest.raises(DataError, match=r"cam5 holds identity 4 twice: 004 and 4"):
        read_listing(root)


def test_lists_are_read_as_people_write_them(tmp_path: Path):
    root = write_sysu(tmp_path / "SYSU-MM01")
    want = read_listing(root)
    (root / "exp" / "train_id.txt").write_bytes(b"\xef\xbb\xbf0001, 2,\r\n\r\n")
    (root / "exp" / "test_id.txt").write_text("4\n11\n")
    assert read_listing(root).names == want.names


def test_what_is_looked_for_in_vain(tmp_path: Path):
    root = write_sysu(tmp_path / "SYSU-MM01")
    shutil.rmtree(root / "cam4")
    (root / "exp" / "train_id.txt").write_text("1,2,23,45\n")
    listing = read_listing(root)
    assert 4 not in listing.cameras
    assert listing.missing == (
        f"no folder {root / 'cam4'}",
        f"no image of 2 of the 5 identities in {root / 'exp' / 'train_id.txt'} and "
        "val_id.txt, the first 23",
    )


def test_lists_that_cannot_be_used_are_named(tmp_path: Path):
    root = write_sysu(tmp_path / "SYSU-MM01")
    (root / "exp" / "test_id.txt").write_text("4,2,3\n")
    message = "exp: the lists name 2 identities for training and for testing, the fi"
    with pytest.raises(DataError, match=message):
        read_listing(root)
    (root / "exp" / "val_id.txt").unlink()
    with pytest.raises(DataError, match=r"missing list of identities: .*val_id\.txt"):
        read_listing(root)
    shutil.rmtree(root / "exp")
    message = "has no folder exp: SYSU-MM01 as distributed holds cam1 to cam6 and exp"
    with pytest.raises(DataError, match=message):
        read_listing(root)


def spread(identities: list[int], images: int) -> list[int]:
    """`images` identities, each of those given about as often."""
    return [identities[n % len(identities)] for n in range(images)]


def whole_listing() -> Listing:
    """A listing with the published figures; nothing of the real one but these."""
    train, test = list(range(1, 396)), list(range(396, 492))
    rows: list[tuple[int, int, bool]] = []  # camera, identity, trained on
    for camera, people, images in (
        (1, train[:194], 4721),
        (2, train[:195], 5753),
        (3, train[:392], 7909),
        (4, train[13:], 5811),
        (5, train[5:], 5973),
        (6, train[195:], 4000),
    ):
        rows += [(camera, identity, True) for identity in spread(people, images)]
    indoor, others = test[:56], test[56:93]
    for camera, people, images in (
        (1, indoor, 1374),
        (2, indoor, 1565),
        (3, indoor, 1088),
        (3, others, 795),
        (4, test[:94], 1918),
        (5, test[:95], 1918),
        (6, test, 1920),
    ):
        rows += [(camera, identity, False) for identity in spread(people, images)]
    cameras, identities, trained = (
        np.array(column) for column in zip(*rows, strict=True)
    )
    return Listing(
        names=[str(n) for n in range(len(rows))],
        identities=identities,
        cameras=cameras,
        modalities=np.isin(cameras, (3, 6)).astype(np.int8),
        train=trained[:, None],
        test=~trained[:, None],
    )


def test_figures_are_compared_with_those_published():
    whole = whole_listing()
    assert deviations(whole) == []
    visible, tested = whole.modalities == 0, whole.test[:, 0]
    assert (visible & ~tested).sum() == 22258
    assert (~visible & ~tested).sum() == 11909
    assert (~visible & tested).sum() == 3803
    for cameras, size in (((1, 2, 4, 5), 301), ((1, 2), 112)):
        rows = tested & np.isin(whole.cameras, cameras)
        pairs = set(zip(whole.cameras[rows], whole.identities[rows], strict=True))
        assert len(pairs) == size
    assert num_indoor_queries(whole) == 2208


def test_every_missing_image_is_noticed():
    whole = whole_listing()
    for camera in range(1, 7):
        for part, member in (("training", whole.train), ("test", whole.test)):
            row = np.flatnonzero(member[:, 0] & (whole.cameras == camera))[0]
            kept = np.arange(len(whole.names)) != row
            found = deviations(keep(whole, kept))
            assert found[0].startswith(f"cam{camera} {part}: ")


def test_missing_people_are_counted_first():
    whole = whole_listing()
    kept = (whole.identities <= 367) | whole.test[:, 0]
    assert deviations(keep(whole, kept))[0] == "367 training identities instead of 395"


def test_a_query_does_not_count_in_its_own_room():
    columns = [
        (3, 1),  # seen by camera 2 only, in whose room camera 3 hangs
        (2, 1),
        (6, 1),  # counts there
        (3, 2),
        (1, 2),  # counts here
    ]
    cameras, identities = (np.array(c) for c in zip(*columns, strict=True))
    test = np.ones((5, 1), dtype=bool)
    listing = Listing([""] * 5, identities, cameras, cameras, ~test, test)
    assert num_indoor_queries(listing) == 2


@pytest.mark.skipif("CEIL_JAX_PEOPLE" not in os.environ, reason="no such images here")
def test_real_pedestrians():
    listing = read_listing(Path(os.environ["CEIL_JAX_PEOPLE"]) / "SYSU-MM01")
    assert np.bincount(listing.modalities).tolist() == [667, 343]
    train, test = (
        np.unique(listing.identities[member[:, 0]]).tolist()
        for member in (listing.train, listing.test)
    )
    assert train == [1, 2, 3, 4, 9]
    assert test == [5, 6, 7, 8, 10]
    assert listing.missing == ()
