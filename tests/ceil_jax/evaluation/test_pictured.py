import numpy as np
import pytest

from ceil_jax.evaluation.pictured import pick_queries


class TestPickQueries:
    def test_middle_of_a_run_then_most_differing(self):
        plain = np.zeros((12, 3), bool)
        gcr = plain.copy()
        gcr[0] = True  # in the first run, whose middle is shown all the same
        gcr[[4, 5], :2] = True  # most in the second run, first of two
        picked = pick_queries(
            {"plain": plain, "GCR": gcr}, np.ones(12, bool), num_queries=3
        )
        assert picked.tolist() == [2, 4, 10]

    def test_harm_counts_as_much_as_help(self):
        plain = np.zeros((4, 3), bool)
        plain[3] = True
        picked = pick_queries(
            {"plain": plain, "GCR": np.zeros_like(plain)}, np.ones(4, bool),
            num_queries=2,
        )  # fmt: skip
        assert picked.tolist() == [1, 3]

    def test_only_queries_that_can_be_scored(self):
        correct = {"plain": np.zeros((6, 3), bool)}
        valid = np.array([False, True, False, False, True, False])
        assert pick_queries(correct, valid, num_queries=5).tolist() == [1, 4]

    def test_mistakes(self):
        correct = {"plain": np.zeros((2, 3), bool)}
        with pytest.raises(ValueError, match="num_queries=0 must be at least 1"):
            pick_queries(correct, np.ones(2, bool), num_queries=0)
        with pytest.raises(ValueError, match="there is no query to show"):
            pick_queries(correct, np.zeros(2, bool), num_queries=1)
