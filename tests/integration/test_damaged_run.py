"""The program in a folder whose small files are damaged."""

import json
import shutil

import pytest

from ceil_jax import main
from ceil_jax.experiment import trained_on

READABLE = ("metrics.jsonl", "comparison.json", "results.json", "trained_on.npz")


@pytest.fixture
def damaged(whole, tmp_path):
    """A copy of a finished run that lacks its last epochs, its small files damaged."""
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder)
    for epoch in (5, 6):
        shutil.rmtree(folder / "checkpoints" / str(epoch))
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(b"\xff\xfe\n[1]\n")
    (folder / "comparison.json").write_text("")
    (folder / "results.json").write_text('{"protocol": ')
    content = (folder / "trained_on.npz").read_bytes()
    (folder / "trained_on.npz").write_bytes(content[: len(content) // 2])
    return folder


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
def test_a_training_sets_them_aside_and_goes_on(damaged, whole, capsys):
    before = {name: (damaged / name).read_bytes() for name in READABLE}
    assert main.main(["main", f"--workdir={damaged}"]) == 0
    out, error = capsys.readouterr()
    assert "resumed from the checkpoint of epoch 3" in out
    for name in READABLE:
        assert (damaged / f"{name}.damaged").read_bytes() == before[name]
        assert f"now {name}.damaged; " in error
    lines = (damaged / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2, 3, 4, 5, 6]
    again, first = (
        json.loads((folder / "results.json").read_text())["modes"]
        for folder in (damaged, whole[0])
    )
    assert again == first
    assert trained_on.read(damaged) is not None


@pytest.mark.slow
def test_the_other_modes_change_nothing(damaged, capsys):
    before = contents(damaged)
    words = ["main", f"--workdir={damaged}", "--mode=evaluate"]
    assert main.main(words) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"error: {damaged}/trained_on.npz: not readable: ")
    assert contents(damaged) == before
    (damaged / "trained_on.npz").unlink()
    before = contents(damaged)
    assert main.main(words) == 0
    text = f"warning: {damaged}/results.json is damaged and is left as it is"
    assert text in capsys.readouterr().err
    assert main.main([*words[:2], "--mode=export"]) == 0
    after = contents(damaged)
    assert {path: after[path] for path in before} == before
    new = {str(path.parent) for path in after.keys() - before.keys()}
    assert new <= {".", "results"}
