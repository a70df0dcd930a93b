"""Queries and galleries that a data set names itself: its `query` and `gallery` parts.

An image's part is the first folder of its name, e.g. `query/infrared/door/7/a.jpg`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.evaluation.labelled import Labelled
from ceil_jax.evaluation.labels import UNKNOWN

QUERY, GALLERY = "query", "gallery"
# Across modalities first: that is what the encoder is trained for.
PAIRS = (
    ("visible", "infrared"),
    ("infrared", "visible"),
    ("visible", "visible"),
    ("infrared", "infrared"),
)


def positions(labels: Labelled, part: str) -> np.ndarray:
    """Where the images of a part are.

    Args:
        labels: Labels of the test images of one modality.
        part: `QUERY` or `GALLERY`.

    Returns:
        Positions, ascending, (n,) int32.
    """
    names = np.asarray(labels.names).astype(str)
    return np.flatnonzero(np.char.startswith(names, f"{part}/")).astype(np.int32)


def searches(sides: Mapping[str, Labelled]) -> list[tuple[str, str]]:
    """The searches that are possible: which modality asks, and which one is searched.

    Args:
        sides: Labels of the test images by "visible" and "infrared".

    Returns:
        Pairs of modalities with queries in the first, gallery images in the second and
        an identity that both show.

    Raises:
        UserError: There are test images, but no such pair.
    """
    of: dict[tuple[str, str], Any] = {
        (modality, part): labels.identities[positions(labels, part)]
        for modality, labels in sides.items()
        for part in (QUERY, GALLERY)
    }
    found = [
        (query, gallery)
        for query, gallery in PAIRS
        if np.isin(_known(of[query, QUERY]), of[gallery, GALLERY]).any()
    ]
    if not found and any(len(labels.identities) for labels in sides.values()):
        counts = ", ".join(
            f"{len(rows)} {modality} {part} images"
            for (modality, part), rows in of.items()
            if len(rows)
        )
        raise UserError(
            f"the test images cannot be scored: {counts}, and no identity is in a "
            "query and in a gallery. The folders are query/MODALITY/CAMERA/IDENTITY "
            "and gallery/MODALITY/CAMERA/IDENTITY, with the same names of identities"
        )
    return found


def _known(identities: np.ndarray) -> np.ndarray:
    return identities[identities != UNKNOWN]
