"""One writer for a run's folder: real processes that want it at the same time."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ceil_jax.common.errors import UserError
from ceil_jax.experiment import writer
from ceil_jax.experiment.writer import LOCK, OWNER, Writer
from tests.repo import source

HOLDER = """
import sys, time
from pathlib import Path
from ceil_jax.common.errors import UserError
from ceil_jax.experiment.writer import Writer

folder, take_over, wait = sys.argv[1:]
try:
    with Writer(Path(folder), "training", take_over=take_over == "yes"):
        print("has it", flush=True)
        sys.stdin.readline() if wait == "wait" else None
except UserError as error:
    print(error, flush=True)
    sys.exit(2)
"""


def start(folder: Path, *, take_over: str = "no", wait: str = "wait") -> Any:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), take_over, wait],
        cwd=source.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def holder(tmp_path):
    """Another process that has the folder."""
    process = start(tmp_path)
    assert process.stdout.readline() == "has it\n"
    yield process
    process.kill()
    process.communicate()


def owner(folder: Path) -> dict[str, Any]:
    return json.loads((folder / OWNER).read_text())


def written_elsewhere(folder: Path) -> dict[str, Any]:
    """What a process of another host leaves behind."""
    folder.mkdir(exist_ok=True)
    left = {
        "host": "elsewhere",
        "pid": 4711,
        "doing": "training",
        "since": "2026-01-02T03:04:05+00:00",
        "token": "its own",
    }
    (folder / OWNER).write_text(json.dumps(left))
    return left


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.parametrize("take_over", ["no", "yes"])
def test_a_second_process_is_refused_at_once(tmp_path, holder, take_over):
    begin = time.monotonic()
    second = start(tmp_path, take_over=take_over, wait="go")
    out, err = second.communicate(timeout=60)
    assert (second.returncode, err) == (2, "")
    [line] = out.splitlines()
    assert re.fullmatch(
        rf"{tmp_path} is in use: process {holder.pid} on {socket.gethostname()} has "
        r"been training there since \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S+; wait for it, "
        "stop it, or give another folder",
        line,
    )
    assert time.monotonic() - begin < 30
    # The first one has not noticed, and lets go of it.
    assert owner(tmp_path)["pid"] == holder.pid
    assert holder.communicate("\n", timeout=60) == ("", "")
    assert holder.returncode == 0
    assert names(tmp_path) == []


def test_a_second_writer_of_the_same_process_is_refused(tmp_path):
    with Writer(tmp_path, "training"):
        begin = time.monotonic()
        with pytest.raises(UserError, match=rf"in use: process {os.getpid()} on"):
            Writer(tmp_path, "evaluating").__enter__()
        assert time.monotonic() - begin < 3
        assert owner(tmp_path)["doing"] == "training"
    with Writer(tmp_path, "evaluating"):
        assert owner(tmp_path)["doing"] == "evaluating"


def test_a_process_that_was_killed_does_not_stand_in_the_way(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait(timeout=60)
    assert owner(tmp_path)["pid"] == holder.pid
    with Writer(tmp_path, "training") as mine:
        mine.check()
        assert owner(tmp_path)["pid"] == os.getpid()
    assert names(tmp_path) == []


def test_a_process_of_another_host_stands_in_the_way_until_it_is_said_to_have_ended(
    tmp_path,
):
    left = written_elsewhere(tmp_path)
    with pytest.raises(UserError) as caught, Writer(tmp_path, "training"):
        pass
    assert str(caught.value) == (
        f"{tmp_path}: process 4711 on elsewhere, training there since "
        "2026-01-02T03:04:05+00:00, has not said that it ended: if it has, add "
        "--take-over"
    )
    assert owner(tmp_path) == left
    with Writer(tmp_path, "training", take_over=True) as mine:
        mine.check()
        assert owner(tmp_path)["host"] == socket.gethostname()
    with Writer(tmp_path, "training"):
        pass


def test_who_was_refused_has_not_kept_the_lock(tmp_path):
    written_elsewhere(tmp_path)
    refused = Writer(tmp_path, "training")
    with pytest.raises(UserError, match="elsewhere"):
        refused.__enter__()
    process = start(tmp_path, take_over="yes", wait="go")
    assert process.communicate(timeout=60) == ("has it\n", "")


@pytest.mark.parametrize("text", ["", "{", "[]", '"text"', "\xff", "null"])
def test_an_owner_that_cannot_be_read_does_not_stand_in_the_way(tmp_path, text):
    (tmp_path / OWNER).write_bytes(text.encode("latin-1"))
    with Writer(tmp_path, "training") as mine:
        mine.check()
        assert owner(tmp_path)["pid"] == os.getpid()


def test_an_owner_without_words_is_told_all_the_same(tmp_path):
    (tmp_path / OWNER).write_text("{}")
    with pytest.raises(UserError, match="has not said that it ended"):
        Writer(tmp_path, "training").__enter__()


def files(folder: Path) -> list[Path]:
    """All but what says that this process has the folder, of which a copy is none."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and (path.name != OWNER or json.loads(path.read_text())["pid"] != os.getpid())
    )


