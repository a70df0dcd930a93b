"""What a page needs of images and embeddings, made while both are at hand."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import whole
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.evaluation import chosen as chosen_lib
from ceil_jax.evaluation.explained import explain
from ceil_jax.evaluation.rankings import ModeRankings, Rankings
from ceil_jax.evaluation.results import Results
from ceil_jax.evaluation.scoring import Embeddings
from ceil_jax.report import sheets, stored_pictures
from ceil_jax.report.contents import Chosen, Contents, Pictures, Plane, Support
from ceil_jax.report.own_names import OwnNames
from ceil_jax.report.projection import project
from ceil_jax.report.sections import lists
from ceil_jax.report.thumbnails import thumbnails
from ceil_jax.training import pseudo_labels

MODALITIES = ("visible", "infrared")
_SUPPORTING = 4  # images that are named for each answer
_BLOCK = 2048  # rows whose nearest image is sought at a time


class Material(NamedTuple):
    """Images of both modalities with their embeddings.

    Attributes:
        sets: Visible, infrared.
        sides: Their embeddings, unit rows.
        clusters: Arguments of `pseudo_labels.find`: how they are clustered.
        search: How neighbours are found.
        names: What the data set's owner calls its cameras and people.
    """

    sets: tuple[ImageSet, ImageSet]
    sides: Sequence[Embeddings]
    clusters: Mapping[str, Any]
    search: Any = "exact"
    names: OwnNames = OwnNames()


def of_test(material: Material, rankings: Rankings, results: Results) -> Pictures:
    """Pictures of an evaluation.

    Args:
        material: The test images.
        rankings: What every query found.
        results: The figures, of which the parameters of the re-ranking are taken.

    Returns:
        Chosen queries, pictures of all images in their lists, why their first answers
        stand there, and the embeddings on a plane.
    """
    places = _places(material.sets)
    chosen = {name: _chosen(ranked, len(rankings)) for name, ranked in rankings.items()}
    chosen = {name: each for name, each in chosen.items() if len(each.queries)}
    support = [
        each
        for name in chosen
        for each in _support(
            name, rankings[name], chosen[name], material, places, results
        )
    ]
    shown = lists.shown(
        Contents("", "", rankings=rankings, pictures=Pictures(chosen=chosen)),
        lists.KEPT[0],
    )
    names = lists.names_of(rankings, shown)
    for each in support:
        names.update(map(str, each.names))
    return Pictures(
        thumbnails=_thumbnails(sorted(names), material.sets, places),
        plane=plane(material),
        chosen=chosen,
        support=support,
        names=material.names,
    )


def of_training(material: Material) -> Pictures:
    """Pictures of images without labels: sheets of their clusters.

    Args:
        material: The training images.

    Returns:
        Sheets, pictures of their images, and the embeddings on a plane.
    """
    found, sizes = [], {}
    for images, side, modality in zip(
        material.sets, material.sides, MODALITIES, strict=True
    ):
        if not len(images):
            continue
        labels = _clusters(material, images, side, modality)
        sizes[modality] = np.bincount(labels[labels >= 0])
        found += sheets.of_clusters(
            modality, side.features, labels, images.cameras, images.names
        )
    kept = sheets.most_doubtful(found)
    names = sorted({str(name) for sheet in kept for name in sheet.names})
    return Pictures(
        thumbnails=_thumbnails(names, material.sets, _places(material.sets)),
        plane=plane(material),
        sheets=kept,
        sizes=sizes,
        names=material.names,
    )


def save(path: Path, pictures: Pictures) -> None:
    """Write `pictures.npz`, whole or not at all.

    Args:
        path: The file.
        pictures: Its content.

    Raises:
        OSError: It cannot be written.
    """
    with whole(path) as file:
        arrays: Any = stored_pictures.to_arrays(pictures)
        np.savez_compressed(file, **arrays)


def load(path: Path) -> Pictures:
    """Read `pictures.npz`.

    Args:
        path: The file.

    Returns:
        What `save` was given.

    Raises:
        UserError: It is missing or damaged, or of another version.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            return stored_pictures.from_arrays({n: stored[n] for n in stored.files})
    except FileNotFoundError as error:
        raise UserError(f"{path} is missing: --mode evaluate writes it") from error
    except Exception as error:  # a damaged archive fails in many ways
        raise UserError(
            f"{path} cannot be used ({error}): delete it, then --mode evaluate"
        ) from error


def plane(material: Material) -> Plane:
    """The embeddings on a plane.

    Args:
        material: The images.

    Returns:
        Both modalities, visible first.
    """
    sides, sets = material.sides, material.sets
    there = [i for i, images in enumerate(sets) if len(images)]
    method, at = project(np.concatenate([sides[i].features for i in there]))
    labels = [_clusters(material, sets[i], sides[i], MODALITIES[i]) for i in there]
    return Plane(
        method,
        at,
        np.repeat([MODALITIES[i] == "infrared" for i in there], list(map(len, labels))),
        np.concatenate([np.asarray(sides[i].identities, np.int64) for i in there]),
        np.concatenate([np.asarray(sides[i].cameras, np.int64) for i in there]),
        np.concatenate(labels),
        np.concatenate([_right(sides[i], sides[1 - i]) for i in there]),
    )


