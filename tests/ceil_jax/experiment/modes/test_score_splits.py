"""Scoring a file of features for each split: their mean, and what cannot be scored."""

import json
import shutil

import numpy as np
import pytest

from ceil_jax import main
from ceil_jax.common.errors import UserError
from ceil_jax.experiment import compared
from ceil_jax.experiment.config import Config
from ceil_jax.experiment.modes import compare, score, score_splits
from tests.ceil_jax.experiment.modes.test_score import columns_of, listed, save

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.fixture
def files(config, tmp_path):
    """Features of three splits' models, each of its own."""
    for split in (1, 2, 3):
        names, rows = columns_of(config, split)
        noise = np.random.default_rng(split).normal(size=rows.shape)
        save(tmp_path / f"f_{split}.npz", names, rows + 0.4 * noise)
    return [str(tmp_path / "f_{split}.npz")]


def read(path):
    return json.loads(path.read_text())


def test_each_split_is_scored_by_its_own_features(config, files, tmp_path, capsys):
    folder = tmp_path / "out"
    mean = score_splits.score_splits(config, folder, files, trials="1-3")
    alone = {}
    for split in (1, 2, 3):
        config.trial = split
        own = [files[0].format(split=split)]
        alone[split] = score.score_features(config, tmp_path / f"{split}", own)
        kept = read(folder / f"trial_0{split}" / "results.json")
        wanted = read(tmp_path / f"{split}" / "results.json")
        assert kept["modes"] == wanted["modes"]
        assert kept["warnings"] == wanted["warnings"]
        assert kept["split"] == split
    record = read(folder / "results.json")
    assert record["splits"] == {
        str(split): each.to_json()["modes"] for split, each in alone.items()
    }
    for mode in record["modes"]:
        for kind in ("plain", "gcr"):
            values = [getattr(each.modes[mode], kind) for each in alone.values()]
            for figure in ("rank1", "mAP", "mINP"):
                column = [side[figure].mean for side in values]
                got = record["modes"][mode][kind][figure]
                assert got["mean"] == pytest.approx(np.mean(column), rel=1e-12)
                assert got["std"] == pytest.approx(np.std(column), rel=1e-9)
    assert record["trials"] == 3
    assert record["split"] is None
    assert record["checkpoint"] == "features f_{split}.npz of each split's model"
    assert record["warnings"] == list(mean.warnings)
    assert sum("do not tell which people" in each for each in mean.warnings) == 1
    out = capsys.readouterr().out
    assert "split 2:\n32 rows of 16 numbers" in out
    assert "split 2: written to" in out


def test_what_was_scored_can_be_compared(config, files, tmp_path):
    score_splits.score_splits(config, tmp_path / "out", files, trials="1-3")
    opened = compared.open_run(str(tmp_path / "out"))
    assert [*opened.evaluations] == [1, 2, 3]
    assert compared.recipe_fault(opened, opened) == ""
    side = compare.run_of("A", "out", opened)
    assert all(each.rankings for each in side.by_split.values())


def test_the_same_once_more_is_no_repetition(config, files, tmp_path, capsys):
    for _ in range(2):
        score_splits.score_splits(config, tmp_path / "out", files, trials="1,3")
    out = capsys.readouterr().out
    assert out.count("measured before, see") == 3  # two splits and the mean
    found = {path.name for path in (tmp_path / "out").glob("[!.]*")}
    assert {"config.json", "results.json", "trial_01", "trial_03"} <= found
    assert not (tmp_path / "out" / "results").exists()


def test_a_file_for_each_modality_and_names_of_their_own(config, tmp_path):
    for split in (1, 2):
        names, rows = columns_of(config, split, noise=0.1 * split)
        visible = np.char.startswith(names, "Visible/")
        for word, part in (("v", visible), ("i", ~visible)):
            np.save(tmp_path / f"{word}{split:02d}.npy", rows[part])
            (tmp_path / f"{word}{split:02d}.txt").write_text("\n".join(names[part]))
    words = [str(tmp_path / (word + "{split:02d}.npy")) for word in "vi"]
    lists = [str(tmp_path / (word + "{split:02}.txt")) for word in "vi"]
    mean = score_splits.score_splits(config, tmp_path / "out", words, lists, "1-2")
    assert [*(mean.by_split or {})] == [1, 2]


def test_one_file_for_two_splits_is_told(config, files, tmp_path, capsys):
    names, rows = columns_of(config, trial=None, noise=0.3)
    for split in (1, 3):
        save(tmp_path / f"f_{split}.npz", names, rows)
    mean = score_splits.score_splits(config, tmp_path / "out", files, trials="1-3")
    assert "splits 1, 3 have equal features, so one model" in mean.warnings[-1]
    assert "warning: splits 1, 3 have equal" in capsys.readouterr().err
    assert read(tmp_path / "out" / "results.json")["warnings"] == list(mean.warnings)


