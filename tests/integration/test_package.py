"""A run's model as a folder of its own, as a user makes and uses it."""

import json
import shutil

import numpy as np
import pytest

from ceil_jax import load, main
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.experiment import sources
from ceil_jax.model.model import Modality
from tests.integration import small


def package(*words: object) -> int:
    return main.main(["main", "--mode=package", *map(str, words)])


def files(folder) -> dict[str, float]:
    return {str(p): p.stat().st_mtime for p in sorted(folder.rglob("*"))}


def test_the_folder_embeds_as_the_run_does(whole, shared, tmp_path, capsys):
    run, _ = whole
    before = files(run)
    assert package(f"--workdir={run}", f"--output={tmp_path / 'model'}") == 0
    assert files(run) == before
    said = capsys.readouterr().out
    results = json.loads((run / "results.json").read_text())
    assert results["engine"]["model"] in said
    assert f"written to {tmp_path / 'model'}" in said
    model = load(tmp_path / "model")
    assert model.info.results
    assert model.info.results["modes"] == results["modes"]
    assert model.info.digest == results["engine"]["model"]

    shutil.copytree(run, tmp_path / "copy")
    assert main.main(["main", "--mode=export", f"--workdir={tmp_path / 'copy'}"]) == 0
    splits = sources.load_images(small.config(shared))
    with np.load(tmp_path / "copy" / "embeddings.npz") as rows:
        wanted = dict(zip(rows["name"].tolist(), rows["features"], strict=True))
    kinds: list[tuple[Modality, ImageSet]] = [
        ("visible", splits.test_visible),
        ("infrared", splits.test_infrared),
    ]
    for kind, images in kinds:
        got = model.embed(images.images.take(np.arange(20)), kind)
        np.testing.assert_allclose(
            got, [wanted[n] for n in images.names[:20]], atol=2e-6
        )


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ((), "--workdir is missing with --mode package"),
        (("--workdir={run}",), "--output is missing with --mode package"),
        (("--workdir={none}", "--output={out}"), "no checkpoint here; train first"),
        (("--workdir={run}", "--output={run}"), "is not empty: a model folder"),
        (
            ("--workdir={run}", "--output={out}", "--trials=1"),
            "--trials is not used by --mode package",
        ),
    ],
)
def test_mistakes_are_one_line(whole, tmp_path, capsys, words, text):
    places = {"run": whole[0], "none": tmp_path / "none", "out": tmp_path / "out"}
    assert package(*(word.format(**places) for word in words)) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert text in err
    assert not (tmp_path / "out").exists()


def test_it_is_told_in_help_and_after_a_training(whole, capsys):
    assert main.main(["main", "--help"]) == 0
    assert "--mode package" in capsys.readouterr().out
    assert f"--workdir {whole[0]} --mode package --output DIR" in whole[1]
