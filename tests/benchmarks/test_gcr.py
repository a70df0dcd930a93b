"""The benchmark of re-ranking, in small."""

import subprocess
import sys

import numpy as np

from benchmarks import gcr
from tests.repo import source


def test_lists_hold_the_person_first():
    rows = gcr.people(200, 0.1)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-5)
    indices, similarities = gcr.neighbours(rows)
    assert indices.shape == similarities.shape == (200, gcr.K1)
    np.testing.assert_array_equal(indices[:, 0], np.arange(200))
    # Images of one person are much closer than others: twenty, then a fall.
    own, others = similarities[:, : gcr.IMAGES_PER_PERSON], similarities[:, -1:]
    assert (own[:, -1:] - others > 0.2).all()


def test_prints_a_line_for_every_size():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gcr", "--gallery=300,500", "--queries=20"],
        cwd=source.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = [line.split("|")[1:3] for line in done.stdout.splitlines()[-2:]]
    assert [int(size) for size, _ in lines] == [300, 500]
