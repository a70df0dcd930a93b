import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax.rerank import budget, gcr, gcr_topk
from tests.ceil_jax import naive
from tests.ceil_jax.rerank.test_gcr import SETTINGS, example


def lists_of(query, gallery, k):
    rank, products = naive.ranks(np.concatenate([query, gallery]), k)
    return np.array(rank), np.take_along_axis(products, np.array(rank), 1)


@pytest.mark.parametrize("num_rounds", [0, 1, 3])
@pytest.mark.parametrize("top", [1, 4, 50])
def test_equals_the_sorted_rows_of_loops(rng, top, num_rounds):
    query, gallery, *cameras = example(rng, 20, 50)
    want = naive.gcr(query, gallery, cameras, 6, 3, 0.5, num_rounds)
    values, columns = gcr_topk(
        query, gallery, *cameras, top=top, **SETTINGS | {"num_rounds": num_rounds}
    )
    assert (values.dtype, columns.dtype) == (np.float32, np.int32)
    np.testing.assert_allclose(values, -np.sort(-want, axis=1)[:, :top], atol=1e-6)
    np.testing.assert_allclose(values, np.take_along_axis(want, columns, 1), atol=1e-6)
    for row in columns:
        assert len(set(row)) == top


def test_small_blocks_change_nothing(rng, monkeypatch):
    monkeypatch.setattr(budget, "num_cores", lambda: 2)
    query, gallery, *cameras = example(rng, 20, 50)
    want = gcr_topk(query, gallery, *cameras, top=5, **SETTINGS)
    # Enough for the links of the first round and one query, but not for round two.
    got = gcr_topk(query, gallery, *cameras, top=5, memory_gib=4.25e-5, **SETTINGS)
    np.testing.assert_array_equal(got[1], want[1])
    np.testing.assert_allclose(got[0], want[0], rtol=1e-6)


def test_given_lists_need_no_features(rng):
    query, gallery, *cameras = example(rng, 20, 50)
    want = gcr(query, gallery, *cameras, **SETTINGS)
    indices, similarities = lists_of(query, gallery, 9)  # longer than k1
    # The row itself may stand anywhere in its list.
    order = [1, 2, 0, *range(3, 9)]
    indices, similarities = indices[:, order], similarities[:, order]
    for lists in (
        (indices, similarities),
        (jnp.asarray(indices, jnp.int32), jnp.asarray(similarities, jnp.float32)),
    ):
        values, columns = gcr_topk(
            None, None, *cameras, top=50, neighbours=lists, num_queries=20, **SETTINGS
        )
        np.testing.assert_allclose(
            values, np.take_along_axis(want, columns, 1), atol=1e-6
        )


def test_query_gives_its_number_beside_lists(rng):
    query, gallery, *_ = example(rng, 20, 50)
    lists = lists_of(query, gallery, 6)
    got = gcr_topk(query, gallery, top=3, neighbours=lists, **SETTINGS)
    want = gcr_topk(query, gallery, top=3, **SETTINGS)
    np.testing.assert_array_equal(got[1], want[1])


def test_unlinked_gallery_rows_follow_in_order():
    # Query 0 and gallery rows 1 and 2 are one group of three, the others another.
    query = np.eye(2)[:1]
    gallery = np.eye(2)[[1, 0, 0, 1, 1]]
    values, columns = gcr_topk(query, gallery, top=5, k1=3, k2=2)
    assert set(columns[0, :2]) == {1, 2}
    assert (values[0, :2] > 0).all()
    np.testing.assert_array_equal(columns[0, 2:], [0, 3, 4])
    np.testing.assert_array_equal(values[0, 2:], 0)


def test_bad_lists_are_refused(rng):
    query, gallery, *_ = example(rng, 20, 50)
    indices, similarities = lists_of(query, gallery, 6)
    with pytest.raises(ValueError, match="must hold the row itself"):
        gcr_topk(
            query,
            gallery,
            top=3,
            neighbours=(np.roll(indices, 1, axis=0), similarities),
            **SETTINGS,
        )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"top": 0}, "top=0"),
        ({"top": 51}, r"top=51 must be in \[1, 50\]"),
        ({"top": 2.5}, "top=2.5 must be a whole number"),
        ({"k1": 0}, "k1=0"),
        ({"search": "faiss"}, "search='faiss' must be one of exact, pairs, flat"),
        ({"query": np.full((20, 8), np.nan)}, r"query\[0\] must be finite"),
        ({"memory_gib": 0.0}, "memory_gib=0.0"),
        ({"memory_gib": 1e-9}, "memory_gib=1e-09 must be at least .* 70 rows"),
        ({"num_queries": 3}, "num_queries=3"),
        ({"query": None}, "query and gallery must be given"),
        ({"query": None, "neighbours": "lists"}, "num_queries=None"),
        ({"query": None, "neighbours": "lists", "num_queries": 70}, "num_queries=70"),
        ({"gallery": np.ones((3, 8)), "neighbours": "lists"}, "must be 50"),
        ({"query_cameras": np.ones(20, int)}, "gallery_cameras=None"),
    ],
)
def test_bad_arguments_are_named(rng, changes, message):
    query, gallery, *_ = example(rng, 20, 50)
    arguments = {"query": query, "gallery": gallery, "top": 3, **SETTINGS} | changes
    if arguments.get("neighbours") == "lists":
        arguments["neighbours"] = lists_of(query, gallery, 6)
    with pytest.raises(ValueError, match=message):
        gcr_topk(**arguments)


def test_never_holds_a_whole_matrix(rng):
    # 6,000 rows: one (N, N) float32 array would be 144 MB, one (Q, G) 36 MB.
    import tracemalloc

    rows = naive.unit_rows(rng, 6000, 16, 600, 0.3)
    tracemalloc.start()
    gcr_topk(rows[:3000], rows[3000:], top=10, k1=8, k2=3, memory_gib=0.02)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 36e6
