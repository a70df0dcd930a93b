import json
from pathlib import Path

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import write_json
from ceil_jax.datasets.imageset import ArraySource, ImageSet
from ceil_jax.evaluation import rankings as rankings_lib
from ceil_jax.evaluation.results import RerankParams
from ceil_jax.evaluation.scoring import Embeddings
from ceil_jax.experiment import page, pictured, results_files
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.modes.report import report
from ceil_jax.rerank import gcr
from tests.ceil_jax.report import generated

CLUSTERS = {"k1": 6, "k2": 2, "eps": 0.6, "min_samples": 2}


@pytest.fixture
def run(tmp_path):
    """The folder of a run, as an evaluation leaves it."""
    contents = generated.contents()
    assert contents.results is not None
    assert contents.rankings is not None
    assert contents.pictures is not None
    record = contents.results.to_json() | {"trained_with": {}, "engine": {"jax": "1"}}
    write_json(tmp_path / "results.json", record)
    config = Config()
    config.seed, config.init_from = 7, "/somewhere/secret/RN50.pt"
    write_json(tmp_path / "config.json", to_dict(config))
    rows = {
        "grey pixels": {"results": record, "note": "no model"},
        "stage 2": {"results": record, "note": ""},
    }
    write_json(tmp_path / "comparison.json", rows)
    lines = [json.dumps(epoch) for epoch in contents.epochs]
    (tmp_path / "metrics.jsonl").write_text("\n".join([*lines, '{"epoch": 9', ""]))
    rankings_lib.save(tmp_path / "rankings.npz", contents.rankings)
    pictured.save(tmp_path / "pictures.npz", contents.pictures)
    return tmp_path


def test_the_page_comes_from_the_files_alone(run, capsys):
    report(run)
    out, err = capsys.readouterr()
    assert out == f"written to {run}/report.html\n"
    assert "1 lines are no epochs" in err
    text = (run / "report.html").read_text()
    assert text.count("<article") == 20
    assert "RN50.pt" in text
    assert "secret" not in text
    assert '<code>seed</code></th><td class="mono">7</td>' in text
    assert "Grey pixels" in text
    assert "--mode export" in text


def test_other_evaluations_have_pages_of_their_own(run):
    (run / "results").mkdir()
    name = run / "results" / "sysu_mm01-ceil-1-epoch_4"
    name.with_suffix(".json").write_bytes((run / "results.json").read_bytes())
    found = page.write_all(run)
    assert found == [run / "report.html", name.with_suffix(".html")]
    assert "No lists were kept" in name.with_suffix(".html").read_text()


def test_what_is_missing_or_damaged_is_said(run, tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        report(tmp_path / "nothing")
    (run / "pictures.npz").write_bytes(b"PK nonsense")
    with pytest.raises(UserError, match=r"pictures\.npz cannot be used"):
        report(run)
    (run / "pictures.npz").unlink()
    report(run)
    (run / "results.json").unlink()
    with pytest.raises(UserError, match=r"holds no results\.json"):
        report(run)


def test_a_command_is_folded_and_stays_one():
    command = "python -m ceil_jax.main --workdir runs/a --mode package --output DIR"
    folded = page._folded(command)
    assert max(map(len, folded.splitlines())) <= 60
    assert " ".join(folded.replace("\\\n", "").split()) == command


def side(generator, num, people, stem):
    """Images of a modality whose embeddings lie near their person's."""
    centres = np.random.default_rng(1).normal(size=(people, 16))
    identities = np.arange(num) % people
    rows = centres[identities] + 0.1 * generator.normal(size=(num, 16))
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    images = generator.integers(0, 99, (num, 8, 4, 3)).astype(np.uint8)
    cameras = np.arange(num) // people % 2 + (1 if stem == "v" else 3)
    names = np.array([f"{stem}/{n}.png" for n in range(num)])
    columns = identities.astype(np.int32), cameras.astype(np.int32)
    found = ImageSet(ArraySource(images), *columns, names)
    return found, Embeddings(rows, *columns, names)


@pytest.fixture
def material():
    generator = np.random.default_rng(0)
    visible, infrared = (side(generator, 40, 5, stem) for stem in "vi")
    sets, sides = (visible[0], infrared[0]), (visible[1], infrared[1])
    return pictured.Material(sets, sides, CLUSTERS)


def test_pictures_of_an_evaluation(material):
    visible, infrared = material.sides
    ranked = generated.mode(40, 40, 5, top=40)
    query, gallery = (
        rankings_lib.Images(each.names, each.identities, each.cameras)
        for each in (infrared, visible)
    )
    ranked = ranked._replace(query=query, gallery=gallery)
    results = generated.figures({"all": ranked})
    found = pictured.of_test(material, {"all": ranked}, results)
    assert found.plane is not None
    assert found.thumbnails is not None
    assert found.plane.infrared.tolist() == [False] * 40 + [True] * 40
    # The nearest image of the other modality, one by one.
    products = visible.features @ infrared.features.T
    right = [
        infrared.identities[row.argmax()] == identity
        for row, identity in zip(products, visible.identities, strict=True)
    ]
    assert found.plane.right[:40].tolist() == right
    stretched = dict(
        zip(found.thumbnails.names, found.thumbnails.stretched, strict=True)
    )
    assert all(flag == name.startswith("i/") for name, flag in stretched.items())
    whole = [each.direct + each.shares.sum() for each in found.support]
    np.testing.assert_allclose(whole, 1, atol=1e-6)
    scores = np.asarray(
        gcr(
            infrared.features,
            visible.features,
            infrared.cameras,
            visible.cameras,
            **RerankParams()._asdict(),
        )
    )
    assert len(found.support) == len(found.chosen["all"].queries)
    for each in found.support:  # through nothing but where there is a score
        assert (scores[each.query, each.answer] > 0) == (each.shares.sum() > 0)


def test_sheets_of_images_without_labels(material):
    found = pictured.of_training(material)
    assert found.sheets
    # Five people of eight images in each modality, of which the clustering drops some.
    for sizes in found.sizes.values():
        assert len(sizes) == 5
        assert 2 <= sizes.min() <= sizes.max() <= 8
    for sheet in found.sheets:
        images = material.sets[sheet.modality == "infrared"]
        rows = np.flatnonzero(np.isin(images.names, sheet.names))
        assert len({*images.identities[rows].tolist()}) == 1


def test_a_page_that_says_all_is_left_as_it_is(tmp_path, monkeypatch):
    figures = tmp_path / "results.json"
    made: list[Path] = []

    def write(workdir, path):
        made.append(path)
        (workdir / "report.html").write_text("made")
        return workdir / "report.html"

    monkeypatch.setattr(page, "write", write)
    new, old = results_files.Kept(figures, True), results_files.Kept(figures, False)
    added = results_files.Kept(figures, False, ("verification",))
    for kept, times in ((old, 1), (old, 1), (new, 2), (added, 3)):
        assert page.keep(tmp_path, kept) == tmp_path / "report.html"
        assert made == [figures] * times
