"""Folders of runs as evaluations leave them, with made-up figures."""

import json
from pathlib import Path

from ceil_jax.evaluation import paired_rankings, rankings
from ceil_jax.evaluation.rankings import Rankings
from ceil_jax.evaluation.results import (
    FIGURES,
    ModeResults,
    RerankParams,
    Results,
    Spread,
)
from ceil_jax.experiment import settings
from ceil_jax.experiment.config import Config, to_dict


def results_of(found: Rankings, config: Config) -> Results:
    """The table that belongs to what the queries found."""
    modes = {}
    for name, mode in found.items():
        sides = []
        for each in mode.each.values():
            by_gallery = {
                figure: 100 * paired_rankings.values_of(each, figure).mean(axis=1)
                for figure in ("rank1", "mAP")
            }
            spreads = {f: Spread(v.mean(), v.std()) for f, v in by_gallery.items()}
            sides.append({f: spreads.get(f, Spread(50.0, 0.0)) for f in FIGURES})
        modes[name] = ModeResults(*sides)
    epoch = f"epoch {config.num_epochs}"
    is_regdb = config.dataset == "regdb"
    return Results(
        "regdb" if is_regdb else "sysu_mm01",
        "none" if is_regdb else "ceil",
        1 if is_regdb else 2,
        *(modes, epoch),
        rerank=RerankParams(),
        dataset=config.dataset,
        split=config.trial if is_regdb else None,
        seed=config.seed,
    )


def write(
    folder: Path, found: Rankings, config: Config | None = None, model: str = ""
) -> Path:
    """Write `results.json` and `rankings.npz`."""
    config = config or Config(dataset="synthetic")
    folder.mkdir(parents=True, exist_ok=True)
    record = results_of(found, config).to_json() | {
        "trained_with": to_dict(config),
        "evaluated_with": settings.evaluated_with(config),
        "engine": {"model": model or folder.name, "jax": "0.10.2"},
    }
    (folder / "results.json").write_text(json.dumps(record))
    rankings.save(folder / "rankings.npz", found)
    return folder
