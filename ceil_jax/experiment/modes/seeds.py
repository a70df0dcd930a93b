"""Training seeds one after another: a model of each, their mean and their spread."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import write_json
from ceil_jax.evaluation.results import Results
from ceil_jax.experiment import config as config_lib
from ceil_jax.experiment import runs_page
from ceil_jax.experiment.config import Config, to_dict
from ceil_jax.experiment.numbered import ranges
from ceil_jax.experiment.several import Task, train_each
from ceil_jax.experiment.workdir import SEEDS, check_several, folder_of_seed
from ceil_jax.experiment.writer import Writer
from ceil_jax.report import recipes

MOST = 1000
"""Seeds that one command may name."""


def run_seeds(
    config: Config,
    workdir: Path,
    seeds: str,
    *,
    take_over: bool = False,
    after: Callable[[], None] = lambda: None,
) -> dict[int, Results]:
    """Train and evaluate with several seeds, each in a folder of its own.

    Finished ones are not done again and what is half trained is resumed.

    Args:
        config: The whole configuration, checked; its `seed` is not used.
        workdir: Holds a folder `seed-N` per seed, and `seeds.json`.
        seeds: Numbers and ranges such as "1-6".
        take_over: See `Writer`.
        after: Called whenever a training is done.

    Returns:
        Figures by seed; none where there are no test images.

    Raises:
        UserError: There is no such seed, a folder holds a run of other settings, or
            another mistake that the user can mend.
    """
    chosen = parse_seeds(seeds)
    check_several(workdir, "seeds")
    tasks = [_task(config, workdir, seed) for seed in chosen]

    def page() -> None:
        runs_page.keep_up(workdir)
        after()

    found = train_each(tasks, take_over=take_over, after=page)
    results = {s: each for s, each in zip(chosen, found, strict=True) if each}
    with Writer(workdir, "averaging", take_over=take_over):
        write_json(workdir / "config.json", to_dict(config))
        write_json(workdir / SEEDS, record(results))
    if results:
        print(f"\n{recipes.seeds_table(results)}")
    print(f"\nwritten to {workdir / SEEDS}", flush=True)
    runs_page.finish(workdir)
    return results


def parse_seeds(text: str) -> list[int]:
    """The training seeds that a user names.

    Args:
        text: Numbers and ranges such as "1-6".

    Returns:
        Ascending, each once.

    Raises:
        UserError: It is something else, a range is empty, or they are too many.
    """
    found: set[int] = set()
    for part, first, last in ranges(text, "seeds"):
        if first > last:
            raise UserError(f"--seeds={text}: {part} ends before it begins")
        if last - first >= MOST:
            raise UserError(f"--seeds={text}: {part} are more than {MOST:,} seeds")
        found |= set(range(first, last + 1))
    return sorted(found)


def record(results: dict[int, Results]) -> dict[str, Any]:
    """The content of `seeds.json`.

    Args:
        results: Figures by seed.

    Returns:
        "seeds", and "modes": by mode, "plain" or "gcr" and figure the mean, the sample
        standard deviation, the lowest, the highest, and each seed's, in percent.
    """
    modes: dict[str, Any] = {}
    for name in next(iter(results.values())).modes if results else ():
        found = recipes.summary(list(results.values()), name)
        columns = zip(
            *(recipes.figures(each.modes[name]) for each in results.values()),
            strict=True,
        )
        places = [(kind, f) for kind in ("plain", "gcr") for f in recipes.FIGURES]
        for (kind, figure), over, column in zip(places, found, columns, strict=True):
            if over is not None:
                by_seed = dict(zip(map(str, results), column, strict=True))
                of_kind = modes.setdefault(name, {}).setdefault(kind, {})
                of_kind[figure] = over._asdict() | {"by_seed": by_seed}
    return {"seeds": list(results), "modes": modes}


def _task(config: Config, workdir: Path, seed: int) -> Task:
    chosen = copy.deepcopy(config)
    chosen.seed = seed
    config_lib.check(chosen)
    return Task(f"seed {seed}", chosen, folder_of_seed(workdir, seed))
