"""The paper's ladder on the embedded data: what each part of CEIL adds.

Every rung is trained for the same number of steps, on several seeds; each seed draws
other people, cameras and batches. Writes every figure to
`benchmarks/recorded/ablation.json`, draws the plot and prints the tables of
`docs/ablation.md`. Finished runs are read, stopped ones go on.

    python -m benchmarks.ablation --seeds=1,2,3 --output=runs/ablation
"""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags
from matplotlib.figure import Figure
from tabulate import tabulate

from benchmarks import flagged, program
from configs import synthetic

RECORDED = Path(__file__).with_name("recorded")
PLOT = Path(__file__).parents[1] / "docs" / "images" / "ablation.png"
MOMENTUM = "--config.objective.update=momentum"
INFO_NCE = "--config.objective.contrast=info_nce"
ALONE = ["--config.stage1_epochs={num_epochs}", "--config.stage2_epochs=0"]
# What each trained rung differs by from the demo; GCR, the last, is not trained.
RUNGS = {
    "momentum, InfoNCE": [*ALONE, MOMENTUM, INFO_NCE],
    "+ CDL": [*ALONE, MOMENTUM],
    "+ DCMU": ALONE,
    "+ PCM": [],
}
GCR = "+ GCR"

_FLAGS = flagged.own(__name__)
_SEEDS = flags.DEFINE_list(
    "seeds", ["1", "2", "3"], "Seeds to run.", flag_values=_FLAGS
)
_OUTPUT = flags.DEFINE_string(
    "output", "runs/ablation", "Folder of the runs.", flag_values=_FLAGS
)


def flags_of(rung: str, seed: int) -> list[str]:
    """What a run is started with.

    Args:
        rung: One of `RUNGS`.
        seed: Seed of the training; the people's is one less, as in the demo.

    Returns:
        Flags of the program.

    Raises:
        ValueError: The stages differ in steps per epoch, so that runs of equal epochs
            would not be of equal steps.
    """
    config = synthetic.get_config()
    if config.batch.stage1_steps != config.batch.stage2_steps:
        raise ValueError("the ladder needs stages with equal steps per epoch")
    words = [f"--config.seed={seed}", f"--config.synthetic.seed={seed - 1}"]
    words += ["--config.evaluation.control=", "--config.evaluation.baselines=False"]
    return words + [word.format(num_epochs=config.num_epochs) for word in RUNGS[rung]]


def folder_of(output: Path, rung: str, seed: int) -> Path:
    """Workdir of a run.

    Args:
        output: Folder of all runs.
        rung: One of `RUNGS`.
        seed: Seed of the training.

    Returns:
        The folder.
    """
    return output / f"rung{list(RUNGS).index(rung) + 1}_seed{seed}"


def figures_of(
    runs: dict[str, dict[str, Any]], mode: str, kind: str, figure: str
) -> dict[str, np.ndarray]:
    """One figure of every rung, seed by seed.

    Args:
        runs: By rung and seed: what `program.train` gives.
        mode: "all" or "indoor".
        kind: "plain" or "gcr". Of "plain" the ladder goes on with `GCR`: the last
            trained rung, re-ranked.
        figure: "rank1" or "mAP".

    Returns:
        By rung: percent, one entry per seed.
    """

    def values(rung: str, kind: str) -> np.ndarray:
        every = runs[rung].values()
        modes = [run["results"]["modes"][mode] for run in every]
        return np.array([of_mode[kind][figure]["mean"] for of_mode in modes])

    found = {rung: values(rung, kind) for rung in RUNGS}
    if kind == "plain":
        found[GCR] = values(list(RUNGS)[-1], "gcr")
    return found


