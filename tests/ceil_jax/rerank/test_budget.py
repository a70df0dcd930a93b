import numpy as np
import pytest

from benchmarks import gcr, measure
from ceil_jax.rerank import budget as lib


def test_without_a_limit_everything_is_held():
    full = lib.budget(None, num_rows=1000, k1=28, k2=7)
    assert full == (np.inf, lib.BLOCK_ROWS)


def test_a_limit_without_end_is_none():
    full = lib.budget(float("inf"), num_rows=1000, k1=28, k2=7)
    assert full == lib.budget(None, num_rows=1000, k1=28, k2=7)


def test_a_share_of_the_limit_is_left_to_the_allocator(monkeypatch):
    monkeypatch.setattr(lib, "num_cores", lambda: 1)
    rows, k1, k2, rounds = 1000, 28, 7, 3
    # By hand: lists, W and W^T, and S_0 stay; one column for each product under way.
    stays = rows * (8 * (k1 + 2 * k2) + 240)
    graph, column = rows * 12 * 2 * k1, 4 * (3 + rounds) * rows * 2
    limit = (stays + graph + 400 * column) / 0.85
    found = lib.budget(limit / 2**30, num_rows=rows, k1=k1, k2=k2, num_rounds=rounds)
    left = 0.85 * limit - stays - found.block_rows * column
    assert found.block_rows == lib.BLOCK_ROWS
    assert found.max_entries == pytest.approx(left / (12 * 1.25))


@pytest.mark.parametrize("memory_gib", [0.0022, 0.004, 0.01])
def test_a_limit_is_divided_between_graph_and_blocks(memory_gib, monkeypatch):
    monkeypatch.setattr(lib, "num_cores", lambda: 2)
    some = lib.budget(memory_gib, num_rows=1000, k1=28, k2=7)
    assert 1 <= some.block_rows <= lib.BLOCK_ROWS
    # At least one whole column of float32 for each query, and the entries.
    least = some.block_rows * 4 * 1000 + 8 * some.max_entries
    assert least <= memory_gib * 2**30


def test_a_limit_that_cannot_be_met_names_the_least():
    with pytest.raises(ValueError, match=r"memory_gib=1e-05 must be at least 0\.00"):
        lib.budget(1e-5, num_rows=1000, k1=28, k2=7)


@pytest.mark.parametrize("memory_gib", [0, -1.0, float("nan"), "4", True, 1j])
def test_a_limit_that_is_none_is_named(memory_gib):
    with pytest.raises(
        ValueError, match=r"memory_gib=.* must be a (number more|real number)"
    ):
        lib.budget(memory_gib, num_rows=1000, k1=28, k2=7)


@pytest.mark.slow  # and of the allocator, too: the peak of a whole process
@pytest.mark.parametrize(("noise", "memory_gib"), [(0.6, 0.1), (1.2, 0.1)])
def test_the_limit_is_kept(noise, memory_gib):
    found = measure.in_new_process(
        gcr.search, 20_000, 200, noise, memory_gib, prepare=gcr.prepared
    )
    assert 0 < found.peak_gib - found.before_gib <= memory_gib
