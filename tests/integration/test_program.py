"""The program as a user runs it: train, resume, evaluate; what it writes."""

import copy
import dataclasses
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from ceil_jax.checkpoints.folder import Checkpoints
from ceil_jax.encoder import Encoder
from ceil_jax.evaluation import protocols, rankings
from ceil_jax.evaluation.calibration import Calibration
from ceil_jax.experiment import build, epoch, sources
from ceil_jax.experiment.modes import evaluate, train
from ceil_jax.inputs.augment import normalise
from tests.integration import small
from tests.parity.evaluation import naive

FIGURES = ["rank1", "rank5", "rank10", "rank20", "mAP", "mINP"]


@pytest.fixture
def config(shared):
    return small.config(shared)


def records(folder: Path) -> list[dict[str, Any]]:
    """The lines of `metrics.jsonl`."""
    return [json.loads(x) for x in (folder / "metrics.jsonl").read_text().splitlines()]


def state_of(config, folder: Path):
    """The newest checkpoint's state."""
    with Checkpoints(folder / "checkpoints") as saved:
        return saved.restore(build.initial_state(config))


def leaves(state):
    return [np.asarray(x) for x in jax.tree.leaves(state)]


def test_one_line_is_printed_for_every_epoch(whole, config):
    lines = [x for x in whole[1].splitlines() if x.startswith("epoch ")]
    per_epoch = [x for x in lines if "| loss" in x]
    assert len(per_epoch) == config.num_epochs
    assert all("clusters" in x and "rate" in x and "fit" in x for x in per_epoch)
    assert "\r" not in whole[1]


def figures_of(mode: dict[str, Any], kind: str, names: Sequence[str]) -> list[float]:
    return [mode[kind][name]["mean"] for name in names]


def test_the_comparison_is_printed_as_it_was_recorded(whole):
    recorded = json.loads((whole[0] / "comparison.json").read_text())
    assert list(recorded) == ["grey pixels", "random weights", "stage 1", "stage 2"]
    lines = whole[1].splitlines()
    for name, row in recorded.items():
        mode = row["results"]["modes"]["all"]
        want = [
            f"{figure:.1f}"
            for kind in ("plain", "gcr")
            for figure in figures_of(mode, kind, ("rank1", "mAP"))
        ]
        shown = [line.split() for line in lines if line.startswith(f"{name}  ")]
        assert shown == [[*name.split(), *want]]
    # The last line is what the run's own results say.
    results = json.loads((whole[0] / "results.json").read_text())
    assert recorded["stage 2"]["results"]["modes"] == results["modes"]


def test_the_results_are_printed_as_they_were_recorded(whole):
    results = json.loads((whole[0] / "results.json").read_text())
    lines = [line.split() for line in whole[1].replace(" ± ", "±").splitlines()]
    for name, mode in results["modes"].items():
        for kind, word in (("plain", "plain"), ("gcr", "R")):
            cells = [
                f"{mode[kind][figure]['mean']:.2f}±{mode[kind][figure]['std']:.2f}"
                for figure in FIGURES
            ]
            [found] = [line for line in lines if line[-7:] == [word, *cells]]
            assert (found[0] == name) is (kind == "plain")


def test_metrics_have_what_they_promise(whole, config):
    found = records(whole[0])
    assert [r["epoch"] for r in found] == [*range(1, config.num_epochs + 1)]
    assert [r["stage"] for r in found] == [1, 1, 1, 2, 2, 2]
    for record in found:
        assert {"loss", "learning_rate", "seconds", "compilations"} <= record.keys()
        for side in ("visible", "infrared"):
            counts = record[side]
            assert {"clusters", "proxies", "kept", "images"} <= counts.keys()
            assert counts["clusters"] <= counts["proxies"] <= counts["kept"] / 2
        named = [k for k in record if k.startswith(("cdl", "id_", "cross", "mmd"))]
        assert record["loss"] == pytest.approx(sum(record[k] for k in named), rel=1e-4)
        assert {"embed", "cluster", "fit"} <= record["seconds"].keys()


