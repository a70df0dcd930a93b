"""Random galleries: which images of each identity and camera are searched."""

import random
from collections.abc import Sequence

import numpy as np

from ceil_jax.evaluation.labelled import Labelled
from ceil_jax.evaluation.permutations import Permutations

# Number of the first trial, which is also the seed of its gallery.
_FIRST_SEED = {"ceil": 1, "agw": 0}
OFFICIAL = "official"
SAMPLINGS = (*_FIRST_SEED, OFFICIAL)


def draw(
    labels: Labelled,
    positions: np.ndarray,
    cameras: Sequence[int],
    *,
    num_trials: int,
    sampling: str,
    shots: int,
    permutations: Permutations | None = None,
) -> list[np.ndarray]:
    """Galleries of some images of every identity and camera.

    "ceil" and "agw" draw as the released codes do: a generator `random.Random(t)` (the
    stream of `random.seed(t)`), then for every identity in ascending order and every
    camera in order one `choice` of that pair's files sorted by name; pairs without an
    image draw nothing. These codes are single-shot only; with several shots it is
    `sample(files, min(shots, len(files)))` in place of `choice`. "official" draws
    nothing: the file that comes with SYSU-MM01 lists the images of either.

    Args:
        labels: Labels of the test images.
        positions: Those that can be in a gallery, (n,) int.
        cameras: Their cameras, in drawing order.
        num_trials: Galleries to draw.
        sampling: "ceil" (t = 1, 2, ...), "agw" (t = 0, 1, ...) or "official".
        shots: Images per identity and camera, or all if there are fewer.
        permutations: What "official" reads.

    Returns:
        Positions of each gallery's images, (g,) int32.

    Raises:
        ValueError: Another sampling, or "official" without permutations.
        UserError: The permutations are not of these images.

    References:
        The released `code/tools/eavl/get_test_data.py` and
        `code/tools/eavl/img_get.py`; AGW's `process_gallery_sysu`; Wu et al.,
        ICCV 2017, for "official".
    """
    groups = _groups(labels, positions, cameras)
    if sampling == OFFICIAL:
        if permutations is None:
            raise ValueError(f"{sampling=} needs permutations")
        return _listed(groups, permutations, num_trials, shots)
    if sampling not in _FIRST_SEED:
        raise ValueError(f"{sampling=} must be one of {', '.join(SAMPLINGS)}")
    return [
        _drawn(list(groups.values()), random.Random(seed), shots)
        for seed in _seeds(sampling, num_trials)
    ]


def origin(sampling: str, num_trials: int) -> str:
    """What decided the galleries, for the record.

    Args:
        sampling: One of `SAMPLINGS`.
        num_trials: Galleries drawn.

    Returns:
        The seeds, or the rows of the file; "" for what is not drawn.
    """
    if sampling == OFFICIAL:
        return f"{_span('row', range(1, num_trials + 1))} of rand_perm_cam.mat"
    if sampling not in _FIRST_SEED:
        return ""
    return _span("seed", _seeds(sampling, num_trials))


def _seeds(sampling: str, num_trials: int) -> range:
    first = _FIRST_SEED[sampling]
    return range(first, first + num_trials)


def _span(noun: str, numbers: range) -> str:
    if len(numbers) == 1:
        return f"{noun} {numbers[0]}"
    return f"{noun}s {numbers[0]}-{numbers[-1]}"


def _groups(
    labels: Labelled, positions: np.ndarray, cameras: Sequence[int]
) -> dict[tuple[int, int], list[int]]:
    """Positions sorted by name, by identity and camera, in drawing order."""
    by_name = positions[np.argsort(labels.names[positions], kind="stable")]
    groups: dict[tuple[int, int], list[int]] = {}
    for i in by_name.tolist():
        pair = int(labels.identities[i]), int(labels.cameras[i])
        groups.setdefault(pair, []).append(i)
    order = sorted(groups, key=lambda pair: (pair[0], cameras.index(pair[1])))
    return {pair: groups[pair] for pair in order}


def _drawn(groups: list[list[int]], rng: random.Random, shots: int) -> np.ndarray:
    if shots == 1:
        return np.array([rng.choice(group) for group in groups], np.int32)
    drawn = [rng.sample(group, min(shots, len(group))) for group in groups]
    return np.array([i for group in drawn for i in group], np.int32)


def _listed(
    groups: dict[tuple[int, int], list[int]],
    permutations: Permutations,
    num_trials: int,
    shots: int,
) -> list[np.ndarray]:
    columns = [
        np.array(group)[
            permutations.first(
                *pair, num_files=len(group), num_trials=num_trials, shots=shots
            )
        ]
        for pair, group in groups.items()
    ]
    return list(np.concatenate(columns, axis=1).astype(np.int32))
