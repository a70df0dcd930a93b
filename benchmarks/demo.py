"""The demo over several seeds, beside its control of equal length.

The control is stage 1 alone for as many steps as both stages. Each seed draws other
people, cameras and batches. Writes every run's figures to
`benchmarks/recorded/demo.json`, the control of the demo's own seed to
`ceil_jax/pretrained/demo_control.json`, which the demo's table shows, and prints the
tables of `docs/demo.md`.

    python -m benchmarks.demo --seeds=1,2,3 --output=runs/demo_seeds
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags
from tabulate import tabulate

from benchmarks import flagged, program
from ceil_jax.pretrained import DEMO_CONTROL
from configs import synthetic

RECORDED = Path(__file__).with_name("recorded")
ROWS = {
    "grey pixels": ("full", "grey pixels"),
    "random weights": ("full", "random weights"),
    "pretrained": ("full", "pretrained"),
    "stage 1": ("full", "stage 1"),
    "stage 2": ("full", "stage 2"),
    "control: stage 1 alone, as many steps": ("control", "stage 1"),
}
FIGURES = [("plain", "rank1"), ("plain", "mAP"), ("gcr", "rank1"), ("gcr", "mAP")]

_FLAGS = flagged.own(__name__)
_SEEDS = flags.DEFINE_list(
    "seeds", ["1", "2", "3"], "Seeds to run.", flag_values=_FLAGS
)
_OUTPUT = flags.DEFINE_string(
    "output", "runs/demo_seeds", "Folder of the runs.", flag_values=_FLAGS
)


def _flags_of(kind: str, seed: str) -> list[str]:
    # The demo itself is seed 1 of the training and seed 0 of the people.
    words = [f"--config.seed={seed}", f"--config.synthetic.seed={int(seed) - 1}"]
    words += ["--config.evaluation.control="]
    if kind == "control":
        config = synthetic.get_config()
        if config.batch.stage1_steps != config.batch.stage2_steps:
            raise ValueError("the control needs stages with equal steps per epoch")
        words += [f"--config.stage1_epochs={config.num_epochs}"]
        words += ["--config.stage2_epochs=0"]
    return words


def run(kind: str, seed: str, folder: Path) -> dict[str, Any]:
    """Train one run as a user would, or read it if it is already there.

    Args:
        kind: "full" or "control".
        seed: The run's seed.
        folder: Its workdir.

    Returns:
        Its `comparison.json`, its configuration and the seconds that it took.
    """
    done = program.train(_flags_of(kind, seed), folder)
    return {
        "comparison": json.loads((folder / "comparison.json").read_text()),
        "config": done["config"],
        "seconds": done["seconds"],
    }


def _figure(runs: dict[str, Any], row: str, mode: str, kind: str, figure: str) -> str:
    run_kind, name = ROWS[row]
    values = [
        run["comparison"][name]["results"]["modes"][mode][kind][figure]["mean"]
        for run in runs[run_kind]
    ]
    return f"{np.mean(values):.1f} ({min(values):.1f}-{max(values):.1f})"


def table(runs: dict[str, list[Any]], mode: str) -> str:
    """Mean and range over seeds of every row, in Markdown.

    Args:
        runs: By "full" and "control": one entry per seed.
        mode: "all" or "indoor".

    Returns:
        The table.
    """
    lines = [
        [row, *(_figure(runs, row, mode, kind, figure) for kind, figure in FIGURES)]
        for row in ROWS
    ]
    headings = [f"{mode} search", "Rank-1", "mAP", "R Rank-1", "R mAP"]
    return tabulate(lines, headings, tablefmt="github")


def main(argv: list[str]) -> None:
    """Run every seed, record, print."""
    del argv
    output = Path(_OUTPUT.value)
    runs: dict[str, list[Any]] = {"full": [], "control": []}
    for seed in _SEEDS.value:
        for kind in runs:
            runs[kind].append(run(kind, seed, output / f"{kind}_{seed}"))
    RECORDED.mkdir(exist_ok=True)
    first = runs["control"][0]
    record = {"seeds": _SEEDS.value, "runs": runs}
    (RECORDED / "demo.json").write_text(json.dumps(record, indent=1) + "\n")
    epochs = synthetic.get_config().num_epochs
    control = {
        "results": first["comparison"]["stage 1"]["results"],
        "note": f"stage 1 alone, {epochs} epochs; recorded",
        "config": first["config"],
    }
    DEMO_CONTROL.write_text(json.dumps(control, indent=1) + "\n")
    for mode in ("all", "indoor"):
        print(table(runs, mode) + "\n")
    for kind, of_kind in runs.items():
        seconds = ", ".join(f"{run['seconds']:.0f}" for run in of_kind)
        print(f"{kind}: {seconds} s")


if __name__ == "__main__":
    app.run(main)
