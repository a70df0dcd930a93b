"""Queries and galleries by the names of the images."""

from typing import NamedTuple

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import parts


class Labels(NamedTuple):
    identities: np.ndarray
    cameras: np.ndarray
    names: np.ndarray


def labels(*images: tuple[str, int]) -> Labels:
    names = np.array([f"{part}/{i}.jpg" for i, (part, _) in enumerate(images)], str)
    identities = np.array([identity for _, identity in images], np.int32)
    return Labels(identities, np.ones(len(images), np.int32), names)


def test_a_part_is_the_first_folder_of_the_name():
    side = labels(("query", 1), ("gallery", 1), ("queries", 2), ("gallery", 3))
    assert parts.positions(side, "query").tolist() == [0]
    assert parts.positions(side, "gallery").tolist() == [1, 3]
    assert parts.positions(labels(), "query").tolist() == []


def test_searches_are_the_pairs_that_share_an_identity():
    visible = labels(("query", 1), ("gallery", 2))
    infrared = labels(("query", 2), ("gallery", 1), ("gallery", 5))
    both = {"visible": visible, "infrared": infrared}
    assert parts.searches(both) == [("visible", "infrared"), ("infrared", "visible")]
    one = {"visible": labels(("query", 1), ("gallery", 1)), "infrared": labels()}
    assert parts.searches(one) == [("visible", "visible")]


def test_without_test_images_nothing_is_searched():
    assert parts.searches({"visible": labels(), "infrared": labels()}) == []


def test_test_images_without_a_common_identity_are_refused():
    sides = {"visible": labels(("query", 1), ("query", 2)), "infrared": labels()}
    with pytest.raises(UserError, match=r"2 visible query images, and no identity"):
        parts.searches(sides)
