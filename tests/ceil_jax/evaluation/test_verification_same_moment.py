"""Impostors without labels: two people before one camera at one moment."""

from typing import Any

import numpy as np
import pytest

from ceil_jax.evaluation import error_rates
from ceil_jax.evaluation.same_moment import calibrate_same_moment, moment_pairs


def frames(num=60, *, seed=0, width=8):
    """Two or three people in each frame of three cameras, one of them infrared."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 4, num)
    times = np.repeat(np.arange(num) * 20.0, sizes)
    cameras = np.repeat(rng.integers(1, 4, num), sizes)
    rows = rng.standard_normal((sizes.sum(), width)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    order = rng.permutation(len(rows))
    kinds = np.where(cameras == 3, "infrared", "visible")
    return tuple(part[order] for part in (rows, cameras, times, kinds))


def naive(given, kind, tolerance=0.0):
    rows, cameras, times, kinds = given
    return {
        frozenset((i, j)): float(rows[i] @ rows[j])
        for i in range(len(rows))
        for j in range(i)
        if kinds[i] == kinds[j] == kind and cameras[i] == cameras[j]
        if abs(times[i] - times[j]) <= tolerance
    }


@pytest.mark.parametrize("tolerance", [0.0, 20.0])
def test_pairs_are_those_of_two_loops(tolerance):
    rows, cameras, times, _ = frames()
    kinds = np.full(len(rows), "x")
    rng = np.random.default_rng(0)
    found = moment_pairs(cameras, times, tolerance=tolerance, rng=rng)
    pairs = zip(found.first.tolist(), found.second.tolist(), strict=True)
    expected = naive((rows, cameras, times, kinds), "x", tolerance)
    assert {frozenset(pair) for pair in pairs} == expected.keys()
    assert found.total == len(found.first) == len(expected)
    some = moment_pairs(cameras, times, tolerance=tolerance, max_pairs=9, rng=rng)
    pairs = [*zip(some.first.tolist(), some.second.tolist(), strict=True)]
    assert {frozenset(pair) for pair in pairs} <= expected.keys()
    assert (len(pairs), some.total) == (9, len(expected))


def test_thresholds_are_those_of_the_pairs():
    given = frames(120)
    found = calibrate_same_moment(*given, fars=(0.1, 1e-3))
    assert found.source == "same moment"
    assert found.same_camera is True
    assert {*found.pairs} == {"visible-visible", "infrared-infrared"}
    for kind in ("visible", "infrared"):
        pair = found.pairs[f"{kind}-{kind}"]
        scores = [*naive(given, kind).values()]
        assert pair.impostor_pairs == pair.impostor_total == len(scores)
        (point,) = pair.points
        expected = error_rates.threshold_at(scores, 0.1)
        assert point.threshold == pytest.approx(expected, abs=1e-6)
        assert point.tar is point.tar_interval is pair.equal_error is None
        assert point.far_interval is not None
        assert "needs at least 1,000 impostor pairs" in pair.refused[1e-3]


def test_across_modalities_there_is_no_threshold():
    found = calibrate_same_moment(*frames(), fars=(0.1,))
    with pytest.raises(ValueError, match="labelled images are needed"):
        found.decide(0.3, ("visible", "infrared"), 0.1)


def test_stretches_of_time_are_drawn():
    given = frames(120)
    units = {}
    for stretch in (20.0, 60.0, 600.0):
        found = calibrate_same_moment(*given, fars=(0.1,), stretch=stretch)
        units[stretch] = found.pairs["visible-visible"].people
    _, cameras, times, kinds = given
    for stretch, num in units.items():
        visible = kinds == "visible"
        when = (times[visible] - times[visible].min()) // stretch
        assert num == len({*zip(cameras[visible], when, strict=True)})


def test_dates_are_times():
    rows, cameras, times, kinds = frames()
    start = np.datetime64("2024-05-01T12:00:00")
    dates = start + times.astype(int).astype("timedelta64[s]")
    found, expected = (
        calibrate_same_moment(rows, cameras, when, kinds, fars=(0.1,))
        for when in (dates, times)
    )
    assert found == expected


def test_a_modality_that_is_never_seen_twice():
    rows, cameras, times, kinds = frames()
    times = np.where(kinds == "infrared", np.arange(len(times)) + 1e6, times)
    found = calibrate_same_moment(rows, cameras, times, kinds, fars=(0.1,))
    assert "no camera saw two people" in found.left_out["infrared-infrared"]
    assert {*found.pairs} == {"visible-visible"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"tolerance": -1}, "tolerance=-1 must be finite and at least 0"),
        ({"stretch": 0}, "stretch=0 must be finite and greater than 0"),
        ({"times": [1.0]}, r"times.shape=\(1,\) must be"),
        ({"times": "NaN"}, "times must be finite"),
        ({"times": "NaT"}, "one is NaT"),
        ({"times": "alone"}, "no impostor pair: no camera saw two people"),
    ],
)
def test_what_is_refused(changed, message):
    rows, cameras, times, kinds = frames()
    special = {
        "NaN": np.where(times > 50, np.nan, times),
        "NaT": np.full(len(times), "NaT", "datetime64[s]"),
        "alone": np.arange(len(times)),
    }
    if isinstance(changed.get("times"), str):
        changed = {"times": special[changed["times"]]}
    given: dict[str, Any] = {
        "features": rows,
        "cameras": cameras,
        "times": times,
        "modalities": kinds,
    }
    with pytest.raises(ValueError, match=message):
        calibrate_same_moment(**given | changed)
