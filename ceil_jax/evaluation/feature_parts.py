"""Several files of features as one, and what they say of their rows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation.feature_files import Given

_SHOWN = 12  # digits of a digest that a message shows


def joined(parts: Sequence[Given]) -> Given:
    """All rows of all files.

    Args:
        parts: What each file holds, at least one.

    Returns:
        The rows, file by file; the first file's path stands for all.

    Raises:
        UserError: They are of several models.
    """
    _check_one_model(parts)
    first = parts[0]
    if len(parts) == 1:
        return first
    return Given(
        np.concatenate([part.features for part in parts]),
        [name for part in parts for name in part.names],
        first.path,
        _column(parts, "lengths", 1.0),
        _column(parts, "is_trained_on", False),
        _column(parts, "models", ""),
        _column(parts, "modalities", ""),
        tuple((part.path, len(part.names)) for part in parts),
    )


def _column(parts: Sequence[Given], name: str, unknown: object) -> np.ndarray:
    """What the files say of their rows, in one array."""
    return np.concatenate(
        [
            np.full(len(part.names), unknown) if found is None else found
            for part in parts
            for found in [getattr(part, name)]
        ]
    )


def _check_one_model(parts: Sequence[Given]) -> None:
    first = parts[0]
    for other in parts[1:]:
        widths = first.features.shape[1], other.features.shape[1]
        if widths[0] != widths[1]:
            raise UserError(
                f"{first.path} has {widths[0]} numbers in a row, {other.path} "
                f"{widths[1]}: both must be of one model"
            )
    told = [
        (part.path, digest)
        for part in parts
        if part.models is not None
        for digest in dict.fromkeys(part.models.tolist())
    ]
    for path, digest in told[1:]:
        before, known = told[0]
        if digest != known:
            files = f"rows of {path}" if path == before else f"{before} and {path}"
            raise UserError(
                f"{files} are of two models, {known[:_SHOWN]} and {digest[:_SHOWN]}: "
                "embed all images by one model"
            )


def model_of(given: Given) -> str:
    """The digest of the model that all rows are of.

    Args:
        given: The rows.

    Returns:
        64 hexadecimal digits; "" where the files do not say it of every row.
    """
    found = set() if given.models is None else {*given.models.tolist()}
    return found.pop() if len(found) == 1 else ""


def check_modalities(
    given: Given, rows: np.ndarray, wanted: Sequence[str], num_visible: int
) -> None:
    """Refuse images that were embedded as the other modality's.

    Args:
        given: What the files hold.
        rows: (n,) int, the row of each image.
        wanted: The n images' paths, the visible ones first.
        num_visible: How many are visible.

    Raises:
        UserError: A row's modality is not its image's.
    """
    if given.modalities is None:
        return
    said = given.modalities[rows]
    shown = np.where(np.arange(len(rows)) < num_visible, "visible", "infrared")
    is_wrong = (said != shown) & (said != "")
    if is_wrong.any():
        first = int(is_wrong.argmax())
        num_wrong = int((is_wrong & (shown == shown[first])).sum())
        raise UserError(
            f"{_file_of(given, int(rows[first]))}: {num_wrong:,} {shown[first]} test "
            f"images were embedded as {said[first]} ones, the first {wanted[first]}: "
            f"embed them with --modality {shown[first]}"
        )


def _file_of(given: Given, row: int) -> Path:
    """The file that holds a row."""
    for path, number in given.files:
        if row < number:
            return path
        row -= number
    return given.path
