"""What matched in the first answers of a page's lists: made, kept and proven."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.common.errors import UserError
from ceil_jax.common.files import whole
from ceil_jax.common.progress import bar
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.experiment.announce import warn
from ceil_jax.report.contents import Matches
from ceil_jax.report.matches import Pair

VERSION = 1
"""Of the file's structure."""
TOLERANCE = 0.02
"""Largest difference of a similarity from that of the rankings: what another engine or
another device rounds, and far less than other images."""


class Divider(NamedTuple):
    """What divides the embeddings of images among their places.

    Attributes:
        divide: (b, H, W, 3) uint8 images and their modality to (b, h, w, d).
        num_rows: Images at once.
    """

    divide: Any
    num_rows: int


def make(
    divider: Divider,
    sets: Mapping[str, ImageSet],
    pairs: Sequence[Pair],
    model: str,
) -> Matches:
    """Divide the similarities of pairs; every image is embedded once.

    Args:
        divider: Of the model.
        sets: The images by modality.
        pairs: Queries with answers, each pair once.
        model: The model's digest.

    Returns:
        The maps, in the order of the pairs.

    Raises:
        UserError: An image is missing, or a similarity is another than that of the
            rankings: the images or the weights are others.
    """
    queries = dict.fromkeys((p.modalities[0], p.query) for p in pairs)
    answers = dict.fromkeys((p.modalities[1], p.answer) for p in pairs)
    others = [image for image in answers if image not in queries]
    of_answer: dict[tuple[str, str], list[int]] = {image: [] for image in answers}
    for number, pair in enumerate(pairs):
        of_answer[pair.modalities[1], pair.answer].append(number)
    kept: dict[tuple[str, str], np.ndarray] = {}
    maps: list[Any] = [None] * len(pairs)
    with bar(total=len(queries) + len(others), desc="explaining", unit="img") as shown:
        for image, parts in _divided(divider, sets, list(queries)):
            kept[image] = parts
            shown.update()
        rows = {image: parts.sum((0, 1)) for image, parts in kept.items()}

        def take(image: tuple[str, str], parts: np.ndarray) -> None:
            row = parts.sum((0, 1))
            for number in of_answer[image]:
                query = pairs[number].modalities[0], pairs[number].query
                maps[number] = kept[query] @ row, parts @ rows[query]

        for image in answers.keys() & queries.keys():
            take(image, kept[image])
        for image, parts in _divided(divider, sets, others):
            take(image, parts)
            shown.update()
    stacked = np.array(maps, np.float32)
    similarity = stacked[:, 1].sum((1, 2))
    _check(pairs, similarity)
    names, at = np.unique(
        [p.query for p in pairs] + [p.answer for p in pairs], return_inverse=True
    )
    ends = at.astype(np.int32).reshape(2, -1)
    return Matches(
        model, names, ends[0], ends[1], similarity, stacked.astype(np.float16)
    )


def _divided(
    divider: Divider,
    sets: Mapping[str, ImageSet],
    images: Sequence[tuple[str, str]],
) -> Iterator[tuple[tuple[str, str], np.ndarray]]:
    """Images with what their places add to their rows, (h, w, d) float32."""
    for modality, images_of in sets.items():
        names = [name for kind, name in images if kind == modality]
        places = {str(name): i for i, name in enumerate(images_of.names)}
        if absent := [name for name in names if name not in places]:
            raise UserError(
                f"{absent[0]} of the ranked lists is no {modality} test image of this "
                "configuration: give the data set that was evaluated"
            )
        for start in range(0, len(names), divider.num_rows):
            some = names[start : start + divider.num_rows]
            index = np.array([places[name] for name in some])
            taken = images_of.images.take(np.resize(index, divider.num_rows))
            parts = divider.divide(taken, modality)[: len(some)]
            for name, each in zip(some, parts.astype(np.float32), strict=True):
                yield (modality, name), each


def _check(pairs: Sequence[Pair], similarity: np.ndarray) -> None:
    """Refuse maps that do not sum to the similarities of the rankings."""
    known = np.array([pair.score for pair in pairs])
    gaps = np.where(np.isnan(known), 0, np.abs(similarity - known))
    worst = int(gaps.argmax())
    if not gaps[worst] <= TOLERANCE:
        raise UserError(
            f"{pairs[worst].query} and {pairs[worst].answer} have the similarity "
            f"{similarity[worst]:.3f}, and {known[worst]:.3f} in the ranked lists: the "
            "images are not those that were evaluated"
        )


def save(path: Path, matches: Matches) -> None:
    """Write `explained.npz`, whole or not at all.

    Args:
        path: The file.
        matches: Its content.

    Raises:
        OSError: It cannot be written.
    """
    arrays: Any = {name: np.asarray(each) for name, each in matches._asdict().items()}
    with whole(path) as file:
        np.savez_compressed(file, version=np.array(VERSION), **arrays)


def of_model(path: Path, model: str) -> Matches | None:
    """Read `explained.npz`, if it is there and of the model of the figures.

    Args:
        path: The file.
        model: The digest of the model that the figures are of.

    Returns:
        What `save` was given; None without it, and with a warning where it is of
        another model or damaged: a page never shows it then.
    """
    if not path.exists():
        return None
    again = "the report does without it; --mode report --explain makes it anew"
    try:
        with np.load(path, allow_pickle=False) as stored:
            if int(stored["version"]) != VERSION:
                raise ValueError(f"it has version {int(stored['version'])}")
            found = Matches(**{name: stored[name] for name in Matches._fields})
        found = found._replace(model=str(found.model))
        shape = len(found.query), 2
        if found.maps.ndim != 4 or found.maps.shape[:2] != shape or not shape[0]:
            raise ValueError(f"its maps have the shape {found.maps.shape}")
    except Exception as error:  # a damaged archive fails in many ways
        warn(f"{path} cannot be used ({error}): {again}")
        return None
    if found.model != model:
        warn(f"{path} is of other weights than the figures: {again}")
        return None
    return found
