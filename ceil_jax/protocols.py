"""Which test images query which: search modes and random galleries of each data set."""

import random
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ceil_jax import parts
from ceil_jax.errors import UserError
from ceil_jax.labelled import Labelled


class Mode(NamedTuple):
    """One way to search: who asks, and among whom.

    Attributes:
        name: As in `results.json`.
        query_modality: "visible" or "infrared".
        gallery_modality: The other one.
        query_cameras: Cameras whose images are the queries.
        gallery_cameras: Cameras whose images can be in the gallery, in the order in
            which they are drawn.
    """

    name: str
    query_modality: str
    gallery_modality: str
    query_cameras: tuple[int, ...]
    gallery_cameras: tuple[int, ...]


class Trial(NamedTuple):
    """One query set and one gallery.

    Attributes:
        query: Positions in the query modality's test images, (q,) int32.
        gallery: Positions in the gallery modality's test images, (g,) int32.
    """

    query: np.ndarray
    gallery: np.ndarray


def _both_directions(
    visible: tuple[int, ...], infrared: tuple[int, ...]
) -> tuple[Mode, ...]:
    return (
        Mode("visible_to_infrared", "visible", "infrared", visible, infrared),
        Mode("infrared_to_visible", "infrared", "visible", infrared, visible),
    )


_MODES = {
    "sysu_mm01": (
        Mode("all", "infrared", "visible", (3, 6), (1, 2, 4, 5)),
        Mode("indoor", "infrared", "visible", (3, 6), (1, 2)),
    ),
    "regdb": _both_directions((1,), (2,)),
    "llcm": _both_directions((1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 4, 5, 6, 7, 8, 9)),
}
# Number of the first trial, which is also the seed of its gallery.
_FIRST_TRIAL = {"ceil": 1, "agw": 0}
SAMPLINGS = tuple(_FIRST_TRIAL)


def modes(protocol: str) -> tuple[Mode, ...]:
    """The search modes of a protocol.

    Args:
        protocol: "sysu_mm01" (all and indoor search), "regdb" or "llcm" (visible to
            infrared and back).

    Returns:
        The modes, in the order of the result tables.

    Raises:
        ValueError: No such protocol, or one whose queries and galleries are given.

    References:
        Wu et al., ICCV 2017 (SYSU-MM01); Nguyen et al., Sensors 2017 (RegDB); Zhang and
        Wang, CVPR 2023 (LLCM).
    """
    if protocol not in _MODES:
        raise ValueError(f"{protocol=} has no search modes; {', '.join(_MODES)} have")
    return _MODES[protocol]


def modes_of(protocol: str, visible: Labelled, infrared: Labelled) -> tuple[Mode, ...]:
    """The search modes that test images are scored in.

    Args:
        protocol: One that `modes` knows, or "standard", whose images name their part
            themselves, see `parts`.
        visible: Labels of the visible test images.
        infrared: Labels of the infrared test images.

    Returns:
        The modes, in the order of the result tables; none if there are no test images
        of "standard".

    Raises:
        ValueError: No such protocol.
        UserError: Of "standard": no query shows an identity of a gallery.
    """
    if protocol != "standard":
        return modes(protocol)
    sides = {"visible": visible, "infrared": infrared}
    return tuple(
        Mode(
            f"{query}_to_{gallery}",
            query,
            gallery,
            _cameras(sides[query], parts.QUERY),
            _cameras(sides[gallery], parts.GALLERY),
        )
        for query, gallery in parts.searches(sides)
    )


def _cameras(labels: Labelled, part: str) -> tuple[int, ...]:
    """Cameras of a part's images, ascending."""
    return tuple(np.unique(labels.cameras[parts.positions(labels, part)]).tolist())


def draws_galleries(protocol: str) -> bool:
    """Whether a protocol's galleries are random, so that there are several trials.

    Args:
        protocol: One that `modes_of` knows.

    Returns:
        False for RegDB: its gallery is the whole test split, whose trials are the ten
        splits, each with a model of its own. False for "standard", too, whose galleries
        are given.

    Raises:
        ValueError: No such protocol.
    """
    if protocol == "standard":
        return False
    modes(protocol)
    return protocol != "regdb"


