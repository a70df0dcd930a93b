import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.listing import Listing
from ceil_jax.datasets.llcm.layout import deviations, read_listing
from tests.ceil_jax.datasets.trees import keep, write_llcm


def test_listing(tmp_path: Path):
    listing = read_listing(write_llcm(tmp_path / "cam7" / "test_vis" / "campus"))
    # Nine and eight cameras, four listed people, two images.
    assert len(listing.names) == (9 + 8) * 4 * 2
    assert listing.names == sorted(set(listing.names))
    for row, name in enumerate(listing.names):
        parts = name.split("/")
        tested = parts[0].startswith("test_")
        camera = parts[1].removeprefix("cam") if tested else parts[2][6:8]
        assert listing.cameras[row] == int(camera)
        assert listing.identities[row] == int(parts[-2])
        assert listing.modalities[row] == parts[0].endswith("nir")
        assert (listing.train[row, 0], listing.test[row, 0]) == (not tested, tested)
    assert set(listing.identities[listing.train[:, 0]].tolist()) == {1, 2}
    assert set(listing.identities[listing.test[:, 0]].tolist()) == {4, 11}
    assert 3 not in listing.cameras[listing.modalities == 1]
    assert listing.missing == ()


def test_a_test_image_is_of_the_camera_of_its_folder(tmp_path: Path):
    root = write_llcm(tmp_path / "LLCM")
    place = root / "test_vis" / "cam5" / "0004"
    (place / "0004_c05_s000003_f0_vis.jpg").rename(place / "0004_c2_other.jpg")
    listing = read_listing(root)
    row = listing.names.index("test_vis/cam5/0004/0004_c2_other.jpg")
    assert listing.cameras[row] == 5


def test_an_empty_camera_needs_no_folder(tmp_path: Path):
    root = write_llcm(tmp_path / "LLCM")
    want = read_listing(root).names
    (root / "test_nir" / "cam3").rmdir()
    assert read_listing(root).names == want


def test_what_is_looked_for_in_vain(tmp_path: Path):
    root = write_llcm(tmp_path / "LLCM")
    gone = "nir/0001/0001_c01_s000003_f0_nir.jpg"
    (root / gone).unlink()
    shutil.rmtree(root / "test_vis")
    shutil.rmtree(root / "test_nir")
    listing = read_listing(root)
    assert not listing.test.any()
    assert gone not in listing.names
    assert listing.missing == (
        f"1 listed image is missing, the first {root / gone}",
        f"no image of 2 of the 2 identities in {root / 'idx' / 'test_id.txt'}, the "
        "first 4",
    )


@pytest.mark.parametrize(
    "line",
    [
        "nir/0001/0001_c01_s000003_f0_vis.jpg 0",
        "vis/0001/0001_s000003_f0_vis.jpg 0",
        "vis/0001/0001_c01_s000003_f0_vis.jpg",
        "vis/../0001/0001_c01_s000003_f0_vis.jpg 0",
        "nonsense",
    ],
)
def test_a_wrong_line_is_shown(tmp_path: Path, line: str):
    root = write_llcm(tmp_path / "LLCM")
    path = root / "idx" / "train_vis.txt"
    path.write_text(line + "\n" + path.read_text())
    message = r"train_vis\.txt, line 1: expected 'vis/<identity>/<identity>_c<camera>_"
    with pytest.raises(DataError, match=message):
        read_listing(root)


def test_lists_that_cannot_be_used_are_named(tmp_path: Path):
    root = write_llcm(tmp_path / "LLCM")
    (root / "idx" / "test_id.txt").write_text("4,2")
    with pytest.raises(DataError, match="idx: the lists name 1 identity for training"):
        read_listing(root)
    (root / "idx" / "test_id.txt").unlink()
    with pytest.raises(DataError, match=r"missing list of identities: .*test_id\.txt"):
        read_listing(root)
    (root / "idx" / "train_nir.txt").unlink()
    with pytest.raises(DataError, match=r"missing list of images: .*train_nir\.txt"):
        read_listing(root)
    shutil.rmtree(root / "idx")
    with pytest.raises(DataError, match="has no folder idx: LLCM as distributed holds"):
        read_listing(root)


def whole_listing() -> Listing:
    """A listing with the published figures; nothing of the real one but these."""
    rows = [
        (modality, cameras[n % len(cameras)], first + n % people, first == 1)
        for first, people, counts in (
            (1, 713, (16946, 13975)),
            (714, 351, (8680, 7166)),
        )
        for modality, cameras in enumerate(
            ((1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 4, 5, 6, 7, 8, 9))
        )
        for n in range(counts[modality])
    ]
    modalities, cameras, identities, train = (
        np.array(c) for c in zip(*rows, strict=True)
    )
    names = [str(n) for n in range(len(rows))]
    train = train.astype(bool)[:, None]
    return Listing(names, identities, cameras, modalities, train, ~train)


def test_figures_are_compared_with_those_published():
    whole = whole_listing()
    assert deviations(whole) == []
    row = np.flatnonzero(whole.test[:, 0] & (whole.modalities == 1))[0]
    kept = np.arange(len(whole.names)) != row
    assert deviations(keep(whole, kept)) == [
        "7165 infrared test images instead of 7166"
    ]
    identities = np.where(whole.identities == 713, 712, whole.identities)
    assert deviations(whole._replace(identities=identities)) == [
        "712 training identities instead of 713"
    ]
    infrared = whole.modalities == 1
    cameras = np.where(infrared & (whole.cameras == 4), 3, whole.cameras)
    assert deviations(whole._replace(cameras=cameras)) == [
        f"infrared {part} cameras 1, 2, 3, 5, 6, 7, 8, 9 instead of "
        "1, 2, 4, 5, 6, 7, 8, 9"
        for part in ("training", "test")
    ]


@pytest.mark.skipif("CEIL_JAX_PEOPLE" not in os.environ, reason="no such images here")
def test_real_pedestrians():
    listing = read_listing(Path(os.environ["CEIL_JAX_PEOPLE"]) / "LLCM")
    assert np.bincount(listing.modalities).tolist() == [632, 583]
    assert np.unique(listing.identities[listing.test[:, 0]]).tolist() == [
        5,
        6,
        7,
        8,
        10,
    ]
    for row, name in enumerate(listing.names):  # there names and folders agree
        assert f"_c{listing.cameras[row]:02d}_" in name
