"""The builders as users of TFDS expect them; without TensorFlow.

TFDS's own test case needs TensorFlow even to be imported; this checks what it checks:
the registration, the metadata, the preparation from a `manual_dir`, the examples of
each split, and that a reloaded builder reads the same.
"""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow_datasets as tfds
from tensorflow_datasets.core import community, dataset_metadata

from ceil_jax.common.errors import DataError
from ceil_jax.datasets.listed import ListedConfig
from tests.ceil_jax.datasets.trees import TREES

ROOT = Path(__file__).parents[3]
SPLITS = {
    "regdb": {"images": 16},
    "sysu_mm01": {"train": 34, "test": 24},
    "llcm": {"train": 68, "test": 68},
    "folder": {"train": 6, "test": 16},
}
TINY = {"name": "tiny", "image_size": [12, 6], "allow_partial": True}
CASES = pytest.mark.parametrize("name", SPLITS)


def make(name: str, place: Path, **options: Any) -> Any:
    importlib.import_module(f"ceil_jax.datasets.{name}")
    config = ListedConfig(**{**TINY, **options})
    return tfds.builder(name, data_dir=place, config=config)


def prepare(builder: Any, manual_dir: Path, **options: Any) -> Any:
    builder.download_and_prepare(
        download_dir=manual_dir.parent / "downloads",
        download_config=tfds.download.DownloadConfig(manual_dir=manual_dir, **options),
    )
    return builder


@CASES
def test_registered_by_the_import_of_its_package(name: str):
    module = importlib.import_module(f"ceil_jax.datasets.{name}")
    assert tfds.builder_cls(name) is module.Builder
    assert module.Builder.name == name
    assert [config.name for config in module.Builder.BUILDER_CONFIGS] == ["288x144"]


def test_the_generated_data_set_is_registered_too(tmp_path: Path):
    module = importlib.import_module(
        "ceil_jax.datasets.synthetic.synthetic_dataset_builder"
    )
    builder: Any = tfds.builder("synthetic", data_dir=tmp_path)
    assert isinstance(builder, module.Builder)
    assert builder.builder_config.image_size == (64, 32)


@CASES
def test_metadata(name: str, tmp_path: Path):
    builder = make(name, tmp_path)
    assert builder.info.name == name
    assert builder.info.full_name == f"{name}/tiny/2.0.0"
    assert builder.info.description.startswith("# ")
    assert ("@" in builder.info.citation) == (name != "folder")
    assert "manual_dir is" in builder.MANUAL_DOWNLOAD_INSTRUCTIONS
    assert set(builder.get_metadata().tags) <= set(dataset_metadata.valid_tags())


@CASES
def test_examples(name: str, tmp_path: Path, capfd):
    tree = TREES[name].write(tmp_path / "set")
    builder = prepare(make(name, tmp_path / "out"), tree)
    counts = {split: info.num_examples for split, info in builder.info.splits.items()}
    assert counts == SPLITS[name]
    seen: dict[str, bytes] = {}
    for split, source in builder.as_data_source().items():
        assert len(source) == SPLITS[name][split]
        for example in source:
            assert set(example) == set(builder.info.features)
            for field, spec in builder.info.features.get_tensor_info().items():
                value = np.asarray(example[field])
                assert value.shape == spec.shape
            assert example["image"].dtype == np.uint8
            key = example["name"].decode()
            assert (tree / key).is_file(), "names are relative to the data folder"
            assert key not in seen, "no example is in two splits"
            seen[key] = example["image"].tobytes()
    assert capfd.readouterr().out == ""
    without_code: Any = tfds.builder_from_directory(builder.data_path)
    for reloaded in (make(name, tmp_path / "out"), without_code):
        for split in SPLITS[name]:
            for example in reloaded.as_data_source(split):
                assert example["image"].tobytes() == seen[example["name"].decode()]


def test_a_reloaded_builder_knows_warnings_and_names(tmp_path: Path):
    prepare(make("folder", tmp_path), TREES["folder"].write(tmp_path / "own"))
    again = make("folder", tmp_path)
    assert again.camera_names == {1: "door", 2: "hall", 3: "roof"}
    assert again.identity_names == {1: "x", 2: "y"}
    assert again.warnings == ()
    prepare(make("regdb", tmp_path), TREES["regdb"].write(tmp_path / "regdb tree"))
    (warning,) = make("regdb", tmp_path).warnings
    assert warning.startswith("RegDB at ")
    assert "4 identities instead of 412" in warning


