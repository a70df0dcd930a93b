"""Command lines that cannot work: one line, status 2, nothing done."""

import pytest

from ceil_jax import main
from ceil_jax.experiment import compilation
from ceil_jax.experiment.modes import prepare, train
from tests.ceil_jax.test_main import CONFIG, WORKDIR

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
    (["--featuers=x"], "--features"),
    (["--embeddings=x"], "--features"),
    (["--nmaes=x"], "--names"),
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
    (["--mode=score"], "--features"),
    (["--mode=score", "--features="], "--features"),
    (["--mode=score", "--features=a.npz", "--weights=a.pt"], "--weights"),
    (["--mode=score", "--features=no_such.npz"], "--features=no_such.npz"),
    (["--mode=score", "--features=a.pt"], "--features=a.pt"),
    (["--mode=score", "--features=a.txt"], "--features=a.txt"),
    (["--features=a.npz"], "--features"),
    (["--names=a.csv"], "--names"),
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
    (["--mode=score", "--features=a", "--features=a\0b"], "--features"),
    (["--mode=score", "--features=a.npy", "--names=" + "a" * 300], "--names"),
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