def scored(config, tmp_path, *words):
    command = [
        *("main", "--mode=score", "--config=regdb"),
        f"--config.data_dir={config.data_dir}",
        "--config.allow_partial",
        "--config.compilation_cache=off",
        f"--workdir={tmp_path / 'out'}",
    ]
    return main.main([*command, *words])


def test_files_in_the_wrong_order(config, files, tmp_path, capsys):
    shutil.move(tmp_path / "f_2.npz", tmp_path / "x.npz")
    shutil.move(tmp_path / "f_3.npz", tmp_path / "f_2.npz")
    shutil.move(tmp_path / "x.npz", tmp_path / "f_3.npz")
    assert scored(config, tmp_path, f"--features={files[0]}", "--trials=1-3") == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: split 2: {tmp_path}/f_2.npz: ")
    assert "test images have no row" in error
    assert error.endswith("(the rows are those of split 3)\n")
    assert not (tmp_path / "out").exists()


def test_an_export_of_another_splits_model(config, tmp_path):
    """Rows of all images, as `--mode export` writes them with what was trained on."""
    tests = listed(config, None)
    names = np.concatenate([tests.visible.names, tests.infrared.names])
    of_split = {
        t: {*np.concatenate([s.names for s in listed(config, t)[:2]])} for t in (1, 2)
    }
    for split, other in ((1, 2), (2, 1)):
        np.savez(
            tmp_path / f"f_{split}.npz",
            name=names,
            features=np.random.default_rng(split).normal(size=(len(names), 4)),
            split=np.array(
                ["test" if n in of_split[other] else "train" for n in names]
            ),
        )
    files = [str(tmp_path / "f_{split}.npz")]
    num = len(of_split[1] - of_split[2])
    with pytest.raises(
        UserError, match=f"^split 1: .*its model was trained on {num} of the 32 test"
    ):
        score_splits.score_splits(config, tmp_path / "out", files, trials="1-2")
    shutil.move(tmp_path / "f_1.npz", tmp_path / "x.npz")
    shutil.move(tmp_path / "f_2.npz", tmp_path / "f_1.npz")
    shutil.move(tmp_path / "x.npz", tmp_path / "f_2.npz")
    score_splits.score_splits(config, tmp_path / "out", files, trials="1-2")
    # One model on all splits was trained on some of their people, and says so itself.
    config.evaluation.protocol = "regdb_released"
    score.score_features(config, tmp_path / "all", [str(tmp_path / "f_1.npz")])


@pytest.mark.parametrize("column", [np.arange(32), np.array([{}] * 32, object)])
def test_another_array_of_that_name_is_left_alone(config, tmp_path, column):
    names, rows = columns_of(config)
    np.savez(tmp_path / "f.npz", name=names, features=rows, split=column)
    score.score_features(config, tmp_path / "out", [str(tmp_path / "f.npz")])


MISTAKES = {
    "all, of which seven are missing": (
        ["--features={}"],
        "f_4.npz: no such file: splits 4, 5, 6, 7, 8, 9, 10 lack features; "
        "--trials=1,2,3 scores the others",
    ),
    "none is there": (
        ["--features={}", "--trials=4"],
        "f_4.npz: no such file: split 4 lacks features",
    ),
    "no such split": (
        ["--features={}", "--trials=11"],
        "regdb has splits 1 to 10, 11 is none of them",
    ),
    "splits of one file": (
        ["--features=f.npz", "--trials=1-3"],
        "--trials=1-3 is for features of several splits, a file for each: --features F",
    ),
    "one modality of one model": (
        ["--features={}", "--features=i.npz", "--trials=1-3"],
        "--features=i.npz has no {split} in its name as the other has",
    ),
    "one split": (
        ["--features={}", "--config.trial=3"],
        "config.trial=3 is for one split: with --features F_{split}.npz say --trials=3",
    ),
    "one model on all": (
        ["--features={}", "--config.evaluation.protocol=regdb_released"],
        "scores one model on all splits",
    ),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_mistakes(case, config, files, tmp_path, capsys):
    words, said = MISTAKES[case]
    words = [word.replace("{}", files[0]) for word in words]
    assert scored(config, tmp_path, *words) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_data_set_of_one_split(tmp_path):
    config = Config(dataset="llcm", data_dir=str(tmp_path))
    with pytest.raises(UserError, match="llcm has one split"):
        score_splits.score_splits(config, tmp_path / "out", ["{split}.npz"])


def test_a_training_takes_no_features(config, files, tmp_path):
    (tmp_path / "out" / "trial_07" / "checkpoints").mkdir(parents=True)
    with pytest.raises(UserError, match="trial_07 holds a training"):
        score_splits.score_splits(config, tmp_path / "out", files, trials="1-3")