def test_nothing_is_compiled_after_the_first_epoch_of_a_stage(whole):
    counts = [r["compilations"] for r in records(whole[0])]
    assert counts[0] > 0
    assert counts[1] - counts[0] == counts[2] - counts[1] == 0
    # The fourth epoch brings stage 2's step; evaluations in between bring none later.
    assert counts[4] - counts[3] == counts[5] - counts[4] == 0


def test_results_have_the_promised_structure(whole):
    results = json.loads((whole[0] / "results.json").read_text())
    assert results["protocol"] == "sysu_mm01"
    assert results["trials"] == 2
    assert results["checkpoint"] == "epoch 6"
    assert set(results["modes"]) == {"all", "indoor"}
    for mode in results["modes"].values():
        assert set(mode) == {"plain", "gcr"}
        for figures in mode.values():
            assert list(figures) == FIGURES
            assert all(set(f) == {"mean", "std"} for f in figures.values())


def test_the_results_hold_thresholds_of_all_test_images(whole, config):
    record = json.loads((whole[0] / "results.json").read_text())["verification"]
    found = Calibration.from_dict(record)
    splits = sources.load_images(copy.deepcopy(config))
    people = {*splits.test_visible.identities.tolist()}
    pair = found.pairs["visible-infrared"]
    assert pair.people == len(people)
    counts = [
        np.unique(side.identities, return_counts=True)[1].clip(max=8)
        for side in (splits.test_visible, splits.test_infrared)
    ]
    genuine, every = int((counts[0] * counts[1]).sum()), int(np.prod(np.sum(counts, 1)))
    assert (pair.genuine_total, pair.impostor_total) == (genuine, every - genuine)
    assert 0 < found.threshold(("infrared", "visible"), 0.1) < 1
    assert "same person or not, TAR in % at FAR 1%" in whole[1]


def test_the_results_are_those_of_the_last_checkpoint(whole, config):
    """Found again: images embedded by the encoder itself, lists ranked in a loop."""
    state = state_of(config, whole[0])
    variables = {"params": state.params, "batch_stats": state.batch_stats}
    splits = sources.load_images(copy.deepcopy(config))
    encoder: Any = Encoder(config.encoder.stage_sizes, config.encoder.width)
    sides = {"visible": splits.test_visible, "infrared": splits.test_infrared}
    rows = {}
    for modality, images in sides.items():
        pixels = normalise(images.images.take(np.arange(len(images))))
        embed = jax.jit(lambda x, name=modality: encoder.apply(variables, **{name: x}))
        rows[modality] = np.asarray(embed(pixels))
    recorded = json.loads((whole[0] / "results.json").read_text())["modes"]
    for mode in protocols.modes("sysu_mm01"):
        each = []
        trials = protocols.trials("sysu_mm01", mode, *sides.values(), num_trials=2)
        for query, gallery in trials:
            found = naive(
                rows["infrared"][query] @ rows["visible"][gallery].T,
                sides["infrared"].identities[query],
                sides["visible"].identities[gallery],
                sides["infrared"].cameras[query],
                sides["visible"].cameras[gallery],
                protocol="sysu_mm01",
                max_rank=20,
            )
            assert found is not None
            each.append([*found.cmc[[0, 4, 9, 19]], found.mean_ap, found.mean_inp])
        got = figures_of(recorded[mode.name], "plain", FIGURES)
        # Half a percent: sums in another order may swap two images of a list.
        np.testing.assert_allclose(got, 100 * np.mean(each, 0), atol=0.5)


def test_the_other_files_are_there(whole, config):
    folder = whole[0]
    written = json.loads((folder / "config.json").read_text())
    assert written["encoder"]["width"] == config.encoder.width
    assert list((folder / "tensorboard").glob("events*"))
    with Checkpoints(folder / "checkpoints") as saved:
        # The last two, and the end of stage 1.
        assert {3, 5, 6} <= set(saved.epochs)


