"""What --mode report --explain says where it cannot explain."""

import types

import pytest

from ceil_jax import main
from ceil_jax.common.errors import DataError, UserError
from ceil_jax.common.files import write_json
from ceil_jax.evaluation import rankings
from ceil_jax.experiment import pictured
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.modes import explain
from tests.ceil_jax.experiment.modes import run_folders
from tests.ceil_jax.report import generated


@pytest.fixture
def run(tmp_path):
    """The folder of a run, as an evaluation leaves it; its model is "abc..."."""
    found = {"all": generated.mode()}
    config = Config(dataset="synthetic")
    folder = run_folders.write(tmp_path / "run", found, config, model="abc" * 20)
    write_json(folder / "config.json", to_dict(config))
    pictured.save(folder / "pictures.npz", generated.pictures(found))
    return folder


def refused(run, match, **changes):
    config = Config(dataset="synthetic")
    for name, value in changes.items():
        setattr(config, name, value)
    with pytest.raises((UserError, DataError), match=match) as error:
        explain.explain(config, run)
    assert "\n" not in str(error.value)
    assert not (run / "explained.npz").exists()


def test_what_is_missing_is_named(run, tmp_path):
    refused(tmp_path / "nothing", "no such folder")
    refused(run, "no such data folder: /nowhere", dataset="regdb", data_dir="/nowhere")
    refused(run, "no checkpoint here; train first")
    (run / "rankings.npz").unlink()
    refused(run, r"holds no ranked lists with pictures .*: --mode evaluate makes them")
    (run / "results.json").unlink()
    refused(run, r"holds no results\.json: --mode train or evaluate makes it")
    (run / "config.json").unlink()
    refused(run, r"holds no config\.json")


def test_other_weights_are_refused(run, monkeypatch):
    model = types.SimpleNamespace(info=types.SimpleNamespace(digest="def" * 20))
    monkeypatch.setattr(explain, "opened", lambda *given: (given[0], model))
    refused(run, r"is of other weights \(abcabcabcabc\) than the checkpoint \(defdef")


def test_pairs_without_their_images_are_refused(run, monkeypatch):
    """The lists are of images that the data set of the configuration does not hold."""
    model = types.SimpleNamespace(
        info=types.SimpleNamespace(digest="abc" * 20), variables={}
    )
    monkeypatch.setattr(explain, "opened", lambda *given: (given[0], model))
    sets = generated_sets()
    monkeypatch.setattr(explain.sources, "load_images", lambda _: sets)
    refused(run, "of the ranked lists is no infrared test image")
    rankings.save(run / "rankings.npz", {})
    refused(run, "no query of it has a list")


def generated_sets():
    from tests.ceil_jax.experiment.test_explained import SETS

    return types.SimpleNamespace(
        test_visible=SETS["visible"], test_infrared=SETS["infrared"]
    )


def test_the_flag_is_of_the_report_alone():
    command = main.parse(["main", "--mode=report", "--workdir=w", "--explain"])
    assert command.explain
    assert not main.parse(["main", "--mode=report", "--workdir=w"]).explain
    with pytest.raises(UserError, match="--explain is not used by --mode package"):
        main.parse(["main", "--mode=package", "--workdir=w", "--output=o", "--explain"])
    with pytest.raises(UserError, match="--mode report with --explain alone"):
        main.parse(["main", "--mode=report", "--workdir=w", "--weights=f"])
