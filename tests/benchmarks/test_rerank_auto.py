"""The searches of the comparison, and gains paired by seed."""

import numpy as np
import pytest

from benchmarks import rerank_auto
from benchmarks.people import Side


def side(cameras, num_ids=4):
    """Ten images of each person in each camera."""
    identities, cameras, numbers = (
        array.ravel()
        for array in np.meshgrid(np.arange(1, num_ids + 1), cameras, np.arange(1, 11))
    )
    centres = np.random.default_rng(0).normal(size=(num_ids + 1, 16))
    noise = np.random.default_rng(len(identities)).normal(size=(len(identities), 16))
    rows = centres[identities] + 0.6 * noise
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return Side(rows.astype(np.float32), identities, cameras, numbers)


@pytest.fixture
def sides():
    return {"visible": side((1, 2, 4, 5)), "infrared": side((3, 6))}


def counts(identities):
    return np.unique(identities, return_counts=True)[1].tolist()


def test_single_and_several_shots(sides):
    query, gallery, protocol = rerank_auto.search(sides, "single-shot", 1)
    assert protocol == "sysu_mm01"
    assert counts(query.identities) == [16] * 4
    assert counts(gallery.identities) == [4] * 4
    assert counts(gallery.cameras) == [4] * 4
    other = rerank_auto.search(sides, "single-shot", 2)[1]
    assert gallery.numbers.tolist() != other.numbers.tolist()
    query, gallery, _ = rerank_auto.search(sides, "4-shot", 1)
    assert counts(gallery.identities) == [16] * 4
    assert gallery.numbers.max() == 4


def test_ten_and_ten(sides):
    query, gallery, protocol = rerank_auto.search(sides, "ten and ten", 1)
    assert protocol == "regdb"
    assert counts(query.identities) == counts(gallery.identities) == [10] * 4
    assert (set(query.cameras), set(gallery.cameras)) == ({1}, {6})


def test_uneven_queries(sides):
    query, gallery, _ = rerank_auto.search(sides, "uneven", 1)
    found = counts(query.identities)
    assert len(set(found)) > 1
    assert max(found) <= 16
    assert counts(gallery.identities) == [4] * 4


def test_an_unknown_setting_is_refused(sides):
    with pytest.raises(ValueError, match="setting='none' must be one of single-shot"):
        rerank_auto.search(sides, "none", 1)


def test_the_best_with_labels_is_never_worse(sides):
    found = rerank_auto.compare(rerank_auto.search(sides, "ten and ten", 1))
    assert list(found) == list(rerank_auto.METHODS)

    def score(method):
        return found[method]["rank1"] + found[method]["mAP"]

    assert score(rerank_auto.BEST) == max(
        score(method) for method in found if method != "plain"
    )


def test_gains_are_paired():
    def found(default, auto):
        of = {method: {"rank1": default, "mAP": 50.0} for method in rerank_auto.METHODS}
        return of | {rerank_auto.AUTO: {"rank1": auto, "mAP": 51.0}}

    by_seed = {"1": found(60.0, 62.0), "2": found(70.0, 68.0), "3": found(50.0, 53.0)}
    [line] = [
        line
        for line in rerank_auto.table(by_seed, "x").splitlines()
        if line.startswith("| auto")
    ]
    cells = [cell.strip() for cell in line.split("|")[2:-1]]
    # Gains 2, -2 and 3: mean 1, deviation sqrt((1 + 9 + 4) / 2).
    assert cells == ["61.0", "+1.0 ± 2.6", "2 of 3", "51.0", "+1.0 ± 0.0", "3 of 3"]


def test_means_over_settings_stay_apart_by_seed():
    def found(value):
        methods = rerank_auto.METHODS
        return {method: {"rank1": value, "mAP": value + 1} for method in methods}

    record = {
        "pretrained": {"a": {"1": found(10.0), "2": found(20.0)}},
        "trained": {"a": {"1": found(30.0), "2": found(60.0)}},
    }
    means = rerank_auto.over_settings(record)
    assert means["1"]["auto"] == {"rank1": 20.0, "mAP": 21.0}
    assert means["2"]["plain"] == {"rank1": 40.0, "mAP": 41.0}
