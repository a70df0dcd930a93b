"""What disturbs does so, and what is wrong counts as wrong."""

import json
import random
import subprocess
import sys
import time

import pytest

from benchmarks.chaos import damage, outcomes
from benchmarks.chaos.__main__ import report
from benchmarks.chaos.hooked import Hook
from benchmarks.chaos.outcomes import Done, Ended, Tally
from benchmarks.chaos.worker import ROOT, Worker

TRACE = "Traceback (most recent call last):\n  ...\nKeyError: 'x'\n"


def done(status: int | None, err: str = "", out: str = "") -> Done:
    return Done(status, out, err, 1.0, "command")


@pytest.mark.parametrize(
    ("ended", "differs", "outcome"),
    [
        (done(0), "", "identical"),
        (done(0, "warning: x is damaged\n"), "other model", "told"),
        (done(0), "other model", "silent wrong"),
        (done(2, "error: x is damaged: remove it\n"), "", "one clear line"),
        (done(2, "warning: y\nerror: x\n"), "", "one clear line"),
        (done(2, "error: x\nerror: y\n"), "", "other"),
        (done(2, "error: x\nand more\n"), "", "other"),
        (done(2, "error: File too large (None)\n"), "", "other"),
        (done(2), "", "other"),
        (done(1, TRACE), "", "traceback"),
        (done(0, TRACE), "", "traceback"),
        (done(2, TRACE + "error: x\n"), "", "traceback"),
        (done(-11), "", "other"),
        (done(None), "", "hang"),
    ],
)
def test_ends_are_judged(ended, differs, outcome):
    assert outcomes.judged(ended, differs, is_told=True)[0] == outcome


def test_a_warning_excuses_a_difference_only_where_it_may():
    warned = done(0, "warning: x is damaged\n")
    assert outcomes.judged(warned, "other model")[0] == "silent wrong"


def run_folder(folder, *, weights="a", seconds=1.0, loss=2.0):
    folder.mkdir()
    figures = dict.fromkeys(
        ("checkpoint", "modes", "selection", "seed", "protocol", "trials"), 1
    )
    figures |= {"engine": {"model": weights}, "warnings": [weights]}
    (folder / "results.json").write_text(json.dumps(figures))
    line = {"epoch": 1, "loss": loss, "seconds": {"fit": seconds}, "compilations": 3}
    (folder / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    return folder


def test_a_result_is_weights_figures_and_losses_without_times(tmp_path):
    one = outcomes.result_of(run_folder(tmp_path / "one"))
    later = run_folder(tmp_path / "later", seconds=7.0)
    assert outcomes.difference(lambda: outcomes.result_of(later), one) == ""
    other = run_folder(tmp_path / "other", weights="b")
    found = outcomes.difference(lambda: outcomes.result_of(other), one)
    assert found == "other results.json"
    other = run_folder(tmp_path / "loss", loss=2.5)
    found = outcomes.difference(lambda: outcomes.result_of(other), one)
    assert found == "other metrics.jsonl"
    missing = outcomes.difference(lambda: outcomes.result_of(tmp_path / "no"), one)
    assert "FileNotFoundError" in missing


def test_damage(tmp_path):
    path, content = tmp_path / "file", bytes(range(200))
    spoilt = {}
    for name, change in damage.DAMAGES.items():
        path.write_bytes(content)
        change(path, random.Random(3))
        spoilt[name] = path.read_bytes() if path.exists() else None
    assert spoilt["missing"] is None
    assert spoilt["empty"] == b""
    assert len(spoilt["cut short"]) < 200
    assert content.startswith(spoilt["cut short"])
    bits = [
        (a ^ b).bit_count() for a, b in zip(content, spoilt["bit flip"], strict=True)
    ]
    assert sum(bits) == 1
    assert len(spoilt["random bytes"]) == 200
    assert spoilt["random bytes"] != content
    path.write_text('{"epoch": 1}')
    damage.flip_highest(path, random.Random(3))
    with pytest.raises(UnicodeDecodeError):
        path.read_text(encoding="utf-8")
    path.write_bytes(b"")
    damage.flip(path, random.Random(3))
    assert path.stat().st_size == 1


def hooked_run(hook: Hook, code: str) -> subprocess.CompletedProcess[str]:
    """A program of some lines with a hook before `json.dumps`."""
    program = (
        "import json, sys; from benchmarks.chaos.hooked import Hook, install\n"
        f"install(Hook(**json.loads(sys.argv[1])))\n{code}"
    )
    return subprocess.run(
        [sys.executable, "-c", program, hook.text()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_hook_strikes_at_its_call():
    code = "for n in range(5): print(json.dumps(n), flush=True)"
    killed = hooked_run(Hook("json:dumps", call=3, signal=9), code)
    assert killed.returncode == -9
    assert killed.stdout.split() == ["0", "1"]


def test_a_hook_removes_limits_and_waits(tmp_path):
    (tmp_path / "gone").mkdir()
    code = (
        f"json.dumps(1); path = {str(tmp_path / 'file')!r}\n"
        "try: open(path, 'wb', buffering=0).write(b'x')\n"
        "except OSError as error: print(error.errno)"
    )
    hook = Hook("json:dumps", remove=str(tmp_path / "gone"), limit=0)
    assert hooked_run(hook, code).stdout.strip() == "27"  # EFBIG
    assert not (tmp_path / "gone").exists()
    (tmp_path / "go-on").write_text("")
    hook = Hook("json:dumps", wait=str(tmp_path / "go-on"), note=str(tmp_path / "note"))
    assert hooked_run(hook, "print(json.dumps(1))").stdout == "1\n"
    assert float((tmp_path / "note").read_text()) <= time.monotonic()


def test_a_sleep_in_c_is_not_cut_short_by_a_signal(tmp_path):
    note = tmp_path / "note"
    code = (
        "import signal, threading, time\n"
        "threading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
        "signal.signal(15, lambda *_: (print('signal', flush=True), sys.exit(3)))\n"
        "json.dumps(1)"
    )
    hook = Hook("json:dumps", signal=15, after=0.2, sleep=2.0, note=str(note))
    ended = hooked_run(hook, code)
    assert ended.stdout == "signal\n"
    assert ended.returncode == 3
    assert time.monotonic() - float(note.read_text()) > 1.5


def test_the_worker_answers_and_a_hang_is_found(tmp_path):
    with Worker() as worker:
        wrong = worker.call(["--wrkdir=x"], 120)
        assert outcomes.judged(wrong, "")[0] == "one clear line"
        assert "--workdir" in wrong.err
        assert worker.call(["--help"], 120).out.startswith("ceil-jax --config FILE")
        config = ["--config=configs/synthetic.py", f"--config.prepared_dir={tmp_path}"]
        slow = worker.call(["--mode=prepare", *config], 0.01)
        assert outcomes.judged(slow, "")[0] == "hang"
        assert worker.call(["--version"], 120).status == 0


def test_the_tally():
    tally = Tally()
    tally.add(Ended("kills", "a", "identical"))
    tally.add(Ended("kills", "b", "hang", "no end", "command"))
    tally.add(Ended("signals", "c", "identical", part="fitting", seconds=1.0))
    tally.add(Ended("signals", "d", "identical", part="fitting", seconds=4.0))
    assert [ended.name for ended in tally.faults] == ["b"]
    assert tally.by_outcome() == [
        ["kills", 1, 0, 0, 0, 0, 1, 0, 2],
        ["signals", 2, 0, 0, 0, 0, 0, 0, 2],
    ]
    assert tally.by_part() == [["fitting", 2, 2.5, 4.0]]
    assert "| fitting | 2" in report(tally)
