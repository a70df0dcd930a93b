"""The figures of an evaluation, and the file that keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.files import write_json
from ceil_jax.metrics import Metrics

RANKS = (1, 5, 10, 20)
FIGURES = (*(f"rank{r}" for r in RANKS), "mAP", "mINP")


class RerankParams(NamedTuple):
    """Parameters of the graph re-ranking (GCR) at test time.

    Attributes:
        k1: Neighbours per row.
        k2: Neighbours that a row is averaged over.
        camera_weight: Weight of a neighbour of the same camera, in (0, 1]; one of
            another camera weighs its inverse.
    """

    k1: int = 28
    k2: int = 7
    camera_weight: float = 0.5


class Spread(NamedTuple):
    """A figure over trials, both in percent.

    Attributes:
        mean: Mean over trials.
        std: Population standard deviation over trials (divided by their number).
    """

    mean: float
    std: float


@dataclass(frozen=True, slots=True)
class ModeResults:
    """Figures of one search mode.

    Attributes:
        plain: Each of `FIGURES` by inner product of the embeddings.
        gcr: The same after re-ranking; None where it was not asked for.
        num_queries: Queries with a true match, in the first trial; None if unknown.
        num_gallery: Gallery images of the first trial; None if unknown.
    """

    plain: dict[str, Spread]
    gcr: dict[str, Spread] | None
    num_queries: int | None = None
    num_gallery: int | None = None


@dataclass(frozen=True, slots=True)
class Results:
    """Figures of an evaluation and what they were measured on.

    Attributes:
        protocol: Name of the protocol.
        sampling: How galleries were drawn; "none" if they are not random.
        trials: Number of galleries averaged over.
        modes: Figures by mode name, in the order of the tables.
        checkpoint: What made the embeddings.
        shots: Gallery images per identity and camera, where drawn.
        galleries: What decided random galleries: seeds, or rows of a file; "" if they
            are not random or it is unknown.
        rerank: Parameters of the re-ranking; None without it or if unknown.
        dataset: Name of the data set; "" if unknown.
        warnings: What is wrong with the data and was allowed, a line each.
    """

    protocol: str
    sampling: str
    trials: int
    modes: dict[str, ModeResults]
    checkpoint: str = ""
    shots: int = 1
    galleries: str = ""
    rerank: RerankParams | None = None
    dataset: str = ""
    warnings: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The structure of `results.json`: plain dictionaries, figures in percent.

        Returns:
            `{"protocol", "sampling", "checkpoint", "trials", "modes"}` and what else
            the figures depend on; a mode holds "plain" and, if re-ranked, "gcr", each
            of `FIGURES` with "mean" and "std".
        """
        return {
            "protocol": self.protocol,
            "sampling": self.sampling,
            "checkpoint": self.checkpoint,
            "trials": self.trials,
            "dataset": self.dataset,
            "shots": self.shots,
            "galleries": self.galleries,
            "rerank": self.rerank._asdict() if self.rerank else None,
            "warnings": list(self.warnings),
            "modes": {name: _mode_to_json(mode) for name, mode in self.modes.items()},
        }

    def save(self, path: str | Path) -> None:
        """Write `results.json`, whole or not at all.

        Args:
            path: The file to write.
        """
        write_json(Path(path), self.to_json())

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Results":
        """Read what `to_json` made, for tables of earlier runs.

        Args:
            record: The content of a `results.json`.

        Returns:
            The results, without what the file does not keep.

        Raises:
            ValueError: A key is missing.
        """
        rerank = record.get("rerank")
        try:
            modes = {
                name: ModeResults(
                    plain=_figures_from_json(mode["plain"]),
                    gcr=_figures_from_json(mode["gcr"]) if "gcr" in mode else None,
                )
                for name, mode in record["modes"].items()
            }
            return cls(
                protocol=record["protocol"],
                sampling=record["sampling"],
                trials=record["trials"],
                modes=modes,
                checkpoint=record["checkpoint"],
                dataset=record.get("dataset", ""),
                shots=record.get("shots", 1),
                galleries=record.get("galleries", ""),
                rerank=RerankParams(**rerank) if rerank else None,
                warnings=tuple(record.get("warnings", ())),
            )
        except KeyError as error:
            raise ValueError(f"these results have no {error}") from error


def summarise(metrics: Sequence[Metrics]) -> dict[str, Spread]:
    """Mean and population standard deviation of each figure over trials, in percent.

    Args:
        metrics: One entry per trial, each with a CMC of at least 20 places.

    Returns:
        Each of `FIGURES`.

    Raises:
        ValueError: No trial, or a CMC that is too short.
    """
    if not metrics:
        raise ValueError("metrics is empty: there must be at least one trial")
    shortest = min(len(m.cmc) for m in metrics)
    if shortest < max(RANKS):
        raise ValueError(f"a cmc has {shortest} places, must have {max(RANKS)}")
    rows = [[*(m.cmc[r - 1] for r in RANKS), m.mean_ap, m.mean_inp] for m in metrics]
    percent = 100 * np.array(rows, np.float64)
    return {
        name: Spread(float(column.mean()), float(column.std()))
        for name, column in zip(FIGURES, percent.T, strict=True)
    }


def _mode_to_json(mode: ModeResults) -> dict[str, Any]:
    sides = {"plain": mode.plain, "gcr": mode.gcr}
    return {
        side: {name: spread._asdict() for name, spread in figures.items()}
        for side, figures in sides.items()
        if figures is not None
    }


def _figures_from_json(record: Mapping[str, Any]) -> dict[str, Spread]:
    return {n: Spread(record[n]["mean"], record[n]["std"]) for n in FIGURES}
