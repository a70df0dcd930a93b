"""The real command on a finished run: exact maps, kept or dropped by their weights."""

import json
import re
import shutil

import numpy as np
import pytest

from ceil_jax import load, main
from ceil_jax.evaluation import rankings
from ceil_jax.experiment import explained
from ceil_jax.pretrained import SYNTHETIC
from tests.ceil_jax.datasets import trees
from tests.repo import source


@pytest.fixture
def run(whole, tmp_path):
    """A copy of a finished run."""
    return shutil.copytree(whole[0], tmp_path / "run")


def report(run, *words: str) -> int:
    return main.main(["main", "--mode=report", f"--workdir={run}", *words])


def is_shown(run) -> bool:
    text = (run / "report.html").read_text()
    return bool(re.search(r"<li [^>]*data-x=", text))


def check_cosines(found, path) -> None:
    """Whether similarities are those of the evaluation, by names."""
    scores = {}
    for ranked in rankings.load(path).values():
        plain = ranked.lists["plain"]
        for query, images in enumerate(plain.gallery):
            for column, image in enumerate(images[images >= 0]):
                names = ranked.query.names[query], ranked.gallery.names[image]
                scores[names] = plain.scores[query, column]
    pairs = zip(found.names[found.query], found.names[found.answer], strict=True)
    known = np.array([scores.get(pair, np.nan) for pair in pairs])
    there = np.isfinite(known)
    assert there.mean() > 0.5
    np.testing.assert_allclose(found.similarity[there], known[there], atol=2e-5)


def test_maps_are_exact_and_kept_while_the_weights_are_the_same(run, capsys):
    assert not is_shown(run)
    assert report(run, "--explain") == 0
    assert "pairs explained in" in capsys.readouterr().out
    assert is_shown(run)
    digest = json.loads((run / "results.json").read_text())["engine"]["model"]
    found = explained.of_model(run / "explained.npz", digest)
    assert found is not None
    assert found.model == load(run).info.digest
    sums = found.maps.astype(np.float64).sum((2, 3))
    np.testing.assert_allclose(sums, found.similarity[:, None].repeat(2, 1), atol=2e-3)

    check_cosines(found, run / "rankings.npz")
    assert report(run) == 0  # without the flag they are kept
    assert is_shown(run)
    explained.save(run / "explained.npz", found._replace(model="0" * 64))
    capsys.readouterr()
    assert report(run) == 0
    assert "is of other weights than the figures" in capsys.readouterr().err
    assert not is_shown(run)


def test_figures_of_other_weights_are_not_explained(run, capsys):
    path = run / "results.json"
    record = json.loads(path.read_text())
    record["engine"]["model"] = "f" * 64
    path.write_text(json.dumps(record))
    assert report(run, "--explain") == 2
    err = capsys.readouterr().err.splitlines()[-1]
    assert err.startswith(f"error: {path} is of other weights (ffffffffffff) than")


@pytest.mark.slow
def test_averages_with_mirror_images_are_divided_too(run):
    command = ["main", "--mode=evaluate", f"--workdir={run}"]
    assert main.main([*command, "--config.evaluation.flip=True"]) == 0
    assert report(run, "--explain") == 0
    [path] = (run / "results").glob("*.explained.npz")
    [lists] = (run / "results").glob("*.rankings.npz")
    digest = json.loads((run / "results.json").read_text())["engine"]["model"]
    found = explained.of_model(path, digest)
    assert found is not None
    check_cosines(found, lists)
    # The average of two unit rows is shorter: no similarity is that without mirrors.
    own = explained.of_model(run / "explained.npz", digest)
    assert own is not None
    assert abs(found.similarity.mean() - own.similarity.mean()) > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["regdb", "llcm", "sysu_mm01"])
def test_weights_of_a_file_on_the_layouts_of_real_data(tmp_path, layout, capsys):
    write = {
        "regdb": trees.write_regdb,
        "llcm": trees.write_llcm,
        "sysu_mm01": trees.write_sysu,
    }[layout]
    root = write(tmp_path / "data")
    run, weights = tmp_path / "run", f"--weights={SYNTHETIC}"
    command = [
        *("main", f"--config={source.ROOT}/configs/{layout}.py", f"--workdir={run}"),
        *(f"--config.data_dir={root}", "--config.allow_partial=True"),
        *("--config.encoder.stage_sizes=(1, 1, 1, 1)", "--config.encoder.width=16"),
        *("--config.image_size=(64, 32)", f"--config.prepared_dir={tmp_path}/ready"),
    ]
    assert main.main([*command, "--mode=evaluate", weights]) == 0
    assert report(run, "--explain") == 2
    assert "no checkpoint here; train first" in capsys.readouterr().err
    assert report(run, "--explain", weights) == 0
    digest = json.loads((run / "results.json").read_text())["engine"]["model"]
    found = explained.of_model(run / "explained.npz", digest)
    assert found is not None
    assert found.maps.shape[1:] == (2, 4, 2)
    check_cosines(found, run / "rankings.npz")
    assert is_shown(run)