def remove(folder: Path) -> None:
    shutil.rmtree(folder)


def replace(folder: Path) -> None:
    folder.rename(folder.with_name("aside"))
    folder.mkdir()


def replace_by_copy(folder: Path) -> None:
    folder.rename(folder.with_name("aside"))
    shutil.copytree(folder.with_name("aside"), folder)


def replace_by_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("a file")


def remove_owner(folder: Path) -> None:
    (folder / OWNER).unlink()


@pytest.mark.parametrize(
    ("happen", "said"),
    [
        (remove, "was removed or replaced while this run wrote there"),
        (replace, "was removed or replaced while this run wrote there"),
        (replace_by_copy, "was removed or replaced while this run wrote there"),
        (replace_by_file, "was removed or replaced while this run wrote there"),
        (remove_owner, "files of this run were removed while it wrote there"),
        (written_elsewhere, "was taken over by process 4711 on elsewhere"),
    ],
)
def test_it_is_noticed_that_the_folder_is_another_s(tmp_path, happen, said):
    folder = tmp_path / "run"
    with Writer(folder, "training") as mine:
        mine.check()
        (folder / "metrics.jsonl").write_text("")
        happen(folder)
        before = files(tmp_path)
        for _ in range(2):
            with pytest.raises(UserError, match=said) as caught:
                mine.check()
            assert str(folder) in str(caught.value)
    # What may be another's is left alone.
    assert files(tmp_path) == before


def test_another_process_that_takes_over_after_the_lock_was_removed(tmp_path):
    """As on a file system without locks, or after somebody tidied up."""
    with Writer(tmp_path, "training") as mine:
        (tmp_path / LOCK).unlink()
        other = start(tmp_path)
        assert other.stdout.readline() == "has it\n"
        with pytest.raises(UserError, match=f"taken over by process {other.pid} on"):
            mine.check()
    # This one's end does not take the folder from the other.
    assert owner(tmp_path)["pid"] == other.pid
    assert other.communicate("\n", timeout=60) == ("", "")
    assert other.returncode == 0


def test_now_and_then_is_every_few_seconds(tmp_path, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with Writer(tmp_path, "training") as mine:
        mine.check_now_and_then()
        (tmp_path / OWNER).unlink()
        now[0] += writer.CHECK_SECONDS - 0.1
        mine.check_now_and_then()
        now[0] += 0.2
        with pytest.raises(UserError, match="were removed"):
            mine.check_now_and_then()


def test_a_folder_that_was_made_for_nothing_is_removed(tmp_path):
    folder = tmp_path / "runs" / "one"
    with Writer(folder, "training"):
        assert names(folder) == [LOCK, OWNER]
    assert names(tmp_path) == []
    with pytest.raises(KeyError), Writer(folder, "training"):
        raise KeyError
    assert names(tmp_path) == []
    with Writer(folder, "training"):
        (folder / "results.json").write_text("{}")
    assert names(folder) == [LOCK, "results.json"]


def test_a_folder_that_was_there_stays(tmp_path):
    with Writer(tmp_path, "training"):
        pass
    assert tmp_path.is_dir()


@pytest.mark.parametrize("below", ["file", "file/run", "new/" + "x" * 300])
def test_what_is_no_folder_is_told_in_a_line(tmp_path, below):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot be locked: .*: \w") as caught:
        Writer(tmp_path / below, "training").__enter__()
    assert len(str(caught.value).splitlines()) == 1
    assert names(tmp_path) == ["file"]


def test_of_many_at_once_one_has_it(tmp_path):
    folder = tmp_path / "run"
    processes = [start(folder) for _ in range(6)]
    lines = [process.stdout.readline() for process in processes]
    assert lines.count("has it\n") == 1
    assert all("is in use" in line for line in lines if line != "has it\n")
    for process in processes:
        process.communicate("\n", timeout=60)
    assert sorted(process.returncode for process in processes) == [0, 2, 2, 2, 2, 2]
    # Where another one made the folder than got it, neither may remove it.
    assert not folder.exists() or not list(folder.iterdir())
