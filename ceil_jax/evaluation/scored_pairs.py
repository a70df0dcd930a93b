"""Thresholds for "the same person?" from the test images of an evaluation."""

import dataclasses

import numpy as np

from ceil_jax.evaluation.calibrating import calibrate
from ceil_jax.evaluation.calibration import COSINE, Calibration
from ceil_jax.evaluation.image_pairs import pair_name
from ceil_jax.evaluation.protocols import REGDB_RELEASED
from ceil_jax.evaluation.scoring import Embeddings

# A few per cent of the time that scoring takes: fewer images and pairs than
# `calibrate` takes. The people are all there, and it is they who decide the intervals.
MAX_IMAGES = 8
MAX_PAIRS = 100_000


def calibration_of(
    visible: Embeddings, infrared: Embeddings, protocol: str
) -> Calibration:
    """Thresholds within and across modalities, from test images of every person.

    Of each person's images in a modality at most `MAX_IMAGES` are looked at, drawn at
    random, always the same ones. Similarities are cosines: rows are brought to length
    1, whatever theirs is.

    Args:
        visible: The visible test images.
        infrared: The infrared test images.
        protocol: Name of the protocol that they are scored in.

    Returns:
        The thresholds; where there can be none, `left_out` says why.
    """
    sides = {"visible": visible, "infrared": infrared}
    sides = {name: side for name, side in sides.items() if len(side.features)}
    if protocol == REGDB_RELEASED:
        return _without(list(sides), "the model was trained on people of the test set")
    if not sides:
        return _without([], "")
    features, identities, cameras = (
        np.concatenate([getattr(side, field) for side in sides.values()])
        for field in ("features", "identities", "cameras")
    )
    modalities = np.repeat(list(sides), [len(s.features) for s in sides.values()])
    kept = _some_of_each(identities, modalities)
    try:
        found = calibrate(
            features[kept],
            identities[kept],
            cameras[kept],
            modalities[kept],
            max_pairs=MAX_PAIRS,
            normalise=True,
        )
    except ValueError as error:  # e.g. a row of zeros, one person: figures come first
        return _without(list(sides), str(error))
    if len(kept) == len(features):
        return found
    note = f"at most {MAX_IMAGES} images of each person and modality, drawn at random"
    return dataclasses.replace(found, note=note)


def _some_of_each(identities: np.ndarray, modalities: np.ndarray) -> np.ndarray:
    """Ascending positions of some images of each person and modality."""
    order = np.random.default_rng(0).permutation(len(identities))
    _, kinds = np.unique(modalities, return_inverse=True)
    people = np.unique(identities, return_inverse=True)[1].reshape(-1)
    groups = 2 * people + kinds.reshape(-1)
    order = order[np.argsort(groups[order], kind="stable")]
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    place = np.arange(len(order)) - np.repeat(starts, sizes)
    return np.sort(order[place < MAX_IMAGES])


def _without(names: list[str], reason: str) -> Calibration:
    couples = {pair_name(a, b) for a in names for b in names}
    return Calibration(
        {},
        dict.fromkeys(sorted(couples), reason),
        similarity=COSINE,
        same_camera=False,
    )
