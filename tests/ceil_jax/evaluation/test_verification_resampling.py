"""The jackknife over people: as people left out by hand, and as Hoeffding says."""

import numpy as np
import pytest
from scipy import stats

from ceil_jax.evaluation import error_rates, resampling
from ceil_jax.evaluation.error_rates import UnresolvedError
from ceil_jax.evaluation.resampling import Clustered, intervals


def pairs_of(num=12, shots=3, seed=0):
    """All pairs of some people's images: similarities and their people."""
    rng = np.random.default_rng(seed)
    ids = np.repeat(np.arange(num), shots)
    own = rng.normal(0, 0.3, num)[ids]
    scores = np.round(rng.normal(size=(len(ids), len(ids))) + own + own[:, None], 2)
    i, j = np.triu_indices(len(ids), 1)
    same = ids[i] == ids[j]
    people = ids.astype(np.int32)
    genuine = scores[i, j][same] + 1, people[i][same]
    impostor = scores[i, j][~same], people[i][~same], people[j][~same]
    return genuine, impostor


def share(pairs, threshold, without=None):
    scores, *sides = pairs
    kept = np.all([side != without for side in sides], axis=0)
    return float(np.mean(scores[kept] >= threshold))


def by_hand(rate, without, num=12):
    """Tukey's pseudo-values of logits, widened to hold the plain logit's end."""
    whole = np.log(rate / (1 - rate))
    logits = np.array([np.log(one / (1 - one)) for one in without])
    pseudo = num * whole - (num - 1) * logits
    width = stats.t.ppf(0.975, num - 1) * np.std(pseudo, ddof=1) / np.sqrt(num)
    low, high = sorted([whole, float(np.mean(pseudo))])
    return 1 / (1 + np.exp(width - low)), 1 / (1 + np.exp(-width - high))


def found_for(genuine, impostor, far, *, num=12, threshold=None):
    at = threshold
    if at is None:
        at = error_rates.threshold_at(impostor[0], far)
    found = intervals(
        Clustered.of(*genuine) if genuine else None,
        Clustered.of(*impostor),
        num_units=num,
        fars=(far,),
        thresholds=(at,),
        confidence=0.95,
    )
    return at, found


@pytest.mark.parametrize("cells", [1 << 22, 700])
def test_the_far_is_that_of_people_left_out_by_hand(monkeypatch, cells):
    monkeypatch.setattr(resampling, "_CELLS", cells)  # all at once, few at a time
    genuine, impostor = pairs_of()
    for far in (0.3, 0.1):
        at, found = found_for(genuine, impostor, far)
        without = [share(impostor, at, person) for person in range(12)]
        expected = by_hand(share(impostor, at), without)
        assert found.far[0] == pytest.approx(expected)


def test_the_width_is_hoeffdings_variance_on_the_mean():
    """Sets of 40 people, each of one of seven kinds: every two kinds are alike or not.

    The exact variance of the share of pairs alike is that of a U-statistic of degree 2.
    """
    rng = np.random.default_rng(3)
    upper = np.triu(rng.random((7, 7)) < 0.45, 1)
    alike = (upper | upper.T).astype(float)
    num, mean = 40, alike.mean()
    of_one, of_two = np.var(alike.mean(axis=1)), np.var(alike)
    exact = 2 / (num * (num - 1)) * (2 * (num - 2) * of_one + of_two)
    i, j = np.triu_indices(num, 1)
    shares, squares = [], []
    for _ in range(300):
        kinds = rng.choice(7, num)
        scores = alike[kinds[i], kinds[j]] + rng.random(len(i)) / 2
        at = float(scores[scores >= 1].min())
        pairs = scores, i.astype(np.int32), j.astype(np.int32)
        _, found = found_for(None, pairs, 0.5, num=num, threshold=at)
        low, high = found.far[0]
        assert high is not None
        low, high = (np.log(end / (1 - end)) for end in (low, high))
        shares.append(np.mean(scores >= 1))
        squares.append(((high - low) / 2 / stats.t.ppf(0.975, num - 1)) ** 2)
    assert np.var(shares) == pytest.approx(exact, rel=0.2)
    of_logit = exact / (mean * (1 - mean)) ** 2
    assert of_logit <= np.mean(squares) <= 1.3 * of_logit


def test_a_threshold_is_where_the_fars_interval_holds_the_far():
    genuine, impostor = pairs_of(20)
    far = 0.3
    at, found = found_for(genuine, impostor, far, num=20)
    low, high = found.thresholds[0]
    assert high is not None
    ends = {}
    for level in (low, at, high):
        without = [share(impostor, level, person) for person in range(20)]
        ends[level] = by_hand(share(impostor, level), without, 20)
    assert low < at < high
    assert ends[high][1] <= far < ends[at][1]
    assert ends[low][0] >= far > ends[at][0]