def _clusters(
    material: Material, images: ImageSet, side: Embeddings, modality: str
) -> np.ndarray:
    """The cluster of each image of a modality, (n,) int64; -1 for none."""
    found = np.full(len(images), -1, np.int64)
    try:
        labels = pseudo_labels.find(
            np.ascontiguousarray(side.features),
            images,
            modality,
            **material.clusters,
        )
    except (UserError, ValueError):  # too few images, or all alike
        return found
    found[labels.kept] = labels.clusters
    return found


def _right(side: Embeddings, other: Embeddings) -> np.ndarray:
    """Whether the nearest image of the other modality shows the same person."""
    found = np.full(len(side.features), -1, np.int8)
    if not len(other.features):
        return found
    for start in range(0, len(found), _BLOCK):
        some = slice(start, start + _BLOCK)
        nearest = (side.features[some] @ other.features.T).argmax(axis=1)
        mine, theirs = side.identities[some], other.identities[nearest]
        known = (mine >= 0) & (theirs >= 0)
        found[some] = np.where(known, mine == theirs, -1)
    return found


def _places(sets: Sequence[ImageSet]) -> dict[str, tuple[int, int]]:
    """Modality and position of every image, by its name."""
    return {
        str(name): (modality, position)
        for modality, images in enumerate(sets)
        for position, name in enumerate(images.names)
    }


def _chosen(ranked: ModeRankings, num_modes: int) -> Chosen:
    per_group = lists.MOST_LISTS // (len(chosen_lib.GROUPS) * num_modes)
    groups = chosen_lib.choose(ranked, per_group=max(1, min(12, per_group)))
    names = [np.full(len(queries), name) for name, queries in groups.items()]
    none = np.zeros(0, np.int64)
    return Chosen(
        np.concatenate([np.zeros(0, np.str_), *names]),
        np.concatenate([none, *groups.values()]),
    )


def _support(
    name: str,
    ranked: ModeRankings,
    chosen: Chosen,
    material: Material,
    places: Mapping[str, tuple[int, int]],
    results: Results,
) -> list[Support]:
    """Why the first answers after re-ranking stand there."""
    mode = results.modes[name]
    params = mode.rerank or results.rerank
    if "gcr" not in ranked.lists or params is None:
        return []
    lists_ = ranked.lists["gcr"]
    pairs = []
    for query in chosen.queries.tolist():
        counted = np.flatnonzero(lists_.places[query] > 0)
        if len(counted):
            pairs.append((query, int(lists_.gallery[query, counted[0]])))
    if not pairs:
        return []
    found = explain(
        _side(material, places, ranked.query.names),
        _side(material, places, ranked.gallery.names),
        np.array(pairs),
        params,
        search=material.search,
        top=_SUPPORTING,
    )
    cameras = np.array([group.camera for group in found.groups], np.int64)
    group_sides = np.array([group.side for group in found.groups])
    every = {
        "query": ranked.query,
        "gallery": ranked.gallery,
    }
    names = np.concatenate([side.names for side in every.values()])
    of = {
        (str(s), int(c)): n
        for n, (s, c) in enumerate(zip(group_sides, cameras, strict=True))
    }
    keys = [
        (side, int(camera)) for side, each in every.items() for camera in each.cameras
    ]
    groups = np.array([of[key] for key in keys])
    made = []
    for i, (query, answer) in enumerate(pairs):
        images = found.images[i]
        images = images[images >= 0]
        made.append(
            Support(
                name,
                query,
                answer,
                float(found.directly[i]),
                group_sides,
                cameras,
                found.by_group[i],
                names[images],
                groups[images],
                found.shares[i][: len(images)],
            )
        )
    return made


def _side(
    material: Material, places: Mapping[str, tuple[int, int]], names: np.ndarray
) -> Embeddings:
    """The embeddings of some images of one modality."""
    found = [places[str(name)] for name in names]
    side = material.sides[found[0][0]]
    rows = np.array([position for _, position in found])
    features, *labels = (np.asarray(field)[rows] for field in side)
    identities, cameras, image_names = labels
    return Embeddings(features, identities, cameras, image_names)


def _thumbnails(
    names: Sequence[str],
    sets: Sequence[ImageSet],
    places: Mapping[str, tuple[int, int]],
) -> Any:
    def take(some: Sequence[str]) -> np.ndarray:
        found = [
            sets[modality].images.take(np.array([position]))[0]
            for modality, position in (places[name] for name in some)
        ]
        return np.stack(found)

    return thumbnails(names, take, [places[name][0] == 1 for name in names])
