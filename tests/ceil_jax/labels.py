"""Labels of small test sets for the tests of protocols and galleries."""

import random
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ceil_jax.evaluation.permutations import Permutations


class Labels(NamedTuple):
    identities: np.ndarray
    cameras: np.ndarray
    names: np.ndarray


def labels(paths):
    """Labels of paths `cam{camera}/{identity}/{file}`, in the order given."""
    parts = [path.split("/") for path in paths]
    return Labels(
        np.array([int(identity) for _, identity, _ in parts], np.int32),
        np.array([int(camera[3:]) for camera, _, _ in parts], np.int32),
        np.array(paths),
    )


def tree(cameras, identities=(1, 2, 10, 30), files=5, missing=((2, 2), (4, 10))):
    """Paths of a test set in a shuffled order; `missing` pairs have no image."""
    paths = [
        f"cam{camera}/{identity:04d}/{file:04d}.jpg"
        for camera in cameras
        for identity in identities
        for file in range(1, files + 1)
        if (camera, identity) not in missing
    ]
    random.Random(0).shuffle(paths)
    return paths


def sysu():
    return labels(tree((1, 2, 4, 5))), labels(tree((3, 6), missing=()))


def reversed_order(sizes):
    """Permutations of so many images by camera and identity: the last one first."""
    reverse = [
        [np.tile(np.arange(n, 0, -1), (10, 1)) for n in of_camera]
        for of_camera in sizes
    ]
    return Permutations(Path("file.mat"), reverse)