def test_the_standard_configuration_wants_the_whole(tmp_path: Path):
    importlib.import_module("ceil_jax.datasets.llcm")
    builder = tfds.builder("llcm", data_dir=tmp_path / "out")
    tree = TREES["llcm"].write(tmp_path / "set")
    with pytest.raises(DataError, match="2 training identities instead of 713"):
        prepare(builder, tree)


def test_the_instructions_are_shown_without_a_folder(tmp_path: Path):
    builder = make("sysu_mm01", tmp_path / "out")
    with pytest.raises(AssertionError, match="Ask the authors"):
        prepare(builder, tmp_path / "nowhere")


def test_options_of_the_preparation_count(tmp_path: Path):
    tree = TREES["llcm"].write(tmp_path / "set")
    few = prepare(make("llcm", tmp_path / "few"), tree, max_examples_per_split=5)
    assert len(few.as_data_source("train")) == 5
    assert len(few.index().name) == 10
    shards = prepare(make("llcm", tmp_path / "shards"), tree, num_shards=3)
    assert shards.info.splits["train"].num_shards == 3
    assert len(list(Path(shards.data_path).glob("llcm-train.array_record-*"))) == 3
    names = [e["name"].decode() for e in shards.as_data_source("train")]
    assert names == sorted(names)
    assert len(names) == 68


def test_a_wrong_size_is_refused():
    for size in ([12], [0, 6], [12.0, 6]):
        with pytest.raises(ValueError, match=r"must be \(height, width\) in pixels"):
            ListedConfig(name="wrong", image_size=size)  # pyright: ignore


def build(*words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ceil_jax.datasets.build", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_build_by_name(tmp_path: Path):
    tree = TREES["sysu_mm01"].write(tmp_path / "set")
    places = (f"--manual_dir={tree}", f"--data_dir={tmp_path / 'out'}")
    refused = build("sysu_mm01", *places)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith("error: SYSU-MM01 at ")
    done = build("sysu_mm01", *places, "--config", json.dumps(TINY))
    assert done.returncode == 0, done.stderr
    source = make("sysu_mm01", tmp_path / "out").as_data_source("train")
    assert len(source) == SPLITS["sysu_mm01"]["train"]


@pytest.mark.parametrize("name", [*SPLITS, "synthetic"])
def test_the_checkout_has_a_builder_beside_the_registered_one(name: str, monkeypatch):
    defined = importlib.import_module(
        f"ceil_jax.datasets.{name}.{name}_dataset_builder"
    )
    monkeypatch.syspath_prepend(ROOT / "data")
    builder = community.builder_cls_from_module(f"{name}.{name}_dataset_builder")
    assert issubclass(builder, defined.Builder)
    assert builder.name == name
    assert tfds.builder_cls(name) is defined.Builder
    assert builder.get_metadata() == defined.Builder.get_metadata()
    assert builder.get_metadata().description.startswith("# ")
    for file in ("README.md", "CITATIONS.bib"):
        seen = ROOT / "data" / name / file
        assert seen.resolve() == ROOT / "ceil_jax" / "datasets" / name / file
        assert seen.is_file()


def test_data_is_no_package():
    assert not (ROOT / "data" / "__init__.py").exists()
    folders = {path.name for path in (ROOT / "data").iterdir() if path.is_dir()}
    assert folders == {*SPLITS, "synthetic"}


@pytest.mark.parametrize("words", [[], ["data/folder"], ["folder"]])
def test_build_in_the_checkout(words: list[str], tmp_path: Path):
    tree = TREES["folder"].write(tmp_path / "set")
    places = (f"--manual_dir={tree}", f"--data_dir={tmp_path / 'out'}")
    cwd = ROOT if words else ROOT / "data" / "folder"
    done = build(*words, *places, cwd=cwd)
    assert done.returncode == 0, done.stderr
    importlib.import_module("ceil_jax.datasets.folder")
    builder: Any = tfds.builder("folder", data_dir=tmp_path / "out")
    assert builder.as_data_source("test")[0]["image"].shape == (288, 144, 3)
