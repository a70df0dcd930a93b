"""Maps of pairs: exact, made once for each image, never shown with other weights."""

from typing import Any

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.experiment import explained
from ceil_jax.report.matches import Pair

PLACES = (3, 2)


def set_of(stem: str, first: int, count: int) -> ImageSet:
    """Images whose pixels are their number."""
    pixels = np.zeros((count, 4, 2, 3), np.uint8)
    pixels[:] = (first + np.arange(count))[:, None, None, None]
    ones = np.ones(count, np.int32)
    names = np.array([f"{stem}/{n}.png" for n in range(count)])
    return ImageSet(ArraySource(pixels), ones, ones, names)


SETS = {"visible": set_of("v", 0, 9), "infrared": set_of("i", 100, 9)}


def parts_of(number: int) -> np.ndarray:
    return np.random.default_rng(number).normal(size=(*PLACES, 8)) / 8


class Divider:
    """Divides an image by its number, and counts."""

    def __init__(self):
        self.seen: list[int] = []

    def __call__(self, images, modality):
        numbers = images[:, 0, 0, 0].tolist()
        assert all((n >= 100) == (modality == "infrared") for n in numbers)
        self.seen += numbers
        return np.stack([parts_of(n) for n in numbers])


def pair(query: str, answer: str, score=float("nan")) -> Pair:
    kinds = {"v": "visible", "i": "infrared"}
    return Pair(query, answer, (kinds[query[0]], kinds[answer[0]]), score)


PAIRS = [
    pair("i/0.png", "v/3.png"),
    pair("i/0.png", "v/5.png"),
    pair("i/4.png", "v/3.png"),
    pair("v/5.png", "i/4.png"),  # both are queries
    pair("v/5.png", "v/6.png"),  # of one modality
]


def made(pairs=PAIRS, rows=4):
    divide = Divider()
    found = explained.make(explained.Divider(divide, rows), SETS, pairs, "digest")
    return found, divide


def test_each_map_sums_to_the_similarity_and_says_what_each_place_adds():
    found, _ = made()
    for number, each in enumerate(PAIRS):
        query, answer = (
            parts_of(int(name[2]) + (100 if name[0] == "i" else 0))
            for name in (each.query, each.answer)
        )
        want = np.stack(
            [
                np.einsum("hwd,d->hw", query, answer.sum((0, 1))),
                np.einsum("hwd,d->hw", answer, query.sum((0, 1))),
            ]
        )
        similarity = query.sum((0, 1)) @ answer.sum((0, 1))
        assert found.names[found.query[number]] == each.query
        assert found.names[found.answer[number]] == each.answer
        assert found.similarity[number] == pytest.approx(similarity, abs=1e-6)
        np.testing.assert_allclose(found.maps[number], want, atol=5e-4)
        sums = found.maps[number].astype(np.float64).sum((1, 2))
        assert sums == pytest.approx(similarity, abs=1e-3)


@pytest.mark.parametrize("rows", [1, 4, 16])
def test_every_image_is_embedded_once(rows):
    _, divide = made(rows=rows)
    assert {*divide.seen} == {100, 104, 3, 5, 6}
    if rows == 1:  # no batch is filled up
        assert len(divide.seen) == 5


def test_other_images_than_those_of_the_rankings_are_refused():
    similarity = made()[0].similarity
    right = [
        each._replace(score=float(s) + 0.01)
        for each, s in zip(PAIRS, similarity, strict=True)
    ]
    made(right)
    wrong = [*right[:2], right[2]._replace(score=right[2].score + 0.1), *right[3:]]
    with pytest.raises(UserError, match=r"i/4\.png and v/3\.png have the similarity"):
        made(wrong)
    with pytest.raises(UserError, match=r"v/99\.png of the ranked lists is no visible"):
        made([pair("i/0.png", "v/99.png")])


def test_maps_are_read_back_for_their_model_alone(tmp_path, capsys):
    path = tmp_path / "explained.npz"
    assert explained.of_model(path, "digest") is None
    found, _ = made()
    explained.save(path, found)
    again = explained.of_model(path, "digest")
    assert again is not None
    for one, other in zip(found, again, strict=True):
        np.testing.assert_array_equal(one, other)
    assert capsys.readouterr().err == ""
    assert explained.of_model(path, "another") is None
    assert "is of other weights than the figures" in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["bytes", "version", "shape", "lacks"])
def test_a_damaged_file_is_told_and_not_shown(tmp_path, capsys, damage):
    path = tmp_path / "explained.npz"
    found: dict[str, Any] = {**made()[0]._asdict(), "version": np.array(1)}
    if damage == "bytes":
        path.write_bytes(b"PK nonsense")
    else:
        if damage == "version":
            found["version"] = np.array(9)
        if damage == "shape":
            found["maps"] = found["maps"][:2]
        if damage == "lacks":
            del found["similarity"]
        np.savez_compressed(path, **found)
    assert explained.of_model(path, "digest") is None
    err = capsys.readouterr().err
    assert f"{path} cannot be used" in err
    assert "--explain makes it anew" in err
    assert err.count("\n") == 1
