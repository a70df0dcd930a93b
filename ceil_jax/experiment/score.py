"""Scoring a model: embed the test images once, score and draw every mode."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.evaluation import galleries, permutations, protocols, scoring
from ceil_jax.evaluation.baselines import grey_pixels
from ceil_jax.evaluation.permutations import Permutations
from ceil_jax.evaluation.results import RerankParams, Results
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.neighbours.search import Search
from ceil_jax.report import published, ranked_lists

Embed = Callable[..., np.ndarray]


class Scorer:
    """Scores embeddings of one run's test images under its protocol.

    Attributes:
        modes: Its search modes; none where there is nothing to score.
    """

    def __init__(
        self,
        config: Config,
        protocol: str,
        visible: ImageSet,
        infrared: ImageSet,
        *,
        splits: Mapping[str, np.ndarray] | None = None,
        warnings: tuple[str, ...] = (),
    ) -> None:
        """Decide queries and galleries, which every evaluation of the run shares.

        Args:
            config: The whole configuration.
            protocol: The run's protocol.
            visible: The visible test images.
            infrared: The infrared ones.
            splits: By modality, which split tests on which image, (N, splits) bool;
                only for "regdb_released".
            warnings: What is wrong with the images and was allowed.

        Raises:
            UserError: The test images lack what the protocol needs: found out before
                anything is trained.
        """
        evaluation = config.evaluation
        try:
            self._plan = protocols.plan(
                protocol,
                visible,
                infrared,
                num_trials=evaluation.num_trials,
                sampling=evaluation.sampling,
                shots=evaluation.shots,
                permutations=_permutations(config, protocol),
                splits=splits,
            )
        except ValueError as error:
            raise UserError(f"config.evaluation: {error}") from error
        self._config = config
        self._warnings = warnings
        self._sets = {"visible": visible, "infrared": infrared}
        self.modes = tuple(self._plan.trials)
        rerank = config.rerank
        given = RerankParams(rerank.k1, rerank.k2, rerank.camera_weight)
        self._rerank: scoring.Rerank = "auto" if rerank.auto else given
        self._search: Search = cast(Search, rerank.search)

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

    def score(self, sides: list[scoring.Embeddings], checkpoint: str) -> Results:
        """Figures in every mode, plain and re-ranked.

        Args:
            sides: Visible and infrared embeddings.
            checkpoint: What made them, for the record.

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
        )
        config, protocol = self._config, self._plan.protocol
        return dataclasses.replace(
            results,
            dataset=config.dataset,
            split=config.trial if protocol == "regdb" else None,
            comparable=is_comparable(config, self._warnings),
            warnings=self._warnings,
        )

    def draw(self, sides: list[scoring.Embeddings], path: Path) -> None:
        """Draw some queries with their ranked lists, plain above re-ranked.

        Args:
            sides: Visible and infrared embeddings.
            path: The picture to write.
        """
        found = scoring.ranked_examples(
            sides[0],
            sides[1],
            self._plan,
            mode=self.modes[0],
            rerank=self._rerank,
            search=self._search,
            num_queries=self._config.evaluation.num_pictured_queries,
        )
        figure = ranked_lists.ranked_lists(
            self._sets[found.query_modality].images.take(found.queries),
            self._sets[found.gallery_modality].images.take(found.gallery),
            found.rankings,
            found.correct,
            found.titles,
            title=f"{self._config.dataset}, {found.mode}: "
            f"{found.query_modality} queries, {found.gallery_modality} gallery",
        )
        ranked_lists.save(figure, path)


def _permutations(config: Config, protocol: str) -> Permutations | None:
    """The galleries of sampling "official", where the protocol and the user want it."""
    wanted = config.evaluation.sampling == galleries.OFFICIAL
    if not wanted or protocol != "sysu_mm01":
        return None
    chosen = config.evaluation.permutations
    if not chosen and not config.data_dir:
        raise UserError(
            "config.evaluation.sampling=official needs SYSU-MM01's "
            "exp/rand_perm_cam.mat: name it by config.evaluation.permutations"
        )
    path = Path(chosen or Path(config.data_dir) / "exp" / "rand_perm_cam.mat")
    return permutations.read(path)


def is_comparable(config: Config, warnings: tuple[str, ...]) -> bool:
    """Whether figures are measured as the published ones of the data set are.

    Args:
        config: The whole configuration.
        warnings: What is wrong with the images and was allowed.

    Returns:
        True with the whole data set, the published encoder and image size and ten
        single-shot galleries, if they are random; false without published figures.
    """
    evaluation, encoder = config.evaluation, config.encoder
    sizes = tuple(encoder.stage_sizes), encoder.width, tuple(config.image_size)
    return (
        config.dataset in published.DATA_SETS
        and not warnings
        and sizes == ((3, 4, 6, 3), 64, (288, 144))
        and evaluation.shots == 1
        and (config.dataset == "regdb" or evaluation.num_trials == 10)
    )


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


# What a control run may have otherwise: its stages, and where and how it ran.
_FREE = {
    *("stage1_epochs", "stage2_epochs", "save_epoch", "eval_step", "selection"),
    *("num_devices", "cache_gib", "prepared_dir", "compilation_cache", "kernels"),
}


def _comparable(config: Mapping[str, Any]) -> dict[str, Any]:
    """What two runs must have in common to be shown side by side."""
    kept = {name: value for name, value in config.items() if name not in _FREE}
    kept["init_from"] = Path(kept.get("init_from", "")).name
    evaluation = dict(kept.get("evaluation", {}))
    for name in ("control", "num_pictured_queries"):
        evaluation.pop(name, None)
    num_epochs = config.get("stage1_epochs", 0) + config.get("stage2_epochs", 0)
    return kept | {"evaluation": evaluation, "num_epochs": num_epochs}


def _completed(recorded: Mapping[str, Any], default: Mapping[str, Any]) -> Any:
    """A recorded configuration with the fields that are newer than it.

    Such a field does by default what was done before there was a choice.
    """
    return {
        **recorded,
        **{
            name: _completed(recorded.get(name, {}), value)
            if isinstance(value, Mapping)
            else recorded.get(name, value)
            for name, value in default.items()
        },
    }


def read_control(config: Config) -> tuple[Results, str] | None:
    """The recorded run that `config.evaluation.control` names, if it compares.

    Args:
        config: The whole configuration.

    Returns:
        Its figures and what it was; None where no file is named, or the recorded run
        had other settings or another number of epochs than this one.

    Raises:
        UserError: The file is missing or not of this kind.
    """
    path = config.evaluation.control
    if not path:
        return None
    try:
        record = json.loads(user_path(path).read_text())
        results, recorded = Results.from_json(record["results"]), record["config"]
        note = record["note"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"config.evaluation.control={path}: {error}") from error
    ours = json.loads(json.dumps(to_dict(config)))
    recorded = _completed(recorded, json.loads(json.dumps(to_dict(Config()))))
    is_comparable = _comparable(recorded) == _comparable(ours)
    return (results, note) if is_comparable else None


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
