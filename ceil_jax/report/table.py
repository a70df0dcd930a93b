"""Results as text tables."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tabulate import tabulate

from ceil_jax.report.results import FIGURES, ModeResults, Results, Spread

_HEADINGS = {
    "rank1": "Rank-1",
    "rank5": "Rank-5",
    "rank10": "Rank-10",
    "rank20": "Rank-20",
    "mAP": "mAP",
    "mINP": "mINP",
}


class ComparisonRow(NamedTuple):
    """One line of a comparison.

    Attributes:
        name: What was scored, e.g. "stage 1".
        results: Its figures in the mode that is compared.
        note: Anything to be said about it, e.g. "recorded, not run here".
    """

    name: str
    results: ModeResults
    note: str = ""


def results_table(results: Results) -> str:
    """A table of every mode, plain and re-ranked, under a line that says of what.

    Args:
        results: The figures.

    Returns:
        Text of several lines: mean and standard deviation over trials, in percent; the
        mean alone if there is one trial.
    """
    rows = []
    for name, mode in results.modes.items():
        rows.append([_mode_label(name, mode), "plain", *_cells(mode.plain, results)])
        if mode.gcr is not None:
            rows.append(["", "R", *_cells(mode.gcr, results)])
    headings = ["mode", "", *(_HEADINGS[name] for name in FIGURES)]
    return "\n".join([_heading(results), _table(rows, headings), _legend(results)])


def comparison_table(rows: Sequence[ComparisonRow], *, mode: str) -> str:
    """Rank-1 and mAP of several models side by side, plain and re-ranked.

    Args:
        rows: The models, from first to last line.
        mode: Name of the mode that the figures are of.

    Returns:
        Text of several lines, figures in percent (means over trials); "-" where a model
        was not re-ranked.

    Raises:
        ValueError: There is no row.
    """
    if not rows:
        raise ValueError("rows is empty: there must be at least one model")
    cells = []
    for row in rows:
        figures: list[Mapping[str, Spread] | None] = [
            row.results.plain,
            row.results.gcr,
        ]
        numbers = [
            "-" if side is None else f"{side[name].mean:.1f}"
            for side in figures
            for name in ("rank1", "mAP")
        ]
        cells.append([row.name, *numbers, row.note])
    headings = ["", "Rank-1", "mAP", "R Rank-1", "R mAP", ""]
    if not any(row.note for row in rows):
        cells, headings = [line[:-1] for line in cells], headings[:-1]
    title = f"{mode.replace('_', ' ')} search, % (R = with GCR re-ranking)"
    return "\n".join([title, _table(cells, headings)])


def _table(rows: list[list[str]], headings: list[str]) -> str:
    aligned = ["left", *("right" for _ in headings[1:])]
    if headings[-1] == "":
        aligned[-1] = "left"
    if headings[1] == "":
        aligned[1] = "left"
    return tabulate(
        rows,
        headers=headings,
        tablefmt="simple",
        colalign=aligned,
        disable_numparse=True,
    )


def _mode_label(name: str, mode: ModeResults) -> str:
    label = name.replace("_", " ")
    if mode.num_queries is None or mode.num_gallery is None:
        return label
    return f"{label} ({mode.num_queries:,} in {mode.num_gallery:,})"


def _cells(figures: Mapping[str, Spread], results: Results) -> list[str]:
    several = results.trials > 1
    return [
        f"{figures[name].mean:.2f}" + (f" ± {figures[name].std:.2f}" if several else "")
        for name in FIGURES
    ]


def _heading(results: Results) -> str:
    parts = [f"data set {results.dataset}"] if results.dataset else []
    parts.append(f"protocol {results.protocol}")
    if results.protocol == "regdb_released":
        parts.append("one model on all splits: leaks training identities")
    if results.sampling == "none":
        parts.append("gallery: all test images")
    else:
        parts.append(_galleries(results))
    if results.checkpoint:
        parts.append(f"checkpoint {results.checkpoint}")
    return "; ".join(parts)


def _galleries(results: Results) -> str:
    kind = "single-shot" if results.shots == 1 else f"{results.shots}-shot"
    noun = "gallery" if results.trials == 1 else "galleries"
    origin = f", {results.galleries}" if results.galleries else ""
    return (
        f'{results.trials} random {kind} {noun} (sampling "{results.sampling}"{origin})'
    )


def _legend(results: Results) -> str:
    several = f", mean ± standard deviation over {results.trials} trials"
    lines = ["in %" + (several if results.trials > 1 else "")]
    if any(mode.gcr is not None for mode in results.modes.values()):
        line = "R = with GCR re-ranking"
        if results.rerank is not None:
            k1, k2, weight = results.rerank
            line += f": k1={k1}, k2={k2}, camera weight {weight:g}"
        lines.append(line)
    if any(mode.num_queries is not None for mode in results.modes.values()):
        lines.append("in brackets: queries with a match in gallery images")
    lines += [f"warning: {warning}" for warning in results.warnings]
    return "\n".join(lines)
