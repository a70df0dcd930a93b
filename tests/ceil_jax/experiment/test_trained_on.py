"""Whom a model was trained on, and the refusal to test on them."""

import dataclasses

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.experiment import trained_on
from ceil_jax.experiment.config import Config


def images(identities, shades=None):
    """One flat image each, of the shade of its person unless told otherwise."""
    shades = identities if shades is None else shades
    pixels = np.zeros((len(identities), 4, 2, 3), np.uint8)
    pixels += np.asarray(shades, np.uint8)[:, None, None, None]
    names = np.array([f"i/{n}.png" for n in range(len(identities))])
    count = len(identities)
    return ImageSet(
        ArraySource(pixels), np.array(identities), np.ones(count, int), names
    )


def test_it_is_kept_in_a_file(tmp_path):
    assert trained_on.read(tmp_path) is None
    found = trained_on.of_images((images([1, 2]), images([1])))
    found.save(tmp_path)
    again = trained_on.read(tmp_path)
    assert again is not None
    assert again.hashes.tolist() == found.hashes.tolist()
    assert again.identities.tolist() == [1, 2, 1]
    assert again.fingerprint == found.fingerprint
    assert found.hashes[0] == found.hashes[2] != found.hashes[1]


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / trained_on.FILE_NAME).write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"trained_on\.npz: not readable"):
        trained_on.read(tmp_path)


def test_the_fingerprint_follows_names_and_pixels():
    def of(*sets):
        return trained_on.of_images(sets).fingerprint

    base = images([1, 2, 3])
    renamed = dataclasses.replace(base, names=np.array(["x", *base.names[1:]]))
    assert of(base) == of(images([7, 8, 9], shades=[1, 2, 3]))
    assert len({of(base), of(renamed), of(images([1, 2, 4])), of(images([1, 2]))}) == 4


def test_people_of_the_training_are_refused():
    trained = trained_on.of_images((images([1, 2, 3]),))
    trained_on.check_overlap(trained, (images([4, 5]), images([])), same_people=True)
    with pytest.raises(UserError, match=r"1 of 2 test images show people .*i/1\.png"):
        trained_on.check_overlap(trained, (images([4, 3]),), same_people=True)


def test_labels_count_only_where_people_are_numbered_alike():
    trained = trained_on.of_images((images([1, 2]),))
    other = images([1, 2], shades=[8, 9])
    trained_on.check_overlap(trained, (other,), same_people=False)


@pytest.mark.parametrize("same_people", [True, False])
def test_without_labels_equal_images_prove_it(same_people):
    trained = trained_on.of_images((images([-1, -1], shades=[7, 8]),))
    trained_on.check_overlap(
        trained, (images([1, 2], shades=[5, 6]),), same_people=same_people
    )
    with pytest.raises(UserError, match=r"1 of 2 test images are images that"):
        trained_on.check_overlap(
            trained, (images([1, 2], shades=[5, 8]),), same_people=same_people
        )


def test_more_images_than_are_read_at_a_time(monkeypatch):
    monkeypatch.setattr(trained_on, "_READ", 2)
    many = images(list(range(5)))
    want = [trained_on.hashes_of(images([n]), "")[0] for n in range(5)]
    assert trained_on.hashes_of(many, "").tolist() == want


def test_whom_the_weights_know_is_left_open():
    config = Config(dataset="regdb", trial=4)
    text = trained_on.unknown_people(config)
    assert text.startswith("the weights do not tell which people they were trained on")
    assert "split 4, as in every other split than their own" in text
    config.evaluation.protocol = "regdb_released"
    assert "split 4" not in trained_on.unknown_people(config)
    assert "split" not in trained_on.unknown_people(Config(dataset="llcm"))
    other = trained_on.unknown_people(config, "features")
    assert other.startswith("the features do not tell which people they were trained")
