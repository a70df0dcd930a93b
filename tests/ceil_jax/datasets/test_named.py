"""Test images by name: the same as those that are prepared, and no image is read."""

import numpy as np
import pytest

from ceil_jax.common import extras
from ceil_jax.common.errors import DataError
from ceil_jax.datasets import loading, named, preparation, registry
from tests.ceil_jax.datasets.trees import TREES

PEOPLE = {"num_train_identities": 2, "num_test_identities": 3}


@pytest.fixture(params=["synthetic", *TREES])
def where(request, tmp_path):
    """A data set's name, and where its images are."""
    if request.param == "synthetic":
        return request.param, {"options": PEOPLE, "image_size": (32, 16)}
    TREES[request.param].write(tmp_path / "data")
    options = {"allow_partial": True}
    return request.param, {"data_dir": str(tmp_path / "data"), "options": options}


def same(images, prepared):
    assert len(images) == len(prepared)
    for column in ("names", "identities", "cameras"):
        got, want = getattr(images, column), getattr(prepared, column)
        np.testing.assert_array_equal(got, want)
        assert got.dtype.kind == want.dtype.kind


@pytest.mark.parametrize("has_listing", [True, False])
def test_they_are_those_that_are_prepared(where, has_listing, tmp_path, monkeypatch):
    name, given = where
    given["prepared_dir"] = str(tmp_path / "prepared")
    if not has_listing:  # as a data set of another package
        monkeypatch.setattr(registry.Entry, "list_images", None)
    trial = 3 if name == "regdb" else 1
    prepared = loading.load(name, trial=trial, **given)
    found = named.list_tests(name, trial=trial, **given)
    same(found.visible, prepared.test_visible)
    same(found.infrared, prepared.test_infrared)
    assert len(found.visible) > 0
    others = [prepared.train_visible, prepared.train_infrared]
    wanted = np.sort(np.concatenate([images.names for images in others]))
    np.testing.assert_array_equal(found.others, wanted)
    assert [*found.warnings] == [*prepared.warnings]


def test_those_of_any_split(where, tmp_path):
    name, given = where
    prepared = loading.load_all_trials(
        name, prepared_dir=str(tmp_path / "prepared"), **given
    )
    found = named.list_tests(name, trial=None, **given)
    same(found.visible, prepared.visible)
    same(found.infrared, prepared.infrared)
    np.testing.assert_array_equal(found.trials["visible"], prepared.test_visible)
    np.testing.assert_array_equal(found.trials["infrared"], prepared.test_infrared)
    assert not found.other_trials.any()


def test_the_splits_that_test_on_the_others(tmp_path):
    TREES["regdb"].write(tmp_path)
    given = {"data_dir": str(tmp_path), "options": {"allow_partial": True}}
    one = named.list_tests("regdb", trial=1, **given)
    for trial in range(2, 11):
        found = named.list_tests("regdb", trial=trial, **given)
        names = {*found.visible.names.tolist(), *found.infrared.names.tolist()}
        listed = [one.visible.names, one.infrared.names, one.others]
        tested = [one.trials["visible"], one.trials["infrared"], one.other_trials]
        member = np.concatenate(tested)[:, trial - 1]
        assert {*np.concatenate(listed)[member].tolist()} == names


@pytest.mark.parametrize("name", TREES)
def test_images_need_hold_nothing(name, tmp_path, monkeypatch):
    TREES[name].write(tmp_path)
    for path in tmp_path.rglob("*"):
        if path.suffix in (".jpg", ".png", ".bmp"):
            path.write_bytes(b"")
    monkeypatch.setattr(preparation, "prepare", pytest.fail)
    given = {"data_dir": str(tmp_path), "options": {"allow_partial": True}}
    found = named.list_tests(name, trial=1, **given)
    assert min(len(found.visible), len(found.infrared), len(found.others)) > 0


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("regdb", {"trial": 11}, "regdb has trials 1 to 10, not 11"),
        ("llcm", {"trial": 2}, "llcm has one split, so trial=2 must be 1"),
        ("llcm", {}, "LLCM needs data_dir, the folder that holds its images"),
        ("llcm", {"data_dir": "/no/such"}, "no such data folder: /no/such"),
        ("synthetic", {"options": {"rho": 2}}, "generated data set: rho=2 must be in"),
        ("llcm", {"options": {"rho": 2}}, "no data option 'rho'"),
        ("lcm", {}, "no data set 'lcm': did you mean 'llcm'"),
    ],
)
def test_what_there_is_not(name, given, message):
    with pytest.raises(DataError, match=message):
        named.list_tests(name, **{"trial": 1} | given)


def test_a_folder_that_is_not_whole_is_refused(tmp_path):
    TREES["regdb"].write(tmp_path)
    with pytest.raises(DataError, match="not whole: 4 identities instead of 412"):
        named.list_tests("regdb", trial=1, data_dir=str(tmp_path))


def test_a_data_set_without_a_listing_says_what_it_needs(monkeypatch):
    monkeypatch.setattr(registry.Entry, "list_images", None)
    monkeypatch.setattr(extras, "EXTRAS", {"train": ("no_such",)})
    message = r"the data set llcm needs no_such, installed by the extra \[train\]"
    with pytest.raises(extras.MissingExtraError, match=message):
        named.list_tests("llcm", trial=1)
