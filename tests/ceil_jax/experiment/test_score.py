"""Figures as curves and lines, and the recorded run beside them."""

import json

import numpy as np
import pytest
import scipy.io

from ceil_jax.common.errors import UserError
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.evaluation.recording import Recorder
from ceil_jax.evaluation.results import FIGURES, ModeResults, Results, Spread
from ceil_jax.experiment import build, control, score, sources
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.report import asked, ranked_lists
from configs import synthetic


def figures(rank1: float, mean_ap: float) -> dict[str, Spread]:
    others = {name: Spread(0.0, 0.0) for name in FIGURES}
    return others | {"rank1": Spread(rank1, 1.0), "mAP": Spread(mean_ap, 2.0)}


RESULTS = Results(
    "sysu_mm01",
    "ceil",
    10,
    {
        "all": ModeResults(figures(40.0, 30.0), figures(60.0, 50.0)),
        "indoor": ModeResults(figures(50.0, 45.0), None),
    },
    "epoch 7",
)


def test_the_score_of_a_model_is_its_mean_rank1_without_re_ranking():
    assert score.mean_rank1(RESULTS) == 45.0


def test_every_figure_has_a_name():
    flat = score.flat(RESULTS)
    assert len(flat) == 3 * len(FIGURES)
    assert flat["all/plain/mAP"] == 30.0
    assert flat["all/gcr/rank1"] == 60.0
    assert "indoor/gcr/rank1" not in flat


def test_the_line_names_the_checkpoint_and_every_mode():
    assert score.line(RESULTS) == (
        "epoch 7: all/plain Rank-1 40.0 mAP 30.0, all/gcr Rank-1 60.0 mAP 50.0, "
        "indoor/plain Rank-1 50.0 mAP 45.0"
    )


@pytest.fixture
def config():
    return Config(stage1_epochs=3, stage2_epochs=4)


def record(config, path, **changes):
    """Write a recorded run of the same settings but for the changes."""
    settings = to_dict(config) | changes
    content = {"results": RESULTS.to_json(), "note": "a note", "config": settings}
    path.write_text(json.dumps(content))
    config.evaluation.control = str(path)


def test_a_control_of_the_same_length_is_shown(config, tmp_path):
    record(config, tmp_path / "a.json", stage1_epochs=7, stage2_epochs=0, cache_gib=9.0)
    found = control.read_control(config)
    assert found is not None
    assert found[0].modes["all"] == RESULTS.modes["all"]
    assert found[1] == "a note"


@pytest.mark.parametrize(
    "changes",
    [{"stage1_epochs": 8, "stage2_epochs": 0}, {"trial": 2}, {"dataset": "llcm"}],
    ids=["longer", "other split", "other data"],
)
def test_a_control_that_does_not_compare_is_left_out(config, tmp_path, changes):
    record(config, tmp_path / "a.json", **changes)
    assert control.read_control(config) is None


def test_a_control_recorded_before_a_choice_was_there_made_the_default_one(
    config, tmp_path
):
    objective = to_dict(config)["objective"]
    del objective["contrast"]
    record(config, tmp_path / "a.json", objective=objective)
    assert control.read_control(config) is not None
    config.objective.contrast = "info_nce"
    assert control.read_control(config) is None


def test_the_demo_shows_its_control():
    found = control.read_control(synthetic.get_config())
    assert found is not None
    assert found[0].modes["all"].plain["rank1"].mean == pytest.approx(44.6, abs=0.05)


def test_no_control_is_asked_for(config):
    assert control.read_control(config) is None


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"results": {}}'])
def test_a_file_that_is_no_record_is_refused(config, tmp_path, text):
    path = tmp_path / "a.json"
    path.write_text(text)
    config.evaluation.control = str(path)
    with pytest.raises(UserError, match=r"evaluation\.control=.*a\.json"):
        control.read_control(config)
    path.unlink()
    with pytest.raises(UserError, match=r"a\.json"):
        control.read_control(config)


