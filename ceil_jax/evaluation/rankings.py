"""What every query found: the content of `rankings.npz`, plain and re-ranked."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import user_path, whole
from ceil_jax.common.saving import reserve

KINDS = ("plain", "gcr")
"""By inner product, and re-ranked; the second is missing without re-ranking."""
VERSION = 1
"""Of the file's structure."""
_Part = TypeVar("_Part", bound=NamedTuple)


class Images(NamedTuple):
    """Images of one side of the first gallery's search.

    Attributes:
        names: Paths relative to the data folder, (n,) str.
        identities: (n,) int64; -1 where unknown.
        cameras: (n,) int64; the data set's own numbers.
    """

    names: np.ndarray
    identities: np.ndarray
    cameras: np.ndarray


class Lists(NamedTuple):
    """The head of each query's ranked list in the first gallery.

    Images that the protocol does not count for a query stand where they would be.

    Attributes:
        gallery: Positions among the gallery's images, (Q, K) int32, best first; -1 past
            the end of a list.
        scores: Similarities, (Q, K) float32; NaN past the end.
        places: Places from 1, (Q, K) int32; 0 where an image does not count, and past
            the end.
        other_places: Places in the other kind's list, (Q, K) int32; 0 where there is
            none. Images need not be in that list's head.
        right: Whether an image shows the query's person, (Q, K) bool.
    """

    gallery: np.ndarray
    scores: np.ndarray
    places: np.ndarray
    other_places: np.ndarray
    right: np.ndarray


class EachQuery(NamedTuple):
    """Figures of each query in each of T galleries, as fractions.

    Attributes:
        average_precision: (T, Q) float32; NaN where a query has no true match.
        inverse_penalty: True matches / place of the last one, (T, Q) float32 likewise.
        first: Place of the first true match as the CMC counts it, (T, Q) int32; 0 where
            there is none.
    """

    average_precision: np.ndarray
    inverse_penalty: np.ndarray
    first: np.ndarray


class Cells(NamedTuple):
    """Queries of one camera searched among the images of one other, mean of galleries.

    Attributes:
        rank1: (query cameras, gallery cameras) float32 fraction; NaN where no query of
            the pair counts.
        mean_ap: Likewise.
        num_queries: Queries that count, mean of the galleries, likewise; 0 where none.
    """

    rank1: np.ndarray
    mean_ap: np.ndarray
    num_queries: np.ndarray


class ModeRankings(NamedTuple):
    """What the queries of one search mode found.

    Attributes:
        query_modality: "visible" or "infrared".
        gallery_modality: Likewise.
        query: The queries, those of each gallery alike (of the first, where the
            galleries have queries of their own; `each` is then of the first alone).
        gallery: Images of the first gallery.
        gallery_digests: SHA-256 of the names of queries and images of each gallery,
            (T,) str: two runs with equal ones searched the same images.
        query_cameras: Cameras of the rows of `cells`, ascending, (a,) int64.
        gallery_cameras: Cameras of their columns, ascending, (b,) int64.
        lists: By kind.
        each: By kind.
        cells: By kind.
    """

    query_modality: str
    gallery_modality: str
    query: Images
    gallery: Images
    gallery_digests: np.ndarray
    query_cameras: np.ndarray
    gallery_cameras: np.ndarray
    lists: dict[str, Lists]
    each: dict[str, EachQuery]
    cells: dict[str, Cells]


Rankings = dict[str, ModeRankings]
"""By the names of the modes, in the order of the tables."""


def save(path: str | Path, rankings: Mapping[str, ModeRankings]) -> None:
    """Write `rankings.npz`, whole or not at all.

    An array is called "MODE/FIELD", and "MODE/KIND/PART/FIELD" where it is of a kind,
    such as `all/gcr/lists/scores`.

    Args:
        path: The file.
        rankings: Its content.

    Raises:
        OSError: It cannot be written.
    """
    arrays: dict[str, np.ndarray] = {
        "version": np.array(VERSION),
        "modes": np.array(list(rankings), np.str_),
    }
    for name, mode in rankings.items():
        fields = mode._asdict()
        for part in ("lists", "each", "cells"):
            for kind, values in fields.pop(part).items():
                arrays |= _named(f"{name}/{kind}/{part}", values)
        for side in ("query", "gallery"):
            arrays |= _named(f"{name}/{side}", fields.pop(side))
        arrays |= {f"{name}/{key}": np.asarray(v) for key, v in fields.items()}
    packed, path = io.BytesIO(), user_path(path)
    np.savez_compressed(packed, **arrays)  # type: ignore[arg-type]
    reserve(path.parent, packed.getbuffer().nbytes)
    with whole(path) as file:
        file.write(packed.getbuffer())


def load(path: str | Path) -> Rankings:
    """Read `rankings.npz`.

    Args:
        path: The file.

    Returns:
        What `save` was given.

    Raises:
        UserError: It is missing or damaged, or of another version.
    """
    path = user_path(path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        if int(arrays["version"]) != VERSION:
            raise UserError(
                f"{path} has version {int(arrays['version'])}, this program reads "
                f"{VERSION}: make it again by --mode evaluate"
            )
        return {name: _mode(name, arrays) for name in map(str, arrays["modes"])}
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: --mode evaluate writes it") from error
    except UserError:
        raise
    except Exception as error:  # a damaged archive fails in many ways
        raise UserError(f"{path} is damaged: delete it, --mode evaluate") from error


def _mode(name: str, arrays: Mapping[str, np.ndarray]) -> ModeRankings:
    """One mode of a file."""
    kinds = [k for k in KINDS if f"{name}/{k}/lists/gallery" in arrays]
    single: dict[str, Any] = {
        key: arrays[f"{name}/{key}"]
        for key in ("gallery_digests", "query_cameras", "gallery_cameras")
    }
    return ModeRankings(
        query_modality=str(arrays[f"{name}/query_modality"]),
        gallery_modality=str(arrays[f"{name}/gallery_modality"]),
        query=_part(Images, f"{name}/query", arrays),
        gallery=_part(Images, f"{name}/gallery", arrays),
        lists={k: _part(Lists, f"{name}/{k}/lists", arrays) for k in kinds},
        each={k: _part(EachQuery, f"{name}/{k}/each", arrays) for k in kinds},
        cells={k: _part(Cells, f"{name}/{k}/cells", arrays) for k in kinds},
        **single,
    )


def _named(prefix: str, values: Any) -> dict[str, np.ndarray]:
    return {f"{prefix}/{key}": v for key, v in values._asdict().items()}


def _part(kind: type[_Part], prefix: str, arrays: Mapping[str, np.ndarray]) -> _Part:
    fields: Any = kind
    return fields(**{key: arrays[f"{prefix}/{key}"] for key in fields._fields})
