"""What a calibration answers, and its file."""

import copy
import json
from dataclasses import replace

import numpy as np
import pytest

from ceil_jax.evaluation.calibration import (
    Calibration,
    OperatingPoint,
    PairCalibration,
)
from ceil_jax.evaluation.resampling import Interval
from ceil_jax.evaluation.verification import calibrate
from tests.ceil_jax.evaluation import labelled_people as made


def point(far, threshold, **changed):
    given = OperatingPoint(
        far=far,
        threshold=threshold,
        threshold_interval=Interval(threshold - 0.1, threshold + 0.1),
        measured_far=far / 2,
        far_interval=Interval(0.0, 2 * far),
        false_accepts=7,
        tar=0.5,
        tar_interval=Interval(0.4, 0.6),
    )
    return replace(given, **changed)


PAIR = PairCalibration(
    people=20,
    genuine_pairs=100,
    genuine_total=100,
    impostor_pairs=1000,
    impostor_total=5000,
    equal_error=0.1,
    equal_error_interval=Interval(0.05, 0.2),
    points=(
        point(0.1, 0.5),
        point(1e-3, 0.75, threshold_interval=Interval(0.7, None), note="few"),
    ),
    refused={1e-4: "far=0.0001 needs more"},
)
CALIBRATION = Calibration({"visible-infrared": PAIR}, {"visible-visible": "no pair"})


def test_decides():
    decide = CALIBRATION.decide
    assert decide(0.5, ("visible", "infrared"), 0.1) is True
    assert decide(0.4999, ("infrared", "visible"), far=0.1) is False
    assert decide(0.5, "visible-infrared", 1e-3) is False
    assert decide(np.float32(0.75), "visible-infrared", 0.001) is True
    found = decide(np.array([[0.2, 0.6], [0.5, 0.4]]), "visible-infrared", 0.1)
    assert isinstance(found, np.ndarray)
    assert found.tolist() == [[False, True], [True, False]]


def test_cautious_is_the_upper_end():
    assert CALIBRATION.threshold("visible-infrared", 0.1, cautious=True) == 0.6
    assert not CALIBRATION.decide(0.59, "visible-infrared", 0.1, cautious=True)
    assert CALIBRATION.decide(0.6, "visible-infrared", 0.1, cautious=True)
    with pytest.raises(ValueError, match="too few people or pairs to bound"):
        CALIBRATION.threshold("visible-infrared", 1e-3, cautious=True)


@pytest.mark.parametrize(
    ("pair", "far", "message"),
    [
        ("visible-infrared", 0.01, "far=0.01 has no threshold of visible-infrared, "
         r"there are: 0.1, 0.001"),
        ("visible-infrared", 1e-4, r"far=0.0001 needs more of visible-infrared \(there "
         r"are thresholds of 0.1, 0.001\)"),
        ("visible-visible", 0.1, "pair='visible-visible' has no threshold: no pair"),
        (("a", "b"), 0.1, "pair='a-b' has no threshold, there is one of: "
         "'visible-infrared'"),
        ("visible-infrared", "x", "far='x' must be a real number"),
    ],
)  # fmt: skip
def test_names_what_there_is(pair, far, message):
    with pytest.raises(ValueError, match=message):
        CALIBRATION.decide(0.3, pair, far)


@pytest.mark.parametrize("similarity", [float("nan"), [0.1, float("inf")], "a", None])
def test_no_similarity(similarity):
    with pytest.raises(ValueError, match="similarity"):
        CALIBRATION.decide(similarity, "visible-infrared", 0.1)


class TestFile:
    def test_there_and_back(self):
        record = CALIBRATION.to_dict()
        text = json.dumps(record, allow_nan=False)
        again = Calibration.from_dict(json.loads(text))
        assert again == CALIBRATION
        assert json.loads(text) == record
        assert record["version"] == 1

    def test_of_real_features(self):
        found = calibrate(*made.people(12), fars=(0.1, 0.01, 1e-4))
        text = json.dumps(found.to_dict(), allow_nan=False)
        assert Calibration.from_dict(json.loads(text)) == found

    def test_keys(self):
        record = CALIBRATION.to_dict()
        assert {*record} == {
            *("version", "similarity", "same_camera", "source", "confidence"),
            *("seed", "note", "pairs", "left_out"),
        }
        pair = record["pairs"]["visible-infrared"]
        assert pair["equal_error_interval"] == [0.05, 0.2]
        assert pair["points"][1]["threshold_interval"] == [0.7, None]
        assert pair["refused"] == [{"far": 1e-4, "reason": "far=0.0001 needs more"}]

    def test_whole_numbers_of_other_writers(self):
        record = CALIBRATION.to_dict()
        record["pairs"]["visible-infrared"]["points"][0]["threshold"] = 1
        assert Calibration.from_dict(record).threshold("visible-infrared", 0.1) == 1.0

    @pytest.mark.parametrize("record", [None, 3, [], "x"])
    def test_something_else(self, record):
        with pytest.raises(ValueError, match="this calibration is a"):
            Calibration.from_dict(record)

    def test_another_version(self):
        with pytest.raises(ValueError, match="has version=2, must have 1"):
            Calibration.from_dict(CALIBRATION.to_dict() | {"version": 2})

    def test_every_key_is_needed_and_of_its_kind(self):
        """Each is taken away, and made something else, wherever it stands."""
        record = json.loads(json.dumps(CALIBRATION.to_dict()))
        places = list(paths(record))
        assert len(places) > 40
        for path in places:
            *parents, last = path
            for value in (..., object(), {"a": 1}, float("nan"), True):
                damaged = copy.deepcopy(record)
                inside = damaged
                for key in parents:
                    inside = inside[key]
                if value is True and isinstance(inside[last], bool | type(None)):
                    continue
                if value is ... and parents[-1:] in (["pairs"], ["left_out"]):
                    continue  # they may hold fewer
                if value is ... and isinstance(inside, dict):
                    del inside[last]
                else:
                    inside[last] = value
                with pytest.raises(ValueError, match="this calibration"):
                    Calibration.from_dict(damaged)


def paths(record, path=()):
    """Every place of a nested record."""
    items = record.items() if isinstance(record, dict) else enumerate(record)
    for key, value in items:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, key))
