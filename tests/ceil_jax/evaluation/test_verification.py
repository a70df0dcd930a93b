"""Calibration from labelled features, end to end."""

import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.metrics import roc_curve

from ceil_jax.evaluation.image_pairs import pair_scores
from ceil_jax.evaluation.verification import calibrate, calibrate_pairs
from tests.ceil_jax.evaluation import labelled_people as made


@pytest.mark.parametrize("same_camera", [False, True])
def test_figures_are_those_of_naive_pairs(same_camera):
    given = made.people(12, noise=0.7)
    found = calibrate(*given, fars=(0.1, 0.01), same_camera=same_camera)
    assert found.same_camera is same_camera
    assert not found.left_out
    for name, pair in found.pairs.items():
        naive = made.naive_pairs(given, *name.split("-"), same_camera=same_camera)
        genuine, impostors = (np.array([*side.values()]) for side in naive)
        assert (pair.genuine_pairs, pair.impostor_pairs) == (
            len(genuine),
            len(impostors),
        )
        assert (pair.genuine_total, pair.impostor_total) == (
            pair.genuine_pairs,
            pair.impostor_pairs,
        )
        assert pair.people == 12
        for point in pair.points:
            accepted = int((impostors >= point.threshold - 1e-6).sum())
            assert point.false_accepts == accepted == int(point.far * len(impostors))
            assert point.measured_far == pytest.approx(accepted / len(impostors))
            tar = np.mean(genuine >= point.threshold - 1e-6)
            assert point.tar == pytest.approx(tar)
            for interval, figure in (
                (point.threshold_interval, point.threshold),
                (point.far_interval, point.measured_far),
                (point.tar_interval, point.tar),
            ):
                assert interval is not None
                assert figure is not None
                assert interval.low <= figure
                assert interval.high is None or figure <= interval.high
        far, tar, _ = roc_curve(
            np.repeat([1, 0], [len(genuine), len(impostors)]),
            np.concatenate([genuine, impostors]),
            drop_intermediate=False,
        )
        after = int(np.argmax(far >= 1 - tar))
        assert pair.equal_error is not None
        assert far[after - 1] <= pair.equal_error + 1e-9 <= far[after] + 1e-8


def test_the_order_of_rows_does_not_matter():
    given = made.people(12)
    first, second = (
        calibrate(*rows, fars=(0.1,)) for rows in (given, made.shuffled(given))
    )
    for name, pair in first.pairs.items():
        other = second.pairs[name]
        assert pair.points[0].threshold == pytest.approx(
            other.points[0].threshold, abs=1e-6
        )
        assert pair.points[0].tar == other.points[0].tar
        assert pair.equal_error == pytest.approx(other.equal_error)


def test_arrays_of_jax_and_lists_are_taken():
    given = made.people(12)
    expected = calibrate(*given, fars=(0.1,))
    features, identities, cameras, modalities = given
    labels = jnp.asarray(identities), jnp.asarray(cameras), modalities
    assert calibrate(jnp.asarray(features), *labels, fars=(0.1,)) == expected
    lists = [part.tolist() for part in given]
    assert calibrate(*lists, fars=[0.1]) == expected
    half = calibrate(features.astype(np.float16), *given[1:], fars=(0.1,))
    at = [c.threshold("visible-infrared", 0.1) for c in (half, expected)]
    assert at[0] == pytest.approx(at[1], abs=1e-3)


def test_people_are_drawn_and_not_pairs():
    """Every image ten times over: ten times the pairs, the same people."""
    given = made.people(15, shots=1)
    often = made.People(*(np.repeat(part, 10, axis=0) for part in given))
    few, many = (calibrate(*rows, fars=(0.1,)) for rows in (given, often))
    for name in few.pairs:
        widths = []
        for found in (few, many):
            point = found.pairs[name].points[0]
            assert point.far_interval is not None
            assert point.far_interval.high is not None
            widths.append(point.far_interval.high - point.far_interval.low)
        assert widths[1] == pytest.approx(widths[0], rel=0.35)


