"""Scoring a model: embed the test images once, score and draw every mode."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ceil_jax.common.files import whole
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.evaluation import protocols, scored_pairs, scoring
from ceil_jax.evaluation.baselines import grey_pixels
from ceil_jax.evaluation.calibration import Calibration
from ceil_jax.evaluation.rankings import Rankings
from ceil_jax.evaluation.recording import Recorder
from ceil_jax.evaluation.results import Results
from ceil_jax.evaluation.scoring import Search
from ceil_jax.report import asked, contrast, ranked_lists
from ceil_jax.report.own_names import OwnNames

Embed = Callable[..., np.ndarray]


class Scorer:
    """Scores embeddings of one run's test images under its protocol.

    Attributes:
        modes: Its search modes; none where there is nothing to score.
        sets: The visible and the infrared test images.
    """

    def __init__(
        self,
        plan: protocols.Plan,
        visible: ImageSet,
        infrared: ImageSet,
        *,
        rerank: scoring.Rerank,
        search: Search,
        dataset: str,
        split: int | None = None,
        comparable: bool = False,
        warnings: tuple[str, ...] = (),
        num_pictured_queries: int = 8,
    ) -> None:
        """Take what every evaluation of the run shares.

        Args:
            plan: Queries and galleries.
            visible: The visible test images.
            infrared: The infrared ones.
            rerank: Parameters of the re-ranking, or "auto".
            search: How its neighbours are found.
            dataset: Name of the data set.
            split: Which of its splits is tested, if it has several.
            comparable: Whether the figures are measured as published ones are.
            warnings: What is wrong with the images and was allowed.
            num_pictured_queries: Rows of the picture.
        """
        self._plan = plan
        self._rerank: scoring.Rerank = rerank
        self._search: Search = search
        self._facts = {
            "dataset": dataset,
            "split": split,
            "comparable": comparable,
        }
        self._warnings = warnings
        self._num_pictured_queries = num_pictured_queries
        self._sets = {"visible": visible, "infrared": infrared}
        self.sets = (visible, infrared)
        self.modes = tuple(plan.trials)

    def embeddings(self, embed: Embed, variables: Any) -> list[scoring.Embeddings]:
        """Embed the test images of both modalities.

        Args:
            embed: An `Embedder`.
            variables: The weights.

        Returns:
            Visible, infrared.
        """
        return self._of_both(
            lambda images, modality: embed(variables, images, modality)
        )

    def grey_pixels(self) -> list[scoring.Embeddings]:
        """The test images' grey pixels as embeddings, the plainest of baselines.

        Returns:
            Visible, infrared.
        """
        return self._of_both(
            lambda images, _: grey_pixels(images.images.take(np.arange(len(images))))
        )

    def _of_both(
        self, rows_of: Callable[[ImageSet, str], np.ndarray]
    ) -> list[scoring.Embeddings]:
        """Rows of both modalities with their labels; none of one without images."""
        rows = {
            modality: rows_of(images, modality)
            for modality, images in self._sets.items()
            if len(images)
        }
        none = np.zeros((0, next(iter(rows.values())).shape[1]), np.float32)
        return [
            scoring.Embeddings(
                rows.get(modality, none),
                images.identities,
                images.cameras,
                images.names,
            )
            for modality, images in self._sets.items()
        ]

    def score(
        self,
        sides: list[scoring.Embeddings],
        checkpoint: str,
        recorder: Recorder | None = None,
    ) -> Results:
        """Figures in every mode, plain and re-ranked.

        Args:
            sides: Visible and infrared embeddings.
            checkpoint: What made them, for the record.
            recorder: Gets what every query found.

        Returns:
            The figures.
        """
        results = scoring.score_protocol(
            sides[0],
            sides[1],
            self._plan,
            rerank=self._rerank,
            search=self._search,
            checkpoint=checkpoint,
            recorder=recorder,
        )
        warnings = (*self._warnings, *results.warnings)
        return dataclasses.replace(results, **self._facts, warnings=warnings)

    def verification(self, sides: list[scoring.Embeddings]) -> Calibration:
        """Thresholds for "the same person?" from the test images.

        Args:
            sides: Visible and infrared embeddings.

        Returns:
            The thresholds, or why there are none.
        """
        visible, infrared = sides
        return scored_pairs.calibration_of(visible, infrared, self._plan.protocol)

    def draw(
        self, rankings: Rankings, path: Path, names: OwnNames | None = None
    ) -> None:
        """Draw telling queries of the first mode with their lists, plain above R.

        Args:
            rankings: What the queries of an evaluation found.
            path: The picture to write, whole or not at all.
            names: Of cameras and people.

        Raises:
            OSError: It cannot be written.
        """
        mode = self.modes[0]
        trial = self._plan.trials[mode][0]

        def images(modality: str, positions: np.ndarray) -> asked.Take:
            return lambda rows: self._sets[modality].images.take(positions[rows])

        figure = ranked_lists.ranked_lists(
            asked.telling(
                rankings[mode.name],
                images(mode.query_modality, trial.query),
                images(mode.gallery_modality, trial.gallery),
                number=self._num_pictured_queries,
                names=names or OwnNames(),
            ),
            title=f"{self._facts['dataset']}, {mode.name}: "
            f"{mode.query_modality} queries, {mode.gallery_modality} gallery",
            note=contrast.NOTE,
        )
        with whole(path) as file:
            ranked_lists.save(figure, file)


def mean_rank1(results: Results) -> float:
    """The one number that says which of two models is better.

    Args:
        results: Figures of an evaluation.

    Returns:
        Rank-1 without re-ranking, mean over modes, in percent.
    """
    return float(np.mean([mode.plain["rank1"].mean for mode in results.modes.values()]))


def flat(results: Results) -> dict[str, float]:
    """Mean figures by a name that a curve can have.

    Args:
        results: Figures of an evaluation.

    Returns:
        Percent by "mode/kind/figure".
    """
    figures = {}
    for name, mode in results.modes.items():
        for kind, values in (("plain", mode.plain), ("gcr", mode.gcr or {})):
            figures |= {f"{name}/{kind}/{k}": v.mean for k, v in values.items()}
    return figures


def line(results: Results) -> str:
    """One line about an evaluation.

    Args:
        results: Its figures.

    Returns:
        Rank-1 and mAP of every mode, plain and re-ranked.
    """
    figures = flat(results)
    shown = [
        f"{name.rsplit('/', 1)[0]} Rank-1 {value:.1f} mAP "
        f"{figures[name.replace('rank1', 'mAP')]:.1f}"
        for name, value in figures.items()
        if name.endswith("/rank1")
    ]
    return f"{results.checkpoint}: " + ", ".join(shown)
