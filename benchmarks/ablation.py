"""The paper's ladder on the embedded data: what each part of CEIL adds.

Every rung is trained for the same number of steps, on several seeds; each seed draws
other people, cameras and batches. Writes every figure to
`benchmarks/recorded/ablation.json`, draws the plot and prints the tables of
`docs/ablation.md`. Finished runs are read, stopped ones go on.

    python -m benchmarks.ablation --seeds=1,2,3 --output=runs/ablation
"""

import json
from pathlib import Path
from typing import Any

from absl import app, flags

from benchmarks import program
from configs import synthetic

RECORDED = Path(__file__).with_name("recorded")
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

_SEEDS = flags.DEFINE_list("seeds", ["1", "2", "3"], "Seeds to run.")
_OUTPUT = flags.DEFINE_string("output", "runs/ablation", "Folder of the runs.")


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


def main(argv: list[str]) -> None:
    """Run every seed, record, draw, print."""
    del argv
    output = Path(_OUTPUT.value)
    runs: dict[str, dict[str, Any]] = {rung: {} for rung in RUNGS}
    for seed in map(int, _SEEDS.value):
        for rung in RUNGS:
            folder = folder_of(output, rung, seed)
            runs[rung][str(seed)] = program.train(flags_of(rung, seed), folder)


if __name__ == "__main__":
    app.run(main)