def test_a_resumed_run_ends_like_an_uninterrupted_one(
    whole, config, tmp_path, capsys, monkeypatch
):
    class StoppedError(Exception):
        pass

    once = epoch.Trainer.begin

    def stop_at_5(self, state, epoch):
        if epoch == 5:
            raise StoppedError
        return once(self, state, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(epoch.Trainer, "begin", stop_at_5)
        with pytest.raises(StoppedError):
            train.train_and_evaluate(copy.deepcopy(config), tmp_path)
    capsys.readouterr()
    train.train_and_evaluate(copy.deepcopy(config), tmp_path)
    assert "resumed from the checkpoint of epoch 4" in capsys.readouterr().out
    got, want = records(tmp_path), records(whole[0])
    assert [r["epoch"] for r in got] == [r["epoch"] for r in want]
    for a, b in zip(got, want, strict=True):
        assert a["visible"] == b["visible"]
        assert a["loss"] == pytest.approx(b["loss"], rel=1e-6)
    for a, b in zip(
        leaves(state_of(config, tmp_path)),
        leaves(state_of(config, whole[0])),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    for name in ("results.json", "comparison.json"):
        assert (tmp_path / name).read_text() == (whole[0] / name).read_text()


def test_evaluation_of_the_checkpoint_gives_the_same_figures(whole, config, tmp_path):
    shutil.copytree(whole[0], tmp_path / "copy")
    (tmp_path / "copy" / "results.json").unlink()
    evaluate.evaluate_checkpoint(copy.deepcopy(config), tmp_path / "copy")
    got = (tmp_path / "copy" / "results.json").read_text()
    assert got == (whole[0] / "results.json").read_text()


def test_what_every_query_found_goes_with_the_figures(whole):
    recorded = json.loads((whole[0] / "results.json").read_text())["modes"]
    found = rankings.load(whole[0] / "rankings.npz")
    assert list(found) == list(recorded)
    for name, mode in found.items():
        for kind, each in mode.each.items():
            for figure, values in (
                ("mAP", each.average_precision),
                ("mINP", each.inverse_penalty),
                ("rank1", each.first == 1),
            ):
                mean = 100 * np.nanmean(values[:, each.first[0] > 0])
                assert recorded[name][kind][figure]["mean"] == pytest.approx(mean)


def test_what_is_missing_beside_the_figures_is_made_up(whole, config, tmp_path):
    """A run that was stopped after its figures had been written."""
    parts = ("rankings.npz", "ranked_lists.png")
    shutil.copytree(whole[0], tmp_path / "copy")
    for name in parts:
        (tmp_path / "copy" / name).unlink()
    before = (tmp_path / "copy" / "results.json").stat().st_mtime_ns
    evaluate.evaluate_checkpoint(copy.deepcopy(config), tmp_path / "copy")
    assert (tmp_path / "copy" / "results.json").stat().st_mtime_ns == before
    assert not (tmp_path / "copy" / "results").exists()
    one, other = (np.load(f / parts[0]) for f in (tmp_path / "copy", whole[0]))
    assert one.files == other.files
    for name in one.files:
        np.testing.assert_array_equal(one[name], other[name])
    for folder in (tmp_path / "copy", whole[0]):
        assert (folder / parts[1]).read_bytes().startswith(b"\x89PNG")


def test_data_are_prepared_once(whole, config):
    prepared = Path(config.prepared_dir)
    before = {p: p.stat().st_mtime_ns for p in prepared.rglob("*array_record*")}
    assert before
    sources.load_images(copy.deepcopy(config))
    assert {p: p.stat().st_mtime_ns for p in prepared.rglob("*array_record*")} == before


def test_every_field_of_the_config_is_in_the_record(whole, config):
    written = json.loads((whole[0] / "config.json").read_text())
    assert set(written) == {f.name for f in dataclasses.fields(config)}
