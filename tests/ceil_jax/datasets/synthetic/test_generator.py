import dataclasses
import hashlib
from typing import Any

import numpy as np
import pytest

from ceil_jax.datasets.synthetic.generator import (
    Batch,
    generate,
    identities_of,
    pretraining_set,
)
from ceil_jax.datasets.synthetic.parameters import Parameters
from ceil_jax.datasets.synthetic.people import draw_people

SMALL = Parameters(
    num_train_identities=3,
    num_test_identities=2,
    images_per_visible_camera=2,
    images_per_infrared_camera=3,
    rho=0.6,
    occlusion=0.3,
    seed=7,
)


def by_name(parameters: Parameters, split: str) -> dict[tuple[int, int, int], bytes]:
    return {
        (batch.identity, int(camera), int(number)): image.tobytes()
        for batch in generate(parameters, split)
        for image, camera, number in zip(
            batch.images, batch.cameras, batch.numbers, strict=True
        )
    }


def test_the_bytes_are_the_same_everywhere():
    digest = hashlib.sha256()
    for split in ("train", "test"):
        for batch in generate(SMALL, split):
            digest.update(batch.images.tobytes())
    digest.update(pretraining_set(SMALL, num_identities=2, num_cameras=3)[0].tobytes())
    assert digest.hexdigest() == (
        "9008a691f74047082079501ac0a945acd0c062aae5f80bcfbbd024abb0d40a00"
    )


def test_structure_is_that_of_sysu_mm01():
    batches = list(generate(SMALL, "train"))
    assert [(b.identity, b.infrared) for b in batches] == [
        (identity, infrared) for identity in (1, 2, 3) for infrared in (False, True)
    ]
    for batch in batches:
        cameras = [3, 3, 3, 6, 6, 6] if batch.infrared else [1, 1, 2, 2, 4, 4, 5, 5]
        numbers = [1, 2, 3] * 2 if batch.infrared else [1, 2] * 4
        assert batch.cameras.tolist() == cameras
        assert batch.numbers.tolist() == numbers
        assert batch.images.shape == (len(cameras), 64, 32, 3)
        assert batch.images.dtype == np.uint8
        assert batch.images.flags.c_contiguous
        grey = (batch.images == batch.images[..., :1]).all()
        assert grey == batch.infrared
    assert identities_of(SMALL, "test") == range(4, 6)
    with pytest.raises(ValueError, match="split='val'"):
        identities_of(SMALL, "val")


def test_an_image_does_not_depend_on_the_others():
    few = by_name(SMALL, "train")
    many = by_name(
        dataclasses.replace(
            SMALL,
            num_train_identities=5,
            images_per_visible_camera=3,
            images_per_infrared_camera=4,
        ),
        "train",
    )
    assert few.items() <= many.items()
    assert len(set(many.values())) == len(many)


def test_another_seed_gives_other_images():
    other = by_name(dataclasses.replace(SMALL, seed=8), "train")
    same = by_name(SMALL, "train")
    assert not set(other.values()) & set(same.values())


def test_reflectance_follows_brightness_as_far_as_rho_says():
    def reflectances(rho: float) -> tuple[np.ndarray, np.ndarray]:
        people = draw_people(0, 0, 60, rho)
        colours = np.array([person.upper.main.colour for person in people])
        seen = np.array([person.upper.main.reflectance for person in people])
        return colours @ [0.299, 0.587, 0.114], seen

    luma, seen = reflectances(1.0)
    np.testing.assert_allclose(seen, luma, rtol=1e-12)
    correlations = [np.corrcoef(*reflectances(rho))[0, 1] for rho in (0.0, 0.5, 0.9)]
    assert correlations[0] < 0.35 < correlations[1] < correlations[2]


def test_no_two_people_are_alike():
    people = draw_people(0, 0, 140, 0.6)
    assert len({person.signature() for person in people}) == 140
    others = draw_people(0, 1, 140, 0.6)
    assert not set(people) & set(others)


def test_infrared_cameras_are_exposed_alike():
    means = {3: [], 6: []}
    parameters = Parameters(num_train_identities=20, seed=3)
    for batch in generate(parameters, "train"):
        if batch.infrared:
            for camera, found in means.items():
                found.append(batch.images[batch.cameras == camera].mean())
    assert np.mean(means[3]) == pytest.approx(np.mean(means[6]), rel=0.1)


def test_pretraining_set_shows_other_people_in_colour():
    images, identities, cameras = pretraining_set(
        SMALL, num_identities=5, num_cameras=4, images_per_identity=6
    )
    assert images.shape == (30, 64, 32, 3)
    np.testing.assert_array_equal(identities, np.repeat(np.arange(5), 6))
    assert set(cameras.tolist()) <= set(range(4))
    assert (images != images[..., :1]).any(axis=(1, 2, 3)).all()
    embedded = set(by_name(SMALL, "train").values())
    assert not embedded & {image.tobytes() for image in images}
    with pytest.raises(ValueError, match="num_cameras=0"):
        pretraining_set(SMALL, num_cameras=0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("num_train_identities", 0),
        ("images_per_infrared_camera", 0),
        ("height", 8),
        ("seed", -1),
        ("rho", 1.5),
        ("occlusion", -0.1),
    ],
)
def test_impossible_parameters_are_refused(field: str, value: Any):
    with pytest.raises(ValueError, match=f"{field}={value}"):
        Parameters(**{field: value})


def test_fingerprint_changes_with_every_parameter():
    base = Parameters()
    changed = {
        dataclasses.replace(base, **{field.name: value}).fingerprint()
        for field in dataclasses.fields(base)
        for value in [getattr(base, field.name) / 2 or 1]
        if field.name in ("rho", "occlusion", "seed")
    } | {
        dataclasses.replace(base, **{name: getattr(base, name) + 1}).fingerprint()
        for name in (field.name for field in dataclasses.fields(base))
        if name not in ("rho", "occlusion", "seed")
    }
    assert len(changed | {base.fingerprint()}) == len(dataclasses.fields(base)) + 1


def grey_rows(batches: list[Batch]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean-free unit rows of grey values, identities, cameras."""
    images = np.concatenate([batch.images for batch in batches])
    rows = (images @ np.array([0.299, 0.587, 0.114])).reshape(len(images), -1)
    rows -= rows.mean(axis=1, keepdims=True)
    identities = [np.full(len(batch.images), batch.identity) for batch in batches]
    cameras = [batch.cameras for batch in batches]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows, np.concatenate(identities), np.concatenate(cameras)


def test_grey_pixels_alone_are_neither_useless_nor_enough():
    batches = list(generate(Parameters(rho=0.6), "test"))
    query, query_ids, query_cameras = grey_rows([b for b in batches if b.infrared])
    rows, identities, cameras = grey_rows([b for b in batches if not b.infrared])
    rng = np.random.RandomState(0)
    rates = []
    for _ in range(10):
        gallery = [
            rng.choice(np.flatnonzero((identities == identity) & (cameras == camera)))
            for identity in np.unique(identities)
            for camera in (1, 2, 4, 5)
        ]
        similarity = query @ rows[gallery].T
        same_room = (query_cameras[:, None] == 3) & (cameras[gallery][None] == 2)
        best = np.where(same_room, -2.0, similarity).argmax(axis=1)
        rates.append((identities[gallery][best] == query_ids).mean())
    assert 0.06 < np.mean(rates) < 0.25  # chance: 0.025
