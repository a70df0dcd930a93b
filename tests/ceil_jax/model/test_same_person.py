"""Is it the same person? Thresholds that the model carries, or the user's own."""

import numpy as np
import pytest
from PIL import Image

from ceil_jax import load
from ceil_jax.common.errors import DataError, UserError
from ceil_jax.evaluation.calibration import (
    Calibration,
    OperatingPoint,
    PairCalibration,
)
from ceil_jax.evaluation.resampling import Interval
from ceil_jax.model import Model
from tests.ceil_jax.model.conftest import info_of


def pair_of(threshold: float) -> PairCalibration:
    interval = Interval(threshold - 0.1, threshold + 0.1)
    point = OperatingPoint(
        1e-2, threshold, interval, 0.009, None, 9, 0.7, None, "few people"
    )
    return PairCalibration(40, 100, 100, 1000, 1000, 0.2, None, (point,))


def calibration(**thresholds: float) -> Calibration:
    names = {"cross": "visible-infrared", "visible": "visible-visible"}
    return Calibration({names[k]: pair_of(v) for k, v in thresholds.items()})


def with_calibration(variables, made: Calibration) -> Model:
    return Model(variables, info_of(variables, calibration=made.to_dict()))


@pytest.fixture
def similarity(model, pictures):
    visible, infrared = (model.embed(pictures, m) for m in ("visible", "infrared"))
    return float(visible[1] @ infrared[2])


@pytest.mark.parametrize("above", [1e-4, -1e-4])
def test_the_threshold_decides(variables, pictures, similarity, above):
    model = with_calibration(variables, calibration(cross=similarity - above))
    got = model.same_person(pictures[1], pictures[2], far=1e-2)
    assert bool(got) is got.same is (above > 0)
    assert got.similarity == pytest.approx(similarity, abs=1e-6)
    assert got.threshold == pytest.approx(similarity - above)
    assert got.point.note == "few people"
    assert type(got.same) is bool


def test_each_pair_of_modalities_has_its_own(variables, pictures, similarity):
    made = calibration(cross=-1.0, visible=1.0)
    model = with_calibration(variables, made)
    assert model.same_person(pictures[1], pictures[2], far=1e-2)
    both = ("visible", "visible")
    assert not model.same_person(pictures[1], pictures[2], both, far=1e-2)
    turned = ("infrared", "visible")
    got = model.same_person(pictures[2], pictures[1], turned, far=1e-2)
    assert got.similarity == pytest.approx(similarity, abs=1e-6)
    both = ("infrared", "infrared")
    with pytest.raises(ValueError, match="'infrared-infrared' has no threshold"):
        model.same_person(pictures[1], pictures[2], both, far=1e-2)


def test_cautious_takes_the_upper_end(variables, pictures, similarity):
    model = with_calibration(variables, calibration(cross=similarity - 0.05))
    assert model.same_person(pictures[1], pictures[2], far=1e-2)
    got = model.same_person(pictures[1], pictures[2], far=1e-2, cautious=True)
    assert not got
    assert got.threshold == pytest.approx(similarity + 0.05)


def test_embeddings_are_those_that_the_thresholds_were_measured_with(
    variables, model, pictures
):
    made = calibration(cross=0.5)
    flipped = {"evaluated_with": {"evaluation.flip": True}}
    own = Model(
        variables, info_of(variables, calibration=made.to_dict(), results=flipped)
    )
    pair = pictures[1], pictures[2]
    similarities = {}
    for flip in (False, True):
        first = model.embed(pair[0], "visible", flip=flip)[0]
        second = model.embed(pair[1], "infrared", flip=flip)[0]
        similarities[flip] = pytest.approx(float(first @ second), abs=1e-6)
    assert own.same_person(*pair, far=1e-2).similarity == similarities[True]
    got = own.same_person(*pair, far=1e-2, flip=False)
    assert got.similarity == similarities[False] != similarities[True]
    # Thresholds of one's own are of rows as `embed` makes them by itself.
    got = own.same_person(*pair, far=1e-2, calibration=made)
    assert got.similarity == similarities[False]


def test_an_unreadable_image_is_named_without_advice(variables, pictures, tmp_path):
    model = with_calibration(variables, calibration(cross=0.5))
    (tmp_path / "a.jpg").write_text("text")
    with pytest.raises(DataError, match=r"a\.jpg.*no image of a known format$"):
        model.same_person(tmp_path / "a.jpg", pictures[0], far=1e-2)


def test_two_thermal_images_use_one_range(variables, model, tmp_path):
    paths = []
    for number, low in enumerate((0, 400)):
        values = np.arange(low, low + 128, dtype=np.int32).reshape(16, 8)
        paths.append(tmp_path / f"{number}.png")
        Image.fromarray(values).convert("I;16").save(paths[-1])
    interval = calibration(visible=0.5).pairs["visible-visible"]
    made = Calibration({"infrared-infrared": interval})
    own = with_calibration(variables, made)
    rows = model.embed(paths, "infrared")
    got = own.same_person(paths[0], paths[1], ("infrared", "infrared"), far=1e-2)
    assert got.similarity == pytest.approx(float(rows[0] @ rows[1]), abs=1e-6)
    alone = [model.embed(path, "infrared")[0] for path in paths]
    assert float(alone[0] @ alone[1]) > got.similarity + 0.1


def test_thresholds_of_one_s_own(model, pictures):
    options = {"far": 1e-2, "calibration": calibration(cross=-1.0)}
    assert model.same_person(pictures[1], pictures[2], **options)


def test_without_thresholds_it_says_where_they_come_from(model, pictures):
    with pytest.raises(
        UserError, match=r"small carries no thresholds .* --mode evaluate"
    ):
        model.same_person(pictures[1], pictures[2])


def test_a_rate_that_was_not_measured_is_refused(variables, pictures):
    model = with_calibration(variables, calibration(cross=0.5))
    with pytest.raises(
        ValueError, match=r"far=0.001 has no threshold .* there are: 0.0"
    ):
        model.same_person(pictures[1], pictures[2])


def test_a_damaged_calibration_is_named(variables, pictures):
    record = calibration(cross=0.5).to_dict() | {"pairs": 3}
    model = Model(variables, info_of(variables, calibration=record))
    with pytest.raises(UserError, match="small: this calibration has pairs=3"):
        model.same_person(pictures[1], pictures[2])


def test_the_model_folder_carries_them(variables, pictures, tmp_path):
    made = calibration(cross=0.123456789)
    folder = with_calibration(variables, made).save(tmp_path / "model")
    again = load(folder)
    got = again.same_person(pictures[1], pictures[2], far=1e-2)
    assert got.threshold == 0.123456789
    assert "## Same person?" in (folder / "README.md").read_text()
    assert np.isfinite(got.similarity)
