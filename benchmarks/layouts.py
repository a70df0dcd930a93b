"""Searches on data sets as distributed, with an encoder's embeddings.

For folders of real images in the layouts of SYSU-MM01, RegDB and LLCM, however few
there are: figures on a part of a data set compare with none on the whole.
"""

from pathlib import Path

import numpy as np

from benchmarks.people import Rows, Side
from ceil_jax.datasets import loading
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.evaluation import protocols
from configs import synthetic

FOLDERS = {"sysu_mm01": "SYSU-MM01", "regdb": "RegDB", "llcm": "LLCM"}
Search = tuple[Side, Side, str]
"""Query, gallery, and a name that `metrics.evaluate` knows."""


def searches(
    rows: Rows, name: str, folder: Path, prepared: Path
) -> dict[str, list[Search]]:
    """All trials of a data set's protocol.

    Args:
        rows: What embeds images of the demo's size.
        name: One of `FOLDERS`.
        folder: Holds the folders of the data sets.
        prepared: Where the resized images are kept.

    Returns:
        By mode, a search for each trial: RegDB's ten splits, else ten galleries.
    """
    height, width = synthetic.get_config().image_size
    given = loading.load_all_trials(
        name,
        data_dir=str(folder / FOLDERS[name]),
        prepared_dir=str(prepared),
        image_size=(height, width),
        options={"allow_partial": True},
        progress=False,
    )
    sides = {
        "visible": _embedded(rows, given.visible, "visible"),
        "infrared": _embedded(rows, given.infrared, "infrared"),
    }
    plan = protocols.plan(
        protocols.REGDB_RELEASED if name == "regdb" else name,
        given.visible,
        given.infrared,
        splits={"visible": given.test_visible, "infrared": given.test_infrared},
    )
    return {
        f"{FOLDERS[name]} {mode.name.replace('_', ' ')}": [
            (
                sides[mode.query_modality].take(trial.query),
                sides[mode.gallery_modality].take(trial.gallery),
                name,
            )
            for trial in trials
        ]
        for mode, trials in plan.trials.items()
    }


def whole(found: dict[str, list[Search]]) -> dict[str, Search]:
    """One search of each mode, with every image of all its galleries.

    Args:
        found: What `searches` gives.

    Returns:
        By mode; of RegDB the first split, since its splits share people.
    """
    return {
        mode: trials[0] if trials[0][2] == "regdb" else _union(trials)
        for mode, trials in found.items()
    }


def _union(trials: list[Search]) -> Search:
    query, _, protocol = trials[0]
    galleries = zip(*(trial[1] for trial in trials), strict=True)
    every = [np.concatenate(parts) for parts in galleries]
    _, first = np.unique(every[0], axis=0, return_index=True)
    return query, Side(*every).take(np.sort(first)), protocol


def _embedded(rows: Rows, images: ImageSet, modality: str) -> Side:
    features = rows(images, modality)
    return Side(features, images.identities, images.cameras, np.ones(len(features)))
