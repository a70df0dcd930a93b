"""The figures of an evaluation, and the file that keeps them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common.files import user_path, write_json
from ceil_jax.evaluation.calibration import Calibration
from ceil_jax.evaluation.metrics import Metrics

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
        rerank: Parameters of the re-ranking chosen for this mode without labels; None
            where they were given, which `Results.rerank` then holds.
    """

    plain: dict[str, Spread]
    gcr: dict[str, Spread] | None
    num_queries: int | None = None
    num_gallery: int | None = None
    rerank: RerankParams | None = None


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
        rerank: Parameters of the re-ranking; None without it, if unknown, or where
            each mode has its own.
        dataset: Name of the data set; "" if unknown.
        split: Which of the data set's splits was tested; None if it has only one, or
            several were tested.
        seed: Of the training; None if unknown.
        selection: How the epoch was chosen: "last" or "best_on_test".
        comparable: Whether figures published for the data set, if any, were measured
            in the same way.
        warnings: What a reader of the figures must know, a line each.
        by_split: Figures of each split, where `modes` is their mean.
        verification: Thresholds for "the same person?"; None where they were not
            looked for.
        embedded_by: The engine that embedded the images, such as "jax"; "" if unknown.
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
    split: int | None = None
    seed: int | None = None
    selection: str = "last"
    comparable: bool = False
    warnings: tuple[str, ...] = ()
    by_split: Mapping[int, dict[str, ModeResults]] | None = None
    verification: Calibration | None = None
    embedded_by: str = ""

    def to_json(self) -> dict[str, Any]:
        """The structure of `results.json`: plain dictionaries, figures in percent.

        Returns:
            `{"protocol", "sampling", "checkpoint", "trials", "modes"}` and what else
            the figures depend on; a mode holds "plain" and, if re-ranked, "gcr", each
            of `FIGURES` with "mean" and "std". "splits" is there where several splits
            were trained and tested: modes by the split's number. "verification" is
            there where it was looked for, see `Calibration.to_dict`; "embedded_by"
            where it is known.
        """
        splits = {
            str(split): {name: _mode_to_json(mode) for name, mode in modes.items()}
            for split, modes in (self.by_split or {}).items()
        }
        record = {
            "protocol": self.protocol,
            "sampling": self.sampling,
            "checkpoint": self.checkpoint,
            "trials": self.trials,
            "dataset": self.dataset,
            "split": self.split,
            "seed": self.seed,
            "selection": self.selection,
            "comparable": self.comparable,
            "shots": self.shots,
            "galleries": self.galleries,
            "rerank": self.rerank._asdict() if self.rerank else None,
            "warnings": list(self.warnings),
            "modes": {name: _mode_to_json(mode) for name, mode in self.modes.items()},
        }
        if self.embedded_by:
            record["embedded_by"] = self.embedded_by
        if splits:
            record["splits"] = splits
        if self.verification is not None:
            record["verification"] = self.verification.to_dict()
        return record

    def save(self, path: str | Path) -> None:
        """Write `results.json`, whole or not at all.

        Args:
            path: The file to write.
        """
        write_json(user_path(path), self.to_json())

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Results":
        """Read what `to_json` made, for tables of earlier runs.

        Args:
            record: The content of a `results.json`.

        Returns:
            The results, without what the file does not keep.

        Raises:
            ValueError: A key is missing, or a value is of another kind.
        """
        try:
            return cls(**_from_json(record))
        except KeyError as error:
            raise ValueError(f"these results have no {error}") from error
        except (TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"these are no results: {error}") from error


def mean_of_splits(results: Mapping[int, Results]) -> Results:
    """One model per split: mean and spread of their figures.

    Args:
        results: Figures of each split by its number, all of one protocol and with one
            trial each.

    Returns:
        Mean and population standard deviation over the splits, and each split.

    Raises:
        ValueError: There is no split, one has several trials, or another protocol.
    """
    if not results:
        raise ValueError("results is empty: there must be at least one split")
    first = next(iter(results.values()))
    for split, each in results.items():
        if each.trials != 1:
            raise ValueError(f"{split=} has {each.trials} trials, must have 1")
        if each.protocol != first.protocol:
            raise ValueError(f"{split=} has protocol {each.protocol}, not the first's")
    modes = {
        name: ModeResults(
            _over([each.modes[name].plain for each in results.values()]),
            _over([gcr for each in results.values() if (gcr := each.modes[name].gcr)]),
            mode.num_queries,
            mode.num_gallery,
            _same([each.modes[name].rerank for each in results.values()]),
        )
        for name, mode in first.modes.items()
    }
    names = list(dict.fromkeys(each.checkpoint for each in results.values()))
    warnings = dict.fromkeys(w for each in results.values() for w in each.warnings)
    return replace(
        first,
        trials=len(results),
        checkpoint=f"{', '.join(names)} of each split's model",
        modes=modes,
        rerank=_same([each.rerank for each in results.values()]),
        split=None,
        comparable=all(each.comparable for each in results.values()),
        warnings=tuple(warnings),
        by_split={split: each.modes for split, each in results.items()},
        verification=None,
        embedded_by=", ".join(dict.fromkeys(r.embedded_by for r in results.values())),
    )


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


