"""The command line: what it reads, and how it answers mistakes."""

import os
import subprocess
import sys

import pytest

import ceil_jax
from ceil_jax import main
from ceil_jax.common.errors import DataError, UserError
from ceil_jax.experiment import compilation, workdir
from ceil_jax.experiment.modes import evaluate, export, prepare, train, trials
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
        (["--mode=trials"], trials, "run_trials", ["all"]),
        (["--mode=trials", "--trials=2-4"], trials, "run_trials", ["2-4"]),
        (["--mode=export"], export, "export", [""]),
        (["--mode=export", WEIGHTS], export, "export", ["a.pt"]),
    ],
)
def test_the_mode_decides_what_is_done(
    words, module, function, rest, monkeypatch, tmp_path
):
    done = []
    monkeypatch.setattr(compilation, "use_cache", lambda folder: None)
    monkeypatch.setattr(module, function, lambda *args: done.append(args))
    folder = tmp_path / "run"
    assert main.main(["main", CONFIG, f"--workdir={folder}", *words]) == 0
    [(config, workdir, *others)] = done
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
        ([CONFIG, WORKDIR, "--mode=prepare"], "--workdir is not used by --mode prep"),
        (["--mode=prepare"], "--config is missing with --mode prepare"),
        (["--mode=convert", WEIGHTS], "--output is missing with --mode convert"),
        (["--mode=convert", "--output=o"], "--weights is missing with --mode convert"),
        (
            [CONFIG, "--mode=convert", WEIGHTS, "--output=o"],
            "--config is not used by --mode convert, which takes --weights, --output",
        ),
        (["--config.seed=1", WORKDIR], "--config is missing"),
        ([CONFIG, "--mode=trials"], "--workdir is missing with --mode trials"),
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
        (KeyboardInterrupt(), 130, "\nstopped; the same command resumes\n"),
    ],
)
def test_statuses(error, status, text, monkeypatch, capsys):
    def fail(argv):
        raise error

    monkeypatch.setattr(main, "run", fail)
    assert main.main(["main"]) == status
    assert capsys.readouterr().err == text


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


MALFORMED = [
    # Fields that do not exist.
    (["--config.lr=1"], "--config.optimizer.rate"),
    (["--config.learning_rate=1"], "--config.optimizer.rate"),
    (["--config.optimizer.lr=1"], "--config.optimizer.rate"),
    (["--config.wd=1"], "--config.optimizer.weight_decay"),
    (["--config.batch_size=8"], "--config.batch.visible_rows"),
    (["--config.epochs=8"], "--config.stage1_epochs"),
    (["--config.gpus=2"], "--config.num_devices"),
    (["--config.workers=4"], "--config.workers"),
    (["--config.k=4"], "--config.rerank.k1"),
    (["--config.k1=4"], "--config.clustering.k1"),
    (["--config.weight_decay=0"], "--config.optimizer.weight_decay"),
    (["--config.batch=8"], "--config.batch.visible_rows"),
    (["--config.encoder.depth=8"], "--config.encoder.depth"),
    (["--config.rerank.k11=8"], "--config.rerank.k1"),
    (["--config.=8"], "--config."),
    (["--config..seed=8"], "--config."),
    (["--config.Seed=8"], "--config.seed"),
    (["--config.seed.x=8"], "--config.seed.x"),
    # Flags that do not exist.
    (["--wrkdir=x"], "--workdir"),
    (["--wieghts=x"], "--weights"),
    (["--mod=train"], "--mode"),
    (["--trails=1"], "--trials"),
    (["--lr=1"], "--config.optimizer.rate"),
    (["--epochs", "3"], "--config.stage1_epochs"),
    (["--batch-size=3"], "--config.batch.visible_rows"),
    (["--output_dir=x"], "--workdir"),
    (["--workers=4"], "--workers"),
    (["--gpus=2"], "--config.num_devices"),
    (["--seed=2"], "--config.seed"),
    (["-x"], "--x"),
    # Values of a wrong kind.
    (["--config.seed=abc"], "config.seed"),
    (["--config.seed=1.5"], "config.seed"),
    (["--config.seed="], "config.seed"),
    (["--config.seed=-1"], "config.seed"),
    (["--config.seed=4294967296"], "config.seed"),
    (["--config.optimizer.rate=fast"], "config.optimizer.rate"),
    (["--config.optimizer.rate=0"], "config.optimizer.rate"),
    (["--config.optimizer.rate=-1"], "config.optimizer.rate"),
    (["--config.optimizer.rate=nan"], "config.optimizer.rate"),
    (["--config.optimizer.rate=inf"], "config.optimizer.rate"),
    (["--config.image_size=64"], "config.image_size"),
    (["--config.image_size=(64,)"], "config.image_size"),
    (["--config.image_size=(60, 30)"], "config.image_size"),
    (["--config.image_size=(64, 'a')"], "config.image_size"),
    (["--config.encoder.stage_sizes=(1, 1)"], "config.encoder.stage_sizes"),
    (["--config.encoder.dtype=int8"], "config.encoder.dtype"),
    (["--config.allow_partial=maybe"], "config.allow_partial"),
    (["--config.stage1_epochs=-1"], "config.stage1_epochs"),
    (["--config.stage1_epochs=0", "--config.stage2_epochs=0"], "config.stage1_epochs"),
    (["--config.batch.images_per_proxy=5"], "config.batch.images_per_proxy"),
    (["--config.clustering.eps=1.5"], "config.clustering.eps"),
    (["--config.clustering.eps=0"], "config.clustering.eps"),
    (["--config.clustering.k1=0"], "config.clustering.k1"),
    (["--config.rerank.search=fast"], "config.rerank.search"),
    (["--config.objective.update=dcm"], "config.objective.update"),
    (["--config.objective.temperature=0"], "config.objective.temperature"),
    (["--config.evaluation.shots=3"], "config.evaluation.shots"),
    (["--config.selection=best"], "config.selection"),
    (["--config.selection=best_on_test"], "config.selection"),
    (["--config.cache_gib=-1"], "config.cache_gib"),
    # Words that are none, modes, and flags of other modes.
    (["stray"], "'stray'"),
    (["train"], "'train'"),
    (["--mode=tset"], "mode"),
    (["--mode="], "mode"),
    (["--trials=1"], "--trials"),
    (["--weights=a.pt"], "--weights"),
    (["--output=a"], "--output"),
    (["--mode=prepare"], "--workdir"),
    (["--mode=convert"], "--weights"),
    # Paths that cannot be, or where nothing can be written.
    (["--workdir=a\0b"], "--workdir"),
    (["--workdir=" + "a" * 300], "--workdir"),
    (["--workdir=" + "a/" * 3000], "--workdir"),
    (["--workdir=/proc/x"], "--workdir"),
    (["--workdir=/dev/null/x"], "--workdir"),
    (["--workdir=~nobody_of_that_name/x"], "--workdir"),
    (["--config=a\0b"], "--config"),
    (["--config=" + "a" * 300], "--config"),
    (["--config=no_such.py"], "--config"),
    (["--mode=evaluate", "--weights=a\0b"], "--weights"),
    (["--mode=evaluate", "--weights=" + "a" * 300], "--weights"),
    (["--config.init_from=a\0b"], "config.init_from"),
    (["--config.data_dir=" + "a" * 300], "config.data_dir"),
    (["--config.evaluation.permutations=a\0b"], "config.evaluation.permutations"),
]


