"""What every query found, against loops over single queries."""

from typing import Any

import numpy as np
import pytest

from ceil_jax.evaluation import rankings, recording, similarities
from ceil_jax.evaluation.protocols import Plan, Trial, modes, plan
from ceil_jax.evaluation.recording import Recorder
from ceil_jax.evaluation.scoring import Rerank, score_protocol
from ceil_jax.rerank import gcr
from tests.ceil_jax.evaluation.embedded import RERANK, labels, side, take
from tests.parity.evaluation import naive

NUM_TRIALS = 3


def recorded(sides, chosen, top=100, rerank: Rerank = RERANK):
    recorder = Recorder(top=top)
    options: Any = {"rerank": rerank, "progress": False}
    visible, infrared = sides
    results = score_protocol(visible, infrared, chosen, recorder=recorder, **options)
    plain = score_protocol(visible, infrared, chosen, **options)
    assert results == plain  # recording changes no figure
    return results, recorder.rankings


@pytest.fixture(scope="module")
def sides():
    """Rounded rows, so that similarities are equal; an unknown image of each side."""
    made = side((1, 2, 4, 5), seed=1), side((3, 6), seed=2)
    made = [e._replace(features=np.round(e.features)) for e in made]
    made[0].identities[7] = made[1].identities[4] = -1
    return made


@pytest.fixture(scope="module")
def chosen(sides):
    """Galleries that are drawn by hand, as no protocol scores unknown people."""
    rng = np.random.default_rng(3)
    queries = np.arange(len(sides[1].features))
    trials = {
        mode: [
            Trial(queries, rng.permutation(np.append(rng.choice(72, 40, False), 7)))
            for _ in range(NUM_TRIALS)
        ]
        for mode in modes("sysu_mm01")
    }
    return Plan("sysu_mm01", trials)


@pytest.fixture(scope="module")
def found(sides, chosen):
    return recorded(sides, chosen)


def searches(sides, chosen, mode):
    """Queries, gallery and similarities by kind of every trial of a mode."""
    for trial in chosen.trials[mode]:
        query, gallery = take(sides[1], trial.query), take(sides[0], trial.gallery)
        rows = query.features, gallery.features
        options = RERANK._asdict()
        yield (
            query,
            gallery,
            {
                "plain": rows[0] @ rows[1].T,
                "gcr": gcr(
                    *rows, query.cameras, gallery.cameras, normalise=False, **options
                ),
            },
        )


def places(scores, stands):
    """Places from 1 of one query's images; 0 of those that do not count."""
    found = np.zeros(len(scores), int)
    order = sorted(np.flatnonzero(stands), key=lambda g: (-scores[g], g))
    found[order] = np.arange(1, len(order) + 1)
    return found


@pytest.mark.parametrize("entries", [1 << 20, 41 * 5])
def test_lists_of_the_first_gallery(sides, chosen, found, entries, monkeypatch):
    _, whole = found
    monkeypatch.setattr(recording, "_ROWS_ENTRIES", entries)
    monkeypatch.setattr(similarities, "BLOCK_ENTRIES", 2 * entries)
    for top in (12, 100):
        _, parts = recorded(sides, chosen, top=top)
        for mode in chosen.trials:
            query, gallery, both = next(searches(sides, chosen, mode))
            got, every = parts[mode.name], whole[mode.name]
            np.testing.assert_array_equal(got.gallery.names, gallery.names)
            np.testing.assert_array_equal(got.query.cameras, query.cameras)
            for kind, other in (("plain", "gcr"), ("gcr", "plain")):
                lists = got.lists[kind]
                assert lists.gallery.shape == (36, min(top, 41))
                for now, then in zip(lists, every.lists[kind], strict=True):
                    np.testing.assert_array_equal(now, then[:, :top])
                for q in range(36):
                    scores = both[kind][q]
                    order = sorted(range(41), key=lambda g: (-scores[g], g))
                    order = np.array(order[:top])
                    np.testing.assert_array_equal(lists.gallery[q], order)
                    np.testing.assert_array_equal(lists.scores[q], scores[order])
                    stands = gallery.identities != -1
                    if query.cameras[q] == 3:
                        stands &= gallery.cameras != 2
                    for name, of in (("places", kind), ("other_places", other)):
                        want = places(both[of][q], stands)[order]
                        np.testing.assert_array_equal(getattr(lists, name)[q], want)
                    person = query.identities[q]
                    right = (gallery.identities[order] == person) & (person != -1)
                    np.testing.assert_array_equal(lists.right[q], right)


def test_figures_of_each_query_are_those_that_are_averaged(sides, chosen, found):
    results, kept = found
    for mode in chosen.trials:
        each = kept[mode.name].each
        for trial, (query, gallery, both) in enumerate(searches(sides, chosen, mode)):
            listed = np.flatnonzero(gallery.identities != -1)
            for q in range(36):
                row = slice(q, q + 1)
                one = take(query, row)
                for kind, scores in both.items():
                    alone = naive(
                        scores[row, listed], *labels(one, take(gallery, listed)),
                        protocol="sysu_mm01", max_rank=20,
                    )  # fmt: skip
                    is_known = one.identities[0] != -1
                    got = [figures[trial, q] for figures in each[kind]]
                    if alone is None or not is_known:
                        assert got[2] == 0
                        assert np.isnan(got[:2]).all()
                        continue
                    first = 1 + alone.cmc.tolist().index(1)
                    want = [alone.mean_ap, alone.mean_inp, first]
                    np.testing.assert_allclose(got, want, rtol=1e-6)
        for kind, figures in (
            ("plain", results.modes[mode.name].plain),
            ("gcr", results.modes[mode.name].gcr),
        ):
            mean = 100 * np.nanmean(each[kind].average_precision)
            assert figures["mAP"].mean == pytest.approx(mean, rel=1e-5)
            counts = each[kind].first > 0
            mean = 100 * ((each[kind].first == 1) & counts).sum() / counts.sum()
            assert figures["rank1"].mean == pytest.approx(mean, rel=1e-5)