def gains(figures: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What each rung has over the one before, seed by seed.

    Args:
        figures: By rung, one entry per seed.

    Returns:
        By rung, from the second: the paired differences.
    """
    return {
        rung: figures[rung] - figures[before]
        for before, rung in itertools.pairwise(figures)
    }


def table(runs: dict[str, dict[str, Any]], mode: str, kind: str) -> str:
    """Every rung: its figures, and its gain on the one before, in Markdown.

    Args:
        runs: As for `figures_of`.
        mode: "all" or "indoor".
        kind: "plain" or "gcr".

    Returns:
        The table: means over seeds, lowest and highest in brackets, and of Rank-1
        every seed's gain.
    """
    rank1, mean_ap = (figures_of(runs, mode, kind, name) for name in ("rank1", "mAP"))
    steps, ap_steps = gains(rank1), gains(mean_ap)
    lines = []
    for rung in rank1:
        line = [rung, _spread(rank1[rung]), _spread(mean_ap[rung])]
        if rung in steps:
            each = ", ".join(f"{step:+.1f}" for step in steps[rung])
            line += [f"{steps[rung].mean():+.1f} ± {_deviation(steps[rung]):.1f}", each]
            line += [f"{ap_steps[rung].mean():+.1f} ± {_deviation(ap_steps[rung]):.1f}"]
        lines.append(line + [""] * (6 - len(line)))
    title = f"{mode} search" + (", re-ranked" if kind == "gcr" else "")
    headings = [title, "Rank-1", "mAP", "gain in Rank-1", "by seed", "gain in mAP"]
    return tabulate(lines, headings, tablefmt="github", disable_numparse=True)


def _spread(values: np.ndarray) -> str:
    return f"{values.mean():.1f} ({values.min():.1f}-{values.max():.1f})"


def _deviation(values: np.ndarray) -> float:
    """Standard deviation of a sample; not known of a single seed."""
    return float(values.std(ddof=1)) if len(values) > 1 else float("nan")


def plot(runs: dict[str, dict[str, Any]]) -> Figure:
    """Rank-1 and mAP up the ladder, all search: every seed, and their mean.

    Args:
        runs: As for `figures_of`.

    Returns:
        The figure.
    """
    drawing = Figure(figsize=(10, 4.2), layout="constrained")
    for axes, (name, title) in zip(
        drawing.subplots(1, 2), (("rank1", "Rank-1"), ("mAP", "mAP")), strict=True
    ):
        figures = figures_of(runs, "all", "plain", name)
        rungs = list(figures)
        values = np.array(list(figures.values()))  # rungs, seeds
        for column, seed in enumerate(runs[rungs[0]]):
            axes.plot(rungs, values[:, column], "o-", lw=1, ms=4, label=f"seed {seed}")
        means = values.mean(axis=1)
        axes.plot(rungs, means, "ks-", lw=2.5, label="mean")
        for i, mean in enumerate(means):
            gain = f"({mean - means[i - 1]:+.1f})" if i else "mean"
            axes.annotate(
                f"{mean:.1f}\n{gain}",
                (i, 0.02),
                xycoords=("data", "axes fraction"),
                ha="center",
                va="bottom",
                fontsize=9,
                fontweight="bold",
            )
        axes.margins(x=0.12)
        axes.set_ylim(bottom=values.min() - 0.25 * np.ptp(values))
        axes.set_ylabel(f"{title}, all search, %")
        axes.grid(axis="y", alpha=0.3)
        axes.tick_params(axis="x", labelsize=8)
        axes.legend(loc="upper left", fontsize=8)
    return drawing


def main(argv: list[str]) -> None:
    """Run every seed, record, draw, print."""
    del argv
    output = Path(_OUTPUT.value)
    runs: dict[str, dict[str, Any]] = {rung: {} for rung in RUNGS}
    for seed in map(int, _SEEDS.value):
        for rung in RUNGS:
            folder = folder_of(output, rung, seed)
            runs[rung][str(seed)] = program.train(flags_of(rung, seed), folder)
    RECORDED.mkdir(exist_ok=True)
    record = {"seeds": _SEEDS.value, "rungs": runs}
    (RECORDED / "ablation.json").write_text(json.dumps(record, indent=1) + "\n")
    plot(runs).savefig(PLOT, dpi=120)
    for mode in ("all", "indoor"):
        for kind in ("plain", "gcr"):
            print(table(runs, mode, kind) + "\n")
    for rung, of_rung in runs.items():
        seconds = ", ".join(f"{run['seconds']:.0f}" for run in of_rung.values())
        print(f"{rung}: {seconds} s")


if __name__ == "__main__":
    app.run(main)
