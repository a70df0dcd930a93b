"""Thresholds, ROC and equal error rate against scikit-learn, loops and hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_curve

from ceil_jax.evaluation import error_rates
from ceil_jax.evaluation.error_rates import UnresolvedError

# Few different values, so that there are ties.
SCORES = st.lists(st.integers(-8, 8).map(lambda n: n / 8), min_size=1, max_size=40)
FARS = st.floats(0.01, 0.99)


def naive_threshold(impostors, far):
    """The lowest seen similarity that so few are at or above; None if there is none."""
    for value in sorted(set(impostors)):
        accepted = sum(s >= value for s in impostors)
        if accepted <= far * len(impostors) + 1e-9:
            return value
    return None


class TestThreshold:
    def test_by_hand(self):
        impostors = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
        for far, expected in ((0.1, 1.0), (0.19, 1.0), (0.2, 0.9), (0.5, 0.6)):
            assert error_rates.threshold_at(impostors, far) == expected

    def test_equal_similarities_are_accepted_together_or_not_at_all(self):
        impostors = [0.1, 0.5, 0.5, 0.5, 0.9]
        assert error_rates.threshold_at(impostors, 0.2) == 0.9
        assert error_rates.threshold_at(impostors, 0.79) == 0.9
        assert error_rates.threshold_at(impostors, 0.8) == 0.5

    @settings(max_examples=60, deadline=None)
    @given(SCORES, FARS)
    def test_is_that_of_a_loop(self, impostors, far):
        expected = naive_threshold(impostors, far)
        if expected is None or len(impostors) * far < 1 - 1e-9:
            with pytest.raises(UnresolvedError):
                error_rates.threshold_at(impostors, far)
        else:
            assert error_rates.threshold_at(impostors, far) == expected

    @settings(max_examples=60, deadline=None)
    @given(SCORES, FARS, FARS)
    def test_fewer_false_accepts_need_a_higher_threshold(self, impostors, one, two):
        found = []
        for far in sorted((one, two)):
            try:
                found.append(error_rates.threshold_at(impostors, far))
            except UnresolvedError:
                found.append(np.inf)
        assert found[0] >= found[1]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(-8, 8), st.integers(0, 3)), min_size=1), FARS)
    def test_weights_are_repetitions(self, pairs, far):
        scores, weights = (np.array(side) for side in zip(*pairs, strict=True))
        if not weights.any():
            with pytest.raises(ValueError, match="not all 0"):
                error_rates.threshold_at(scores, far, weights=weights)
            return
        outcomes = []
        for arguments in (
            {"impostors": scores, "weights": weights},
            {"impostors": np.repeat(scores, weights)},
        ):
            try:
                found = error_rates.threshold_at(far=far, **arguments)
            except UnresolvedError as error:
                found = str(error)
            outcomes.append(found)
        assert outcomes[0] == outcomes[1]
        share = error_rates.accept_rate(scores, 1, weights=weights)
        assert share == pytest.approx(np.mean(np.repeat(scores, weights) >= 1))

    @settings(max_examples=60, deadline=None)
    @given(SCORES, FARS, st.randoms(use_true_random=False))
    def test_the_order_of_pairs_does_not_matter(self, impostors, far, random):
        other = [*impostors]
        random.shuffle(other)
        outcomes = []
        for scores in (impostors, other):
            try:
                outcomes.append(error_rates.threshold_at(scores, far))
            except UnresolvedError as error:
                outcomes.append(str(error))
        assert outcomes[0] == outcomes[1]

    def test_too_few_pairs(self):
        with pytest.raises(UnresolvedError) as error:
            error_rates.threshold_at(np.arange(780), 1e-4)
        message = "far=0.0001 needs at least 10,000 impostor pairs, there are 780"
        assert str(error.value) == message

    def test_all_equal(self):
        with pytest.raises(UnresolvedError, match=r"100.00% of the impostor pairs"):
            error_rates.threshold_at(np.full(50, 0.5), 0.1)

    @pytest.mark.parametrize("far", [0, 1, -0.1, float("nan"), 2])
    def test_no_rate(self, far):
        with pytest.raises(ValueError, match="greater than 0 and less than 1"):
            error_rates.threshold_at([0.1, 0.2], far)

    @pytest.mark.parametrize(
        ("scores", "weights", "message"),
        [
            ([], None, r"impostors.shape=\(0,\) must be \(pairs,\)"),
            ([[0.1]], None, r"impostors.shape=\(1, 1\)"),
            ([0.1, float("nan")], None, r"impostors\[1\] is not"),
            (["a"], None, "real numbers"),
            ([0.1, 0.2], [1], r"weights.shape=\(1,\) must be \(2,\)"),
            ([0.1, 0.2], [1, -1], "at least 0"),
        ],
    )
    def test_what_is_refused(self, scores, weights, message):
        with pytest.raises(ValueError, match=message):
            error_rates.threshold_at(scores, 0.5, weights=weights)


class TestRoc:
    @settings(max_examples=60, deadline=None)
    @given(SCORES, SCORES)
    def test_is_that_of_scikit_learn(self, genuine, impostors):
        curve = error_rates.roc(genuine, impostors)
        labels = [1] * len(genuine) + [0] * len(impostors)
        far, tar, thresholds = roc_curve(
            labels, [*genuine, *impostors], drop_intermediate=False
        )
        np.testing.assert_allclose(curve.far, far, atol=1e-12)
        np.testing.assert_allclose(curve.tar, tar, atol=1e-12)
        np.testing.assert_array_equal(curve.thresholds, thresholds)
        np.testing.assert_allclose(curve.frr, 1 - tar, atol=1e-12)

    @settings(max_examples=60, deadline=None)
    @given(SCORES, SCORES)
    def test_equal_error_is_where_its_lines_cross_the_diagonal(self, genuine, wrong):
        far, tar, _ = roc_curve(
            [1] * len(genuine) + [0] * len(wrong), [*genuine, *wrong]
        )
        expected = None
        for step in np.flatnonzero(np.diff(far - (1 - tar)) > 0):
            gaps = (far - (1 - tar))[step : step + 2]
            if gaps[0] < 0 <= gaps[1]:
                share = -gaps[0] / (gaps[1] - gaps[0])
                expected = far[step] + share * (far[step + 1] - far[step])
        found = error_rates.equal_error(genuine, wrong)
        assert found.rate == pytest.approx(expected, abs=1e-9)

    def test_equal_error_by_hand(self):
        apart = error_rates.equal_error([0.8, 0.9], [0.1, 0.2])
        assert apart == pytest.approx((0.0, 0.8))
        # One of four genuine pairs is below one of four impostor pairs.
        mixed = error_rates.equal_error([0.9, 0.8, 0.7, 0.3], [0.5, 0.2, 0.1, 0.0])
        assert mixed.rate == pytest.approx(0.25)
        assert 0.3 < mixed.threshold <= 0.7
        assert error_rates.equal_error([0.5] * 4, [0.5] * 9).rate == pytest.approx(0.5)
        assert error_rates.equal_error([0.1], [0.9]).rate == pytest.approx(1.0)

    def test_fewer_points_are_points_of_the_curve(self):
        rng = np.random.default_rng(0)
        curve = error_rates.roc(rng.normal(1, 1, 500), rng.normal(0, 1, 2000))
        thin = curve.thinned(20)
        assert len(thin.far) <= 20
        whole = {*zip(*curve, strict=True)}
        assert {*zip(*thin, strict=True)} <= whole
        assert (thin.far[-1], thin.tar[-1]) == (1, 1)
        assert curve.thinned(10_000) is curve
        area = np.trapezoid(curve.tar, curve.far)
        assert np.trapezoid(thin.tar, thin.far) == pytest.approx(area, abs=0.02)

    def test_no_genuine_pairs(self):
        with pytest.raises(ValueError, match=r"genuine\.shape"):
            error_rates.roc([], [0.5])
