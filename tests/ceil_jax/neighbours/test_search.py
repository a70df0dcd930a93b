import numpy as np
import pytest

from ceil_jax.common import extras
from ceil_jax.neighbours import search as lib
from ceil_jax.neighbours import tiles
from tests.ceil_jax import naive


@pytest.mark.parametrize("search", ["exact", "pairs", "flat", "device"])
@pytest.mark.parametrize(("num_rows", "k"), [(1, 1), (2, 5), (17, 4), (60, 60)])
def test_equals_loops(rng, search, num_rows, k):
    rows = naive.unit_rows(rng, num_rows)
    got = lib.nearest(rows, k=k, search=search)
    want, products = naive.ranks(rows, k)
    np.testing.assert_array_equal(got.indices, want)
    assert (got.indices.dtype, got.similarities.dtype) == (np.int32, np.float32)
    want = np.take_along_axis(products, np.array(want), axis=1)
    np.testing.assert_allclose(got.similarities, want, atol=1e-6)


@pytest.mark.parametrize("search", ["pairs", "flat", "device"])
def test_a_row_comes_first_among_its_equals_and_longer_rows(rng, search):
    rows = naive.unit_rows(rng, 40)
    rows[5:30] = rows[5]
    rows[33] = 3 * rows[32]  # the longer row has the larger product with row 32
    got = lib.nearest(rows, k=4, search=search, normalise=False)
    np.testing.assert_array_equal(got.indices[:, 0], np.arange(40))
    np.testing.assert_allclose(got.similarities[:, 0], (rows**2).sum(1), rtol=1e-6)
    for row in got.indices:
        assert len(set(row)) == 4
    assert got.indices[32, 1] == 33


@pytest.mark.parametrize("num_rows", [63, 64, 65, 300])
def test_pairs_in_several_tiles_find_what_faiss_finds(rng, monkeypatch, num_rows):
    monkeypatch.setattr(tiles, "SIZE", 64)
    rows = naive.unit_rows(rng, num_rows, 16, 9, 0.5)
    got = lib.nearest(rows, k=20, search="pairs")
    want = lib.nearest(rows, k=20, search="flat")
    np.testing.assert_array_equal(got.indices, want.indices)
    np.testing.assert_allclose(got.similarities, want.similarities, atol=1e-6)


def test_many_wide_rows_are_searched_by_pairs(rng, monkeypatch):
    called = []
    monkeypatch.setattr(lib, "from_pairs", lambda *a, **k: called.append(a))
    monkeypatch.setattr(lib, "DEVICE_ROWS", 40)
    for num_rows, width in [(39, 128), (40, 127)]:
        lib.nearest(naive.unit_rows(rng, num_rows, width), k=3)
    assert not called
    lib.nearest(naive.unit_rows(rng, 40, 128), k=3)
    assert called


@pytest.mark.parametrize("search", lib.SEARCHES)
def test_products_that_are_no_numbers_are_named(search):
    rows = np.full((5, 2), 1e30, np.float32)
    rows[2, 1] = -1e30  # with the others infinity less infinity
    message = r"features\[0\] has length 1\.414e\+30, must be at most 9\.2e\+18"
    with pytest.raises(ValueError, match=message):
        lib.nearest(rows, k=5, search=search, normalise=False)
    with pytest.raises(ValueError, match="features: an inner product is not a number"):
        lib.from_pairs(rows, k=5)
    want = lib.nearest(rows / 1e30, k=5, search=search, normalise=True)
    got = lib.nearest(rows, k=5, search=search, normalise=True)
    np.testing.assert_array_equal(got.indices, want.indices)


@pytest.mark.parametrize("search", ["ivf", "hnsw"])
def test_an_approximate_search_tells_its_recall(rng, search, monkeypatch, capfd):
    monkeypatch.setattr(lib, "APPROXIMATE_ROWS", 0)
    monkeypatch.setattr(lib, "GOOD_RECALL", 0.9)
    rows = naive.unit_rows(rng, 1500, 16, 50, 0.3)
    got = lib.nearest(rows, k=12, search=search)
    told = capfd.readouterr().err
    want = lib.nearest(rows, k=12)
    pairs = zip(got.indices, want.indices, strict=True)
    shared = [len({*found} & {*exact}) / 12 for found, exact in pairs]
    assert np.mean(shared) > 0.85
    recall = float(told.split("recall@12 ")[1].split()[0])
    assert recall >= 0.9
    assert abs(recall - np.mean(shared)) < 0.05
    assert told.startswith(f"neighbours by {search.upper()}: ")
    assert told.endswith(" of the exact lists, on 500 rows\n")
    np.testing.assert_array_equal(got.indices[:, 0], np.arange(1500))
    products = np.einsum("nd,nkd->nk", rows, rows[got.indices])
    np.testing.assert_allclose(got.similarities, products, atol=1e-5)
    again = lib.nearest(rows, k=12, search=search)
    np.testing.assert_array_equal(again.indices, got.indices)


