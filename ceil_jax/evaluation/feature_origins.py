"""Of which model and modality rows are, where their file says so as ours do."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

MODEL, MODALITY = "model", "modality"
"""What `--mode embed` calls the columns; `--mode export` has the second."""
MODALITIES = ("visible", "infrared")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def models(column: Callable[[str], Any], num_rows: int) -> np.ndarray | None:
    """The digest of each row's model.

    Args:
        column: Gives a column by its name, or raises any error.
        num_rows: How many rows there are.

    Returns:
        (n,) text, 64 hexadecimal digits; None where the column is not there or, as
        another program's, holds something else.
    """
    found = _texts(column, MODEL, num_rows)
    is_ours = found is not None and all(map(_DIGEST.fullmatch, np.unique(found)))
    return found if is_ours else None


def modalities(column: Callable[[str], Any], num_rows: int) -> np.ndarray | None:
    """What each row's image was embedded as.

    Args:
        column: As of `models`.
        num_rows: Likewise.

    Returns:
        (n,) text, "visible" or "infrared"; None as of `models`.
    """
    found = _texts(column, MODALITY, num_rows)
    is_ours = found is not None and np.isin(found, MODALITIES).all()
    return found if is_ours else None


def _texts(column: Callable[[str], Any], name: str, num_rows: int) -> np.ndarray | None:
    try:
        found = np.asarray(column(name))
    except Exception:  # not there, or not to be read
        return None
    is_text = found.shape == (num_rows,) and found.dtype.kind == "U"
    return found if is_text else None
