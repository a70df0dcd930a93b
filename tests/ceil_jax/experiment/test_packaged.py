"""Which configuration file is meant, and what a mode needs installed."""

import pytest

from ceil_jax import main
from ceil_jax.common import extras
from ceil_jax.experiment import packaged
from ceil_jax.experiment.config import Config
from tests.repo import source

OWN = str(source.ROOT / "configs" / "regdb.py")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["regdb", "regdb.py", "configs/regdb.py"])
def test_ours_is_found_where_the_working_folder_has_none(name, elsewhere):
    assert packaged.find(name) == OWN
    (elsewhere / "configs").mkdir()
    (elsewhere / "configs" / "__init__.py").touch()
    (elsewhere / "regdb").mkdir()
    assert packaged.find(name) == OWN


@pytest.mark.parametrize("name", ["regdb", "regdb.py", "configs/regdb.py"])
def test_that_of_the_working_folder_comes_first(name, elsewhere):
    (elsewhere / name).parent.mkdir(exist_ok=True)
    (elsewhere / name).touch()
    assert packaged.find(name) == name


@pytest.mark.parametrize(
    "name", ["none", "my/regdb.py", "/configs/regdb.py", "regdb.txt", "__init__", ""]
)
def test_others_stay_as_they_are(name):
    assert packaged.find(name) == name


@pytest.mark.parametrize(
    "words", [["--config=regdb"], ["--config", "regdb"], ["-config", "configs/regdb"]]
)
def test_the_program_takes_ours(words, capsys):
    command = main.parse(["main", *words, "--workdir=w", "--config.rerank.k1=3"])
    assert (command.config.dataset, command.config.rerank.k1) == ("regdb", 3)
    assert main.main(["main", "--help", *words]) == 0
    assert "--config.matching.k1=18 " in capsys.readouterr().out


def test_words_after_other_flags_are_no_files():
    words = ["main", "--workdir", "regdb", "--config.data_dir=regdb", "--mode=x"]
    assert packaged.found(words) == words


@pytest.mark.parametrize(
    ("mode", "extra"), [("train", "train"), ("prepare", "train"), ("convert", "model")]
)
def test_a_mode_names_its_extra(mode, extra, monkeypatch):
    packaged.require(mode, Config())
    changed = {**extras.EXTRAS, extra: ("no_such",)}
    monkeypatch.setattr(extras, "EXTRAS", changed)
    message = rf"--mode {mode} needs no_such, installed by the extra \[{extra}\]"
    with pytest.raises(extras.MissingExtraError, match=message):
        packaged.require(mode, Config())


def test_scoring_features_needs_the_core_alone(monkeypatch):
    monkeypatch.setattr(extras, "EXTRAS", dict.fromkeys(extras.EXTRAS, ("no_such",)))
    packaged.require("score", Config())


def test_a_search_of_faiss_is_asked_for_before_the_training(monkeypatch):
    config = Config()
    monkeypatch.setattr(extras, "EXTRAS", {**extras.EXTRAS, "faiss": ("no_such",)})
    packaged.require("train", config)
    config.rerank.search = "ivf"
    with pytest.raises(extras.MissingExtraError, match=r"config.rerank.search=ivf nee"):
        packaged.require("train", config)


def test_a_format_names_its_extra(monkeypatch):
    monkeypatch.setattr(extras, "EXTRAS", {**extras.EXTRAS, "export": ("no_such",)})
    for form in ("", "npz", "torch"):
        packaged.require("export", Config(), form)
    # The model itself is written without what training needs.
    changed = dict.fromkeys(("train", "export"), ("no_such",))
    monkeypatch.setattr(extras, "EXTRAS", {**extras.EXTRAS, **changed})
    packaged.require("export", Config(), "torch")
    with pytest.raises(extras.MissingExtraError, match=r"--mode export .* \[train\]"):
        packaged.require("export", Config(), "npz")
    for form in ("onnx", "stablehlo"):
        message = rf"--mode export --format {form} needs no_such, .* extra \[export\]"
        with pytest.raises(extras.MissingExtraError, match=message):
            packaged.require("export", Config(), form)


def test_a_model_is_written_without_what_trains(monkeypatch):
    monkeypatch.setattr(extras, "EXTRAS", {**extras.EXTRAS, "train": ("no_such",)})
    for form in ("onnx", "stablehlo", "torch"):
        packaged.require("export", Config(), form)
    for form in ("", "npz"):
        with pytest.raises(extras.MissingExtraError, match=r"extra \[train\]"):
            packaged.require("export", Config(), form)