def test_few_rows_and_short_cells_are_searched_exactly(rng, monkeypatch):
    rows = naive.unit_rows(rng, 600)
    want = lib.nearest(rows, k=300)
    for most in (2048, 0):
        monkeypatch.setattr(lib, "APPROXIMATE_ROWS", most)
        monkeypatch.setattr(lib, "GOOD_RECALL", 0)
        got = lib.nearest(rows, k=300, search="ivf")
        if most:
            np.testing.assert_array_equal(got.indices, want.indices)
        assert (got.indices >= 0).all()
        assert np.isfinite(got.similarities).all()


@pytest.mark.parametrize("search", ["ivf", "hnsw"])
def test_a_recall_out_of_reach_ends_at_the_most_thorough(rng, search, monkeypatch):
    monkeypatch.setattr(lib, "APPROXIMATE_ROWS", 0)
    monkeypatch.setattr(lib, "GOOD_RECALL", 2)
    rows = naive.unit_rows(rng, 600)
    got = lib.nearest(rows, k=1, search=search)
    np.testing.assert_array_equal(got.indices, np.arange(600)[:, None])


def test_recall_by_hand():
    found = np.array([[0, 1, -1], [4, 5, 6]])
    assert lib.recall_of(found, np.array([[0, 2, 1], [6, 5, 4]])) == 5 / 6


def test_itself_first_keeps_the_order_of_the_others():
    indices = np.array([[2, 0, 1], [1, 2, 0], [0, 1, 2]])
    similarities = np.array([[3.0, 2, 1], [6, 5, 4], [9, 8, 7]])
    got = lib.itself_first(indices, similarities)
    np.testing.assert_array_equal(got.indices, [[0, 2, 1], [1, 2, 0], [2, 0, 1]])
    np.testing.assert_array_equal(got.similarities, [[2, 3, 1], [6, 5, 4], [7, 9, 8]])


def test_a_row_put_on_its_own_list_has_its_own_product():
    # Row 1 is on no list: it takes the place of the last, 2 with similarity 0.5.
    indices = np.array([[0, 2], [0, 2], [2, 0]])
    similarities = np.array([[1, 0.25], [0.75, 0.5], [1, 0.125]])
    got = lib.itself_first(indices, similarities, own=np.array([7.0, 8, 9]))
    np.testing.assert_array_equal(got.indices, [[0, 2], [1, 0], [2, 0]])
    np.testing.assert_array_equal(got.similarities, [[1, 0.25], [8, 0.75], [1, 0.125]])


def test_bad_arguments_are_named(rng):
    rows = naive.unit_rows(rng, 5)
    with pytest.raises(ValueError, match="k=0"):
        lib.nearest(rows, k=0)
    with pytest.raises(
        ValueError, match="search='faiss' must be one of exact, pairs, flat"
    ):
        lib.nearest(rows, k=1, search="faiss")  # type: ignore[arg-type]
    rows[2, 1] = np.nan
    with pytest.raises(ValueError, match=r"features\[2\]"):
        lib.nearest(rows, k=1)


@pytest.fixture
def without_faiss(monkeypatch):
    """As on a machine that does not have it."""
    monkeypatch.setattr(extras, "EXTRAS", {"faiss": ("no_such_faiss",)})


@pytest.mark.parametrize(("num_rows", "k"), [(1, 1), (2, 5), (60, 60)])
def test_an_exact_search_needs_no_faiss(rng, num_rows, k, monkeypatch, without_faiss):
    monkeypatch.setattr(lib, "_flat", None)
    rows = naive.unit_rows(rng, num_rows)
    want, _ = naive.ranks(rows, k)
    np.testing.assert_array_equal(lib.nearest(rows, k=k).indices, want)


def test_few_rows_stay_on_faiss_where_it_is(rng, monkeypatch):
    called = []
    flat = lib._flat
    monkeypatch.setattr(lib, "_flat", lambda rows: called.append(1) or flat(rows))
    lib.nearest(naive.unit_rows(rng, 30, 200), k=3)
    assert called


@pytest.mark.parametrize("search", ["flat", "ivf", "hnsw"])
def test_searches_of_faiss_name_their_extra(rng, search, without_faiss):
    message = rf"search='{search}' needs no_such_faiss, .* extra \[faiss\]: pip install"
    with pytest.raises(ImportError, match=message):
        lib.nearest(naive.unit_rows(rng, 5), k=2, search=search)
