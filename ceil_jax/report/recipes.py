"""Text tables of several trainings: over seeds, and over the values of a sweep."""

from collections.abc import Mapping, Sequence

from ceil_jax.evaluation.results import ModeResults, Results
from ceil_jax.evaluation.seeds import OverSeeds, over_seeds
from ceil_jax.report.table import aligned

FIGURES = ("rank1", "mAP")
HEADINGS = ("Rank-1", "mAP", "R Rank-1", "R mAP")


def figures(mode: ModeResults) -> list[float | None]:
    """The figures of `HEADINGS`.

    Args:
        mode: Those of one search.

    Returns:
        Percent; None where nothing was re-ranked.
    """
    return [
        None if side is None else side[figure].mean
        for side in (mode.plain, mode.gcr)
        for figure in FIGURES
    ]


def summary(results: Sequence[Results], mode: str) -> list[OverSeeds | None]:
    """Mean and spread of the figures of `HEADINGS` over training seeds.

    Args:
        results: Of each seed.
        mode: Name of the search.

    Returns:
        Percent; None where not all were re-ranked.
    """
    columns = zip(*(figures(each.modes[mode]) for each in results), strict=True)
    found = []
    for column in columns:
        values = [value for value in column if value is not None]
        found.append(over_seeds(values) if len(values) == len(results) else None)
    return found


def seeds_table(results: Mapping[int, Results]) -> str:
    """The figures of every seed, and their mean, in every search.

    Args:
        results: By seed.

    Returns:
        Text of several lines, in percent.
    """
    tables = []
    found = list(results.values())
    for mode in found[0].modes:
        lines = [
            [f"seed {seed}", *map(_figure, figures(each.modes[mode]))]
            for seed, each in results.items()
        ]
        lines.append(["mean", *map(_spread, summary(found, mode))])
        title = f"{mode.replace('_', ' ')} search, % (R = with GCR re-ranking)"
        tables.append(f"{title}\n{aligned(lines, ['', *HEADINGS])}")
    if len(found) > 1:
        tables.append("± is the sample standard deviation over training seeds")
    return "\n\n".join(tables)


def sweep_table(results: Mapping[str, Sequence[Results]]) -> str:
    """One line for each set of overrides, in the first search.

    Args:
        results: By the overrides: of each training seed; nothing where there were no
            test images.

    Returns:
        Text of several lines, in percent.
    """
    scored = {name: found for name, found in results.items() if found}
    if not scored:
        return "no test images: nothing was scored"
    first = next(iter(scored.values()))
    mode = next(iter(first[0].modes))
    lines = []
    for name, found in scored.items():
        lines.append([name, *map(_spread, summary(found, mode))])
    title = f"{mode.replace('_', ' ')} search, % (R = with GCR re-ranking)"
    several = len(first) > 1
    over = f"mean ± sample standard deviation over {len(first)} training seeds"
    notes = [
        over
        if several
        else "one training seed each, which alone moves a figure by "
        "points: --seeds 1-6 trains several",
        "these are figures of the test people: whoever picks the best line has chosen "
        "on the test set, and the figure of that line is too high",
    ]
    return "\n".join([title, aligned(lines, ["overrides", *HEADINGS]), *notes])


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def _spread(found: OverSeeds | None) -> str:
    if found is None:
        return "-"
    spread = "" if found.std is None else f" ± {found.std:.2f}"
    return f"{found.mean:.2f}{spread}"
