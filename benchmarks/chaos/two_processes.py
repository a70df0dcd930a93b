"""Two processes on one folder: one works on, the other is refused at once."""

import os
import signal
import time

from benchmarks.chaos.bench import HANG_SECONDS, Bench, ended, told
from benchmarks.chaos.hooked import Hook
from benchmarks.chaos.outcomes import IDENTICAL, ONE_LINE, OTHER, Ended, judged

KIND = "two processes"
NUMBER, SMALL_NUMBER = 10, 1
RACES = 2


def run(bench: Bench) -> None:
    """Start further processes beside a training, then two at once.

    Args:
        bench: The run.
    """
    _refused(bench, SMALL_NUMBER if bench.small else NUMBER)
    for number in range(0 if bench.small else RACES):
        _race(bench, number + 1)


def _refused(bench: Bench, number: int) -> None:
    """Others while one is held between two steps, by training and by evaluating."""
    workdir = bench.copied(bench.unscored)
    note, go_on = bench.new_folder("note"), bench.new_folder("go-on")
    hook = Hook(
        "ceil_jax.experiment.results_files:write", wait=str(go_on), note=str(note)
    )
    words = bench.words(workdir)
    begin = time.monotonic()
    first = bench.start(words, hook)
    while not note.exists() and first.poll() is None:
        if time.monotonic() - begin > HANG_SECONDS:
            os.killpg(first.pid, signal.SIGKILL)
        time.sleep(0.05)
    for turn in range(number):
        training = turn % 2 == 0
        other = words if training else ["--mode=evaluate", f"--workdir={workdir}"]
        done = bench.run(other)
        outcome, detail = judged(done, "two at once")
        if outcome == ONE_LINE and "is in use" not in detail:
            outcome = OTHER
        name = f"{turn + 1}, {'train' if training else 'evaluate'}"
        bench.tally.add(Ended(KIND, name, outcome, detail, done.command))
    go_on.write_text("")
    done = ended(first, begin, told(words, hook))
    outcome, detail = judged(done, bench.differs(workdir))
    bench.tally.add(Ended(KIND, "the first", outcome, detail, done.command))


def _race(bench: Bench, number: int) -> None:
    """Two that start together: one does the work, the other is refused or repeats."""
    workdir = bench.copied(bench.halfway)
    words = bench.words(workdir)
    begin = time.monotonic()
    both = [bench.start(words), bench.start(words)]
    dones = [ended(process, begin, told(words, None)) for process in both]
    ends = [judged(done, bench.differs(workdir)) for done in dones]
    for place, (outcome, detail) in enumerate(ends):
        name = f"race {number}, process {place + 1}"
        bench.tally.add(Ended(KIND, name, outcome, detail, dones[place].command))
    if not any(outcome == IDENTICAL for outcome, _ in ends):
        bench.tally.add(
            Ended(KIND, f"race {number}", OTHER, "neither worked", dones[0].command)
        )
