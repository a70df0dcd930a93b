"""Features of made-up people, for tests of verification."""

from typing import NamedTuple

import numpy as np


class People(NamedTuple):
    """Arguments of `calibrate`, in its order."""

    features: np.ndarray
    identities: np.ndarray
    cameras: np.ndarray
    modalities: np.ndarray


def people(num=8, *, shots=2, noise=1.0, seed=0, width=16) -> People:
    """Unit rows: cameras 1 and 2 are visible, 3 and 4 infrared, which is shifted."""
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(1, num + 1), 4 * shots)
    cameras = np.tile(np.repeat([1, 2, 3, 4], shots), num)
    kinds = np.where(cameras < 3, "visible", "infrared")
    centres = rng.standard_normal((num + 1, width))
    shift = rng.standard_normal(width)
    rows = centres[ids] + noise * rng.standard_normal((len(ids), width))
    rows += 0.5 * shift * (kinds == "infrared")[:, None]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return People(rows.astype(np.float32), ids, cameras, kinds)


def shuffled(given: People, seed: int = 0) -> People:
    order = np.random.default_rng(seed).permutation(len(given.identities))
    return People(*(part[order] for part in given))


def naive_pairs(given: People, first: str, second: str, *, same_camera: bool):
    """Genuine and impostor pairs by two loops: {frozenset of rows: similarity}."""
    kinds = {True: {}, False: {}}
    for i in range(len(given.identities)):
        for j in range(len(given.identities)):
            modalities = given.modalities[i], given.modalities[j]
            if i == j or modalities != (first, second):
                continue
            if not same_camera and given.cameras[i] == given.cameras[j]:
                continue
            is_genuine = bool(given.identities[i] == given.identities[j])
            similarity = float(given.features[i] @ given.features[j])
            kinds[is_genuine][frozenset((i, j))] = similarity
    return kinds[True], kinds[False]