def trials(
    protocol: str,
    mode: Mode,
    visible: Labelled,
    infrared: Labelled,
    *,
    num_trials: int = 10,
    sampling: str = "ceil",
    shots: int = 1,
) -> list[Trial]:
    """Queries and galleries of a mode.

    Queries are all images of the mode's query cameras, in their own order. A random
    gallery is drawn as its authors do: a generator `random.Random(t)` (the stream of
    `random.seed(t)`), then for every identity in ascending order and every camera of
    the mode in order one `choice` of that pair's files sorted by name; pairs without an
    image draw nothing. With several shots it is `sample(files, min(shots, len(files)))`
    in place of `choice`. RegDB's gallery is every image, and there is one trial; there
    is one of "standard", too, whose images name their part themselves.

    Args:
        protocol: One that `modes_of` knows.
        mode: One of `modes_of(protocol, visible, infrared)`.
        visible: Labels of the visible test images.
        infrared: Labels of the infrared test images.
        num_trials: Random galleries; not used by RegDB.
        sampling: "ceil" (t = 1, 2, ...) or "agw" (t = 0, 1, ...); not used by RegDB.
        shots: Images per identity and camera in a gallery: 1 (single-shot) or, for
            SYSU-MM01, 10 (multi-shot).

    Returns:
        The trials, in the order of t.

    Raises:
        ValueError: An argument that no such protocol takes.
        UserError: The images lack what the protocol needs.

    References:
        CEIL's and AGW's `process_gallery_sysu` and `process_gallery_llcm`, which draw
        the same single-shot galleries.
    """
    sides = {"visible": visible, "infrared": infrared}
    if protocol == "standard":
        query = parts.positions(sides[mode.query_modality], parts.QUERY)
        return [
            Trial(query, parts.positions(sides[mode.gallery_modality], parts.GALLERY))
        ]
    _check_arguments(protocol, mode, num_trials, sampling, shots)
    query = _positions(sides[mode.query_modality], mode, "query")
    gallery = _positions(sides[mode.gallery_modality], mode, "gallery")
    query_labels, labels = sides[mode.query_modality], sides[mode.gallery_modality]
    _check_identities(mode, query_labels.identities[query], labels.identities[gallery])
    if not draws_galleries(protocol):
        return [Trial(query, gallery)]
    groups = _groups(labels, gallery, mode.gallery_cameras)
    first = _FIRST_TRIAL[sampling]
    return [
        Trial(query, _draw(groups, random.Random(t), shots))
        for t in range(first, first + num_trials)
    ]


def _check_arguments(
    protocol: str, mode: Mode, num_trials: int, sampling: str, shots: int
) -> None:
    if mode not in modes(protocol):
        names = ", ".join(m.name for m in modes(protocol))
        raise ValueError(f"{mode=} must be one of {protocol}'s: {names}")
    if num_trials < 1:
        raise ValueError(f"{num_trials=} must be at least 1")
    if sampling not in _FIRST_TRIAL:
        raise ValueError(f"{sampling=} must be one of {', '.join(SAMPLINGS)}")
    allowed = (1, 10) if protocol == "sysu_mm01" else (1,)
    if shots not in allowed:
        raise ValueError(
            f"{shots=} must be {' or '.join(map(str, allowed))} with {protocol=}"
        )


def _positions(labels: Labelled, mode: Mode, side: str) -> np.ndarray:
    """Positions of a side's images, after checking that every camera has some."""
    modality = mode.query_modality if side == "query" else mode.gallery_modality
    cameras = mode.query_cameras if side == "query" else mode.gallery_cameras
    missing = [str(c) for c in cameras if not (labels.cameras == c).any()]
    if missing:
        found = ", ".join(str(c) for c in np.unique(labels.cameras)) or "none"
        raise UserError(
            f"{mode.name} search needs {modality} test images of camera "
            f"{', '.join(map(str, cameras))} as its {side}; none is of camera "
            f"{', '.join(missing)} (cameras found: {found}; "
            f"{len(labels.cameras)} {modality} images)"
        )
    positions = np.flatnonzero(np.isin(labels.cameras, cameras)).astype(np.int32)
    unknown = int((labels.identities[positions] < 0).sum())
    if unknown:
        raise UserError(
            f"{unknown} of {len(positions)} {modality} test images have no identity: "
            f"{mode.name} search cannot be scored"
        )
    return positions


def _check_identities(mode: Mode, query: np.ndarray, gallery: np.ndarray) -> None:
    num_query, num_gallery = len(np.unique(query)), len(np.unique(gallery))
    if num_gallery < 2:
        raise UserError(
            f"{mode.name} search needs at least 2 identities among the "
            f"{mode.gallery_modality} test images, found {num_gallery} in "
            f"{len(gallery)} images"
        )
    if not np.isin(query, gallery).any():
        raise UserError(
            f"{mode.name} search: none of the {num_query} identities of the "
            f"{len(query)} {mode.query_modality} queries is among the {num_gallery} "
            f"identities of the {len(gallery)} {mode.gallery_modality} test images"
        )


def _groups(
    labels: Labelled, positions: np.ndarray, cameras: Sequence[int]
) -> list[list[int]]:
    """Positions of each identity and camera, sorted by name, in drawing order."""
    by_name = positions[np.argsort(labels.names[positions], kind="stable")]
    groups: dict[tuple[int, int], list[int]] = {}
    for i in by_name.tolist():
        pair = int(labels.identities[i]), cameras.index(int(labels.cameras[i]))
        groups.setdefault(pair, []).append(i)
    return [groups[pair] for pair in sorted(groups)]


def _draw(groups: list[list[int]], rng: random.Random, shots: int) -> np.ndarray:
    if shots == 1:
        return np.array([rng.choice(group) for group in groups], np.int32)
    drawn = [rng.sample(group, min(shots, len(group))) for group in groups]
    return np.array([i for group in drawn for i in group], np.int32)
