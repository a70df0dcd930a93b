"""Parameters from unlabelled rows: reciprocity by hand, group sizes that are known."""

import math
from typing import Any

import numpy as np
import pytest

from ceil_jax.neighbours import search
from ceil_jax.rerank import auto as chosen_for
from ceil_jax.rerank import choosing as auto
from ceil_jax.rerank import gcr


def groups(sizes, *, noise=0.3, seed=0, width=64):
    """Unit rows around one centre per group."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(sizes), width))
    rows = np.repeat(centres, sizes, axis=0)
    rows = rows + noise * rng.normal(size=rows.shape)
    rows = rows[rng.permutation(len(rows))]
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def naive_reciprocity(lists):
    result: list[Any] = [0.0]
    for m in range(2, lists.shape[1] + 1):
        shares = [
            sum(i in lists[j, :m] for j in lists[i, :m] if j != i) / (m - 1)
            for i in range(len(lists))
        ]
        result.append(np.mean(shares))
    return result


def test_reciprocity_by_hand():
    # 0 and 1 name each other first; 2 names 1, which names it second.
    lists = np.array([[0, 1, 2], [1, 0, 2], [2, 1, 0]])
    # Length 2: rows 0 and 1 are answered. Length 3: every list holds every row.
    np.testing.assert_allclose(auto.reciprocity(lists), [0, 2 / 3, 1])


@pytest.mark.parametrize("k", [1, 2, 7, 30])
def test_reciprocity_against_loops(k):
    rows = groups([4] * 9, noise=1.0)
    lists = search.nearest(rows, k=k).indices
    np.testing.assert_allclose(auto.reciprocity(lists), naive_reciprocity(lists))


@pytest.mark.parametrize("size", [2, 4, 10, 40])
def test_finds_the_size_of_groups(size):
    side = auto.find_side(groups([size] * 12))
    assert side.images_per_identity == size
    at = side.lengths.tolist().index(size)
    # With groups this clear every row is answered by its whole group.
    assert side.reciprocity[at] == pytest.approx(1)
    num_rows = 12 * size
    price = 0.5 * (size - 1) / (num_rows - 1)
    price += 0.3 * math.log(size) / math.log(num_rows)
    assert side.surplus[at] == pytest.approx(1 - price)


def test_many_groups_close_together():
    # A hundred people in directions that repeat: the peak must not run away.
    rng = np.random.default_rng(5)
    coarse = np.repeat(rng.normal(size=(8, 64)), 13, axis=0)[:100]
    centres = np.repeat(coarse + 0.4 * rng.normal(size=coarse.shape), 16, axis=0)
    rows = centres + 0.2 * rng.normal(size=centres.shape)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    assert auto.find_side(rows).images_per_identity == 16


def test_uneven_groups_give_a_size_among_theirs():
    sizes = np.random.default_rng(1).integers(4, 17, size=40)
    found = auto.find_side(groups(sizes.tolist())).images_per_identity
    assert 4 <= found <= 16


@pytest.mark.parametrize(
    ("sizes", "k1", "k2"),
    # 1.5 * 16 * 4 / 20 = 4.8; 1.5 * 10 * 10 / 20 = 7.5, half to even; 1.5 * 8 / 6 = 2
    [((16, 4), 20, 5), ((10, 10), 20, 8), ((4, 2), 6, 2)],
)
def test_parameters_follow_both_sides(sizes, k1, k2):
    query, gallery = (groups([n] * 12, seed=n) for n in sizes)
    chosen = auto.auto_parameters(query, gallery)
    assert chosen.query.images_per_identity == sizes[0]
    assert chosen.gallery.images_per_identity == sizes[1]
    assert (chosen.k1, chosen.k2, chosen.camera_weight) == (k1, k2, 0.4)


def test_what_is_chosen_can_be_handed_on():
    query, gallery = groups([6] * 9, noise=0.8), groups([3] * 9, seed=2)
    chosen = chosen_for(query, gallery)
    found = auto.auto_parameters(query, gallery)
    assert chosen == dict(zip(("k1", "k2", "camera_weight"), found[:3], strict=True))
    got = gcr(query, gallery, **chosen)
    want = gcr(query, gallery, k1=found.k1, k2=found.k2, camera_weight=0.4)
    np.testing.assert_array_equal(got, want)
    assert chosen_for(3 * query, 1e-9 * gallery, normalise=True) == chosen


def test_the_order_of_images_does_not_matter():
    query, gallery = groups([6] * 9, noise=0.8), groups([3] * 9, seed=2)
    first = auto.auto_parameters(query, gallery, progress=False)
    second = auto.auto_parameters(query[::-1], gallery[::-1], progress=False)
    assert first[:3] == second[:3]


@pytest.mark.parametrize("num_rows", [1, 2, 3, 5])
def test_few_images_give_parameters_that_gcr_takes(num_rows):
    rows = groups([1] * num_rows)
    chosen = auto.auto_parameters(rows, rows)
    assert chosen.k1 >= chosen.k2 >= 2


def test_equal_rows_give_parameters_that_gcr_takes():
    rows = np.ones((30, 4), np.float32) / 2
    chosen = auto.auto_parameters(rows, rows)
    assert chosen.k1 >= chosen.k2 >= 2


def test_refuses_what_is_not_usable():
    rows = groups([2] * 3)
    with pytest.raises(ValueError, match=r"gallery\.shape=\(6, 63\) must be as wide"):
        auto.auto_parameters(rows, rows[:, 1:])
    bad = rows.copy()
    bad[2, 0] = np.nan
    with pytest.raises(ValueError, match=r"query\[2\] must be finite"):
        auto.auto_parameters(bad, rows)
    with pytest.raises(ValueError, match="must hold at least one number"):
        auto.auto_parameters(rows, rows[:0])