@pytest.mark.parametrize(("words", "name"), MALFORMED, ids=lambda x: str(x)[:40])
def test_malformed_command_lines(words, name, monkeypatch, capsys):
    """Status 2, one line on stderr that names the flag or field, nothing done."""
    monkeypatch.setattr(compilation, "use_cache", lambda folder: None)
    for module, function in ((train, "train_and_evaluate"), (prepare, "prepare_data")):
        monkeypatch.setattr(module, function, pytest.fail)
    assert main.main(["main", CONFIG, WORKDIR, *words]) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("error: ")
    assert error.endswith("\n")
    assert error[:-1].isprintable()
    assert len(error) < 400
    assert name in error


def test_there_are_many_malformed_command_lines():
    assert len(MALFORMED) >= 60


@pytest.mark.parametrize("flag", ["weights", "config.init_from"])
def test_missing_openai_weights_say_where_they_come_from(flag, tmp_path, capsys):
    path = tmp_path / "RN50.pt"
    words = (
        ["--mode=convert", f"--weights={path}", f"--output={tmp_path}/out"]
        if flag == "weights"
        else [CONFIG, f"--workdir={tmp_path}/run", f"--{flag}={path}"]
    )
    assert main.main(["main", *words]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{path}: no such file; OpenAI publishes RN50.pt: curl -LO https" in error
    assert not list(tmp_path.iterdir())


def test_weights_cannot_be_written_everywhere(tmp_path, capsys):
    words = ["--mode=convert", "--weights=a.pt", "--output=/proc/x"]
    assert main.main(["main", *words]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --output=/proc/x: /proc cannot be written to")
    assert error.count("\n") == 1


def test_a_reader_that_has_stopped_ends_the_work_quietly(monkeypatch, capsys):
    def fail(argv):
        raise BrokenPipeError

    closed = []
    monkeypatch.setattr(main, "run", fail)
    monkeypatch.setattr(main.command_lib, "close_stdout", lambda: closed.append(1))
    assert main.main(["main"]) == 141
    assert closed == [1]
    assert capsys.readouterr().err == ""


def test_names_that_are_no_text_can_be_printed(tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff.py"
    command = [sys.executable, "-m", "ceil_jax.main", "--help", b"--config=" + path]
    done = subprocess.run(command, cwd=source.ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert rb"\udcff.py cannot be used" in done.stdout
