"""The suite for a processor: measures everything and writes its part of the docs.

Each benchmark runs in a process of its own and leaves a record in
`benchmarks/recorded/cpu`; `docs/benchmarks.md` and its plots are made of these. Long
measurements have records of their own, which `--long` makes anew.

    python -m benchmarks.cpu                  # measure and write, under 15 minutes
    python -m benchmarks.cpu --only=gcr       # one benchmark
    python -m benchmarks.cpu --norun          # only write
"""

import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from absl import app, flags

from benchmarks import flagged, markdown, plots, record
from benchmarks.measure import number

ROOT = Path(__file__).resolve().parents[1]
RECORDED = ROOT / "benchmarks" / "recorded" / "cpu"
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURES = ROOT / "docs" / "images"

SUITE: dict[str, Sequence[str]] = {
    "gcr": ("benchmarks.gcr",),
    "clustering": ("benchmarks.clustering",),
    "evaluation": ("benchmarks.evaluation",),
    "train_step": ("benchmarks.train_step",),
    "epoch": ("benchmarks.epoch",),
}
"""By name of the record: module and flags."""
LONG: dict[str, Sequence[str]] = {
    "gcr_long": (
        "benchmarks.gcr",
        "--gallery=1000000",
        "--mixed_gallery=100000",
        "--dense_rows=0",
    ),
    "clustering_long": (
        "benchmarks.clustering",
        "--sizes=200000",
        "--against=0",
        "--whole=0",
    ),
    "evaluation_long": (
        "benchmarks.evaluation",
        "--queries=0",
        "--reranked=0",
        "--large=30000",
        "--features=100000",
    ),
    "search": ("benchmarks.search",),
}

_FLAGS = flagged.own(__name__)
_ONLY = flags.DEFINE_list(
    "only", [], "Records to make; all of the suite by default.", flag_values=_FLAGS
)
_LONG = flags.DEFINE_bool(
    "long", False, "Make the long measurements instead.", flag_values=_FLAGS
)
_RUN = flags.DEFINE_bool(
    "run", True, "Measure; else only write the page anew.", flag_values=_FLAGS
)


def measure(name: str, command: Sequence[str]) -> None:
    """Run one benchmark as a user would.

    Args:
        name: Of its record.
        command: Module and flags.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    start = time.monotonic()
    print(f"== {name}: python -m {' '.join(command)}", flush=True)
    output = f"--output={RECORDED / name}.json"
    subprocess.run([sys.executable, "-m", *command, output], cwd=ROOT, check=True)
    print(f"== {name}: {time.monotonic() - start:.0f} s", flush=True)


def caption(curves: Sequence[record.Curve]) -> str:
    """What a plot shows, in words.

    Args:
        curves: Of one plot.

    Returns:
        A sentence with the first and the last point of each curve.
    """
    first = curves[0]
    ends = [
        f"{one.label} from {number(one.y[0])} at {number(one.x[0])} to "
        f"{number(one.y[-1])} at {number(one.x[-1])}"
        for one in curves
    ]
    axes = f"{first.y_label} by {first.x_label}"
    return f"{axes[0].upper()}{axes[1:]}: {'; '.join(ends)}."


def section(records: Sequence[record.Record], pictures: Sequence[Path]) -> str:
    """The page's part about processors.

    Args:
        records: What was measured, in the order in which it is shown.
        pictures: Plots of cost by size.

    Returns:
        Markdown, the tables folded away.
    """
    machines = {
        f"{one.date}: " + ", ".join(f"{k} {v}" for k, v in one.machine.items())
        for one in records
    }
    parts = ["Measured on, by date:\n", *(f"* {text}" for text in sorted(machines)), ""]
    curves = plots.joined([curve for one in records for curve in one.curves])
    for picture in pictures:
        title = picture.stem.replace("_", " ")
        parts += [f"![{title}]({picture.relative_to(PAGE.parent).as_posix()})", ""]
        parts += [caption([one for one in curves if one.plot == picture.stem]), ""]
    by_title: dict[str, list[str]] = {}
    for one in records:  # a long measurement follows the one that it adds to
        by_title.setdefault(one.title, []).append(one.markdown(heading=False))
    for title, texts in by_title.items():
        body = "\n".join(texts).strip()
        parts += [f"### {title}", "", markdown.folded("Commands and tables", body), ""]
    return "\n".join(parts)


def read_all() -> list[record.Record]:
    """Every record that is there: the suite with what adds to it, then the others."""
    names = [name for short in SUITE for name in (short, f"{short}_long")]
    names += [name for name in LONG if name not in names]
    files = [RECORDED / f"{name}.json" for name in names]
    return [record.read(path) for path in files if path.is_file()]


def write_page() -> None:
    """Draw the plots and write the page's part of what is recorded."""
    records = read_all()
    curves = [curve for one in records for curve in one.curves]
    pictures = plots.draw_all(curves, PICTURES)
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(markdown.replace_part(text, "cpu", section(records, pictures)))
    print(f"written to {PAGE}")


def main(argv: list[str]) -> None:
    """Measure, then write."""
    del argv
    start = time.monotonic()
    chosen = LONG if _LONG.value else SUITE
    unknown = set(_ONLY.value) - set(chosen)
    if unknown:
        raise app.UsageError(f"--only={unknown.pop()} must be of {', '.join(chosen)}")
    if _RUN.value:
        for name in _ONLY.value or chosen:
            measure(name, chosen[name])
        print(f"== all: {time.monotonic() - start:.0f} s", flush=True)
    write_page()


if __name__ == "__main__":
    app.run(main)