def test_the_tar_follows_the_far_along_the_roc(monkeypatch):
    monkeypatch.setattr(resampling, "_LEVELS", 5000)
    genuine, impostor = pairs_of(shots=5)
    at, found = found_for(genuine, impostor, 0.2)
    logit = lambda rate: np.log(rate / (1 - rate))
    far = logit(share(impostor, at))
    fars = logit(np.array([share(impostor, at, person) for person in range(12)]))
    error = np.sqrt(11 / 12 * np.sum((fars - fars.mean()) ** 2))
    levels = np.unique(impostor[0])
    of_level = logit(np.clip([share(impostor, s) for s in levels], 1e-9, 1 - 1e-9))
    ends = []
    for beside in (far + error, far - error):
        first = levels[of_level <= beside + 1e-12][0]
        ends.append((logit(share(impostor, first)), logit(share(genuine, first))))
    (x0, y0), (x1, y1) = ends
    slope = (y0 - y1) / (x0 - x1)
    assert slope > 0
    tars = logit(np.array([share(genuine, at, person) for person in range(12)]))
    shifted = tars - slope * (fars - far)
    without = 1 / (1 + np.exp(-shifted))
    assert found.tar is not None
    assert found.tar[0] == pytest.approx(by_hand(share(genuine, at), without))


def test_the_equal_error_rate_is_that_of_people_left_out(monkeypatch):
    monkeypatch.setattr(resampling, "_LEVELS", 5000)
    genuine, impostor = pairs_of()

    def rate(without=None):
        sides = []
        for scores, *people in (genuine, impostor):
            kept = np.all([side != without for side in people], axis=0)
            sides.append(scores[kept])
        levels = np.concatenate([[-9], np.unique(impostor[0]), [9]])
        far, frr = (
            np.array([compare(side, s) for s in levels])
            for compare, side in zip(
                (lambda x, s: np.mean(x >= s), lambda x, s: np.mean(x < s)),
                sides[::-1],
                strict=True,
            )
        )
        after = int(np.argmax(far <= frr))
        gap = far - frr
        part = gap[after - 1] / (gap[after - 1] - gap[after])
        return far[after - 1] + part * (far[after] - far[after - 1])

    _, found = found_for(genuine, impostor, 0.1)
    expected = by_hand(rate(), [rate(person) for person in range(12)])
    assert found.equal_error == pytest.approx(expected)


def test_without_genuine_pairs_and_without_rates():
    genuine, impostor = pairs_of()
    _, found = found_for(None, impostor, 0.1)
    assert found.tar is None
    assert found.equal_error is None
    assert len(found.far) == len(found.thresholds) == 1
    found = intervals(
        Clustered.of(*genuine),
        Clustered.of(*impostor),
        num_units=12,
        fars=(),
        thresholds=(),
        confidence=0.95,
    )
    assert found.far == found.thresholds == found.tar == ()
    assert found.equal_error is not None


def test_one_person_in_all_accepted_pairs_bounds_nothing():
    genuine, impostor = pairs_of()
    scores, first, second = impostor
    scores = np.where((first == 3) | (second == 3), scores + 10, scores)
    _, found = found_for(genuine, (scores, first, second), 0.1)
    assert found.far[0] == (0.0, None)
    assert found.thresholds[0].high is None
    assert found.tar == ((0.0, None),)


@pytest.mark.parametrize("num_missed", [0, 1])
def test_nobody_or_one_person_is_missed(num_missed):
    """Shares of people as in Clopper and Pearson: 0 or 1 of 12."""
    (scores, people), impostor = pairs_of()
    scores = np.where(people < num_missed, -9.0, 9.0)
    _, found = found_for((scores, people), impostor, 0.1)
    expected = stats.binomtest(12 - num_missed, 12).proportion_ci(method="exact")
    assert found.tar is not None
    assert found.tar[0] == (pytest.approx(expected.low), 1.0)


def test_too_few_pairs_of_people_for_caution():
    """12 people make 66 pairs: 3 are 4.5 %, 1 is 1.5 %."""
    genuine, impostor = pairs_of(shots=8)
    for far, is_cautious, has_tar in (
        (0.2, True, True),
        (0.04, False, True),
        (0.01, False, False),
    ):
        _, found = found_for(genuine, impostor, far)
        assert found.tar is not None
        assert is_cautious or found.thresholds[0].high is None
        assert (found.tar[0].high is not None) is has_tar
    _, found = found_for(genuine, impostor, 0.2)
    assert found.thresholds[0].high is not None


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """And intervals over pairs, as if pairs were independent, far too seldom."""
    far, num, runs = 0.05, 40, 200
    deviation = np.sqrt(2 * 0.7**2 + 0.5**2 + 1)
    true_at = stats.norm.isf(far, scale=deviation)
    rng = np.random.default_rng(0)
    i, j = np.triu_indices(2 * num, 1)
    held, held_by_pairs = np.zeros(3), 0
    for _ in range(runs):
        people = np.repeat(np.arange(num, dtype=np.int32), 2)
        own, two = rng.normal(0, 0.7, num), rng.normal(0, 0.5, (num, num))
        a, b = people[i], people[j]
        scores = own[a] + own[b] + two[a, b] + rng.normal(size=len(i))
        impostor = tuple(part[a != b] for part in (scores, a, b))
        at, found = found_for(None, impostor, far, num=num)
        true_far = stats.norm.sf(at, scale=deviation)
        low, high = found.far[0]
        above = found.thresholds[0].high
        assert high is not None
        cautious = above is None or stats.norm.sf(above, scale=deviation) <= far
        is_above = found.thresholds[0].low <= true_at
        held += np.array([low <= true_far <= high, is_above, cautious])
        error = 1.96 * np.sqrt(far * (1 - far) / len(impostor[0]))
        held_by_pairs += abs(far - true_far) <= error
    assert (held / runs >= 0.92).all(), held / runs
    assert held_by_pairs / runs < 0.5


def test_refusal_is_a_value_error():
    assert issubclass(UnresolvedError, ValueError)
