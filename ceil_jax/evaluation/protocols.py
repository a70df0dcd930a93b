"""Which test images query which: search modes and random galleries of each data set."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation import galleries, parts
from ceil_jax.evaluation.labelled import Labelled
from ceil_jax.evaluation.permutations import Permutations


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


# One model scored on all ten splits, as the released code does. Nine of them test
# people that the model was trained on.
REGDB_RELEASED = "regdb_released"
_REGDB = _both_directions((1,), (2,))
_MODES = {
    "sysu_mm01": (
        Mode("all", "infrared", "visible", (3, 6), (1, 2, 4, 5)),
        Mode("indoor", "infrared", "visible", (3, 6), (1, 2)),
    ),
    "regdb": _REGDB,
    REGDB_RELEASED: _REGDB,
    "llcm": _both_directions((1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 2, 4, 5, 6, 7, 8, 9)),
}


def modes(protocol: str) -> tuple[Mode, ...]:
    """The search modes of a protocol.

    Args:
        protocol: "sysu_mm01" (all and indoor search), "regdb", "regdb_released" or
            "llcm" (visible to infrared and back).

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
    return protocol not in ("regdb", REGDB_RELEASED)


def metric_of(protocol: str) -> str:
    """The rule by which a protocol's ranked lists are counted.

    Args:
        protocol: One that `modes_of` knows.

    Returns:
        One of `metrics.PROTOCOLS`.
    """
    return "regdb" if protocol == REGDB_RELEASED else protocol


class Plan(NamedTuple):
    """Everything that is scored on a test set.

    Attributes:
        protocol: Its name.
        trials: Queries and galleries of each mode, in the order of the tables.
        sampling: How galleries were drawn; "none" if they are not random.
        shots: Images per identity and camera in a random gallery.
        galleries: What decided the random galleries: seeds, or rows of a file; "" if
            they are not random.
    """

    protocol: str
    trials: dict[Mode, list[Trial]]
    sampling: str = "none"
    shots: int = 1
    galleries: str = ""

    @property
    def num_trials(self) -> int:
        """Trials of the mode that has most."""
        return max(map(len, self.trials.values()), default=0)


def plan(
    protocol: str,
    visible: Labelled,
    infrared: Labelled,
    *,
    num_trials: int = 10,
    sampling: str = "ceil",
    shots: int = 1,
    permutations: Permutations | None = None,
    splits: Mapping[str, np.ndarray] | None = None,
) -> Plan:
    """Queries and galleries of every mode of a protocol.

    Args:
        protocol: One that `modes_of` knows.
        visible: Labels of the visible test images.
        infrared: Labels of the infrared test images.
        num_trials: Random galleries; not used by RegDB.
        sampling: "ceil", "agw" or, for SYSU-MM01, "official", see `galleries.draw`; not
            used by RegDB.
        shots: Images per identity and camera in a gallery: 1 (single-shot) or, for
            SYSU-MM01, 10 (multi-shot).
        permutations: The galleries of "official".
        splits: What "regdb_released" tests on: by modality, whether each split tests on
            each image, (N, splits) bool.

    Returns:
        The plan; without modes if there are no test images of "standard".

    Raises:
        ValueError: An argument that no such protocol takes.
        UserError: The images lack what the protocol needs.
    """
    chosen = modes_of(protocol, visible, infrared)
    drawn = draws_galleries(protocol)
    trials_of_mode = {
        mode: trials(
            protocol,
            mode,
            visible,
            infrared,
            num_trials=num_trials,
            sampling=sampling,
            shots=shots,
            permutations=permutations,
            splits=splits,
        )
        for mode in chosen
    }
    return Plan(
        protocol,
        trials_of_mode,
        sampling=sampling if drawn else "none",
        shots=shots,
        galleries=galleries.origin(sampling, num_trials) if drawn else "",
    )


def trials(
    protocol: str,
    mode: Mode,
    visible: Labelled,
    infrared: Labelled,
    *,
    num_trials: int = 10,
    sampling: str = "ceil",
    shots: int = 1,
    permutations: Permutations | None = None,
    splits: Mapping[str, np.ndarray] | None = None,
) -> list[Trial]:
    """Queries and galleries of a mode.

    Queries are all images of the mode's query cameras, in their own order; random
    galleries are those of `galleries.draw`. RegDB's gallery is every image, and there
    is one trial; there is one of "standard", too, whose images name their part
    themselves.

    Args:
        protocol: One that `modes_of` knows.
        mode: One of `modes_of(protocol, visible, infrared)`.
        visible: Labels of the visible test images.
        infrared: Labels of the infrared test images.
        num_trials: See `plan`.
        sampling: See `plan`.
        shots: See `plan`.
        permutations: See `plan`.
        splits: See `plan`.

    Returns:
        The trials, in their order.

    Raises:
        ValueError: An argument that no such protocol takes.
        UserError: The images lack what the protocol needs.
    """
    sides = {"visible": visible, "infrared": infrared}
    query_labels, labels = sides[mode.query_modality], sides[mode.gallery_modality]
    if protocol == "standard":
        query = parts.positions(query_labels, parts.QUERY)
        return [Trial(query, parts.positions(labels, parts.GALLERY))]
    _check_arguments(protocol, mode, num_trials, sampling, shots)
    query = _positions(query_labels, mode, "query")
    gallery = _positions(labels, mode, "gallery")
    labelled = query_labels.identities, labels.identities
    if protocol == REGDB_RELEASED:
        found = _trials_of_splits(query, gallery, mode, splits)
        for trial in found:
            _check_identities(mode, trial, *labelled)
        return found
    _check_identities(mode, Trial(query, gallery), *labelled)
    if not draws_galleries(protocol):
        return [Trial(query, gallery)]
    drawn = galleries.draw(
        labels,
        gallery,
        mode.gallery_cameras,
        num_trials=num_trials,
        sampling=sampling,
        shots=shots,
        permutations=permutations,
    )
    return [Trial(query, rows) for rows in drawn]


def _trials_of_splits(
    query: np.ndarray,
    gallery: np.ndarray,
    mode: Mode,
    splits: Mapping[str, np.ndarray] | None,
) -> list[Trial]:
    if splits is None:
        raise ValueError(f"protocol={REGDB_RELEASED!r} needs splits")
    of_query, of_gallery = splits[mode.query_modality], splits[mode.gallery_modality]
    return [
        Trial(query[of_query[query, t]], gallery[of_gallery[gallery, t]])
        for t in range(of_query.shape[1])
    ]


def _check_arguments(
    protocol: str, mode: Mode, num_trials: int, sampling: str, shots: int
) -> None:
    if mode not in modes(protocol):
        names = ", ".join(m.name for m in modes(protocol))
        raise ValueError(f"{mode=} must be one of {protocol}'s: {names}")
    if num_trials < 1:
        raise ValueError(f"{num_trials=} must be at least 1")
    is_sysu = protocol == "sysu_mm01"
    drawn = draws_galleries(protocol)
    known = [s for s in galleries.SAMPLINGS if s != galleries.OFFICIAL or is_sysu]
    if drawn and sampling not in known:
        raise ValueError(f"{sampling=} must be {' or '.join(known)} with {protocol=}")
    allowed = (1, 10) if is_sysu else (1,)
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


def _check_identities(
    mode: Mode, trial: Trial, of_query: np.ndarray, of_gallery: np.ndarray
) -> None:
    query, gallery = of_query[trial.query], of_gallery[trial.gallery]
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
