"""Images of one's own cameras: trained on without labels, scored, embedded."""

import json

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment.modes import evaluate, export, train
from ceil_jax.pretrained import SYNTHETIC
from tests.integration import cameras, small


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return cameras.write(tmp_path_factory.mktemp("cameras"))


@pytest.fixture
def config(shared, folder, tmp_path):
    made = small.config(shared)
    made.dataset, made.data_dir = "folder", str(folder)
    made.prepared_dir = str(tmp_path / "prepared")
    made.evaluation.baselines = False
    made.stage1_epochs = made.stage2_epochs = 1
    made.optimizer.warmup_epochs = 0
    return made


def stages(workdir):
    lines = (workdir / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["stage"] for line in lines]


def test_trains_without_labels_and_scores_what_is_labelled(config, tmp_path):
    workdir = tmp_path / "run"
    config.stage1_epochs = 0  # the other test's
    results = train.train_and_evaluate(config, workdir)
    assert results is not None
    assert [*results.modes] == ["infrared_to_visible"]
    mode = results.modes["infrared_to_visible"]
    # Two infrared cameras ask, four visible ones are searched, of six people.
    assert (mode.num_queries, mode.num_gallery) == (6 * 2 * 4, 6 * 4 * 4)
    assert stages(workdir) == [2]
    # No identity is known, so nothing can be said of right matches.
    assert "right_matches" not in (workdir / "metrics.jsonl").read_text()
    check_embeddings(config, workdir)
    # The report says what the folders say.
    page = (workdir / "report.html").read_text()
    assert "<h4>Person p" in page
    assert "<option>door 1</option>" in page


def check_embeddings(config, workdir):
    path = export.export(config, workdir)
    assert path == workdir / "embeddings.npz"
    with np.load(path, allow_pickle=False) as stored:
        rows = export.Exported(**stored)
    assert len(rows.features) == (8 + 6) * (4 * 4 + 2 * 4)
    np.testing.assert_allclose(np.linalg.norm(rows.features, axis=1), 1, atol=1e-5)
    is_test = rows.split == "test"
    assert (rows.identity[~is_test] == -1).all()
    assert set(rows.identity[is_test]) == {1, 2, 3, 4, 5, 6}
    for name, modality, camera in zip(
        rows.name, rows.modality, rows.camera, strict=True
    ):
        assert f"{modality}/door {camera}/" in name


def test_one_modality_alone_is_stage_1(config, folder, tmp_path, capsys):
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "infrared").symlink_to(folder / "infrared")
    config.data_dir = str(alone)
    workdir = tmp_path / "run"
    assert train.train_and_evaluate(config, workdir) is None
    printed = capsys.readouterr().out
    assert "one modality only: stage 1 alone, 1 epochs" in printed
    assert "no test images" in printed
    assert stages(workdir) == [1]
    assert not (workdir / "results.json").exists()
    with pytest.raises(UserError, match="no test images to score"):
        evaluate.evaluate_checkpoint(config, workdir)
    with np.load(export.export(config, workdir)) as stored:
        assert set(stored["modality"]) == {"infrared"}


def test_embeds_with_weights_of_a_file(config, tmp_path):
    config.encoder.width = 16
    path = export.export(config, tmp_path / "new", str(SYNTHETIC))
    with np.load(path) as stored:
        assert stored["features"].shape == ((8 + 6) * 24, 32 * 16)


def test_without_training_there_is_nothing_to_embed_with(config, tmp_path):
    with pytest.raises(UserError, match=r"no checkpoint here; train first"):
        export.export(config, tmp_path)
