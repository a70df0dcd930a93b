"""GCR's parameters: defaults, chosen without labels, and the best found with labels.

On the embedded data, over ten seeds of people and cameras, with the pretrained encoder
and with trained ones: those of the ablation's last rung, each on the people of its own
seed and of some of the others. Needs `python -m benchmarks.ablation`. Writes
`benchmarks/recorded/rerank_auto.json`, prints the tables of
`docs/reranking_parameters.md`.

    python -m benchmarks.rerank_auto --output=runs/rerank_auto
"""

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
from absl import app, flags
from tabulate import tabulate

from benchmarks import people
from benchmarks.candidates import figures
from benchmarks.people import Side
from ceil_jax.common.progress import bar
from ceil_jax.rerank import gcr
from ceil_jax.rerank.choosing import auto_parameters

RECORDED = Path(__file__).with_name("recorded")
FIXED = {
    "28/7/0.5 (SYSU-MM01)": (28, 7, 0.5),
    "21/10/0.4 (RegDB)": (21, 10, 0.4),
    "19/5/0.7 (LLCM)": (19, 5, 0.7),
}
GRID = [(*ks, 0.4) for ks in itertools.product((14, 20, 28), (3, 8))]
DEFAULT = next(iter(FIXED))
AUTO, BEST = "auto", "best with labels"
METHODS = ("plain", *FIXED, AUTO, BEST)
SETTINGS = ("single-shot", "4-shot", "ten and ten", "uneven")
Search = tuple[Side, Side, str]


def search(sides: dict[str, Side], setting: str, seed: int) -> Search:
    """Query and gallery of a setting, and its protocol.

    Args:
        sides: Test images of both modalities.
        setting: One of `SETTINGS`. "single-shot" and "4-shot": 16 infrared images of
            each person against one or four of each of four visible cameras. "uneven":
            single-shot, but of each person a share of the queries, drawn from 30 to
            100 %. "ten and ten": ten images of one visible camera against ten of one
            infrared camera, as RegDB.
        seed: Of the draws.

    Returns:
        Query, gallery, and a name that `metrics.evaluate` knows.

    Raises:
        ValueError: No such setting.
    """
    visible, infrared = sides["visible"], sides["infrared"]
    if setting == "ten and ten":
        query = visible.take(visible.cameras == 1)
        return query, infrared.take(infrared.cameras == 6), "regdb"
    if setting not in SETTINGS:
        raise ValueError(f"{setting=} must be one of {', '.join(SETTINGS)}")
    rng = np.random.default_rng(seed)
    query = infrared.take(infrared.numbers <= 8)
    gallery = visible.take(visible.numbers <= 4)
    if setting != "4-shot":
        pairs = gallery.identities * 10 + gallery.cameras
        chosen = [rng.choice(np.flatnonzero(pairs == p)) for p in np.unique(pairs)]
        gallery = gallery.take(np.array(chosen))
    if setting == "uneven":
        share = rng.uniform(0.3, 1, query.identities.max() + 1)[query.identities]
        query = query.take(rng.random(len(share)) < share)
    return query, gallery, "sysu_mm01"


def compare(found: Search) -> dict[str, Any]:
    """Figures of every method on one search.

    Args:
        found: Query, gallery and protocol.

    Returns:
        By method: parameters, Rank-1 and mAP in percent. The best with labels is the
        one of `GRID`, `FIXED` and auto with the highest mean of Rank-1 and mAP.
    """
    query, gallery, _ = found
    chosen = auto_parameters(query.features, gallery.features, progress=False)[:3]
    scored = {}
    for params in {*GRID, *FIXED.values(), chosen}:
        k1, k2, camera_weight = params
        similarity = gcr(
            query.features,
            gallery.features,
            query.cameras,
            gallery.cameras,
            k1=k1,
            k2=k2,
            camera_weight=camera_weight,
        )
        scored[params] = figures(similarity, found)
    best = max(sorted(scored), key=lambda params: sum(scored[params]))
    picked = {**FIXED, AUTO: chosen, BEST: best}
    plain = figures(query.features @ gallery.features.T, found)
    return {"plain": {"rank1": plain[0], "mAP": plain[1]}} | {
        method: {
            "params": list(params),
            "rank1": scored[params][0],
            "mAP": scored[params][1],
        }
        for method, params in picked.items()
    }


