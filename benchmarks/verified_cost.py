"""What thresholds cost: beside scoring, and of many images."""

import time
from collections.abc import Callable

import numpy as np

from benchmarks import measure
from benchmarks.record import Table
from benchmarks.verified_people import Rows
from ceil_jax.evaluation import scored_pairs
from ceil_jax.evaluation.protocols import plan
from ceil_jax.evaluation.results import RerankParams
from ceil_jax.evaluation.scoring import Embeddings, score_protocol
from ceil_jax.evaluation.verification import Calibration, calibrate

IMAGES_OF_PERSON, NUM_CAMERAS = 20, 6


def beside_scoring(rows: Rows, runs: int = 9) -> Table:
    """Time beside that of an evaluation of the demo's size.

    Args:
        rows: The demo's test images.
        runs: Measured runs of each.

    Returns:
        The table.
    """
    visible, infrared = (
        side_of(rows, rows.modalities == name) for name in ("visible", "infrared")
    )
    searches = plan("sysu_mm01", visible, infrared)
    calls: dict[str, Callable[[], object]] = {
        "scoring, ten galleries, two modes, plain and re-ranked": lambda: (
            score_protocol(
                visible, infrared, searches, rerank=RerankParams(), progress=False
            )
        ),
        "thresholds of results.json": lambda: scored_pairs.calibration_of(
            visible, infrared, "sysu_mm01"
        ),
        "calibrate, defaults": lambda: calibrate(*rows),
    }
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(runs + 1):
        for name, call in calls.items():
            start = time.process_time()
            call()
            seconds[name].append(time.process_time() - start)
    times = {name: measure.timing(each[1:]) for name, each in seconds.items()}
    first = next(iter(times.values())).median
    lines = [
        [name, str(one), round(100 * one.median / first, 1)]
        for name, one in times.items()
    ]
    return Table(
        f"Cost at the demo's size, {len(rows.features):,} images, "
        f"d={rows.features.shape[1]}: processor seconds, median and range of {runs} "
        "runs in turns.",
        ["what", "s", "of scoring %"],
        lines,
    )


def side_of(rows: Rows, chosen: np.ndarray) -> Embeddings:
    """One modality's test images."""
    names = np.arange(int(chosen.sum())).astype(str)
    features, identities, cameras = (part[chosen] for part in rows[:3])
    return Embeddings(features, identities, cameras, names)


def large(num_rows: int, width: int) -> Table:
    """Cost of many images, in a process of its own.

    Args:
        num_rows: Images.
        width: Numbers of each.

    Returns:
        The table.
    """
    cost = measure.in_new_process(_of_many, num_rows, width, prepare=_many)
    (pair,) = cost.result.pairs.values()
    return Table(
        f"calibrate of {num_rows:,} images, d={width}, {IMAGES_OF_PERSON} of a person, "
        f"{NUM_CAMERAS} cameras, one modality; one run.",
        ["impostor pairs", "looked at", "s", "GiB beside the rows"],
        [
            [
                f"{pair.impostor_total:,}",
                f"{pair.impostor_pairs:,}",
                cost.seconds,
                cost.peak_gib - cost.before_gib,
            ]
        ],
    )


def _many(num_rows: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    rows = draw.standard_normal((num_rows, width), np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    people = np.arange(num_rows) // IMAGES_OF_PERSON
    return rows, people, draw.integers(NUM_CAMERAS, size=num_rows)


def _of_many(rows: np.ndarray, people: np.ndarray, cameras: np.ndarray) -> Calibration:
    return calibrate(rows, people, cameras)
