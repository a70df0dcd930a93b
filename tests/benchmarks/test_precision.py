"""Figures of two precisions on one search."""

import numpy as np

from benchmarks import precision
from benchmarks.people import Side


def side(angles: list[float], cameras: list[int]) -> Side:
    turned = np.radians(angles)
    rows = np.stack([np.cos(turned), np.sin(turned)], 1).astype(np.float32)
    count = len(angles)
    return Side(rows, np.arange(count), np.array(cameras), np.ones(count))


def test_figures_by_hand():
    query = side([0, 90], [4, 4])
    gallery = side([10, 80], [1, 1])
    # With these queries each finds the other person first: Rank-1 0, and mAP 1/2.
    rough = side([90, 0], [4, 4]), gallery, "regdb"
    cells = precision.compared([(query, gallery, "regdb")], [rough])
    assert cells[:3] == ["100.00 / 100.00", "0.00 / 50.00", "0.00 / 50.00"]
    # cos 10 - cos 80 degrees
    assert cells[-1] == "8e-01"
    same = precision.compared([(query, gallery, "regdb")], [(query, gallery, "regdb")])
    assert same[:3] == ["100.00 / 100.00"] * 3
    assert same[3] == same[4]
    assert same[-1] == "0e+00"
