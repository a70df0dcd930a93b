"""The benchmarks of re-rankers, in small."""

import numpy as np
import pytest

from benchmarks import candidates, layouts, rerankers
from benchmarks.people import Side
from tests.benchmarks.test_rerank_auto import side


@pytest.fixture
def sides():
    return {"visible": side((1, 2, 4, 5)), "infrared": side((3, 6))}


def of_demo(sides):
    infrared = sides["infrared"].take(sides["infrared"].numbers <= 4)
    visible = sides["visible"].take(sides["visible"].numbers <= 2)
    return infrared, visible, "sysu_mm01"


def test_all_candidates_are_the_whole_set(sides):
    found = of_demo(sides)
    num_rows = len(found[0].features) + len(found[1].features)
    kept = candidates.kept(found, (5, num_rows - 1, num_rows))
    # The store holds all but the query; GCR ranks nobody who is not in it.
    assert list(kept) == ["plain", "joint", "5", str(num_rows - 1)]
    np.testing.assert_allclose(kept[str(num_rows - 1)], kept["joint"], atol=1e-9)
    assert candidates.share(kept, "joint") == pytest.approx(100)
    assert candidates.share(kept, "plain") == 0


def test_what_was_not_returned_follows_by_plain_similarity(sides):
    found = of_demo(sides)
    assert candidates.kept(found, (1,))["1"] == candidates.kept(found, ())["plain"]


def test_gains_are_means_over_seeds():
    by_seed = [
        {"plain": (10.0, 20.0), "joint": (20.0, 40.0), "25": (12.0, 25.0)},
        {"plain": (10.0, 20.0), "joint": (20.0, 30.0), "25": (14.0, 25.0)},
    ]
    table = candidates.gain_table(by_seed, "x")
    assert [row[0] for row in table.rows] == ["plain", "25 candidates", "joint"]
    # Shares 25 and 50 %: mean 37.5, deviation 12.5 sqrt(2).
    assert table.rows[1] == [
        "25 candidates",
        "13.0 ± 1.4",
        "25.0 ± 0.0",
        "37.5 ± 17.7",
    ]


def test_times_are_measured():
    table = candidates.time_table(2)
    assert [row[0] for row in table.rows] == [25, 50, 100, 200, 400, 800]
    assert all(float(cell) > 0 for row in table.rows for cell in row[1:5])


def test_every_method_is_scored(sides):
    found = of_demo(sides)
    table = rerankers.table([found, found], "x")
    assert [row[0] for row in table.rows] == list(rerankers.METHODS)
    plain = candidates.figures(rerankers.METHODS["plain"](*found[:2]), found)
    assert table.rows[0][1] == f"{plain[0]:.1f} ± 0.0"
    gain = candidates.figures(rerankers.METHODS["NFC"](*found[:2]), found)
    row = next(row for row in table.rows if row[0] == "NFC")
    assert row[4] == f"{gain[1] - plain[1]:+.1f}"


def test_few_images_of_each_person(sides):
    query, gallery, protocol = rerankers.few(sides, 1, 3, 1)
    assert protocol == "sysu_mm01"
    for drawn, number in ((query, 3), (gallery, 1)):
        counts = np.unique(drawn.identities, return_counts=True)[1]
        assert counts.tolist() == [number] * 4
    again = rerankers.few(sides, 2, 3, 1)[1]
    assert again.cameras.tolist() != gallery.cameras.tolist()


def test_one_search_of_all_galleries():
    def one(numbers):
        numbers = np.array(numbers)
        return Side(np.eye(5)[numbers], numbers, numbers, numbers)

    trials = [(one([0]), one([1, 3]), "llcm"), (one([0]), one([3, 2]), "llcm")]
    splits = [(*trial[:2], "regdb") for trial in trials]
    found = layouts.whole({"a": trials, "b": splits})
    assert sorted(found["a"][1].identities) == [1, 2, 3]
    assert found["b"][1].identities.tolist() == [1, 3]
