"""The command line: what it reads, and how it answers mistakes."""

import os
import signal
import subprocess
import sys

import pytest

import ceil_jax
from ceil_jax import main
from ceil_jax.common.errors import DataError, UserError
from ceil_jax.experiment import compilation, stopping, workdir
from ceil_jax.experiment.formats import Wanted
from ceil_jax.experiment.modes import (
    evaluate,
    export,
    export_model,
    prepare,
    score,
    seeds,
    train,
    trials,
)
from tests.repo import source

CONFIG = f"--config={source.ROOT / 'configs' / 'synthetic.py'}"
WORKDIR = "--workdir=runs/never"


def parse(*words):
    return main.parse(["main", CONFIG, WORKDIR, *words])


def test_fields_are_overridden():
    command = parse("--config.rerank.k1=9", "--config.image_size=(32, 16)")
    assert command.config.rerank.k1 == 9
    assert command.config.image_size == (32, 16)
    assert command.config.dataset == "synthetic"
    assert (command.workdir, command.mode) == ("runs/never", "train")


def test_words_may_stand_apart_from_their_values():
    path = CONFIG.removeprefix("--config=")
    command = main.parse(
        [
            *("main", "--config", path, "--workdir", "w", "--mode", "evaluate"),
            *("--config.seed", "7", "--config.allow_partial"),
        ]
    )
    assert (command.config.seed, command.config.allow_partial) == (7, True)
    assert (command.workdir, command.mode) == ("w", "evaluate")


