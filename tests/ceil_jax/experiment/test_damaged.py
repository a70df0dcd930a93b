"""Small files of a run, damaged in every way: begun anew by who trains, else named."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation.results import FIGURES, ModeResults, Results, Spread
from ceil_jax.experiment import (
    damaged,
    logs,
    results_files,
    settings,
    several,
    trained_on,
)
from ceil_jax.experiment.comparison import Comparison
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.selection import Scores
from ceil_jax.experiment.trained_on import TrainedOn

ROW = Results(
    *("regdb", "none", 1),
    {"both": ModeResults({name: Spread(50.0, 0.0) for name in FIGURES}, None)},
    "epoch 3",
)
RESULTS = ROW.to_json() | {
    "trained_with": to_dict(Config()),
    "evaluated_with": settings.evaluated_with(Config()),
    "engine": {"model": "m"},
}
TRAINED = TrainedOn(np.arange(3, dtype=np.uint64), np.arange(3), "f")
TEXTS = {
    "metrics.jsonl": "".join(f'{{"epoch": {n}, "loss": 1.5}}\n' for n in (1, 2)),
    "comparison.json": json.dumps({"stage 1": {"results": ROW.to_json(), "note": ""}}),
    "scores.json": json.dumps({"1": 10.0, "2": 20.0}),
    "results.json": json.dumps(RESULTS),
    "config.json": json.dumps(to_dict(Config())),
}


def replaced(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").write_text("kept")


def unreadable(path: Path) -> None:
    path.unlink()
    path.symlink_to("/proc/self/mem")  # reading it is an error of the disk


def deep(path: Path) -> None:
    path.write_text("[" * 100_000)


DAMAGES = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-9]),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "Latin-1": lambda path: path.write_bytes(path.read_bytes() + b'"\xe9"'),
    "UTF-16": lambda path: path.write_bytes("{}".encode("utf-16")),
    "a list": lambda path: path.write_text("[1]"),
    "a number": lambda path: path.write_text("3\n"),
    "null": lambda path: path.write_text("null\n"),
    "text": lambda path: path.write_text('"epoch"\n'),
    "nothing known": lambda path: path.write_text('{"a": {"b": 1}}\n'),
    "null values": lambda path: path.write_text('{"1": null, "epoch": null}\n'),
    "other keys": lambda path: path.write_text('{"-1": 2, "epoch": "1", "": 0}\n'),
    "not a number": lambda path: path.write_text('{"1": NaN, "epoch": NaN}\n'),
    "deep": deep,
    "a folder": replaced,
    "unreadable": unreadable,
}


@pytest.fixture(params=DAMAGES)
def kind(request):
    return request.param


def damage(folder: Path, name: str, kind: str) -> tuple[Path, object]:
    """A right file, then damaged; its path and what it holds."""
    path = folder / name
    if name == "trained_on.npz":
        TRAINED.save(folder)
    else:
        path.write_text(TEXTS[name])
    DAMAGES[kind](path)
    return path, content(path)


def content(path: Path) -> object:
    if path.is_symlink():
        return os.readlink(path)
    if path.is_dir():
        return sorted(inner.read_text() for inner in path.iterdir())
    return path.read_bytes()


def check_set_aside(path: Path, was: object, capsys) -> None:
    """The damaged file has another name, and one warning says so."""
    assert content(path.with_name(f"{path.name}.damaged")) == was
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith(f"warning: {path} is damaged (")
    assert f"is now {path.name}.damaged; " in error
    assert error.count("\n") == 1
    assert error[:-1].isprintable()
    assert len(error) < 450


def check_refused(caught, path: Path, was: object) -> None:
    """One line that names the file, which is as it was."""
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert text.isprintable()
    assert len(text) < 450
    assert content(path) == was
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_logs(kind, tmp_path, capsys):
    path, was = damage(tmp_path, "metrics.jsonl", kind)
    with logs.EpochLog(tmp_path, epochs_done=2) as log:
        kept = (
            [json.loads(line)["epoch"] for line in path.read_text().splitlines()]
            if path.exists()
            else []
        )
        log.write({"epoch": 3, "loss": 1.0})
    assert json.loads(path.read_text().splitlines()[-1])["epoch"] == 3
    assert kept == {"cut": [1], "Latin-1": [1, 2]}.get(kind, [])
    if kind in ("empty", "cut", "Latin-1", "UTF-16", "a list", "deep"):
        # All is missing, or the end alone, as a kill leaves it.
        error = capsys.readouterr().err
        text = f"warning: {path}: the last line was cut short and is dropped\n"
        lost = f"warning: {path} lacks 2 of the 2 epochs that are done\n"
        assert error == (lost if kind == "empty" else text)
        assert not path.with_name("metrics.jsonl.damaged").exists()
    else:
        check_set_aside(path, was, capsys)


def test_a_log_that_is_gone_is_told(tmp_path, capsys):
    with logs.EpochLog(tmp_path, epochs_done=3):
        what = f"{tmp_path}/metrics.jsonl lacks 3 of the 3 epochs that are done"
        assert capsys.readouterr().err == f"warning: {what}\n"


def test_lines_between_are_dropped(tmp_path, capsys):
    path = tmp_path / "metrics.jsonl"
    wrong = b'\xff\n{"epoch": true}\n{"epoch": 0}\n{}\n[{"epoch": 1}]\n{"epoch": 1.0}\n'
    path.write_bytes(b'{"epoch": 1}\n' + wrong + b'{"epoch": 2}\n{"epoch": 3}\n')
    was = path.read_bytes()
    with logs.EpochLog(tmp_path, epochs_done=2):
        assert path.read_text() == '{"epoch": 1}\n{"epoch": 2}\n'
    assert path.with_name("metrics.jsonl.damaged").read_bytes() == was
    assert "6 of 9 lines are no epochs" in capsys.readouterr().err


@pytest.mark.parametrize("place", ["file", "folder"])
def test_curves(place, tmp_path, capsys):
    curves = tmp_path / "tensorboard"
    curves.write_text("x") if place == "file" else curves.mkdir()
    with logs.EpochLog(tmp_path, epochs_done=0):
        assert curves.is_dir()
    assert ("is no folder" in capsys.readouterr().err) == (place == "file")


def test_comparisons(kind, tmp_path, capsys):
    path, was = damage(tmp_path, "comparison.json", kind)
    comparison = Comparison(path, keep=True)
    check_set_aside(path, was, capsys)
    assert comparison.rows == {}
    comparison.add("stage 2", ROW)
    assert list(Comparison(path, keep=True).rows) == ["stage 2"]
    assert "50.0" in comparison.table()


def test_a_new_comparison_looks_only_for_what_stands_in_its_place(
    kind, tmp_path, capsys
):
    path, was = damage(tmp_path, "comparison.json", kind)
    comparison = Comparison(path, keep=False)
    if kind == "a folder":
        check_set_aside(path, was, capsys)
    comparison.add("stage 2", ROW)
    assert list(Comparison(path, keep=True).rows) == ["stage 2"]


def test_lines_that_are_right_are_kept(tmp_path, capsys):
    path = tmp_path / "comparison.json"
    other = dataclasses.replace(ROW, modes={"all": ROW.modes["both"]})
    record = {
        "right": {"results": ROW.to_json(), "note": "a"},
        "other modes": {"results": other.to_json(), "note": ""},
        "no note": {"results": ROW.to_json()},
        "note": {"results": ROW.to_json(), "note": 3},
        "null": None,
        "figures": {"results": ROW.to_json() | {"modes": {}}, "note": ""},
    }
    path.write_text(json.dumps(record))
    comparison = Comparison(path, keep=True)
    assert list(comparison.rows) == ["right", "other modes"]
    assert "comparison.json.damaged" in capsys.readouterr().err
    comparison.add("stage 2", ROW)
    lines = [line.split("  ")[0] for line in comparison.table().splitlines()]
    assert "right" in lines
    assert "other modes" not in lines


def test_scores(kind, tmp_path, capsys):
    path, was = damage(tmp_path, "scores.json", kind)
    with pytest.raises(UserError, match="selection=last, which needs none") as caught:
        Scores(path)
    check_refused(caught, path, was)
    scores = Scores(path, set_aside=True)
    check_set_aside(path, was, capsys)
    assert scores.best is None
    scores.add(3, 5.0)
    assert Scores(path).best == 3


@pytest.mark.parametrize(
    "text",
    ['{"1": true}', '{"0": 1}', '{"1e3": 1}', '{"\\u0663": "1"}', '{"1": Infinity}'],
)
def test_scores_that_are_none(text, tmp_path):
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"scores\.json: no scores of epochs"):
        Scores(path)


def test_own_figures(kind, tmp_path, capsys):
    path, was = damage(tmp_path, "results.json", kind)
    assert results_files.is_evaluated(tmp_path)
    assert results_files.trained_epochs(tmp_path) is None
    assert several.finished(Config(), tmp_path) is None
    assert content(path) == was
    aside, is_new, _ = results_files.write(tmp_path, RESULTS, own=False)
    assert (aside.parent.name, is_new) == ("results", True)
    assert capsys.readouterr().err == (
        f"warning: {path} is damaged and is left as it is\n"
    )
    assert content(path) == was
    assert results_files.write(tmp_path, RESULTS, own=True) == (path, True, ())
    check_set_aside(path, was, capsys)
    assert results_files.trained_epochs(tmp_path) == 90


def test_a_file_in_the_place_of_the_folder_of_figures(tmp_path):
    results_files.write(tmp_path, RESULTS, own=True)
    (tmp_path / "results").write_text("")
    other = RESULTS | {"engine": {"model": "n"}}
    with pytest.raises(UserError, match=r"/results is no folder: move it away"):
        results_files.write(tmp_path, other, own=False)


@pytest.mark.parametrize("key", ["trained_with", "evaluated_with", "engine", "modes"])
@pytest.mark.parametrize("value", [None, 3, [1], "x", {}, float("nan")])
def test_parts_of_own_figures(key, value, tmp_path):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(RESULTS | {key: value}))
    assert several.finished(Config(), tmp_path) is None
    assert results_files.trained_epochs(tmp_path) in (None, 90)
    results_files.write(tmp_path, RESULTS | {"checkpoint": "epoch 9"}, own=True)
    assert json.loads(path.read_text())["checkpoint"] == "epoch 9"
    assert len(list((tmp_path / "results").iterdir())) == 1


def test_images_that_were_trained_on(kind, tmp_path, capsys):
    path, was = damage(tmp_path, "trained_on.npz", kind)
    if kind == "Latin-1":  # an archive may be followed by other bytes
        assert trained_on.read(tmp_path) is not None
        return
    with pytest.raises(UserError, match="makes it again") as caught:
        trained_on.read(tmp_path)
    check_refused(caught, path, was)
    TRAINED.save(tmp_path)
    check_set_aside(path, was, capsys)
    again = trained_on.read(tmp_path)
    assert again is not None
    assert again.fingerprint == "f"


@pytest.mark.parametrize(
    "change",
    [
        {"hashes": np.arange(3)},
        {"identities": np.arange(2)},
        {"identities": np.array([1.0, 2.0, np.nan])},
        {"identities": np.array([1, 2, None], object)},
        {"hashes": np.zeros((3, 1), np.uint64)},
        {"hashes": np.uint64(1)},
        {"fingerprint": 3},
        {"fingerprint": np.array(["a", "b"])},
    ],
    ids=str,
)
def test_other_arrays_are_refused(change, tmp_path):
    arrays = dataclasses.asdict(TRAINED) | change
    np.savez(tmp_path / "trained_on.npz", **arrays)
    with pytest.raises(UserError, match=r"trained_on\.npz: not readable: "):
        trained_on.read(tmp_path)


@pytest.mark.parametrize("position", range(0, 800, 25))
def test_a_flipped_byte_is_no_traceback(position, tmp_path):
    TRAINED.save(tmp_path)
    path = tmp_path / "trained_on.npz"
    content = bytearray(path.read_bytes())
    content[position % len(content)] ^= 0xFF
    path.write_bytes(content)
    try:
        found = trained_on.read(tmp_path)
    except UserError:
        return
    assert found is not None
    assert found.hashes.tolist() == [0, 1, 2]  # a byte that nobody reads


def test_configurations(kind, tmp_path):
    path, was = damage(tmp_path, "config.json", kind)
    with pytest.raises(UserError) as caught:
        settings.read(path)
    if "holds what this version" in str(caught.value):
        assert str(caught.value).startswith(str(path))
    else:
        check_refused(caught, path, was)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(5, "Input/output error"), "Input/output error"),
        (OSError(), "OSError"),
        (ValueError("a\n b\x00"), r"a b\x00"),
        (ValueError("x" * 1000), "x" * 160 + "..."),
        (EOFError(), "EOFError"),
    ],
    ids=["system", "nothing", "lines", "long", "end"],
)
def test_reasons_are_one_line(error, text):
    assert damaged.reason(error) == text
