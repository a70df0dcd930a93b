"""Replays of the cross-modal matching (`g_`)."""

from collections.abc import Mapping

import numpy as np

from ceil_jax.common.features import directions
from ceil_jax.rerank import gcr
from ceil_jax.training.matching import assign, assignment_cost, match
from tests.parity.clustering import differing
from tests.parity.encoder import error
from tests.parity.rerank import TOLERANCE, Figures


def replay_matching(arrays: Mapping[str, np.ndarray], name: str) -> Figures:
    """Which side is the rows, similarity, cost, and partners both ways."""
    del name
    visible, infrared = arrays["centers_rgb"], arrays["centers_ir"]
    settings = {"k1": int(arrays["k1"]), "k2": int(arrays["k2"])}
    visible_is_rows = len(visible) >= len(infrared)
    rows, columns = (visible, infrared) if visible_is_rows else (infrared, visible)
    figures = {}
    if "similarity_rows_is_rgb" in arrays:
        want = bool(arrays["similarity_rows_is_rgb"])
        figures["rows_is_rgb"] = (float(visible_is_rows != want), 0.0)
    if "similarity" in arrays:
        sides = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in (rows, columns)]
        got = gcr(*sides, **settings)
        figures["similarity"] = (error(got, arrays["similarity"]), TOLERANCE)
    if "cost" in arrays:
        units = (directions(name, side) for name, side in (("r", rows), ("c", columns)))
        got = assignment_cost(*units, **settings)
        figures["cost"] = (error(got, arrays["cost"]), TOLERANCE)
        partners, back = assign(arrays["cost"])
        row_key, column_key = ("r2i", "i2r") if visible_is_rows else ("i2r", "r2i")
        figures["assign_rows"] = differing(partners, arrays[row_key])
        figures["assign_columns"] = differing(back, arrays[column_key])
    visible_to_infrared, infrared_to_visible = match(visible, infrared, **settings)
    figures["r2i"] = differing(visible_to_infrared, arrays["r2i"])
    figures["i2r"] = differing(infrared_to_visible, arrays["i2r"])
    return figures
