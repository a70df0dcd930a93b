"""Thresholds tried on other people, in small."""

import numpy as np
import pytest

from benchmarks import measure, verified_cost, verified_coverage
from benchmarks import verification as bench
from benchmarks.people import Side
from benchmarks.verified_people import IN_FRAME, Rows, moments, rows_of
from ceil_jax.evaluation import verification
from ceil_jax.evaluation.image_pairs import pair_scores
from ceil_jax.evaluation.verification import Interval, calibrate
from tests.ceil_jax.evaluation import labelled_people as made


def rows(num=24, seed=0):
    given = made.people(num, shots=2, noise=0.7, seed=seed)
    ends = {1: 1, 2: 2, 3: 3, 4: 6}  # SYSU-MM01's infrared cameras
    cameras = np.array([ends[camera] for camera in given.cameras.tolist()])
    return Rows(given.features, given.identities, cameras, given.modalities)


def test_the_images_are_the_demos_or_all():
    numbers = np.tile(np.arange(1, 11), 2)
    ids, cameras = np.repeat([1, 2], 10), np.ones(20, int)
    side = Side(np.eye(20, dtype=np.float32), ids, cameras, numbers)
    demo = rows_of({"visible": side, "infrared": side})
    kinds, counts = np.unique(demo.modalities, return_counts=True)
    assert dict(zip(kinds, counts, strict=True)) == {"visible": 8, "infrared": 16}
    assert len(rows_of({"visible": side, "infrared": side}, demo=False).cameras) == 40


def test_a_threshold_is_tried_on_other_people():
    found = calibrate(*rows(seed=1), fars=(0.1,))
    other = pair_scores(*rows(seed=2))
    trials = bench.tried(found, other)
    assert {trial.pair for trial in trials} == {*bench.PAIRS}
    for trial in trials:
        point = found.point(trial.pair, 0.1)
        impostor = other[trial.pair].impostor.similarities
        assert trial.found_far == pytest.approx(np.mean(impostor >= point.threshold))
        assert trial.promised_tar == point.tar
        low, high = point.far_interval or (0, 1)
        assert high is not None
        assert trial.inside is bool(low <= trial.found_far <= high)
        cautious = found.threshold(trial.pair, 0.1, cautious=True)
        assert trial.cautious_far == pytest.approx(np.mean(impostor >= cautious))


def test_halves_are_other_people():
    trials = bench.of_halves([rows()], 2)
    assert len([t for t in trials if (t.pair, t.far) == (bench.PAIRS[0], 0.1)]) == 2


def test_people_of_one_moment_are_different_people():
    given = rows()
    placed, times = moments(given, np.random.default_rng(0))
    assert len(times) == len(given.cameras)
    for time in np.unique(times):
        inside = times == time
        assert len({*placed.cameras[inside].tolist()}) == 1
        shown = placed.identities[inside].tolist()
        assert len({*shown}) == len(shown) <= IN_FRAME


def test_every_table_is_made():
    sets = [rows(40, seed=seed) for seed in range(2)]
    promises = bench.promises("x", bench.of_other_sets(sets))
    assert {row[0] for row in promises.rows} == {*bench.PAIRS}
    assert {row[1] for row in promises.rows} >= {"10.0", "1"}
    for table in (bench.one_threshold(sets), bench.by_camera(sets)):
        assert [row[0] for row in table.rows] == [*bench.PAIRS]
    assert [row[0] for row in bench.one_camera(sets).rows] == [*bench.PAIRS[:2]]
    assert len(bench.without_labels(sets).rows) == 4


def test_the_truth_of_simulated_people_is_that_of_many():
    rng = np.random.default_rng(0)
    for world in verified_coverage.WORLDS:
        some = world if world.varied else world._replace(shots=2)
        genuine, impostor = some.simulated(rng, 150 if world.varied else 350)
        for far in (0.3, 0.1):
            threshold = world.threshold(far)
            accepted = np.mean(impostor.similarities >= threshold)
            assert accepted == pytest.approx(far, rel=0.3), world.name
            assert world.far(threshold) == pytest.approx(far)
            passed = np.mean(genuine.similarities >= threshold)
            assert passed == pytest.approx(world.tar(threshold), abs=0.1), world.name
        rate = verification.equal_error(*(s.similarities for s in (genuine, impostor)))
        assert rate.rate == pytest.approx(world.equal_error(), rel=0.35, abs=0.005)


def test_coverage_is_a_share_of_sets():
    world = verified_coverage.WORLDS[0]
    tables = verified_coverage.coverage({10: 20}, (0.1, 1e-4), [world])
    (line,) = tables[0].rows  # 720 pairs resolve no FAR of 1e-4
    assert line[:4] == [world.name, 10, 20, "10"]
    for shown in (line[5], tables[1].rows[0][4]):
        assert all(0 <= float(one) <= 25 for one in str(shown).split(" / "))


def test_misses_are_told_by_their_end():
    misses = verified_coverage._misses
    assert misses(Interval(0.2, 0.4), 0.1) == [True, False]
    assert misses(Interval(0.2, 0.4), 0.3) == [False, False]
    assert misses(Interval(0.2, 0.4), 0.5) == [False, True]
    assert np.isnan(misses(Interval(0.2, None), 0.3)).all()


def test_the_cost_is_beside_that_of_scoring():
    given = rows()
    both = [given._replace(cameras=np.where(given.cameras == a, b, given.cameras))
            for a, b in ((1, 4), (2, 5))]  # fmt: skip
    whole = Rows(*(np.concatenate(part) for part in zip(given, *both, strict=True)))
    table = verified_cost.beside_scoring(whole, runs=1)
    assert table.rows[0][-1] == 100
    assert len(table.rows) == 3


def test_the_cost_of_many_images(monkeypatch):
    def here(function, *args, prepare):
        return measure.Measured(function(*prepare(*args)), 1.0, 2.0, 1.5)

    monkeypatch.setattr(measure, "in_new_process", here)
    (line,) = verified_cost.large(400, 8).rows
    assert int(str(line[0]).replace(",", "")) < 400 * 399 // 2
    assert line[2:] == [1.0, 0.5]
