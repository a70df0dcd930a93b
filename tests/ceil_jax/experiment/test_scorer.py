"""The scorer: whose rows, labels and images go where."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.evaluation import protocols, scored_pairs, scoring
from ceil_jax.evaluation.baselines import grey_pixels
from ceil_jax.evaluation.recording import Recorder
from ceil_jax.evaluation.results import RerankParams, Results
from ceil_jax.experiment.score import Scorer
from ceil_jax.report import asked, contrast, ranked_lists
from ceil_jax.report.own_names import OwnNames

FIRST = protocols.Mode("first", "infrared", "visible", (2,), (1,))
LAST = protocols.Mode("last", "visible", "infrared", (1,), (2,))
TRIAL = protocols.Trial(np.array([0]), np.array([0]))
PLAN = protocols.Plan("p", {FIRST: [TRIAL], LAST: [TRIAL]})


def image_set(name, identities, camera):
    """Images that differ from one another and from another set's."""
    number = len(identities)
    images = np.random.default_rng(camera).integers(0, 255, (number, 4, 2, 3), np.uint8)
    return ImageSet(
        ArraySource(images),
        np.array(identities, np.int32),
        np.full(number, camera, np.int32),
        np.array([f"{name}/{n}.jpg" for n in range(number)]),
    )


VISIBLE = image_set("visible", [7, 8, 9], 1)
INFRARED = image_set("infrared", [9, 9, 8, 7], 2)
NOBODY = image_set("nobody", [], 3)
RERANK = RerankParams(25, 8, 0.7)


def scorer(visible=VISIBLE, infrared=INFRARED, plan=PLAN):
    return Scorer(
        plan,
        visible,
        infrared,
        rerank=RERANK,
        search="hnsw",
        dataset="llcm",
        split=3,
        comparable=True,
        warnings=("a warning",),
        num_pictured_queries=5,
    )


def embed(variables, images, modality):
    """Rows that tell the weights, the modality and the image."""
    base = {"visible": 10.0, "infrared": 20.0}[modality]
    ones = np.ones((len(images), 3), np.float32)
    return ones * (variables + base + np.arange(len(images)))[:, None]


def labels(side):
    return [side.identities.tolist(), side.cameras.tolist(), side.names.tolist()]


def test_its_modes_are_the_plans():
    assert scorer().modes == (FIRST, LAST)


def test_rows_go_with_their_labels_visible_first():
    visible, infrared = scorer().embeddings(embed, 100.0)
    assert visible.features[:, 0].tolist() == [110, 111, 112]
    assert infrared.features[:, 0].tolist() == [120, 121, 122, 123]
    for side, images in ((visible, VISIBLE), (infrared, INFRARED)):
        assert labels(side) == labels(images)


@pytest.mark.parametrize("place", [0, 1], ids=["visible", "infrared"])
def test_a_modality_without_images_has_no_rows(place):
    sets = [VISIBLE, INFRARED]
    sets[place] = NOBODY
    sides = scorer(sets[0], sets[1]).embeddings(embed, 0.0)
    assert sides[place].features.shape == (0, 3)
    assert sides[place].features.dtype == np.float32
    assert len(sides[1 - place].features) == len(sets[1 - place])


def test_the_grey_pixels_are_those_of_the_images():
    for side, images in zip(scorer().grey_pixels(), (VISIBLE, INFRARED), strict=True):
        pixels = images.images.take(np.arange(len(images)))
        np.testing.assert_array_equal(side.features, grey_pixels(pixels))
        assert labels(side) == labels(images)


def test_what_is_scored_and_what_is_said_of_it(monkeypatch):
    given = []

    def score_protocol(*args, **options):
        given.append((args, options))
        found = Results("p", "none", 1, {}, "of " + options["checkpoint"])
        return dataclasses.replace(found, warnings=("of the scores",))

    monkeypatch.setattr(scoring, "score_protocol", score_protocol)
    made = scorer()
    sides = made.embeddings(embed, 0.0)
    recorder = Recorder()
    results = made.score(sides, "epoch 3", recorder)
    ((args, options),) = given
    assert args[0] is sides[0]
    assert args[1] is sides[1]
    assert args[2] is PLAN
    assert options.pop("recorder") is recorder
    assert options == {"rerank": RERANK, "search": "hnsw", "checkpoint": "epoch 3"}
    assert (results.dataset, results.split, results.comparable) == ("llcm", 3, True)
    assert results.warnings == ("a warning", "of the scores")
    assert results.checkpoint == "of epoch 3"


def test_thresholds_are_of_all_test_images_of_its_protocol(monkeypatch):
    given = []
    monkeypatch.setattr(
        scored_pairs, "calibration_of", lambda *args: given.append(args) or "found"
    )
    made = scorer()
    sides = made.embeddings(embed, 0.0)
    assert made.verification(sides) == "found"
    ((visible, infrared, protocol),) = given
    assert visible is sides[0]
    assert infrared is sides[1]
    assert protocol == PLAN.protocol


def test_the_picture_is_of_the_first_mode(monkeypatch, tmp_path):
    given, drawn, saved = [], [], []

    def telling(*args, **options):
        given.append((args, options))
        return "queries"

    def draw(*args, **options):
        drawn.append((args, options))
        return "figure"

    def save(figure, file):
        saved.append(figure)
        file.write(b"picture")

    monkeypatch.setattr(asked, "telling", telling)
    monkeypatch.setattr(ranked_lists, "ranked_lists", draw)
    monkeypatch.setattr(ranked_lists, "save", save)
    # Queries 3, 1, 0 of the infrared images among 2, 0 of the visible ones.
    trial = protocols.Trial(np.array([3, 1, 0]), np.array([2, 0]))
    made = scorer(plan=PLAN._replace(trials={FIRST: [trial, TRIAL], LAST: [TRIAL]}))
    rankings: Any = {"first": "of first", "last": "of last"}
    made.draw(rankings, tmp_path / "lists.png")
    (((mode, queries, gallery), options),) = given
    assert (mode, options) == ("of first", {"number": 5, "names": OwnNames()})
    rows = np.array([2, 0])
    expected = INFRARED.images.take(np.array([0, 3]))
    np.testing.assert_array_equal(queries(rows), expected)
    expected = VISIBLE.images.take(np.array([0, 2]))
    np.testing.assert_array_equal(gallery(np.array([1, 0])), expected)
    title = "llcm, first: infrared queries, visible gallery"
    assert drawn == [(("queries",), {"title": title, "note": contrast.NOTE})]
    assert saved == ["figure"]
    assert (tmp_path / "lists.png").read_text() == "picture"