def test_commands_leave_nothing_behind():
    argv = list(sys.argv)
    assert parse("--config.seed=5").config.seed == 5
    assert parse().config.seed == 1
    assert sys.argv == argv


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (["--config.seed=abc"], ["config.seed", "abc"]),
        (["--config.stage1_epochs=2.5"], ["stage1_epochs", "2.5"]),
        (["--config.allow_partial=maybe"], ["allow_partial", "maybe"]),
        (["--config.image_size=(64, 'a')"], ["image_size", "whole numbers"]),
        (["--config.optimizer.rte=1"], ["optimizer.rte", "--config.optimizer.rate"]),
        (["--config.sede=1"], ["--config.sede", "--config.seed"]),
        (["--config.k3=1"], ["--config.k3"]),
        (["--config.width=8"], ["--config.encoder.width"]),
        (["--config.optimizer=1"], ["--config.optimizer", "--config.optimizer.rate"]),
        (["--noconfig.allow_partal"], ["--config.allow_partial"]),
        (["--mod=evaluate"], ["--mod", "--mode"]),
        (["--formt=onnx"], ["--formt", "--format"]),
        (["--tagret=raw"], ["--tagret", "--target"]),
        (["--modalty=visible"], ["--modalty", "--modality"]),
        (["--format=onnx"], ["--format is not used by --mode train"]),
        (["--mode=export", "--format=tf"], ["--format=tf", "npz, onnx"]),
        (["--mode=export", "--target=raw"], ["--target is for --format onnx"]),
        (["--mode=tset"], ["tset", "train", "evaluate"]),
        (["--workdir"], ["--workdir"]),
        (["stray"], ["'stray' is not a flag"]),
        (["--config.clustering.eps=1.5"], ["clustering.eps=1.5"]),
    ],
)
def test_mistakes_are_answered_in_one_line(words, parts, capsys):
    assert main.main(["main", CONFIG, WORKDIR, *words]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("error: ")
    assert error.endswith("\n")
    assert error.count("\n") == 1
    for part in parts:
        assert part in error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--config is missing"),
        (["--config"], "--config is missing"),
        ([CONFIG], "--workdir is missing"),
        ([CONFIG, "--workdir="], "--workdir is missing"),
        (["--config=none.py", WORKDIR], "--config=none.py: no such file"),
        (["--config=.", WORKDIR], "--config=.: no such file"),
    ],
)
def test_missing_words_are_asked_for(words, message):
    with pytest.raises(UserError, match=message):
        main.parse(["main", *words])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def get_config(:", "SyntaxError"),
        ("import no_such_module", "no_such_module"),
        ("def get_config():\n    return {}", "must return a ceil_jax Config"),
        (
            "from ceil_jax.experiment.config import Config\n"
            "def get_config():\n    return Config(sed=1)",
            "unexpected keyword argument 'sed'",
        ),
    ],
)
def test_a_file_that_is_no_configuration(text, message, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        main.parse(["main", f"--config={path}", WORKDIR])
    assert str(path) in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_help_shows_the_values_of_the_file(capsys):
    assert main.main(["main", "--help", CONFIG]) == 0
    out = capsys.readouterr().out
    assert all(f"--mode {mode}" in out for mode in main.MODES)
    assert all(f"--{name} " in out for name in main.EXAMPLES)
    assert "--config.encoder.width=16 " in out
    assert main.main(["main", "-h"]) == 0
    assert "--config.encoder.width=64 " in capsys.readouterr().out


def test_help_survives_a_file_that_cannot_be_read(capsys, tmp_path):
    assert main.main(["main", "--help", f"--config={tmp_path}/none.py"]) == 0
    assert "--config.seed" in capsys.readouterr().out


WEIGHTS = "--weights=a.pt"


@pytest.mark.parametrize(
    ("words", "module", "function", "rest"),
    [
        ([], train, "train_and_evaluate", []),
        (["--mode=evaluate"], evaluate, "evaluate_checkpoint", [""]),
        (
            ["--mode=evaluate", "--output=o"],
            evaluate,
            "evaluate_checkpoint",
            ["o"],
        ),
        (["--mode=evaluate", WEIGHTS], evaluate, "evaluate_weights", ["a.pt"]),
        (["--seeds=1-6"], seeds, "run_seeds", ["1-6"]),
        (["--mode=trials"], trials, "run_trials", ["all"]),
        (["--mode=trials", "--trials=2-4"], trials, "run_trials", ["2-4"]),
        (["--mode=export"], export, "export", [""]),
        (["--mode=export", WEIGHTS], export, "export", ["a.pt"]),
        (["--mode=export", "--format=npz"], export, "export", [""]),
        (
            ["--mode=export", "--format=onnx", "--modality=visible", "--output=a.onnx"],
            export_model,
            "export_model",
            ["", Wanted("onnx", "raw", ("visible",), "a.onnx")],
        ),
        (
            ["--mode=score", "--features=a.npz"],
            score,
            "score_features",
            [("a.npz",), ()],
        ),
        (
            [
                *("--mode=score", "--features=v,1.npy", "--features", "i.npy"),
                *("--names=v.csv", "--names", "i.csv"),
            ],
            score,
            "score_features",
            [("v,1.npy", "i.npy"), ("v.csv", "i.csv")],
        ),
    ],
)
def test_the_mode_decides_what_is_done(
    words, module, function, rest, monkeypatch, tmp_path
):
    done = []
    monkeypatch.setattr(compilation, "use_cache", lambda folder: None)
    options = []

    def note(*args, **how):
        done.append(args)
        options.append(how)

    monkeypatch.setattr(module, function, note)
    folder = tmp_path / "run"
    command = ["main", CONFIG, f"--workdir={folder}", *words]
    assert main.main(command) == 0
    [(config, workdir, *others)] = done
    if module not in (export, export_model):  # which only read the run
        assert main.main([*command, "--take-over"]) == 0
        assert options == [{"take_over": False}, {"take_over": True}]
    assert (config.dataset, workdir, others) == ("synthetic", folder, rest)
    assert not folder.exists()  # only work makes it


def test_what_is_made_ready_needs_no_folder(monkeypatch):
    done = []
    monkeypatch.setattr(prepare, "prepare_data", lambda *args: done.append(args))
    monkeypatch.setattr(prepare, "convert_weights", lambda *args: done.append(args))
    assert main.main(["main", CONFIG, "--mode=prepare", "--config.seed=3"]) == 0
    assert main.main(["main", "--mode=convert", WEIGHTS, "--output=out"]) == 0
    assert done[0][0].seed == 3
    assert done[1] == ("a.pt", "out")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            [CONFIG, WORKDIR, WEIGHTS],
            "--weights is not used by --mode train, which takes --config, --workdir",
        ),
        ([CONFIG, WORKDIR, "--trials=1"], "--trials is not used by --mode train"),
        (
            [CONFIG, WORKDIR, "--mode=evaluate", "--seeds=1-6"],
            "--seeds is not used by --mode evaluate",
        ),
        ([CONFIG, WORKDIR, "--mode=prepare"], "--workdir is not used by --mode prep"),
        (["--mode=prepare"], "--config is missing with --mode prepare"),
        (["--mode=convert", WEIGHTS], "--output is missing with --mode convert"),
        (["--mode=convert", "--output=o"], "--weights is missing with --mode convert"),
        (
            [CONFIG, "--mode=convert", WEIGHTS, "--output=o"],
            "--config is not used by --mode convert, which takes --weights, --output",
        ),
        (["--config.seed=1", WORKDIR], "--config is missing"),
        ([WORKDIR, "--mode=evaluate"], "is no run: it holds no config.json; give the"),
        ([WORKDIR, "--mode=export"], "is no run: it holds no config.json; give the"),
        ([CONFIG, "--mode=trials"], "--workdir is missing with --mode trials"),
        ([CONFIG, WORKDIR, "--mode=score"], "--features is missing with --mode score"),
        (
            [CONFIG, "--mode=score", "--features=f.npz"],
            "--workdir is missing with --mode score: give a folder for the run",
        ),
        (
            [CONFIG, WORKDIR, "--mode=score", "--features=f.npz", WEIGHTS],
            "--weights is not used by --mode score, which takes --config, --features, "
            "--workdir, --names, --trials, --take-over",
        ),
        (
            [CONFIG, WORKDIR, "--mode=evaluate", "--features=f.npz"],
            "--features is not used by --mode evaluate",
        ),
        ([CONFIG, WORKDIR, "--names=n.csv"], "--names is not used by --mode train"),
    ],
)
def test_flags_that_a_mode_lacks_or_would_not_look_at(words, message):
    with pytest.raises(UserError, match=message):
        main.parse(["main", *words])


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (UserError("two\nlines"), 2, "error: two lines\n"),
        (DataError("no folder"), 2, "error: no folder\n"),
        (FileNotFoundError(2, "No such file", "a/b"), 2, "a/b: "),
    ],
)
def test_statuses(error, status, text, monkeypatch, capsys):
    def fail(argv):
        raise error

    monkeypatch.setattr(main, "run", fail)
    assert main.main(["main"]) == status
    said = capsys.readouterr().err
    assert text in said
    assert said.startswith("error: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(("saved", "text"), [("", "half-done"), ("saved at x", "at x")])
def test_a_signal_is_told_in_one_line_and_by_the_status(
    saved, text, monkeypatch, capsys
):
    def stop(argv):
        raise stopping.Stopped(signal.SIGTERM, saved)

    left = []
    monkeypatch.setattr(main, "run", stop)
    monkeypatch.setattr(stopping, "leave", left.append)
    main.main(["main"])
    assert left == [143]
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("stopped by SIGTERM: ")
    assert text in line


def test_our_own_mistakes_are_not_hidden(monkeypatch):
    def fail(argv):
        raise ZeroDivisionError

    monkeypatch.setattr(main, "run", fail)
    with pytest.raises(ZeroDivisionError):
        main.main(["main"])


def test_a_workdir_must_be_a_folder(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    for path in (file, file / "below"):
        with pytest.raises(UserError, match=r"file is not a folder"):
            workdir.workdir_of(str(path))
    assert workdir.workdir_of(str(tmp_path / "a" / "b")) == tmp_path / "a" / "b"
    assert not (tmp_path / "a").exists()


def test_the_version_is_told(capsys):
    assert main.main(["ceil-jax", "--version"]) == 0
    assert capsys.readouterr().out == f"ceil-jax {ceil_jax.__version__}\n"


def test_names_that_are_no_text_can_be_printed(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.py"
    command = [sys.executable, "-m", "ceil_jax.main", "--help", b"--config=" + path]
    done = subprocess.run(command, cwd=source.ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert rb"\udcff.py cannot be used" in done.stdout
