"""Images a second of a training step, against PyTorch in the same run.

    python -m benchmarks.train_step

Takes five minutes on two cores.
"""

import contextlib
import tempfile
from typing import Any

from absl import app, flags

from benchmarks import flagged, measure, whole_step
from benchmarks.record import Record, Table
from benchmarks.train_work import SIZES, Worker, ours, pytorch

_FLAGS = flagged.own(__name__)
_SIZES = flags.DEFINE_list(
    "encoders", ["tiny", "full"], "Encoders to measure.", flag_values=_FLAGS
)
_RUNS = flags.DEFINE_integer(
    "turns", 0, "Measured turns; 0 for 7 (tiny) or 3 (full).", flag_values=_FLAGS
)
_COMPILE = flags.DEFINE_bool(
    "compile", True, "Measure the compilation, too.", flag_values=_FLAGS
)

WARM_UP = 1
WORK = {
    "forward": "forward",
    "training": "forward, contrastive loss, backward, Adam",
    "step": "the whole step, augmentation included",
}
SUBJECTS = ("ours", "derived", "torch", "torch_last")
HEADERS = (
    *("encoder", "work", "ours", "gradients derived by JAX", "PyTorch"),
    *("PyTorch, channels last", "ours / PyTorch", "ours / faster PyTorch"),
    *("GiB", "GiB, PyTorch"),
)
NOTES = (
    "Images a second, more is better: the median and, in brackets, the slowest and "
    "the fastest of the turns. The tiny encoder (width 16, one block a stage) sees 64 "
    "images of 96x48, the full one (ResNet-50) 8 of 288x144; float32. Every column is "
    "a process of its own with as many threads as cores; they work in turns. The whole "
    "step augments on the device what PyTorch gets ready-made: its column there is "
    "that of the row above. All processes have GLIBC_TUNABLES=glibc.malloc.hugetlb=1, "
    "unless it is set: huge pages. GiB: the peak of the process, libraries and "
    "compilation included.",
    "Huge pages alone: a step of this project takes 1/1.24 (full) and 1/1.4 (tiny) of "
    "its time, since XLA gives its memory back after every step. Ours takes Winograd's "
    "F(2x2, 3x3) for 3x3 convolutions of at least 32 channels and at most 32,768 "
    "pixels, the column of derived gradients XLA's own; elsewhere it gained nothing in "
    "the whole step. Alone it takes the full encoder's step to 1/1.29 of its time. "
    "Measured and not faster than XLA's: nine shifted products, im2col, three products "
    "of three columns each, the weight gradient with batch and channels swapped. "
    "Neither are poolings by reshape and mean, nor the compiler's flags.",
)


def _subjects(name: str, what: str) -> dict[str, Worker]:
    size = SIZES[name]
    if what == "step":
        return {
            "ours": Worker(whole_step.whole_step, size),
            "derived": Worker(whole_step.whole_step, size, derived=True),
        }
    found = {"ours": Worker(ours, size, what)}
    if what == "training":
        found["derived"] = Worker(ours, size, what, derived=True)
    found["torch"] = Worker(pytorch, size, what, channels_last=False)
    found["torch_last"] = Worker(pytorch, size, what, channels_last=True)
    return found


def speeds(
    name: str, what: str, runs: int
) -> tuple[dict[str, measure.Timing], dict[str, float]]:
    """Seconds of each subject, in turns, and the memory that it took.

    Args:
        name: Of the size.
        what: A key of `WORK`.
        runs: Measured turns.

    Returns:
        Timings by subject; the peak of its process in GiB, likewise.
    """
    with contextlib.ExitStack() as stack:
        workers = {
            subject: stack.enter_context(worker)
            for subject, worker in _subjects(name, what).items()
        }
        seconds: dict[str, list[float]] = {subject: [] for subject in workers}
        for turn in range(WARM_UP + runs):
            for subject, worker in workers.items():
                passed = worker()
                if turn >= WARM_UP:
                    seconds[subject].append(passed)
        peaks = {subject: worker.peak_gib for subject, worker in workers.items()}
    timings = {subject: measure.timing(values) for subject, values in seconds.items()}
    return timings, peaks


def _rate(rows: int, timing: measure.Timing) -> str:
    shown = [rows / s for s in (timing.median, timing.highest, timing.lowest)]
    middle, low, high = map(measure.number, shown)
    return f"{middle} ({low}-{high})"


def _rows_of(name: str) -> list[list[Any]]:
    runs = _RUNS.value or {"tiny": 7, "full": 3}[name]
    num_images = SIZES[name].rows
    rows, rivals, peaks = [], {}, {}
    for what, title in WORK.items():
        found, memory = speeds(name, what, runs)
        peaks |= memory
        rivals = {k: v for k, v in found.items() if k.startswith("torch")} or rivals
        every = found | rivals
        columns = [
            _rate(num_images, every[subject]) if subject in every else ""
            for subject in SUBJECTS
        ]
        fastest = min(timing.median for timing in rivals.values())
        mine = every["ours"].median
        ratios = [every["torch"].median / mine, fastest / mine]
        shown = [*ratios, peaks["ours"], peaks["torch"]]
        rows.append([name, title, *columns, *(f"{number:.2f}" for number in shown)])
        print(*rows[-1], sep=" | ", flush=True)
    return rows


def _compilations(name: str) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = (
            measure.in_new_process(whole_step.compile_step, name, folder).result
            for _ in range(2)
        )
    return [name, cold.programs, round(cold.seconds, 1), round(warm.seconds, 1)]


def main(argv: list[str]) -> None:
    """Measure everything and show the record."""
    del argv
    tables = [
        Table(
            "Images a second of an encoder and of a PyTorch model of its architecture.",
            HEADERS,
            [row for name in _SIZES.value for row in _rows_of(name)],
        )
    ]
    if _COMPILE.value:
        headers = ("encoder", "programs", "s, no cache", "s, with the cache")
        tables.append(
            Table(
                "Compilation of a stage's step in a fresh process; the second step "
                "compiles nothing.",
                headers,
                [_compilations(name) for name in _SIZES.value],
            )
        )
    Record(
        title="Training step",
        command="python -m benchmarks.train_step",
        tables=tables,
        notes=NOTES,
    ).show()


if __name__ == "__main__":
    app.run(main)
