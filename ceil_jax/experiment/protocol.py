"""From the configuration to how a test set is scored; no model is needed for that."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path
from ceil_jax.evaluation import galleries, permutations, protocols
from ceil_jax.evaluation.labelled import Labelled
from ceil_jax.evaluation.permutations import Permutations
from ceil_jax.evaluation.results import RerankParams
from ceil_jax.evaluation.scoring import Rerank, Search
from ceil_jax.experiment.config import Config
from ceil_jax.report import published
from pallas_kernels import implementation


class Method(NamedTuple):
    """How ranked lists are made.

    Attributes:
        rerank: Parameters of the re-ranking, or "auto".
        search: How its neighbours are found.
    """

    rerank: Rerank
    search: Search


def choose_kernels(config: Config) -> None:
    """Let every kernel of the program run by the implementation that is asked for.

    Args:
        config: The whole configuration.

    Raises:
        UserError: This machine cannot run it.
    """
    try:
        implementation.prefer(config.kernels or None)  # type: ignore[arg-type]
    except NotImplementedError as error:
        raise UserError(f"config.kernels={config.kernels}: {error}") from error


def plan_of(
    config: Config,
    protocol: str,
    visible: Labelled,
    infrared: Labelled,
    splits: Mapping[str, np.ndarray] | None,
) -> protocols.Plan:
    """Queries and galleries of the configuration.

    Args:
        config: The whole configuration.
        protocol: The run's protocol.
        visible: Labels of the visible test images.
        infrared: Labels of the infrared ones.
        splits: By modality, which split tests on which image, (N, splits) bool; None
            where one split alone is tested.

    Returns:
        The plan.

    Raises:
        UserError: The test images lack what the protocol needs.
    """
    evaluation = config.evaluation
    try:
        return protocols.plan(
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


def method_of(config: Config) -> Method:
    """How the configuration ranks.

    Args:
        config: The whole configuration.

    Returns:
        Re-ranking and search.
    """
    rerank = config.rerank
    given = RerankParams(rerank.k1, rerank.k2, rerank.camera_weight)
    return Method("auto" if rerank.auto else given, cast(Search, rerank.search))


def facts_of(
    config: Config, protocol: str, warnings: tuple[str, ...]
) -> dict[str, Any]:
    """What the figures of the configuration are of.

    Args:
        config: The whole configuration.
        protocol: The run's protocol.
        warnings: What is wrong with the images and was allowed.

    Returns:
        Fields of `Results`: data set, split, whether published figures compare, and
        the warnings.
    """
    return {
        "dataset": config.dataset,
        "split": config.trial if protocol == "regdb" else None,
        "comparable": is_comparable(config, warnings),
        "warnings": warnings,
    }


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
    return permutations.read(user_path(path))