def _compared(variables: Any, number: int, seed: int, output: Path) -> dict[str, Any]:
    """Every setting with one encoder and the people of one seed, kept in a file."""
    done = output / f"encoder{number}_seed{seed}.json"
    if not done.exists():
        # People of a seed are numbered from 0, as in the demo.
        sides = people.embed(variables, seed - 1, done.with_suffix(".npz"))
        found = {each: compare(search(sides, each, seed)) for each in SETTINGS}
        done.write_text(json.dumps(found))
    return json.loads(done.read_text())


def table(
    by_seed: dict[str, dict[str, Any]], title: str, default: str = DEFAULT
) -> str:
    """Mean figures of every method, and what it gains on the default, in Markdown.

    Args:
        by_seed: What `compare` gives, by seed.
        title: Heading of the first column.
        default: The method that gains are measured from.

    Returns:
        The table; gains are paired by seed, with their standard deviation.
    """

    def values(method: str, figure: str) -> np.ndarray:
        return np.array([found[method][figure] for found in by_seed.values()])

    lines = []
    for method in METHODS:
        line = [method]
        for figure in ("rank1", "mAP"):
            gain = values(method, figure) - values(default, figure)
            line.append(f"{values(method, figure).mean():.1f}")
            if method == default:
                line += ["", ""]
                continue
            spread = gain.std(ddof=1) if len(gain) > 1 else np.nan
            line.append(f"{gain.mean():+.1f} ± {spread:.1f}")
            line.append(f"{(gain > 0).sum()} of {len(gain)}")
        lines.append(line)
    headings = [title, "Rank-1", "gain", "better on", "mAP", "gain", "better on"]
    return tabulate(lines, headings, tablefmt="github", disable_numparse=True)


def over_settings(record: dict[str, dict[str, dict[str, Any]]]) -> dict[str, Any]:
    """Every seed's figures as means over encoders and settings.

    Args:
        record: What `compare` gives, by encoder, setting and seed.

    Returns:
        By seed and method: Rank-1 and mAP in percent.
    """
    settings = [by_seed for of_one in record.values() for by_seed in of_one.values()]
    return {
        seed: {
            method: {
                figure: float(
                    np.mean([each[seed][method][figure] for each in settings])
                )
                for figure in ("rank1", "mAP")
            }
            for method in METHODS
        }
        for seed in settings[0]
    }


def print_tables(record: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Print a table for each encoder and setting, and one over all.

    Args:
        record: What `compare` gives, by encoder, setting and seed.
    """
    for encoder, by_setting in record.items():
        for setting, by_seed in by_setting.items():
            print(table(by_seed, f"{encoder}, {setting}") + "\n")
            chosen = [found[AUTO]["params"][:2] for found in by_seed.values()]
            print("auto: " + ", ".join(f"{k1}/{k2}" for k1, k2 in chosen) + "\n")
    overall = over_settings(record)
    for default in FIXED:
        print(table(overall, "mean of all settings", default) + "\n")


def _define_flags() -> None:
    # Not at import: another benchmark has flags of the same names.
    seeds = list(map(str, range(1, 11)))
    runs = ["runs/ablation/rung4_seed1", "runs/ablation/rung4_seed2"]
    flags.DEFINE_list("seeds", seeds, "Seeds to run.")
    flags.DEFINE_list("trained", runs, "Folders of runs whose encoders are taken.")
    flags.DEFINE_string("output", "runs/rerank_auto", "Folder of embeddings.")


def main(argv: list[str]) -> None:
    """Embed, compare, record, print."""
    del argv
    chosen = flags.FLAGS
    output, seeds = Path(chosen.output), list(map(int, chosen.seeds))
    weights = {0: people.variables_of(None)}
    for folder in map(Path, chosen.trained):
        seed = json.loads((folder / "config.json").read_text())["seed"]
        weights[seed] = people.variables_of(folder)
    trained = sorted(weights)[1:]
    record: dict[str, Any] = {
        encoder: {setting: {} for setting in SETTINGS}
        for encoder in ("pretrained", "trained")
    }
    with bar(total=2 * len(seeds), desc="comparing", unit="seed") as shown:
        for seed in seeds:
            own = seed if seed in trained else trained[(seed - 1) % len(trained)]
            for encoder, number in (("pretrained", 0), ("trained", own)):
                found = _compared(weights[number], number, seed, output)
                for setting in SETTINGS:
                    record[encoder][setting][str(seed)] = found[setting]
                shown.update()
    RECORDED.mkdir(exist_ok=True)
    content = {"trained": trained, "encoders": record}
    (RECORDED / "rerank_auto.json").write_text(json.dumps(content, indent=1) + "\n")
    print_tables(record)


if __name__ == "__main__":
    _define_flags()
    app.run(main)
