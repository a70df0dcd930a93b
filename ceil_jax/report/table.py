"""Results as text tables."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tabulate import tabulate

from ceil_jax.evaluation.resampling import Interval
from ceil_jax.evaluation.results import (
    FIGURES,
    ModeResults,
    RerankParams,
    Results,
    Spread,
)
from ceil_jax.report import published

HEADINGS = {
    "rank1": "Rank-1",
    "rank5": "Rank-5",
    "rank10": "Rank-10",
    "rank20": "Rank-20",
    "mAP": "mAP",
    "mINP": "mINP",
}
"""Figures by their keys in `results.json`, in the order of the tables."""
_SHOWN_FAR = 1e-2


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
        mean alone if there is one trial. A second table shows the published figures
        beside ours where they compare.
    """
    rows = []
    for name, mode in results.modes.items():
        rows.append([_mode_label(name, mode), "plain", *_cells(mode.plain, results)])
        if mode.gcr is not None:
            rows.append(["", "R", *_cells(mode.gcr, results)])
    headings = ["mode", "", *(HEADINGS[name] for name in FIGURES)]
    parts = [_heading(results), aligned(rows, headings), _legend(results)]
    theirs = published.beside(results)
    if theirs is not None:
        parts += ["", _beside_published(results, theirs)]
    return "\n".join(parts)


def splits_table(results: Results) -> str:
    """A table per mode of the figures of every split, plain and re-ranked.

    Args:
        results: Figures of several splits.

    Returns:
        Text of several lines, figures in percent; the last line of a table is their
        mean and standard deviation. "" if there is one split.
    """
    tables = []
    for name, mode in results.modes.items():
        lines = [
            [f"split {split}", *_main_figures(modes[name], spread=False)]
            for split, modes in (results.by_split or {}).items()
        ]
        if lines:
            lines.append(["all", *_main_figures(mode, spread=True)])
            ours = [HEADINGS[figure] for figure in published.FIGURES]
            headings = [_words(name), *ours, *(f"R {heading}" for heading in ours)]
            tables.append(aligned(lines, headings))
    return "\n\n".join(tables)


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
    title = f"{_words(mode)} search, % (R = with GCR re-ranking)"
    return "\n".join([title, aligned(cells, headings)])


def aligned(rows: list[list[str]], headings: list[str]) -> str:
    """A table of texts.

    Args:
        rows: The first cell of each is its name; numbers end at one column.
        headings: Of the columns; what stands under an empty one begins at its left.

    Returns:
        Text of several lines.
    """
    sides = ["left", *("right" for _ in headings[1:])]
    if headings[-1] == "":
        sides[-1] = "left"
    if headings[1] == "":
        sides[1] = "left"
    return tabulate(
        rows,
        headers=headings,
        tablefmt="simple",
        colalign=sides,
        disable_numparse=True,
    )


def _mode_label(name: str, mode: ModeResults) -> str:
    label = _words(name)
    if mode.num_queries is None or mode.num_gallery is None:
        return label
    return f"{label} ({mode.num_queries:,} in {mode.num_gallery:,})"


def _cells(figures: Mapping[str, Spread], results: Results) -> list[str]:
    return [_number(figures[name], results.trials > 1) for name in FIGURES]


def _main_figures(mode: ModeResults, *, spread: bool) -> list[str]:
    """Rank-1, mAP and mINP, plain and re-ranked."""
    return [
        "-" if side is None else _number(side[figure], spread)
        for side in (mode.plain, mode.gcr)
        for figure in published.FIGURES
    ]


def _number(figure: Spread, spread: bool) -> str:
    return f"{figure.mean:.2f}" + (f" ± {figure.std:.2f}" if spread else "")