def test_cells_are_means_over_galleries_of_single_cameras(sides, chosen, found):
    for mode in chosen.trials:
        got = found[1][mode.name]
        np.testing.assert_array_equal(got.query_cameras, [3, 6])
        np.testing.assert_array_equal(got.gallery_cameras, [1, 2, 4, 5])
        for kind in ("plain", "gcr"):
            for a, b in np.ndindex(2, 4):
                asks, answers = got.query_cameras[a], got.gallery_cameras[b]
                values = []
                for query, gallery, both in searches(sides, chosen, mode):
                    rows = (query.cameras == asks) & (query.identities != -1)
                    columns = (gallery.cameras == answers) & (gallery.identities != -1)
                    of_cell = take(query, rows), take(gallery, columns)
                    alone = naive(
                        both[kind][np.ix_(rows, columns)], *labels(*of_cell),
                        protocol="sysu_mm01", max_rank=20,
                    )  # fmt: skip
                    if alone is None:
                        values.append([np.nan, np.nan, 0])
                    else:
                        number = alone.num_valid_queries
                        values.append([alone.cmc[0], alone.mean_ap, number])
                cells = [field[a, b] for field in got.cells[kind]]
                if (asks, answers) == (3, 2):  # no image counts
                    assert np.isnan(cells[:2]).all()
                    assert cells[2] == 0
                else:
                    want = np.nanmean(values, axis=0)
                    want[2] = np.mean(values, axis=0)[2]
                    np.testing.assert_allclose(cells, want, rtol=1e-6)


def test_one_camera_is_the_whole_gallery():
    sides = side((1,), seed=1), side((2,), seed=2)
    chosen = plan("regdb", *sides)
    results, kept = recorded(sides, chosen, rerank=None)
    for name, mode in kept.items():
        assert list(mode.lists) == list(mode.each) == list(mode.cells) == ["plain"]
        assert not mode.lists["plain"].other_places.any()
        (rank1,), (mean_ap,), (number,) = mode.cells["plain"]
        figures = results.modes[name].plain
        want = figures["rank1"].mean, figures["mAP"].mean, 100 * 18
        np.testing.assert_allclose(
            100 * np.concatenate([rank1, mean_ap, number]), want, rtol=1e-6
        )


def test_queries_of_their_own():
    """Figures of the first split alone, camera by camera of all of them."""
    sides = side((1,), seed=1), side((2,), seed=2)
    splits = {
        name: np.stack([one.identities <= 3, one.identities > 2], 1)
        for name, one in zip(("visible", "infrared"), sides, strict=True)
    }
    chosen = plan("regdb_released", *sides, splits=splits)
    results, kept = recorded(sides, chosen)
    for name, mode in kept.items():
        assert len(mode.query.names) == 9
        assert mode.each["gcr"].average_precision.shape == (1, 9)
        assert len(set(mode.gallery_digests)) == 2
        mean_ap = results.modes[name].plain["mAP"].mean
        got = mode.cells["plain"]
        assert 100 * got.mean_ap[0, 0] == pytest.approx(mean_ap, rel=1e-6)
        assert got.num_queries.tolist() == [[(9 + 12) / 2]]


def test_galleries_are_told_by_their_names(sides, chosen, found):
    visible, infrared = sides
    mode = next(iter(chosen.trials))
    digests = found[1][mode.name].gallery_digests
    assert len(set(digests)) == NUM_TRIALS
    # Other pictures of the same names, in an array of longer ones.
    others = visible._replace(
        features=visible.features[::-1], names=np.append(visible.names, "n" * 99)[:-1]
    )
    _, again = recorded((others, infrared), chosen)
    np.testing.assert_array_equal(again[mode.name].gallery_digests, digests)
    renamed = visible._replace(names=np.char.add("x", visible.names))
    _, again = recorded((renamed, infrared), chosen)
    assert not set(again[mode.name].gallery_digests) & set(digests)


def test_what_is_saved_is_read_again(found, tmp_path):
    rankings.save(tmp_path / "rankings.npz", found[1])
    again = rankings.load(tmp_path / "rankings.npz")
    assert list(again) == ["all", "indoor"]
    for name, mode in found[1].items():
        assert again[name].query_modality == "infrared"
        for kind in ("plain", "gcr"):
            for part in ("lists", "each", "cells"):
                now, then = (getattr(m, part)[kind] for m in (again[name], mode))
                for a, b in zip(now, then, strict=True):
                    np.testing.assert_array_equal(a, b)
                    assert a.dtype == b.dtype
        for field in ("query", "gallery"):
            sides = getattr(again[name], field), getattr(mode, field)
            for a, b in zip(*sides, strict=True):
                np.testing.assert_array_equal(a, b)
