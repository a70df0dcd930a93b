"""Runs side by side: whether they differ, in text and as a page."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from ceil_jax.common.errors import UserError
from ceil_jax.common.extras import missing
from ceil_jax.common.files import explained, user_path, write_whole
from ceil_jax.datasets import registry
from ceil_jax.evaluation.results import Results, mean_of_splits
from ceil_jax.experiment import compared
from ceil_jax.experiment.announce import warn
from ceil_jax.experiment.compared import Opened
from ceil_jax.report import compared_text, comparing
from ceil_jax.report.comparing import Run, Split

PAGE = "comparison.html"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MARK = 'data-page="comparison"'


def compare_runs(paths: Sequence[str], output: str = "") -> None:
    """Compare runs with the first of them.

    Reads what evaluations left; no image, no weights, and no lock are needed.

    Args:
        paths: Folders of runs or of several training seeds or splits, or files of
            figures.
        output: The page; "" for `comparison.html` in the working folder.

    Raises:
        UserError: There are fewer than two, one has no figures, or the page cannot be
            written.
    """
    if len(paths) < 2:
        raise UserError(
            "--mode compare needs two runs or more: --mode compare runs/before "
            "runs/after"
        )
    if len(paths) > len(LETTERS):
        raise UserError(f"--mode compare takes {len(LETTERS)} runs at most")
    place = _page(output)
    opened = [compared.open_run(path) for path in paths]
    names = names_of(paths)
    runs = [
        run_of(LETTERS[i], name, run)
        for i, (name, run) in enumerate(zip(names, opened, strict=True))
    ]
    reasons = [_reason(opened[0], each) for each in opened[1:]]
    pairs = comparing.pairs(runs, reasons)
    fields, same = compared.differing(opened), in_common([run.results for run in runs])
    print(compared_text.text(runs, pairs, fields, same))
    if absent := ", ".join(missing("pages")):
        text = f"no page is written: it needs {absent}, installed by the extra [pages]"
        if output:
            raise UserError(text)
        warn(text)
        return
    from ceil_jax.report import compared_page

    page = compared_page.page(runs, pairs, fields, same)
    try:
        write_whole(place, page)
    except OSError as error:
        raise UserError(f"--output={place}: {explained(error, place)}") from error
    print(f"\nwritten to {place}", flush=True)


def names_of(paths: Sequence[str]) -> list[str]:
    """The ends of paths by which they can be told apart.

    Args:
        paths: As they were given.

    Returns:
        As many parts of each as are needed; a run that is given twice has one name.
    """
    parts = [Path(os.path.abspath(user_path(path))).parts for path in paths]
    for length in range(1, max(map(len, parts)) + 1):
        ends = ["/".join(each[-length:]) for each in parts]
        if len({*ends}) == len({*parts}):
            return ends
    return ["/".join(each) for each in parts]


def run_of(letter: str, name: str, opened: Opened) -> Run:
    """What a comparison shows of a run.

    Args:
        letter: What it is called.
        name: The end of its path.
        opened: What was read.

    Returns:
        The side of a comparison.

    Raises:
        UserError: Its splits were not scored in one way.
    """
    first = opened.first.results
    by_number = {n: each.results for n, each in opened.evaluations.items()}
    numbers = ", ".join(map(str, by_number))
    warnings = dict.fromkeys(w for r in by_number.values() for w in r.warnings)
    if first.selection == "best_on_test":
        warnings["its epoch was chosen on the test set: its figures are too high"] = (
            None
        )
    if opened.kind == compared.SPLITS:
        few, first = _few_splits(opened), _mean(opened)
        warnings |= {few: None} if few else {}
    note = [first.checkpoint or "unknown checkpoint"]
    if opened.kind:
        noun = "splits" if opened.kind == compared.SPLITS else "training seeds"
        note.append(f"{noun} {numbers}")
    elif first.seed is not None:
        note.append(f"seed {first.seed}")
    side = Run(
        *(letter, name, ", ".join(note), first, opened.first.rankings),
        model=opened.first.model,
        warnings=tuple(warnings),
    )
    if opened.kind == compared.SPLITS:
        splits = {
            number: Split(each.results, each.rankings, each.model)
            for number, each in opened.evaluations.items()
        }
        return dataclasses.replace(side, rankings=None, model="", by_split=splits)
    return dataclasses.replace(side, by_seed=by_number) if opened.kind else side


def _mean(opened: Opened) -> Results:
    """The figures of several splits."""
    by_split = {n: each.results for n, each in opened.evaluations.items()}
    try:
        return mean_of_splits(by_split)
    except (ValueError, KeyError) as error:
        raise UserError(
            f"{opened.path}: its splits were not scored in one way: {error}"
        ) from error


def _few_splits(opened: Opened) -> str:
    """What to say where splits of the data set are missing."""
    name, found = opened.first.results.dataset, len(opened.evaluations)
    entry = registry.REGISTRY.get(name)
    if entry is None or found >= entry.num_trials:
        return ""
    return (
        f"{found} of {entry.num_trials} splits: what papers report of {name} is the "
        "mean of all"
    )


def in_common(results: Sequence[Results]) -> dict[str, str]:
    """What all runs were scored on, where it is the same.

    Args:
        results: Theirs.

    Returns:
        Texts by what they are.
    """
    found = {}
    told = {
        "data set": [each.dataset for each in results],
        "protocol": [each.protocol for each in results],
        "galleries": ["" if each.by_split else str(each.trials) for each in results],
        "re-ranking": [_rerank(each) for each in results],
    }
    for what, values in told.items():
        if len({*values}) == 1 and values[0]:
            found[what] = values[0]
    return found


def _rerank(results: Results) -> str:
    if results.rerank is None:
        return ""
    k1, k2, weight = results.rerank
    return f"k1={k1}, k2={k2}, camera weight {weight:g}"


def _reason(base: Opened, other: Opened) -> str:
    if base.kind and base.kind == other.kind:
        return compared.recipe_fault(base, other)
    return ""


def _page(output: str) -> Path:
    """Where the page goes; a file that is no comparison is not overwritten."""
    path = user_path(output or PAGE)
    if output and path.suffix.lower() not in (".html", ".htm"):
        raise UserError(f"--output={output} must end in .html")
    if path.exists() and not output and not _is_ours(path):
        raise UserError(
            f"{path} is there and no page of --mode compare: move it, or give "
            "--output FILE.html"
        )
    return path


def _is_ours(path: Path) -> bool:
    try:
        return _MARK in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
