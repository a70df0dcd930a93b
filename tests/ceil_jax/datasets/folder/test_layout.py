import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.folder.layout import deviations, read_listing
from tests.ceil_jax.datasets.trees import write_folder, write_image


def test_listing(tmp_path: Path):
    listing = read_listing(write_folder(tmp_path / "query" / "visible"))
    assert listing.camera_names == {1: "door", 2: "hall", 3: "roof"}
    assert listing.identity_names == {1: "x", 2: "y"}
    assert listing.names == sorted(set(listing.names))
    # Training: two visible cameras, one infrared; tests: either role, either kind, two
    # people; two images each.
    assert listing.train.sum() == 3 * 2
    assert listing.test.sum() == 2 * 2 * 2 * 2
    numbers = {"door": 1, "hall": 2, "roof": 3, "x": 1, "y": 2}
    for row, name in enumerate(listing.names):
        parts = name.split("/")
        tested = parts[0] in ("query", "gallery")
        kind, camera = parts[1:3] if tested else parts[:2]
        assert listing.cameras[row] == numbers[camera]
        assert listing.modalities[row] == (kind == "infrared")
        assert listing.identities[row] == (numbers[parts[3]] if tested else -1)
        assert (listing.train[row, 0], listing.test[row, 0]) == (not tested, tested)
    assert listing.notes == listing.missing == ()
    assert deviations(listing) == []


def test_names_may_be_anything(tmp_path: Path):
    root = tmp_path / "images"
    for camera in ("Tür 2", "10", "9", "a b"):
        write_image(root / "visible" / camera / "x" / "1.jpg", 0, 1, 0)
    listing = read_listing(root)
    assert listing.camera_names == {1: "10", 2: "9", 3: "Tür 2", 4: "a b"}
    assert listing.names[-1] == "visible/a b/x/1.jpg"


@pytest.mark.parametrize("missing", ["visible", "infrared"])
def test_one_modality_is_enough(tmp_path: Path, missing: str):
    root = write_folder(tmp_path / "images")
    for parent in (root, root / "query", root / "gallery"):
        shutil.rmtree(parent / missing)
    listing = read_listing(root)
    assert np.unique(listing.modalities).tolist() == [missing == "visible"]
    shutil.rmtree(root / "query")
    shutil.rmtree(root / "gallery")
    assert not read_listing(root).test.any()


def test_links_are_followed_but_not_in_circles(tmp_path: Path):
    store = tmp_path / "store"
    write_image(store / "deep" / "1.jpg", 0, 1, 0)
    (store / "up").symlink_to(store, target_is_directory=True)
    root = tmp_path / "images"
    (root / "visible").mkdir(parents=True)
    (root / "visible" / "door").symlink_to(store, target_is_directory=True)
    assert read_listing(root).names == ["visible/door/deep/1.jpg"]


def test_what_may_surprise_is_noted(tmp_path: Path):
    root = write_folder(tmp_path / "images")
    (root / "infrared" / "cellar" / "2024").mkdir(parents=True)
    (root / "visible" / "hall" / "notes.txt").write_text("")
    (root / "visible" / "hall" / "scan.raw").write_text("")
    (root / "visible" / "hall" / "Thumbs.db").write_text("")
    (root / "visible" / "hall" / ".DS_Store").write_text("")
    (root / "labels").mkdir()
    (root / "labels" / "all.csv").write_text("")
    assert read_listing(root).notes == (
        "infrared/cellar holds no image",
        "2 files are no images by name: 1 .raw, 1 .txt",
    )


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (
            "visible/1.jpg",
            "visible/1.jpg lies in no camera's folder: expected visible/<",
        ),
        ("query/door/x/1.jpg", "door/x/1.jpg: expected query/<visible or infrared>/<c"),
        ("gallery/visible/door/1.jpg", "door/1.jpg: expected gallery/<visible or infr"),
        ("query/visible/door/x/y/1.jpg", "x/y/1.jpg: expected query/<visible or infra"),
        ("infared/door/1.jpg", "infared would not be read: did you mean infrared?"),
        ("Visible/door/1.jpg", "Visible would not be read: did you mean visible?"),
        (
            "thermal/door/1.JPG",
            "thermal would not be read: images lie in visible, infr",
        ),
        (
            "1.jpg",
            "1.jpg would not be read: images lie in visible, infrared, query, ga",
        ),
    ],
)
def test_an_image_in_the_wrong_place_stops(tmp_path: Path, path: str, message: str):
    root = write_folder(tmp_path / "images")
    if path.startswith("Visible") and (root / "VISIBLE").exists():
        pytest.skip("upper and lower case are the same here")
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("")
    with pytest.raises(DataError) as caught:
        read_listing(root)
    assert message in str(caught.value)


def test_queries_need_a_gallery(tmp_path: Path):
    root = write_folder(tmp_path / "images")
    shutil.rmtree(root / "gallery")
    message = "query holds 8 images and gallery 0; evaluation needs both"
    with pytest.raises(DataError, match=message):
        read_listing(root)


def test_a_folder_without_images_is_told_what_to_hold(tmp_path: Path):
    with pytest.raises(DataError, match="no such data folder"):
        read_listing(tmp_path / "nowhere")
    (tmp_path / "visible" / "door").mkdir(parents=True)
    with pytest.raises(DataError, match=r"holds no image: put them into .*visible/<c"):
        read_listing(tmp_path)


@pytest.mark.skipif("CEIL_JAX_PEOPLE" not in os.environ, reason="no such images here")
def test_real_pedestrians_as_a_folder(tmp_path: Path):
    people = Path(os.environ["CEIL_JAX_PEOPLE"]) / "SYSU-MM01"
    for modality, cameras in (("visible", "1245"), ("infrared", "36")):
        (tmp_path / modality).mkdir()
        for camera in cameras:
            link = tmp_path / modality / f"cam{camera}"
            link.symlink_to(people / link.name, target_is_directory=True)
    listing = read_listing(tmp_path)
    assert np.bincount(listing.modalities).tolist() == [667, 343]
    assert sorted(listing.camera_names) == [1, 2, 3, 4, 5, 6]
