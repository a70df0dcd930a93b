"""The bootstrap over people: against repeated pairs, and on people made up anew."""

import numpy as np
import pytest

from ceil_jax.evaluation import error_rates, resampling
from ceil_jax.evaluation.error_rates import UnresolvedError
from ceil_jax.evaluation.resampling import Clustered, interval, resample

FARS = (0.3, 0.1, 0.02)


def pairs_of(num=6, shots=3, seed=0):
    """All pairs of some people's images: similarities and their people."""
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(num), shots)
    scores = np.round(rng.normal(size=(len(ids), len(ids))), 2)
    i, j = np.triu_indices(len(ids), 1)
    same = ids[i] == ids[j]
    people = ids.astype(np.int32)
    genuine = scores[i, j][same] + 1, people[i][same]
    impostor = scores[i, j][~same], people[i][~same], people[j][~same]
    return genuine, impostor


def repeated(weights, pairs):
    scores, *people = pairs
    times = np.prod([weights[side] for side in people], axis=0)
    return np.repeat(scores, times)


@pytest.mark.parametrize("limits", [{}, {"_DENSE": 10, "_WEIGHTS": 100}])
def test_a_draw_is_as_if_pairs_were_repeated(monkeypatch, limits):
    monkeypatch.setattr(resampling, "_LEVELS", 5000)
    for name, value in limits.items():  # sparse counts, several parts
        monkeypatch.setattr(resampling, name, value)
    genuine, impostor = pairs_of()
    thresholds = tuple(error_rates.threshold_at(impostor[0], far) for far in FARS)
    found = resample(
        Clustered.of(*genuine),
        Clustered.of(*impostor),
        num_units=6,
        fars=FARS,
        thresholds=thresholds,
        num_resamples=200,
        seed=3,
    )
    drawn = np.random.default_rng(3).multinomial(6, np.full(6, 1 / 6), 200)
    kept = [w for w in drawn if len(repeated(w, impostor))]
    assert len(kept) == found.far.shape[1]
    assert found.tar is not None
    assert found.equal_error is not None
    num_unbounded = 0
    for place, weights in enumerate(kept):
        own, others = (repeated(weights, side) for side in (genuine, impostor))
        for row, (far, threshold) in enumerate(zip(FARS, thresholds, strict=True)):
            assert found.far[row, place] == pytest.approx(np.mean(others >= threshold))
            at = found.thresholds[row, place]
            fitting = [s for s in impostor[0] if np.mean(others >= s) <= far + 1e-9]
            assert at == (min(fitting) if fitting else np.inf)
            num_unbounded += not fitting
            assert found.tar[row, place] == pytest.approx(np.mean(own >= at))
        levels = np.unique(impostor[0])[::-1]
        far = np.array([0, *(np.mean(others >= s) for s in levels), 1])
        frr = np.array([1, *(np.mean(own < s) for s in levels), 0])
        after = int(np.argmax(far >= frr))
        (x0, x1), (y0, y1) = far[after - 1 : after + 1], frr[after - 1 : after + 1]
        share = (y0 - x0) / (y0 - x0 + x1 - y1)
        expected = x0 + share * (x1 - x0)
        assert found.equal_error[place] == pytest.approx(expected)
    assert num_unbounded


def test_few_levels_are_nearly_all_levels(monkeypatch):
    genuine, impostor = pairs_of(20, 10)
    ends = []
    for levels in (resampling._LEVELS, 100_000):
        monkeypatch.setattr(resampling, "_LEVELS", levels)
        found = resample(
            Clustered.of(*genuine),
            Clustered.of(*impostor),
            num_units=20,
            fars=(0.1, 0.01),
            thresholds=(1.0, 2.0),
            num_resamples=300,
            seed=0,
        )
        ends.append([found.tar, found.far])
    np.testing.assert_allclose(*ends, atol=0.02)


def test_without_genuine_pairs():
    _, impostor = pairs_of()
    found = resample(
        None,
        Clustered.of(*impostor),
        num_units=6,
        fars=(0.1,),
        thresholds=(1.0,),
        num_resamples=100,
        seed=0,
    )
    assert found.tar is None
    assert found.equal_error is None
    assert found.far.shape == found.thresholds.shape


def test_no_rate_at_all():
    genuine, impostor = pairs_of()
    found = resample(
        Clustered.of(*genuine),
        Clustered.of(*impostor),
        num_units=6,
        fars=(),
        thresholds=(),
        num_resamples=100,
        seed=0,
    )
    assert found.thresholds.shape[0] == found.far.shape[0] == 0
    assert found.equal_error is not None


def test_interval_holds_so_many_draws():
    figures = np.arange(1001.0)
    np.random.default_rng(0).shuffle(figures)
    assert interval(figures, 0.95) == (25, 975)
    assert interval(figures, 0.5) == (250, 750)
    figures[figures > 970] = np.inf
    assert interval(figures, 0.95) == (25, None)


def simulated(rng, num, shots=4):
    """Similarities of people of whom some look alike: effects of person and of pair."""
    own = rng.normal(0, 0.7, num)
    ids = np.repeat(np.arange(num), shots)
    i, j = np.triu_indices(len(ids), 1)
    between = rng.normal(0, 0.5, (num, num))
    low, high = np.minimum(ids[i], ids[j]), np.maximum(ids[i], ids[j])
    scores = own[low] + own[high] + between[low, high] + rng.normal(size=len(i))
    same = low == high
    people = ids.astype(np.int32)
    genuine = scores[same] + 2.5, people[i][same]
    return genuine, (scores[~same], people[i][~same], people[j][~same])


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """And intervals over pairs, as if pairs were independent, far too seldom."""
    far, threshold = 0.05, 3.0
    truth_genuine, truth_impostor = simulated(np.random.default_rng(1000), 1500, 2)
    true_far = np.mean(truth_impostor[0] >= threshold)
    true_at = np.quantile(truth_impostor[0], 1 - far)
    true_tar = np.mean(truth_genuine[0] >= true_at)
    rng = np.random.default_rng(0)
    held, held_by_pairs = np.zeros(3), 0
    runs = 100
    for run in range(runs):
        genuine, impostor = simulated(rng, 40)
        found = resample(
            Clustered.of(*genuine),
            Clustered.of(*impostor),
            num_units=40,
            fars=(far,),
            thresholds=(threshold,),
            num_resamples=200,
            seed=run,
        )
        assert found.tar is not None
        figures = found.far[0], found.thresholds[0], found.tar[0]
        for place, (figure, truth) in enumerate(
            zip(figures, (true_far, true_at, true_tar), strict=True)
        ):
            low, high = interval(figure, 0.95)
            held[place] += low <= truth <= (np.inf if high is None else high)
        share = np.mean(impostor[0] >= threshold)
        error = 1.96 * np.sqrt(share * (1 - share) / len(impostor[0]))
        held_by_pairs += abs(share - true_far) <= error
    assert (held / runs >= 0.86).all(), held / runs
    assert held_by_pairs / runs < 0.5


def test_refusal_is_a_value_error():
    assert issubclass(UnresolvedError, ValueError)
