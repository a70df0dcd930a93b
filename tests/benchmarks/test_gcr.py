"""The benchmark of re-ranking, in small."""

import json
import subprocess
import sys

import numpy as np
import pytest

from benchmarks import gcr
from benchmarks.released import gcr as released
from ceil_jax import rerank
from ceil_jax.neighbours.search import nearest
from tests.ceil_jax import naive
from tests.repo import source

SETTINGS = {"k1": 6, "k2": 3, "camera_weight": 0.4}


def test_lists_are_those_of_the_nearest_people():
    images = gcr.people(400, 0.1)
    np.testing.assert_allclose(np.linalg.norm(images.rows, axis=1), 1, rtol=1e-5)
    lists = gcr.near_people(images)
    assert lists.indices.shape == lists.similarities.shape == (400, gcr.K1)
    np.testing.assert_array_equal(lists.indices[:, 0], np.arange(400))
    # Fewer people than are compared: the search is exact.
    want = nearest(images.rows, k=gcr.K1)
    np.testing.assert_array_equal(np.sort(lists.indices), np.sort(want.indices))
    np.testing.assert_allclose(lists.similarities, want.similarities, atol=1e-5)
    # Images of one person are much closer than others: twenty, then a fall.
    own, others = lists.similarities[:, : gcr.IMAGES_PER_PERSON], lists.similarities
    assert (own[:, -1:] - others[:, -1:] > 0.2).all()


def test_wider_rows_have_the_same_products():
    narrow, wide = gcr.people(60, 0.6), gcr.people(60, 0.6, 96)
    assert wide.rows.shape == (60, 96)
    np.testing.assert_allclose(
        wide.rows @ wide.rows.T, narrow.rows @ narrow.rows.T, atol=1e-5
    )


def test_the_exponent_is_the_slope():
    assert gcr.exponent([10, 100, 1000], [5.0, 50.0, 500.0]) == pytest.approx(1)
    assert gcr.exponent([10, 100], [1.0, 100.0]) == pytest.approx(2)
    assert gcr.exponent([10], [1.0]) == 0


@pytest.mark.parametrize("num_rounds", [1, 3])
def test_the_dense_algorithm_equals_loops_and_ours(rng, num_rounds):
    rows, cameras = naive.unit_rows(rng, 30), rng.integers(1, 4, 30)
    sides = rows[:12], rows[12:], cameras[:12], cameras[12:]
    got = released.gcr(*sides, **SETTINGS, num_rounds=num_rounds)
    want = naive.gcr(*sides[:2], sides[2:], 6, 3, 0.4, num_rounds)
    np.testing.assert_allclose(got, want, atol=1e-5)
    ours = rerank.gcr(*sides, **SETTINGS, num_rounds=num_rounds)
    np.testing.assert_allclose(ours, got, atol=1e-5)


def test_writes_a_line_and_a_point_for_every_size(tmp_path):
    sizes = "--gallery=300,500", "--mixed_gallery=", "--queries=20"
    small = "--dense_rows=200", "--width=80", "--runs=1"
    path = tmp_path / "gcr.json"
    subprocess.run(
        [sys.executable, "-m", "benchmarks.gcr", *sizes, *small, f"--output={path}"],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    record = json.loads(path.read_text())
    compared, clear = record["tables"]
    assert [row[0] for row in compared["rows"]] == ["graph alone", "with neighbours"]
    assert [row[0] for row in clear["rows"]] == ["300", "500"]
    assert [curve["x"] for curve in record["curves"]] == [[300, 500]] * 2