def _same(params: Sequence[RerankParams | None]) -> RerankParams | None:
    """What all have in common; None where they differ."""
    return params[0] if len(set(params)) == 1 else None


def _over(figures: Sequence[Mapping[str, Spread]]) -> Any:
    """Mean and population standard deviation of means; None of nothing."""
    if not figures:
        return None
    rows = np.array([[each[name].mean for name in FIGURES] for each in figures])
    return {
        name: Spread(float(column.mean()), float(column.std()))
        for name, column in zip(FIGURES, rows.T, strict=True)
    }


def _mode_to_json(mode: ModeResults) -> dict[str, Any]:
    sides = {"plain": mode.plain, "gcr": mode.gcr}
    record: dict[str, Any] = {
        side: {name: spread._asdict() for name, spread in figures.items()}
        for side, figures in sides.items()
        if figures is not None
    }
    return record | ({"rerank": mode.rerank._asdict()} if mode.rerank else {})


_LARGEST = 10**15
_KINDS: dict[str, tuple[Any, Any]] = {
    "checkpoint": (str, ...),
    "protocol": (str, ...),
    "sampling": (str, ...),
    "trials": (int, ...),
    "shots": (int, 1),
    "galleries": (str, ""),
    "dataset": (str, ""),
    "split": (int | None, None),
    "seed": (int | None, None),
    "selection": (str, "last"),
    "comparable": (bool, False),
    "embedded_by": (str, ""),
}
"""Of the plain keys of the file: the kind, and what was meant before; ... is needed."""


def _from_json(record: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of `Results`, each of its kind."""
    if not isinstance(record, Mapping):
        raise ValueError(f"these are no results but a {type(record).__name__}")
    found: dict[str, Any] = {}
    for name, (kind, before) in _KINDS.items():
        value = record[name] if before is ... else record.get(name, before)
        if isinstance(value, bool) != (kind is bool) or not isinstance(value, kind):
            raise ValueError(f"these results have {name}={str(value)[:40]!r}")
        found[name] = _number(name, value) if type(value) is int else value
    warnings, splits = record.get("warnings", []), record.get("splits")
    verification = record.get("verification")
    if not all(isinstance(line, str) for line in warnings):
        raise ValueError("these results have warnings that are no text")
    if splits is not None:
        splits = {
            int(split): _modes_from_json(modes) for split, modes in splits.items()
        }
    return found | {
        "modes": _modes_from_json(record["modes"]),
        "rerank": _rerank_from_json(record.get("rerank")),
        "warnings": tuple(warnings),
        "by_split": splits or None,
        "verification": verification and Calibration.from_dict(verification),
    }


def _rerank_from_json(record: Mapping[str, Any] | None) -> RerankParams | None:
    if record is None:
        return None
    params = RerankParams(**record)
    return RerankParams(*(_number(name, n) for name, n in params._asdict().items()))


def _number(name: str, value: Any) -> Any:
    """A number that tables can show."""
    if type(value) not in (int, float):
        raise ValueError(f"these results have {name}={str(value)[:40]!r}")
    if not abs(value) < _LARGEST:
        raise ValueError(f"these results have a {name} that cannot be")
    return value


def _modes_from_json(record: Mapping[str, Any]) -> dict[str, ModeResults]:
    if not record:
        raise ValueError("these results have no mode")
    return {
        name: ModeResults(
            plain=_figures_from_json(mode["plain"]),
            gcr=_figures_from_json(mode["gcr"]) if "gcr" in mode else None,
            rerank=_rerank_from_json(mode.get("rerank")),
        )
        for name, mode in record.items()
    }


def _figures_from_json(record: Mapping[str, Any]) -> dict[str, Spread]:
    return {
        n: Spread(*(_number(n, record[n][part]) for part in Spread._fields))
        for n in FIGURES
    }
