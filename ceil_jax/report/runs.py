"""Several runs side by side: what their page is made of."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ceil_jax.evaluation.results import Results

SEEDS, SPLITS, SETTINGS = "seeds", "splits", "overrides"
"""What runs differ in."""
NOUNS = {SEEDS: "training seed", SPLITS: "split", SETTINGS: "setting"}


@dataclass(frozen=True, slots=True)
class OneRun:
    """One of several runs.

    Attributes:
        name: What it is called, e.g. "seed 3".
        mark: What its line is called, e.g. "3".
        results: Its figures; of each training seed where it has several; empty before
            it is finished.
        state: What it is doing, e.g. "epoch 7 of 18"; "" of a finished run.
        page: Address of its own page, from this one; "" where it has none.
        epochs: The objects of its `metrics.jsonl`, in order.
    """

    name: str
    mark: str
    results: tuple[Results, ...] = ()
    state: str = ""
    page: str = ""
    epochs: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Runs:
    """Everything on the page.

    Attributes:
        name: Of the folder.
        kind: `SEEDS`, `SPLITS` or `SETTINGS`.
        runs: In the order of the table.
        mean_page: Address of the page of the mean; "" where there is none.
    """

    name: str
    kind: str
    runs: Sequence[OneRun]
    mean_page: str = ""

    @property
    def finished(self) -> list[OneRun]:
        """Those that have figures."""
        return [run for run in self.runs if run.results]