class TestOfficialGalleries:
    """The file that lists them is found and read before anything is trained."""

    def image_set(self, cameras):
        """Two identities, two images of each in every camera."""
        pairs = [(c, i, n) for c in cameras for i in (1, 2) for n in (1, 2)]
        return ImageSet(
            ArraySource(np.zeros((len(pairs), 4, 4, 3), np.uint8)),
            np.array([identity for _, identity, _ in pairs]),
            np.array([camera for camera, _, _ in pairs]),
            np.array([f"cam{c}/{i:04d}/{n:04d}.jpg" for c, i, n in pairs]),
        )

    def scorer(self, config, protocol="sysu_mm01"):
        config.evaluation.sampling = "official"
        config.evaluation.num_trials = 2
        sets = self.image_set((1, 2, 4, 5)), self.image_set((3, 6))
        return build.scorer_of(config, protocol, sources.Tested(*sets))

    def write(self, path):
        path.parent.mkdir(exist_ok=True)
        cell, pair = np.empty((6, 1), object), np.empty((2, 1), object)
        pair[0, 0] = pair[1, 0] = np.array([[2, 1], [1, 2]])
        cell[:, 0] = [pair] * 6
        scipy.io.savemat(path, {"rand_perm_cam": cell})
        return path

    def scored(self, scorer):
        rng = np.random.default_rng(0)
        sides = scorer.embeddings(
            lambda _, images, __: rng.standard_normal((len(images), 4)), None
        )
        return scorer.score(sides, "x")

    def test_the_file_of_the_data_folder_is_read(self, config, tmp_path):
        self.write(tmp_path / "exp" / "rand_perm_cam.mat")
        config.data_dir = str(tmp_path)
        results = self.scored(self.scorer(config))
        assert results.sampling == "official"
        assert results.galleries == "rows 1-2 of rand_perm_cam.mat"
        assert results.modes["all"].num_gallery == 8

    def test_another_place_can_be_named(self, config, tmp_path):
        path = self.write(tmp_path / "mine" / "a.mat")
        config.evaluation.permutations = str(path)
        assert self.scorer(config).modes

    def test_without_a_folder_the_file_must_be_named(self, config):
        with pytest.raises(UserError, match=r"name it by config\.evaluation\.perm"):
            self.scorer(config)

    def test_a_folder_without_the_file(self, config, tmp_path):
        config.data_dir = str(tmp_path)
        with pytest.raises(UserError, match=r"exp/rand_perm_cam\.mat: no such file"):
            self.scorer(config)

    def test_more_trials_than_the_file_has(self, config, tmp_path):
        config.data_dir = str(tmp_path)
        self.write(tmp_path / "exp" / "rand_perm_cam.mat")
        config.evaluation.sampling, config.evaluation.num_trials = "official", 3
        sets = self.image_set((1, 2, 4, 5)), self.image_set((3, 6))
        with pytest.raises(UserError, match=r"has 2 trials .*num_trials=3 asks"):
            build.scorer_of(config, "sysu_mm01", sources.Tested(*sets))

    def test_data_sets_without_such_a_file_say_so(self, config):
        sets = self.image_set(range(1, 10)), self.image_set(range(1, 10))
        config.evaluation.sampling = "official"
        with pytest.raises(UserError, match=r"config\.evaluation: sampling='official'"):
            build.scorer_of(config, "llcm", sources.Tested(*sets))


def numbered(cameras, first):
    """Two identities, two images of each in every camera; pixels tell their number."""
    triples = [(c, i, n) for c in cameras for i in (1, 2) for n in (1, 2)]
    pixels = first + np.arange(len(triples), dtype=np.uint8)
    return ImageSet(
        ArraySource(np.tile(pixels[:, None, None, None], (1, 4, 2, 3))),
        np.array([identity for _, identity, _ in triples]),
        np.array([camera for camera, _, _ in triples]),
        np.array([f"cam{c}/{i:04d}/{n:04d}.jpg" for c, i, n in triples]),
    )


def test_the_first_mode_is_drawn_with_its_own_images(config, tmp_path, monkeypatch):
    config.evaluation.num_pictured_queries = 3
    scorer = build.scorer_of(
        config,
        "sysu_mm01",
        sources.Tested(numbered((1, 2, 4, 5), 0), numbered((3, 6), 100)),
    )
    assert [mode.name for mode in scorer.modes] == ["all", "indoor"]
    rng = np.random.default_rng(0)
    sides = scorer.embeddings(
        lambda _, images, __: rng.standard_normal((len(images), 4)), None
    )
    recorder, drawn = Recorder(), []
    scorer.score(sides, "", recorder)
    draw = ranked_lists.ranked_lists

    def noted_picture(queries, **options):
        drawn.append((queries, options))
        return draw(queries, **options)

    monkeypatch.setattr(asked, "stretched", lambda images: images)
    monkeypatch.setattr(ranked_lists, "ranked_lists", noted_picture)
    scorer.draw(recorder.rankings, tmp_path / "lists.png")
    [(queries, options)] = drawn
    assert options["title"].endswith("all: infrared queries, visible gallery")
    assert len(queries) == 3
    names = [side.names for side in scorer.sets]
    for query in queries:
        assert list(query.lists) == ["plain", "R"]
        # Infrared pixels begin at 100, visible ones at 0.
        name = names[1][query.image[0, 0, 0] - 100]
        assert query.title.endswith(name)
        for answers in query.lists.values():
            assert 6 <= len(answers) <= 8  # camera 3 skips camera 2
            for answer in answers:
                name = names[0][answer.image[0, 0, 0]]
                assert answer.lines[1] == name
                assert answer.is_right == (name[5:9] == query.title[-13:-9])
    assert (tmp_path / "lists.png").stat().st_size > 0
