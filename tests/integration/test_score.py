"""Exported features scored by name give the figures of the model, to the digit."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ceil_jax import main
from ceil_jax.pretrained import SYNTHETIC
from tests.integration import cameras, small

PEOPLE = Path(os.environ.get("CEIL_JAX_PEOPLE", ""))
SMALL = [
    *("--config.image_size=(64, 32)", "--config.encoder.stage_sizes=(1, 1, 1, 1)"),
    *("--config.encoder.width=16", "--config.evaluation.num_pictured_queries=0"),
    *("--config.augment.pad=4", "--config.evaluation.num_trials=3"),
]


def read(path: Path):
    return json.loads(path.read_text())


def rounded(record) -> dict[str, float]:
    """Every figure as the tables show it, and the parameters of the re-ranking."""
    found = {}
    for mode, kinds in record["modes"].items():
        found[f"{mode}/rerank"] = kinds.pop("rerank", None)
        for kind, figures in kinds.items():
            for name, spread in figures.items():
                for part, value in spread.items():
                    found[f"{mode}/{kind}/{name}/{part}"] = round(value, 2)
    return found


def run(mode: str, workdir: Path, *words: str) -> None:
    assert main.main(["main", f"--mode={mode}", f"--workdir={workdir}", *words]) == 0


@pytest.mark.slow
def test_a_run_and_its_export(whole, tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("checkpoints", "config.json", "trained_on.npz"):
        (folder / name).symlink_to(whole[0] / name)
    run("export", folder)
    run("evaluate", folder)
    words = (f"--config={folder}/config.json", f"--features={folder}/embeddings.npz")
    run("score", tmp_path / "out", *words)
    [record] = [*folder.glob("results.json"), *folder.glob("results/*.json")]
    scored = read(tmp_path / "out" / "results.json")
    assert scored["modes"] == read(record)["modes"]
    assert scored["features"]["normalised"] is False
    assert scored["engine"]["model"] != read(record)["engine"]["model"]
    assert (folder / "results.json").stat().st_size > 1000
    # Figures of features are none of the run's, though they are its features.
    again = ["main", "--mode=score", f"--workdir={folder}", *words]
    assert main.main(again) == 2
    run("score", tmp_path / "out", *words[1:])  # with the configuration kept there


SETS = {
    "sysu_mm01": ("SYSU-MM01", ["--config.evaluation.sampling=agw"]),
    "regdb": ("RegDB", ["--config.trial=3"]),
    "regdb_released": ("RegDB", ["--config.evaluation.protocol=regdb_released"]),
    "llcm": ("LLCM", ["--config.rerank.auto"]),
    "folder": ("", []),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_weights_and_their_export(name, shared, tmp_path):
    title, words = SETS[name]
    if title and not (PEOPLE / title).is_dir():
        pytest.skip(f"CEIL_JAX_PEOPLE names no folder that holds {title}")
    data = PEOPLE / title if title else cameras.write(tmp_path / "cameras")
    config = small.config(shared)
    common = [
        f"--config={name.removesuffix('_released')}",
        f"--config.data_dir={data}",
        f"--config.prepared_dir={tmp_path / 'prepared'}",
        f"--config.compilation_cache={config.compilation_cache}",
        "--config.allow_partial",
        *SMALL,
        *words,
    ]
    weights = f"--weights={SYNTHETIC}"
    run("evaluate", tmp_path / "model", *common, weights)
    # Every split's test images are among those of one: all are exported.
    run("export", tmp_path / "export", *common, weights)
    file = tmp_path / "export" / "embeddings.npz"
    run("score", tmp_path / "out", *common, f"--features={file}")
    model, scored = (read(tmp_path / f / "results.json") for f in ("model", "out"))
    same = ("protocol", "sampling", "galleries", "trials", "dataset", "split")
    assert {key: scored[key] for key in same} == {key: model[key] for key in same}
    assert rounded(scored) == rounded(model)
    assert scored["features"]["scaled"] == (title != "RegDB")  # by config.flip
    if title == "RegDB":
        assert scored["modes"] == model["modes"]
    assert scored["evaluated_with"] == model["evaluated_with"]
    assert len(scored["warnings"]) == len(model["warnings"])
    # As another program would give them: paths of its own, half the precision.
    with np.load(file) as stored:
        np.save(tmp_path / "half.npy", stored["features"].astype(np.float16))
        listed = [f"{data}/{name}" for name in stored["name"].tolist()]
    (tmp_path / "half.csv").write_text("\n".join(listed))
    run("score", tmp_path / "half", *common, f"--features={tmp_path / 'half.npy'}")
    half = read(tmp_path / "half" / "results.json")
    for mode, figures in scored["modes"].items():
        found = half["modes"][mode]["plain"]["mAP"]["mean"]
        assert found == pytest.approx(figures["plain"]["mAP"]["mean"], abs=0.5)
