"""Camera by camera: queries of one, searched among the images of another."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from ceil_jax.evaluation.rankings import ModeRankings
from ceil_jax.report.contents import Contents
from ceil_jax.report.numbers import percent, signed
from ceil_jax.report.own_names import OwnNames
from ceil_jax.report.sections import words

_FIGURES = {"rank1": "Rank-1", "mean_ap": "mAP"}
_STEPS = 9
_CHANGES = (1.0, 5.0, 11.0)  # points from which a change has one, two, three steps
NAMES = {"plain": "plain", "gcr": "R"}


def cameras(contents: Contents) -> dict[str, Any] | None:
    """What the template `sections/cameras.html.j2` takes.

    Args:
        contents: Everything on the page.

    Returns:
        Values by name; None without rankings.
    """
    rankings = contents.rankings or {}
    parts = [
        {
            "mode": name,
            "search": words.search(name),
            "figure": label,
            "tables": list(_tables(ranked, key, contents.names)),
            "says": f"Rows: query cameras ({ranked.query_modality}). Columns: gallery "
            f"cameras ({ranked.gallery_modality}).",
        }
        for name, ranked in rankings.items()
        for key, label in _FIGURES.items()
        if np.isfinite(ranked.cells["plain"].rank1).any()
    ]
    if not parts:
        return None
    empty = any(
        not np.isfinite(ranked.cells["plain"].rank1).all()
        for ranked in rankings.values()
    )
    return {"parts": parts, "says": _says(rankings, contents.names), "has_empty": empty}


def _tables(
    ranked: ModeRankings, key: str, names: OwnNames
) -> Iterator[dict[str, Any]]:
    values = {
        kind: 100 * getattr(cells, key).astype(np.float64)
        for kind, cells in ranked.cells.items()
    }
    for kind, cells in values.items():
        yield _table(NAMES[kind], cells, ranked, names, changes=False)
    if "gcr" in values:
        change = values["gcr"] - values["plain"]
        yield _table("change", change, ranked, names, changes=True)


def _table(
    name: str,
    cells: np.ndarray,
    ranked: ModeRankings,
    names: OwnNames,
    *,
    changes: bool,
) -> dict[str, Any]:
    shown = signed if changes else percent
    step = _change if changes else _heat
    rows = [
        {
            "camera": names.camera(camera),
            "cells": [
                {
                    "camera": names.camera(other),
                    "value": None if not np.isfinite(value) else shown(value),
                    "step": "" if not np.isfinite(value) else step(value),
                }
                for other, value in zip(
                    ranked.gallery_cameras.tolist(), row.tolist(), strict=True
                )
            ],
        }
        for camera, row in zip(ranked.query_cameras.tolist(), cells, strict=True)
    ]
    columns = [names.camera(camera) for camera in ranked.gallery_cameras]
    return {"name": name, "columns": columns, "rows": rows}


def _heat(value: float) -> str:
    return f"h{min(_STEPS - 1, max(0, int(value / 100 * _STEPS)))}"


def _change(value: float) -> str:
    step = sum(abs(value) >= least for least in _CHANGES)
    return "z0" if not step else f"{'up' if value > 0 else 'dn'}{step}"


def _says(rankings: Any, names: OwnNames) -> str:
    """The weakest and the strongest pair of the first mode."""
    ranked = next(iter(rankings.values()))
    kind = "gcr" if "gcr" in ranked.cells else "plain"
    cells = 100 * ranked.cells[kind].rank1.astype(np.float64)
    if np.isfinite(cells).sum() < 2:
        return ""
    ends = [
        np.unravel_index(find(cells), cells.shape)
        for find in (np.nanargmin, np.nanargmax)
    ]
    (low, low_to), (high, high_to) = ends
    if cells[low, low_to] == cells[high, high_to]:
        return ""
    query = [names.camera(camera) for camera in ranked.query_cameras]
    gallery = [names.camera(camera) for camera in ranked.gallery_cameras]
    after = "After R, camera" if kind == "gcr" else "Camera"
    return (
        f"{after} {query[low]} to {gallery[low_to]} is the weakest pair "
        f"({cells[low, low_to]:.1f} % Rank-1), {query[high]} to {gallery[high_to]} the "
        f"strongest ({cells[high, high_to]:.1f} %)."
    )
