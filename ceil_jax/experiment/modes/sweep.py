"""A sweep: a training for every combination of overrides, and one table at the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ceil_jax.common.files import write_json
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import runs_page
from ceil_jax.experiment.modes import seeds as seeds_lib
from ceil_jax.experiment.several import Task, train_each
from ceil_jax.experiment.sweeps import Variant
from ceil_jax.experiment.workdir import SWEEP, check_several
from ceil_jax.experiment.writer import Writer
from ceil_jax.report import recipes


def run_sweep(
    variants: Sequence[Variant],
    workdir: Path,
    seeds: str = "",
    *,
    take_over: bool = False,
) -> dict[str, list[Results]]:
    """Train and evaluate every combination, each in a folder of its own.

    Finished ones are not done again and what is half trained is resumed.

    Args:
        variants: The combinations, in the order of the table.
        workdir: Holds a folder for each, named by its overrides, and `sweep.json`.
        seeds: Training seeds of each, as `seeds.run_seeds` takes them; "" for that of
            the configuration alone.
        take_over: See `Writer`.

    Returns:
        Figures by the overrides, of each seed.

    Raises:
        UserError: A folder holds a run of other settings, or another mistake that the
            user can mend.
    """
    chosen = seeds_lib.parse_seeds(seeds) if seeds else []
    check_several(workdir, "overrides")

    def page() -> None:
        runs_page.keep_up(workdir)

    with Writer(workdir, "sweeping", take_over=take_over):
        if not (workdir / SWEEP).exists():
            write_json(workdir / SWEEP, _record(variants, {}, chosen))
        results = {}
        if not chosen:
            tasks = [Task(v.name, v.config, workdir / v.folder) for v in variants]
            found = train_each(tasks, take_over=take_over, after=page)
            for variant, each in zip(variants, found, strict=True):
                results[variant.name] = [each] if each else []
        for place, variant in enumerate(variants if chosen else (), 1):
            print(f"\n{variant.name} ({place} of {len(variants)})", flush=True)
            of_seeds = seeds_lib.run_seeds(
                *(variant.config, workdir / variant.folder, seeds),
                take_over=take_over,
                after=page,
            )
            results[variant.name] = list(of_seeds.values())
        write_json(workdir / SWEEP, _record(variants, results, chosen))
    print(f"\n{recipes.sweep_table(results)}\n\nwritten to {workdir / SWEEP}")
    runs_page.finish(workdir)
    _next(variants, workdir, chosen)
    return results


def _record(
    variants: Sequence[Variant], results: dict[str, list[Results]], seeds: list[int]
) -> dict[str, Any]:
    """The content of `sweep.json`; without figures while the sweep goes on."""
    runs = []
    for variant in variants:
        found = results.get(variant.name, [])
        numbers = dict(
            zip(map(str, seeds or [variant.config.seed]), found, strict=False)
        )
        modes = {seed: each.to_json()["modes"] for seed, each in numbers.items()}
        overrides = dict(part.split("=", 1) for part in variant.overrides)
        runs.append(
            {"folder": variant.folder, "overrides": overrides, "modes_by_seed": modes}
        )
    return {"runs": runs, "is_finished": bool(results)}


def _next(variants: Sequence[Variant], workdir: Path, seeds: list[int]) -> None:
    """The command that compares the first two."""
    if len(variants) < 2:
        return
    folders = [workdir / each.folder for each in variants[:2]]
    what = f"over {len(seeds)} seeds" if seeds else "of one seed each"
    print(
        f"next:\n  two of them {what}, side by side: python -m ceil_jax.main --mode "
        f"compare {folders[0]} {folders[1]}",
        flush=True,
    )
