import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ceil_jax.common.errors import DataError
from ceil_jax.datasets import loading
from ceil_jax.datasets.imageset import ArraySource, RecordSource
from ceil_jax.datasets.synthetic.generator import generate
from ceil_jax.datasets.synthetic.parameters import Parameters
from tests.ceil_jax.datasets.trees import TREES, write_image, write_regdb

TINY = {
    "num_train_identities": 3,
    "num_test_identities": 2,
    "images_per_visible_camera": 2,
    "images_per_infrared_camera": 2,
}


@pytest.fixture(scope="module")
def cache(tmp_path_factory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


def load_synthetic(cache: str, cache_gib: float = 1.0) -> loading.Splits:
    return loading.load(
        "synthetic",
        prepared_dir=cache,
        image_size=(32, 16),
        options=TINY,
        cache_gib=cache_gib,
    )


def test_generated_images_arrive_whole_and_in_order(cache: str):
    splits = load_synthetic(cache)
    parameters = Parameters(height=32, width=16, **TINY)
    want = {
        (batch.identity, int(camera), int(number)): image
        for split in ("train", "test")
        for batch in generate(parameters, split)
        for image, camera, number in zip(
            batch.images, batch.cameras, batch.numbers, strict=True
        )
    }
    assert [len(each) for each in splits[:4]] == [24, 12, 16, 8]
    assert splits.warnings == ()
    for each in splits[:4]:
        assert each.names.tolist() == sorted(each.names.tolist())
        images = each.images.take(np.arange(len(each)))
        for image, identity, camera, name in zip(
            images, each.identities, each.cameras, each.names, strict=True
        ):
            assert name.startswith(f"cam{camera}/{identity:04d}/")
            number = int(name[-8:-4])
            np.testing.assert_array_equal(
                image, want.pop((int(identity), int(camera), number))
            )
    assert not want
    assert set(splits.train_visible.cameras.tolist()) == {1, 2, 4, 5}
    assert set(splits.test_infrared.cameras.tolist()) == {3, 6}
    assert splits.train_visible.identities.dtype == np.int32
    assert splits.train_visible.cameras.dtype == np.int32


def test_memory_or_disk_makes_no_difference(cache: str):
    memory, disk = load_synthetic(cache), load_synthetic(cache, cache_gib=0.0)
    for one, other in zip(memory[:4], disk[:4], strict=True):
        assert isinstance(one.images, ArraySource)
        assert isinstance(other.images, RecordSource)
        rows = np.array([len(one) - 1, 0, 5])
        np.testing.assert_array_equal(one.images.take(rows), other.images.take(rows))
        np.testing.assert_array_equal(one.names, other.names)


def load_regdb(root: Path, cache: str, trial: int) -> loading.Splits:
    return loading.load(
        "regdb",
        data_dir=str(root),
        prepared_dir=cache,
        image_size=(12, 6),
        options={"allow_partial": True},
        trial=trial,
    )


def test_regdb_trials_split_the_people_by_their_lists(tmp_path: Path, cache: str):
    root = write_regdb(tmp_path / "RegDB")
    for trial in (1, 10):
        splits = load_regdb(root, cache, trial)
        for each, part, folder in (
            (splits.train_visible, "train", "Visible"),
            (splits.train_infrared, "train", "Thermal"),
            (splits.test_visible, "test", "Visible"),
            (splits.test_infrared, "test", "Thermal"),
        ):
            path = root / "idx" / f"{part}_{folder.lower()}_{trial}.txt"
            listed = [line.split(" ")[0] for line in path.read_text().splitlines()]
            assert each.names.tolist() == sorted(listed)
            images = each.images.take(np.arange(len(each)))
            np.testing.assert_array_equal(images[:, 0, 0, 0], 10 * each.identities)
            kind = folder == "Thermal"
            assert (images[:, 0, 0, 1] == (50 if kind else 20)).all()
            assert (each.cameras == 1 + kind).all()
        assert "4 identities instead of 412" in splits.warnings[0]


def test_all_trials_hold_every_tested_image_once(tmp_path: Path, cache: str):
    root = write_regdb(tmp_path / "RegDB")
    every = loading.load_all_trials(
        "regdb",
        data_dir=str(root),
        prepared_dir=cache,
        image_size=(12, 6),
        options={"allow_partial": True},
    )
    for images, tested, word in (
        (every.visible, every.test_visible, "visible"),
        (every.infrared, every.test_infrared, "thermal"),
    ):
        assert tested.shape == (len(images), 10)
        assert images.names.tolist() == sorted(set(images.names.tolist()))
        for trial in range(1, 11):
            path = root / "idx" / f"test_{word}_{trial}.txt"
            listed = [line.split(" ")[0] for line in path.read_text().splitlines()]
            assert images.names[tested[:, trial - 1]].tolist() == sorted(listed)
        shown = images.images.take(np.arange(len(images)))[:, 0, 0, 0]
        np.testing.assert_array_equal(shown, 10 * images.identities)
    assert "4 identities instead of 412" in every.warnings[0]


def test_all_trials_of_a_fixed_split_are_its_test_images(cache: str):
    splits = load_synthetic(cache)
    every = loading.load_all_trials(
        "synthetic", prepared_dir=cache, image_size=(32, 16), options=TINY, cache_gib=0
    )
    assert isinstance(every.visible.images, RecordSource)
    assert every.visible.names.tolist() == splits.test_visible.names.tolist()
    assert every.infrared.names.tolist() == splits.test_infrared.names.tolist()
    assert every.test_visible.shape == (16, 1)
    assert every.test_visible.all()
    assert every.test_infrared.all()


def load_tree(name: str, root: Path, cache: str) -> loading.Splits:
    return loading.load(
        name,
        data_dir=str(root),
        prepared_dir=cache,
        image_size=(12, 6),
        options={"allow_partial": True},
    )


@pytest.mark.parametrize(
    ("name", "counts"),
    # Of two images each: cameras that see a person, times people.
    [("sysu_mm01", [22, 12, 16, 8]), ("llcm", [36, 32, 36, 32])],
)
def test_fixed_splits_hold_the_people_of_their_lists(
    name: str, counts: list[int], tmp_path: Path, cache: str
):
    splits = load_tree(name, TREES[name].write(tmp_path / name), cache)
    assert [len(each) for each in splits[:4]] == counts
    for each, kind, people in (
        (splits.train_visible, 0, {1, 2, 3} if name == "sysu_mm01" else {1, 2}),
        (splits.train_infrared, 1, {1, 2, 3} if name == "sysu_mm01" else {1, 2}),
        (splits.test_visible, 0, {4, 11}),
        (splits.test_infrared, 1, {4, 11}),
    ):
        assert set(each.identities.tolist()) == people
        shown = np.round(each.images.take(np.arange(len(each)))[:, 6, 3] / 10.0)
        np.testing.assert_array_equal(shown[:, 0], each.identities)
        np.testing.assert_array_equal(shown[:, 1], 2 * each.cameras + kind)
    assert len(splits.warnings) == 1
    assert splits.camera_names == splits.identity_names == {}


def test_a_folder_of_ones_own(tmp_path: Path, cache: str):
    root = TREES["folder"].write(tmp_path / "images")
    for _ in range(2):  # prepared, then read again
        splits = load_tree("folder", root, cache)
        assert [len(each) for each in splits[:4]] == [4, 2, 8, 8]
        assert (splits.train_visible.identities == -1).all()
        assert splits.camera_names == {1: "door", 2: "hall", 3: "roof"}
        assert splits.identity_names == {1: "x", 2: "y"}
        assert splits.warnings == ()
        roles = {name.split("/")[0] for name in splits.test_infrared.names}
        assert roles == {"query", "gallery"}


@pytest.mark.parametrize("cache_gib", [0.0, 1.0])
def test_a_folder_of_one_modality_without_labels(
    tmp_path: Path, cache: str, cache_gib: float
):
    for camera in ("north", "south"):
        write_image(tmp_path / "set" / "infrared" / camera / "1.png", 3, 2, 1)
    splits = loading.load(
        "folder",
        data_dir=str(tmp_path / "set"),
        prepared_dir=cache,
        image_size=(12, 6),
        cache_gib=cache_gib,
    )
    assert [len(each) for each in splits[:4]] == [0, 2, 0, 0]
    for each in splits[:4]:
        rows = np.arange(len(each))
        assert each.images.take(rows).shape == (len(each), 12, 6, 3)
        assert each.images.image_size == (12, 6)
    every = loading.load_all_trials(
        "folder",
        data_dir=str(tmp_path / "set"),
        prepared_dir=cache,
        image_size=(12, 6),
        cache_gib=cache_gib,
    )
    assert len(every.visible) == len(every.infrared) == 0
    assert every.test_visible.shape == (0, 1)


def test_trials_that_do_not_exist_are_refused_before_anything_is_read(tmp_path: Path):
    for trial in (0, 11):
        with pytest.raises(DataError, match=f"trials 1 to 10, not {trial}"):
            load_regdb(tmp_path / "missing", str(tmp_path / "cache"), trial)
    with pytest.raises(DataError, match="synthetic has one split, so trial=2 must be"):
        loading.load("synthetic", prepared_dir=str(tmp_path / "cache"), trial=2)
    assert not list(tmp_path.iterdir())


def test_every_image_of_a_set_is_read_whatever_the_block(tmp_path, cache, monkeypatch):
    for number in range(7):
        path = tmp_path / "set" / "infrared" / "roof" / f"{number}.png"
        write_image(path, 3, 2, 1, 10 + number)
    monkeypatch.setattr(loading, "READ_BLOCK", 3)
    images = load_tree("folder", tmp_path / "set", cache).train_infrared.images
    assert isinstance(images, ArraySource)
    shown = images.take(np.arange(7))[:, 0, 0, 2].tolist()
    assert shown == [10, 11, 12, 13, 14, 15, 16]


def test_tilde_is_the_home_folder(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_image(tmp_path / "set" / "infrared" / "roof" / "0.png", 3, 2, 1)
    splits = load_tree("folder", Path("~/set"), "~/prepared")
    assert len(splits.train_infrared) == 1
    assert (tmp_path / "prepared").is_dir()
    with pytest.raises(DataError, match="there is no home folder of ~nobody-here"):
        load_tree("folder", Path("~nobody-here/set"), "~/prepared")


def test_unknown_name_is_refused(cache: str):
    with pytest.raises(DataError, match="did you mean 'regdb'"):
        loading.load("RegDB", prepared_dir=cache)


def test_import_stays_light():
    code = (
        "import sys, ceil_jax.datasets.loading;"
        "sys.exit(bool({'tensorflow_datasets', 'PIL'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[3]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0


@pytest.mark.skipif("CEIL_JAX_PEOPLE" not in os.environ, reason="no such images here")
def test_real_pedestrians(tmp_path: Path):
    root = Path(os.environ["CEIL_JAX_PEOPLE"]) / "RegDB"
    for trial in range(1, 11):
        splits = load_regdb(root, str(tmp_path), trial)
        assert [len(each) for each in splits[:4]] == [50] * 4
        train, test = (
            set(each.identities.tolist())
            for each in (splits.train_visible, splits.test_visible)
        )
        assert not train & test
