"""What is published for CEIL, to stand beside our figures."""

from collections.abc import Mapping

from ceil_jax.evaluation.results import Results

PAPER = "CEIL, IEEE TCSVT 2025, doi:10.1109/TCSVT.2025.3548939"
FIGURES = ("rank1", "mAP", "mINP")
# By data set, mode and ranking: Rank-1, mAP and mINP in percent.
_PUBLISHED = {
    "regdb": {
        "visible_to_infrared": {
            "plain": (91.97, 89.13, 82.75),
            "gcr": (94.30, 95.29, 95.49),
        },
        "infrared_to_visible": {
            "plain": (92.59, 89.09, 81.76),
            "gcr": (94.97, 95.57, 95.44),
        },
    },
    "sysu_mm01": {
        "all": {"plain": (68.19, 63.68, 48.65), "gcr": (86.75, 83.97, 75.24)},
        "indoor": {"plain": (73.28, 76.98, 72.91), "gcr": (91.25, 92.21, 90.60)},
    },
    "llcm": {
        "visible_to_infrared": {
            "plain": (51.55, 55.14, 49.30),
            "gcr": (65.96, 68.19, 63.79),
        },
        "infrared_to_visible": {
            "plain": (44.39, 49.95, 49.95),
            "gcr": (57.65, 62.49, 59.36),
        },
    },
}
DATA_SETS = tuple(_PUBLISHED)
# Its mINP repeats the mAP.
SIC = ("llcm", "infrared_to_visible", "plain", "mINP")


def figures(dataset: str) -> dict[str, dict[str, dict[str, float]]]:
    """The published figures of a data set.

    Args:
        dataset: One of `DATA_SETS`.

    Returns:
        Percent by mode, "plain" or "gcr", and one of `FIGURES`.

    Raises:
        ValueError: Nothing is published for such a data set.

    References:
        The paper's tables of comparison; "gcr" is its row with re-ranking.
    """
    if dataset not in _PUBLISHED:
        raise ValueError(f"{dataset=} must be one of {', '.join(DATA_SETS)}")
    return {
        mode: {
            kind: dict(zip(FIGURES, values, strict=True))
            for kind, values in kinds.items()
        }
        for mode, kinds in _PUBLISHED[dataset].items()
    }


def beside(results: Results) -> Mapping[str, Mapping[str, Mapping[str, float]]] | None:
    """The published figures that stand beside some of ours.

    Args:
        results: Ours.

    Returns:
        As `figures`; None where nothing comparable is published.
    """
    if not results.comparable or results.dataset not in _PUBLISHED:
        return None
    return figures(results.dataset)


def notes(results: Results) -> list[str]:
    """Notes that a reader needs to compare our figures with the published ones.

    Args:
        results: Ours, beside which they stand.

    Returns:
        A line each.
    """
    lines = [
        f"published: {PAPER}",
        "the released code keeps the epoch that is best on the test set",
    ]
    if results.dataset == "regdb":
        lines.append(
            "the released RegDB test scores one model on all ten splits, which leaks "
            "training identities"
        )
    if results.dataset == SIC[0]:
        lines.append("sic: printed so, but equal to its mAP: probably a slip")
    if results.sampling not in ("none", "ceil"):
        lines.append(
            'the published galleries are those of sampling "ceil", not '
            f'"{results.sampling}"'
        )
    return lines