def test_a_rate_that_cannot_be_resolved_is_refused_in_words():
    given = made.people(4)
    found = calibrate(*given, fars=(0.1, 1e-4))
    pair = found.pairs["visible-infrared"]
    assert [point.far for point in pair.points] == [0.1]
    reason = "far=0.0001 needs at least 10,000 impostor pairs, there are 192"
    assert pair.refused == {1e-4: reason}
    with pytest.raises(ValueError, match=r"10,000 impostor pairs, there are 192 of"):
        found.point("visible-infrared", 1e-4)


def test_notes_say_what_a_rate_rests_on():
    given = made.people(12, shots=6)
    points = calibrate(*given, fars=(0.1, 0.01, 1e-3)).pairs["visible-infrared"].points
    assert points[0].note == ""
    assert points[1].note == (
        "12 people make 66 pairs of people, fewer than 1 / 0.01: a few who look alike "
        "decide"
    )
    assert "no more than 19 false accepts decide" in points[2].note


def test_few_people_have_no_intervals():
    found = calibrate(*made.people(9), fars=(0.1,)).pairs["visible-visible"]
    (point,) = found.points
    assert point.threshold_interval is point.far_interval is point.tar_interval is None
    assert found.equal_error_interval is None
    assert "no intervals of 9 people, 10 are needed" in point.note


def test_no_genuine_pairs():
    given = made.people(12, shots=1)
    alone = given.cameras == 1
    alone |= (given.cameras == 2) & (given.identities > 6)
    ids = np.where(given.cameras == 2, given.identities + 100, given.identities)
    rows, cameras = given.features[alone], given.cameras[alone]
    (pair,) = calibrate(rows, ids[alone], cameras, fars=(0.1,)).pairs.values()
    assert pair.genuine_pairs == 0
    assert pair.equal_error is pair.equal_error_interval is None
    assert pair.points[0].tar is pair.points[0].tar_interval is None
    assert pair.points[0].far_interval is not None


def test_modalities_without_pairs_say_why():
    given = made.people(12, shots=1)
    one = np.where(given.modalities == "infrared", 3, given.cameras)
    found = calibrate(
        given.features, given.identities, one, given.modalities, fars=(0.1,)
    )
    assert {*found.pairs} == {"visible-visible", "visible-infrared"}
    assert (
        "no two people were seen by two cameras" in found.left_out["infrared-infrared"]
    )


def test_one_person():
    given = made.people(1)
    with pytest.raises(ValueError, match="no impostor pair: no two people were seen"):
        calibrate(*given)
    with pytest.raises(ValueError, match="no impostor pair: all images show one"):
        calibrate(*given, same_camera=True)
    with pytest.raises(ValueError, match="impostor is empty: all images show one"):
        calibrate_pairs(pair_scores(given.features, given.identities)["any-any"])


def test_all_similarities_equal():
    ids = np.repeat(np.arange(12), 3)
    rows = np.tile(np.array([1, 0], np.float32), (36, 1))
    (pair,) = calibrate(rows, ids, fars=(0.1,)).pairs.values()
    assert not pair.points
    assert "100.00% of the impostor pairs share" in pair.refused[0.1]
    assert pair.equal_error == pytest.approx(0.5)


def test_what_normalise_means_is_kept():
    given = made.people(12)
    scaled = made.People(3 * given.features, *given[1:])
    unit = calibrate(*given, fars=(0.1,))
    assert unit.similarity == "cosine"
    same = calibrate(*scaled, fars=(0.1,), normalise=True)
    at = [c.threshold("visible-visible", 0.1) for c in (unit, same)]
    assert at[0] == pytest.approx(at[1], abs=1e-6)
    longer = calibrate(*scaled, fars=(0.1,), normalise=False)
    assert longer.similarity == "inner product"
    assert longer.threshold("visible-visible", 0.1) == pytest.approx(9 * at[0], 1e-5)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"fars": ()}, "fars is empty"),
        ({"fars": (0.1, 2)}, "far=2 must be greater than 0"),
        ({"confidence": 1}, "confidence=1.0 must be greater than 0 and less than 1"),
        ({"seed": 0.5}, "seed=0.5 must be a whole number"),
    ],
)
def test_what_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        calibrate(*made.people(3), **changed)


def test_draws_have_defaults():
    scores = pair_scores(*made.people(12))["visible-infrared"]
    assert calibrate_pairs(scores, fars=(0.1,)) == calibrate_pairs(
        scores, fars=(0.1,), confidence=0.95
    )
