"""Who is seen by which camera, as numbers that can be compared."""

from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common import checks

UNKNOWN = -1
"""The identity of an image of which nobody knows whom it shows; in text, "-1"."""
_OF_QUERY, _OF_GALLERY = -1, -2  # unknown ones, which must not be equal


class Labels(NamedTuple):
    """Identities and cameras, all int64.

    Attributes:
        query_ids: (Q,), equal to a gallery image's where both show one person.
        gallery_ids: (G,).
        query_cameras: (Q,).
        gallery_cameras: (G,). Where no cameras are given, none is equal to a query's.
    """

    query_ids: np.ndarray
    gallery_ids: np.ndarray
    query_cameras: np.ndarray
    gallery_cameras: np.ndarray

    @property
    def is_known(self) -> np.ndarray:
        """Which gallery images show somebody known, (G,) bool."""
        return self.gallery_ids != _OF_GALLERY


def checked(
    query_ids: Any,
    gallery_ids: Any,
    query_cameras: Any,
    gallery_cameras: Any,
    shape: tuple[int, int],
    *,
    needs_numbers: bool = False,
) -> Labels:
    """Check identities and cameras.

    Args:
        query_ids: (Q,) whole numbers of any type, or text; -1 where unknown.
        gallery_ids: (G,) likewise.
        query_cameras: (Q,) whole numbers or text, or None.
        gallery_cameras: (G,) likewise, or None.
        shape: (Q, G).
        needs_numbers: Whether the protocol names cameras by their numbers.

    Returns:
        The labels; every unknown identity differs from all of the other side.

    Raises:
        ValueError: One of them is of another shape or type, or cameras are given for
            one side alone.
    """
    ids = _identities(query_ids, gallery_ids, shape)
    if not checks.both_or_none(query_cameras, gallery_cameras):
        return Labels(*ids, np.zeros(shape[0], np.int64), np.ones(shape[1], np.int64))
    sides = {
        "query_cameras": (query_cameras, shape[0]),
        "gallery_cameras": (gallery_cameras, shape[1]),
    }
    if needs_numbers:
        return Labels(*ids, *(checks.labels(name, *s) for name, s in sides.items()))
    return Labels(*ids, *checks.codes(**sides))


def _identities(
    query_ids: Any, gallery_ids: Any, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    sides = {
        "query_ids": (query_ids, shape[0]),
        "gallery_ids": (gallery_ids, shape[1]),
    }
    found = checks.codes(**sides)
    unknown = [
        is_unknown(checks.array(name, value)) for name, (value, _) in sides.items()
    ]
    _, inverse = np.unique(np.concatenate(found), return_inverse=True)
    number = np.split(inverse.reshape(-1), [shape[0]])
    return (
        np.where(unknown[0], _OF_QUERY, number[0]),
        np.where(unknown[1], _OF_GALLERY, number[1]),
    )


def is_unknown(ids: np.ndarray) -> np.ndarray:
    """Which identities are unknown.

    Args:
        ids: (n,) whole numbers or text.

    Returns:
        (n,) bool.
    """
    if ids.dtype.kind in "UTSO":
        return np.array([one in (UNKNOWN, str(UNKNOWN), b"-1") for one in ids], bool)
    return ids == UNKNOWN
