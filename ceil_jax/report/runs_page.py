"""One page over several runs: figures, mean and spread, curves over each other."""

from collections.abc import Iterator
from typing import Any

from ceil_jax.evaluation.seeds import OverSeeds, over_seeds
from ceil_jax.report import recipes
from ceil_jax.report.pages import page
from ceil_jax.report.runs import NOUNS, SEEDS, SETTINGS, SPLITS, Runs
from ceil_jax.report.runs_curves import charts_of
from ceil_jax.report.sections import summary, words


def html(runs: Runs) -> str:
    """The whole page.

    Args:
        runs: Everything on it.

    Returns:
        The text of an HTML file that needs no network.
    """
    charts = list(charts_of(runs))
    heading = _heading(runs)
    return page(
        "runs.html.j2",
        styles=["report.css", "compare.css"],
        charts=charts,
        title=f"Runs: {heading}",
        subject=f"{heading}, {runs.name}",
        heading=heading,
        sentence=_sentence(runs),
        facts=list(_facts(runs)),
        notices=list(_notices(runs)),
        tables=[table_of(runs, mode) for mode in _modes(runs)],
        waiting=[run for run in runs.runs if not run.results or run.state],
        headings=recipes.HEADINGS,
        noun=NOUNS[runs.kind],
        drawn=charts,
        mean_page=runs.mean_page,
        is_of_settings=runs.kind == SETTINGS,
    )


def _modes(runs: Runs) -> list[str]:
    """Searches that all finished runs have."""
    every = [each.modes for run in runs.finished for each in run.results]
    return [
        mode for mode in (every[0] if every else ()) if all(mode in m for m in every)
    ]


def table_of(runs: Runs, mode: str) -> dict[str, Any]:
    """The figures of every run in one search, and what they come to.

    Args:
        runs: Everything on the page.
        mode: Name of the search.

    Returns:
        "label"; "rows": the run, its figures in percent as mean and spread, None where
        it has none; "over": the mean and the spread of all, where they are one recipe;
        "low", "high".
    """
    rows = [
        (run, [_spread(each) for each in recipes.summary(run.results, mode)])
        for run in runs.finished
    ]
    found: dict[str, Any] = {"label": words.search(mode), "rows": rows, "over": None}
    if runs.kind == SETTINGS or len(rows) < 2:
        return found
    over = recipes.summary([run.results[0] for run in runs.finished], mode)
    found["over"] = [_spread(each, runs.kind, len(rows)) for each in over]
    found["low"] = [each and each.low for each in over]
    found["high"] = [each and each.high for each in over]
    return found


def _spread(
    found: OverSeeds | None, kind: str = SEEDS, number: int = 1
) -> tuple[float, float | None] | None:
    """Mean and spread; of splits as `results.json` has it, divided by their number."""
    if found is None:
        return None
    std = found.std
    if std is not None and kind == SPLITS:
        std *= ((number - 1) / number) ** 0.5
    return found.mean, std


def _heading(runs: Runs) -> str:
    count = len(runs.runs)
    sets = {each.dataset for run in runs.finished for each in run.results}
    on = f" on {words.listed(sorted(filter(None, sets)))}" if any(sets) else ""
    return f"{words.plural(NOUNS[runs.kind], count)}{on}"


def _sentence(runs: Runs) -> str:
    done, modes = runs.finished, _modes(runs)
    if not modes:
        return "No run has figures yet."
    where = words.search(modes[0])
    where = f"In {where[:1].lower()}{where[1:]}"
    where += "" if where.endswith("search") else " search"
    columns = [recipes.summary(run.results, modes[0]) for run in done]
    plain = [each[1].mean for each in columns if each[1]]
    again = [each[3].mean for each in columns if each[3]]
    if runs.kind == SETTINGS:
        text = f"{where} plain mAP is {min(plain):.1f} to {max(plain):.1f} %"
        return f"{text} with these {words.plural('setting', len(done))}."
    text = f"{where} plain mAP is {over_seeds(plain).mean:.1f} %"
    if len(again) == len(plain):
        text += f", and {over_seeds(again).mean:.1f} % after re-ranking (R)"
    if len(done) == 1:
        return f"{text}, by {done[0].name}."
    return f"{text}: the mean of {words.plural(NOUNS[runs.kind], len(done))}."


def _facts(runs: Runs) -> Iterator[tuple[str, str]]:
    yield "Runs", f"{len(runs.finished)} of {len(runs.runs)} have figures"
    results = [each for run in runs.finished for each in run.results]
    if not results:
        return
    data = dict.fromkeys(words.DATASETS.get(r.dataset, r.dataset) for r in results)
    yield "Data", words.listed([name for name in data if name] or ["not recorded"])
    protocols = dict.fromkeys(
        words.PROTOCOLS.get(r.protocol, r.protocol) for r in results
    )
    yield "Protocol", words.listed(list(protocols))
    checkpoints = list(dict.fromkeys(r.checkpoint for r in results if r.checkpoint))
    if checkpoints:
        more = ", ..." if len(checkpoints) > 3 else ""
        yield "Models", f"{', '.join(checkpoints[:3])}{more}"


def _notices(runs: Runs) -> Iterator[tuple[str, str, str]]:
    results = [each for run in runs.finished for each in run.results]
    if any(each.dataset == "synthetic" for each in results):
        yield summary.GENERATED
    yield _OF_SPREAD[runs.kind]
    if any(each.selection == "best_on_test" for each in results):
        yield summary.CHOSEN
    for text in dict.fromkeys(line for each in results for line in each.warnings):
        cause, _, rest = text.partition(": ")
        yield "warn", f"{cause[:1].upper()}{cause[1:]}{':' if rest else ''}", rest


_OF_SPREAD = {
    SEEDS: (
        "info",
        "What the spread says.",
        "All runs have one recipe and the same test people; only the seed of the "
        "training differs. ± is the sample standard deviation of single runs, so "
        "another seed would move a figure about so far. It says nothing of other "
        "people. Whether another recipe is better, --mode compare says of two such "
        "folders.",
    ),
    SPLITS: (
        "info",
        "What the spread says.",
        "Each split has a model of its own, trained on one half of the people and "
        "tested on the other. ± is the standard deviation over the splits, divided by "
        "their number. Splits share their people, so it does not say how sure the mean "
        "is. Whether another recipe is better, --mode compare says of two such "
        "folders.",
    ),
    SETTINGS: (
        "warn",
        "Figures of the test people.",
        "Whoever picks the best line has chosen on the test set, and the figure of "
        "that line is too high: measure it once more on other people. One training "
        "seed alone moves a figure by points; ±, where it stands, is the sample "
        "standard deviation over training seeds.",
    ),
}
