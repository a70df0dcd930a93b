"""The thresholds of an evaluation's test images."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ceil_jax.evaluation import scored_pairs
from ceil_jax.evaluation.protocols import REGDB_RELEASED
from ceil_jax.evaluation.results import (
    FIGURES,
    ModeResults,
    Results,
    Spread,
    mean_of_splits,
)
from ceil_jax.evaluation.scored_pairs import calibration_of
from ceil_jax.evaluation.scoring import Embeddings
from ceil_jax.evaluation.verification import calibrate
from ceil_jax.report import table
from tests.ceil_jax.evaluation import embedded
from tests.ceil_jax.evaluation import labelled_people as made


def sides(num=12) -> tuple[made.People, tuple[Embeddings, Embeddings]]:
    """The same rows as one set, and as an evaluation's two sides of any length."""
    given = made.people(num)
    both: list[Embeddings] = []
    for name in ("visible", "infrared"):
        rows = given.modalities == name
        features, ids, cameras = (part[rows] for part in given[:3])
        names = np.arange(len(ids)).astype(str)
        both.append(Embeddings(2 * features, ids, cameras, names))
    return given, (both[0], both[1])


def test_are_those_of_all_test_images_by_cosine():
    given, both = sides()
    found = calibration_of(*both, "sysu_mm01")
    assert found.similarity == "cosine"
    expected = calibrate(*given)
    assert {*found.pairs} == {*expected.pairs}
    for name, pair in expected.pairs.items():
        assert found.pairs[name].impostor_pairs == pair.impostor_pairs
        assert found.pairs[name].refused.keys() == pair.refused.keys()
        for point, other in zip(pair.points, found.pairs[name].points, strict=True):
            assert point.threshold == pytest.approx(other.threshold, abs=1e-6)
            assert point.tar == other.tar


def test_some_images_of_each_person_and_modality(monkeypatch):
    given, both = sides()
    plain = calibration_of(*both, "sysu_mm01")
    assert plain.note == ""
    monkeypatch.setattr(scored_pairs, "MAX_IMAGES", 3)
    kept = scored_pairs._some_of_each(given.identities, given.modalities)
    assert (np.diff(kept) > 0).all()
    keys = [*zip(given.identities[kept], given.modalities[kept], strict=True)]
    assert {keys.count(key) for key in keys} == {3}
    assert len({*keys}) == 24
    found = calibration_of(*both, "sysu_mm01")
    assert found.note == (
        "at most 3 images of each person and modality, drawn at random"
    )
    pair = found.pairs["visible-infrared"]
    assert (pair.genuine_total, pair.impostor_total) == (12 * 9, 12 * 11 * 9)
    assert found == calibration_of(*both, "sysu_mm01")


def test_no_more_pairs_than_are_cheap(monkeypatch):
    monkeypatch.setattr(scored_pairs, "MAX_PAIRS", 50)
    _, both = sides()
    pair = calibration_of(*both, "sysu_mm01").pairs["visible-infrared"]
    assert pair.impostor_pairs == 50 < pair.impostor_total


def test_people_of_the_training_are_no_test_people():
    _, both = sides()
    found = calibration_of(*both, REGDB_RELEASED)
    assert not found.pairs
    assert {*found.left_out} == {
        *("visible-visible", "visible-infrared", "infrared-infrared")
    }
    assert "trained on people of the test set" in found.left_out["visible-visible"]


def test_what_cannot_be_calibrated_stops_no_evaluation():
    _, both = sides()
    both[0].features[3] = 0
    found = calibration_of(*both, "sysu_mm01")
    assert not found.pairs
    assert "must not be all zeros" in found.left_out["visible-infrared"]
    nobody = embedded.side([1], num_ids=0)
    one = calibration_of(both[1], nobody, "standard")
    assert {*one.pairs} == {"visible-visible"}
    none = calibration_of(nobody, nobody, "standard")
    assert (none.pairs, none.left_out) == ({}, {})


class TestResults:
    figures = {name: Spread(50.0, 1.5) for name in FIGURES}  # noqa: RUF012

    def results(self, **others):
        modes = {"all": ModeResults(self.figures, None)}
        return Results("regdb", "none", 1, modes, checkpoint="epoch 3", **others)

    def test_the_file_keeps_them(self):
        _, both = sides()
        plain = self.results()
        found = replace(plain, verification=calibration_of(*both, "regdb"))
        record = json.loads(json.dumps(found.to_json(), allow_nan=False))
        assert Results.from_json(record) == found
        entry = record.pop("verification")
        assert entry["version"] == 1
        assert record == json.loads(json.dumps(plain.to_json()))
        assert "verification" not in plain.to_json()

    def test_damaged_ones_are_no_results(self):
        record = self.results().to_json() | {"verification": {"version": 1}}
        with pytest.raises(ValueError, match="this calibration has no 'pairs'"):
            Results.from_json(record)

    def test_the_mean_of_splits_has_none(self):
        """Each split's model has similarities on a scale of its own."""
        _, both = sides()
        one = self.results(verification=calibration_of(*both, "regdb"))
        assert mean_of_splits({1: one, 2: one}).verification is None

    def test_the_table_has_two_lines_of_them(self):
        _, both = sides(20)
        calibration = calibration_of(*both, "regdb")
        text = table.results_table(self.results(verification=calibration))
        plain = table.results_table(self.results()).splitlines()
        added = [line for line in text.splitlines() if line not in plain]
        title, figures = added
        assert title == (
            "same person or not, TAR in % at FAR 1%, 95% interval over people:"
        )
        for name, pair in calibration.pairs.items():
            (point,) = (p for p in pair.points if p.far == 0.01)
            assert point.tar is not None
            assert f"{name} {100 * point.tar:.1f} (" in figures
        assert text.splitlines()[: len(plain)] == plain

    def test_the_table_has_no_line_where_there_are_none(self):
        few = calibration_of(*sides(2)[1], "regdb")
        plain = table.results_table(self.results())
        assert table.results_table(self.results(verification=few)) == plain