def _beside_published(
    results: Results, theirs: Mapping[str, Mapping[str, Mapping[str, float]]]
) -> str:
    rows = []
    for name, mode in results.modes.items():
        sides = {"plain": mode.plain, "gcr": mode.gcr}
        for kind, side in sides.items():
            if side is None:
                continue
            rows.append([_words(name), "plain" if kind == "plain" else "R"])
            for figure in published.FIGURES:
                ours, other = side[figure].mean, theirs[name][kind][figure]
                is_sic = (results.dataset, name, kind, figure) == published.SIC
                rows[-1] += [
                    f"{ours:.2f}",
                    f"{other:.2f}" + (" (sic)" if is_sic else ""),
                    f"{ours - other:+.2f}",
                ]
    triples = ([HEADINGS[f], "published", "diff"] for f in published.FIGURES)
    headings = ["mode", "", *(word for triple in triples for word in triple)]
    title = "beside the published figures, in %"
    return "\n".join([title, aligned(rows, headings), *published.notes(results)])


def _words(name: str) -> str:
    return name.replace("_", " ")


def _heading(results: Results) -> str:
    """Two lines: what was tested and how, and what was tested there."""
    parts = [f"data set {results.dataset}"] if results.dataset else []
    if results.split is not None:
        parts.append(f"split {results.split}")
    parts.append(f"protocol {results.protocol}")
    if results.protocol == "regdb_released":
        parts.append("one model on all splits: leaks training identities")
    if results.by_split is not None:
        parts.append(
            f"splits {', '.join(map(str, results.by_split))}, a model for each"
        )
    parts.append(_galleries(results))
    model = [f"checkpoint {results.checkpoint}"] if results.checkpoint else []
    if results.selection == "best_on_test":
        model.append("epoch chosen on the test set")
    if results.seed is not None:
        model.append(f"trained with seed {results.seed}")
    if results.embedded_by not in ("", "jax"):
        model.append(f"embedded by {results.embedded_by}")
    return "\n".join("; ".join(line) for line in (parts, model) if line)


def _galleries(results: Results) -> str:
    if results.sampling == "none":
        given = results.protocol == "standard"
        return f"gallery: {'as given' if given else 'all test images'}"
    kind = "single-shot" if results.shots == 1 else f"{results.shots}-shot"
    noun = "gallery" if results.trials == 1 else "galleries"
    origin = f", {results.galleries}" if results.galleries else ""
    return (
        f'{results.trials} random {kind} {noun} (sampling "{results.sampling}"{origin})'
    )


def _params(params: RerankParams) -> str:
    k1, k2, weight = params
    return f"k1={k1}, k2={k2}, camera weight {weight:g}"


def _legend(results: Results) -> str:
    noun = "splits" if results.by_split else "trials"
    several = f", mean ± standard deviation over {results.trials} {noun}"
    lines = ["in %" + (several if results.trials > 1 else "")]
    if any(mode.gcr is not None for mode in results.modes.values()):
        line = "R = with GCR re-ranking"
        chosen = {name: m.rerank for name, m in results.modes.items() if m.rerank}
        if results.rerank is not None:
            line += f": {_params(results.rerank)}"
        elif chosen:
            each = (f"{_words(name)} {_params(of)}" for name, of in chosen.items())
            line += f", parameters chosen without labels: {'; '.join(each)}"
        elif any(
            m.rerank for of in (results.by_split or {}).values() for m in of.values()
        ):
            line += ", parameters chosen without labels, others for each split"
        lines.append(line)
    if any(mode.num_queries is not None for mode in results.modes.values()):
        lines.append("in brackets: queries with a match in gallery images")
    lines += _verification(results)
    lines += [f"warning: {warning}" for warning in results.warnings]
    return "\n".join(lines)


def _verification(results: Results) -> list[str]:
    """How many genuine pairs a threshold with few false accepts lets pass."""
    if results.verification is None:
        return []
    shown = []
    for name, pair in results.verification.pairs.items():
        for point in pair.points:
            if point.far == _SHOWN_FAR and point.tar is not None:
                shown.append(f"{name} {_with_interval(point.tar, point.tar_interval)}")
    if not shown:
        return []
    title = f"same person or not, TAR in % at FAR {_SHOWN_FAR:.0%}"
    if any("(" in text for text in shown):
        title += f", {results.verification.confidence:.0%} interval over people"
    return [f"{title}:", f"  {', '.join(shown)}"]


def _with_interval(share: float, interval: Interval | None) -> str:
    text = f"{100 * share:.1f}"
    if interval is None or interval.high is None:
        return text
    return f"{text} ({100 * interval.low:.1f}-{100 * interval.high:.1f})"
