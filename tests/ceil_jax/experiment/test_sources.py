"""Which images a run is given, and what is left to do where one modality is missing."""

import pytest

from ceil_jax.common.errors import DataError, UserError
from ceil_jax.datasets import loading
from ceil_jax.experiment import sources
from ceil_jax.experiment.config import Config
from tests.ceil_jax.experiment.wires import ALL_TRIALS, SPLITS, image_set

NOBODY = image_set("nobody", 0)
VISIBLE = SPLITS._replace(train_infrared=NOBODY)
INFRARED = SPLITS._replace(train_visible=NOBODY)


class TestModalities:
    @pytest.mark.parametrize(
        "splits",
        [SPLITS, SPLITS._replace(test_visible=NOBODY, test_infrared=NOBODY)],
        ids=["all", "none to test"],
    )
    def test_with_both_nothing_is_changed(self, splits):
        for config in (Config(), Config(stage1_epochs=0), Config(stage2_epochs=0)):
            assert sources.for_modalities(config, splits) is config

    @pytest.mark.parametrize("splits", [VISIBLE, INFRARED], ids=["visible", "infrared"])
    def test_with_one_there_is_no_stage_2(self, splits):
        config = Config(stage1_epochs=3, stage2_epochs=4, seed=5)
        fitted = sources.for_modalities(config, splits)
        assert fitted == Config(stage1_epochs=3, stage2_epochs=0, seed=5)
        assert config.stage2_epochs == 4
        assert sources.for_modalities(fitted, splits) is fitted

    @pytest.mark.parametrize(
        ("splits", "there"), [(VISIBLE, "visible"), (INFRARED, "infrared")]
    )
    def test_with_one_and_stage_2_alone_nothing_is_left(self, splits, there):
        with pytest.raises(UserError, match=f"all training images are {there}: .*at l"):
            sources.for_modalities(Config(stage1_epochs=0), splits)

    def test_with_none_there_is_nothing_to_train_on(self):
        splits = VISIBLE._replace(train_visible=NOBODY)
        for config in (Config(), Config(stage2_epochs=0)):
            with pytest.raises(UserError, match="regdb has no training images"):
                sources.for_modalities(config, splits)


class TestTested:
    def test_a_split_tests_on_its_own_images(self):
        tested = sources.tested(Config(), SPLITS)
        assert tested == (SPLITS.test_visible, SPLITS.test_infrared, None)

    def test_regdb_released_tests_on_those_of_every_split(self, monkeypatch):
        asked = []

        def load(name, **where):
            asked.append((name, where))
            return ALL_TRIALS

        monkeypatch.setattr(loading, "load_all_trials", load)
        config = Config(data_dir="/images", cache_gib=0.5, image_size=(96, 48))
        config.evaluation.protocol = "regdb_released"
        tested = sources.tested(config, SPLITS)
        assert (tested.visible, tested.infrared) == ALL_TRIALS[:2]
        assert tested.splits == {
            "visible": ALL_TRIALS.test_visible,
            "infrared": ALL_TRIALS.test_infrared,
        }
        where = {"data_dir": "/images", "prepared_dir": None, "image_size": (96, 48)}
        options = {"options": {"allow_partial": False}, "cache_gib": 0.5}
        assert asked == [("regdb", where | options)]


def test_places_that_are_not_named_are_left_to_the_reader(monkeypatch):
    asked = []
    monkeypatch.setattr(loading, "prepare", lambda name, **where: asked.append(where))
    sources.prepare_images(Config(image_size=(96, 48)))
    assert asked == [
        {
            "data_dir": None,
            "prepared_dir": None,
            "image_size": (96, 48),
            "options": {"allow_partial": False},
        }
    ]


@pytest.mark.parametrize(
    ("dataset", "protocol"),
    [
        ("regdb", "regdb"),
        ("sysu_mm01", "sysu_mm01"),
        ("llcm", "llcm"),
        ("synthetic", "sysu_mm01"),
        ("folder", "standard"),
    ],
)
def test_the_protocol_is_the_data_sets_own(dataset, protocol):
    config = Config(dataset=dataset)
    assert sources.protocol_of(config) == protocol
    config.evaluation.protocol = "regdb_released"
    if dataset == "regdb":
        assert sources.protocol_of(config) == "regdb_released"
        return
    message = f"is RegDB's, config.dataset is {dataset}"
    with pytest.raises(UserError, match=message):
        sources.protocol_of(config)
    with pytest.raises(UserError, match=message):
        sources.tested(config, SPLITS)


def test_a_data_folder_that_is_none_is_refused_before_anything_else(tmp_path):
    there = tmp_path / "RegDB"
    there.mkdir()
    sources.check_folder(Config(dataset="regdb", data_dir=str(there)))
    with pytest.raises(DataError, match=r"no such data folder: .*/none"):
        sources.check_folder(Config(dataset="regdb", data_dir=str(tmp_path / "none")))
    # Generated people lie in no folder.
    sources.check_folder(Config(dataset="synthetic", data_dir="/none"))
