"""Which queries are shown."""

import numpy as np
import pytest

from ceil_jax.evaluation import chosen
from ceil_jax.evaluation.rankings import EachQuery, Images, ModeRankings


def mode(plain, gcr=None, people=None):
    """A mode whose queries have these average precisions in its first gallery."""
    kinds = {"plain": plain} | ({} if gcr is None else {"gcr": gcr})
    size = len(plain)
    people = np.arange(size) if people is None else np.array(people)
    query = Images(np.array([f"{n}.jpg" for n in range(size)]), people, np.ones(size))
    nothing = np.zeros(0)
    return ModeRankings(
        "infrared", "visible", query, query, nothing, nothing, nothing, {},
        {
            # The second gallery says the opposite, and decides nothing.
            kind: EachQuery(
                np.array([values, 1 - np.array(values)], np.float32), nothing, nothing
            )
            for kind, values in kinds.items()
        },
        {},
    )  # fmt: skip


def rows(groups):
    return {name: list(map(int, found)) for name, found in groups.items()}


def test_groups_by_hand():
    #           0    1    2    3    4    5    6    7    8    9
    plain = [0.1, 0.5, 0.9, 0.2, 0.7, 0.6, 0.50, 1.0, 0.3, 0.4]
    gcr = [0.1, 0.9, 0.5, 0.2, 0.7, 0.5, 0.55, 1.0, 0.42, 0.4]
    assert rows(chosen.choose(mode(plain, gcr), per_group=2)) == {
        "worst": [0, 3],
        "helped": [1, 8],
        "hurt": [2, 5],
        "median": [6, 9],  # of 0.5; 2, 5 and 8 are taken
        "best": [7, 4],
    }
    assert rows(chosen.choose(mode(plain), per_group=2)) == {
        "worst": [0, 3],
        "median": [1, 6],
        "best": [7, 2],
    }


def test_a_group_shows_a_person_once_and_nobody_unknown():
    precision = [0.1, 0.2, 0.3, 0.0, 0.9, 0.8, 0.7]
    found = chosen.choose(mode(precision, None, [1, 1, 2, -1, 3, 3, 1]), per_group=2)
    assert rows(found) == {"worst": [0, 2], "median": [1, 5], "best": [4, 6]}


def test_queries_without_a_match_are_not_chosen():
    found = chosen.choose(mode([np.nan, 0.5, np.nan, 0.4]), per_group=3)
    assert rows(found) == {"worst": [3, 1]}
    assert chosen.choose(mode([np.nan]), per_group=3) == {}


def test_nothing_changed():
    same = [0.2, 0.4, 0.6]
    found = chosen.choose(mode(same, same), per_group=1)
    assert rows(found) == {"worst": [0], "median": [1], "best": [2]}


def test_of_none():
    with pytest.raises(ValueError, match="per_group=0 must be at least 1"):
        chosen.choose(mode([0.1]), per_group=0)


def test_groups_take_turns():
    groups = {"worst": np.array([4, 1]), "hurt": np.array([3]), "best": np.array([2])}
    taken = chosen.first_of_each(groups, 3)
    assert taken == {"worst": [4], "hurt": [3], "best": [2]}
    assert chosen.first_of_each(groups, 2) == {"worst": [4], "hurt": [3]}
    assert chosen.first_of_each(groups, 9) == rows(groups)
    assert chosen.first_of_each({}, 9) == {}
