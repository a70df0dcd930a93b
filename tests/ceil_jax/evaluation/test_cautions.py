"""Warnings about re-ranking too few images of each person."""

import numpy as np

from ceil_jax.evaluation import cautions
from ceil_jax.evaluation.protocols import plan
from ceil_jax.evaluation.results import RerankParams
from ceil_jax.evaluation.scoring import score_protocol
from tests.ceil_jax.evaluation.embedded import side


def test_images_of_those_who_are_in_both():
    # 7 has three images, 8 two; 9 and 5 are on one side only, -1 is nobody.
    query, gallery = np.array([7, 7, 8, 9, -1]), np.array([8, 7, 5, 5, -1])
    assert cautions.images_per_person(query, gallery) == 2.5
    assert cautions.images_per_person(query, np.array([4])) == 0


def test_standard_test_sets_are_not_warned_of():
    # Mean images of a person of SYSU-MM01 (single-shot), RegDB and LLCM, published k1.
    sizes = {"all": (42.7, 28), "regdb": (20.0, 21), "llcm": (25.0, 19)}
    assert cautions.few_images(sizes) == ()


def test_one_line_names_the_modes():
    [line] = cautions.few_images(
        {"a_to_b": (9.3, 28), "b": (9.4, 28), "c": (2.0, 7), "d": (1.0, 3)}
    )
    assert "(a to b 9.3 for k1=28; c 2.0 for k1=7)" in line
    assert "\n" not in line


def test_results_hold_the_warning():
    sides = side((1, 2, 4, 5), files=1), side((3, 6), files=1)
    chosen = plan("sysu_mm01", *sides, num_trials=2)
    found = score_protocol(*sides, chosen, rerank=RerankParams(28, 7, 0.5))
    # Two queries, and four or two gallery images of each person.
    [line] = found.warnings
    assert "(all 6.0 for k1=28; indoor 4.0 for k1=28)" in line
    found = score_protocol(*sides, chosen, rerank=RerankParams(18, 7, 0.5))
    assert "(indoor 4.0 for k1=18)" in found.warnings[0]
    found = score_protocol(*sides, chosen, rerank=RerankParams(12, 3, 0.5))
    assert found.warnings == ()
    assert score_protocol(*sides, chosen).warnings == ()
