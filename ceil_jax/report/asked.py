"""Telling queries of an evaluation with their images, ready to be drawn."""

from collections.abc import Callable

import numpy as np

from ceil_jax.evaluation import chosen
from ceil_jax.evaluation.rankings import Images, Lists, ModeRankings
from ceil_jax.report.contrast import stretched
from ceil_jax.report.own_names import OwnNames
from ceil_jax.report.ranked_lists import Answer, Asked

LABELS = {"plain": "plain", "gcr": "R"}
"""What the kinds of lists are called."""

Take = Callable[[np.ndarray], np.ndarray]
"""Images (n, H, W, 3) uint8 of rows (n,) of one side of the first gallery's search."""


def telling(
    mode: ModeRankings,
    queries: Take,
    gallery: Take,
    *,
    number: int,
    top: int = 10,
    names: OwnNames | None = None,
) -> list[Asked]:
    """The queries that `chosen.choose` finds, in the order of their groups.

    Images that do not count for a query are left out. Infrared ones have their contrast
    stretched.

    Args:
        mode: The mode.
        queries: Its queries' images.
        gallery: Its gallery's images.
        number: Queries wanted, spread over the groups.
        top: Images of each list.
        names: Of cameras and people.

    Returns:
        The queries; fewer where there are not so many, none if none has a match.
    """
    names = names or OwnNames()
    per_group = -(-number // 3)  # two groups may have nothing
    groups = chosen.first_of_each(chosen.choose(mode, per_group=per_group), number)
    pictures = {"query": queries, "gallery": gallery}
    modalities = {"query": mode.query_modality, "gallery": mode.gallery_modality}

    def shown(side: str, rows: np.ndarray) -> np.ndarray:
        images = pictures[side](rows)
        return stretched(images) if modalities[side] == "infrared" else images

    found = []
    for group, rows in groups.items():
        for row, image in zip(rows, shown("query", np.array(rows)), strict=True):
            lists = {}
            for kind, each in mode.lists.items():
                at = np.flatnonzero(each.places[row] > 0)[:top]
                images = shown("gallery", each.gallery[row, at])
                answers = zip(at, images, strict=True)
                lists[LABELS[kind]] = [
                    _answer(each, row, n, mode.gallery, one, names)
                    for n, one in answers
                ]
            found.append(Asked(image, _title(mode, group, row, names), lists))
    return found


def _answer(
    lists: Lists,
    row: int,
    place: int,
    gallery: Images,
    image: np.ndarray,
    names: OwnNames,
) -> Answer:
    number = int(lists.gallery[row, place])
    camera = names.camera(gallery.cameras[number])
    lines = (
        f"{lists.scores[row, place]:.3g}  cam {camera}",
        str(gallery.names[number]),
    )
    is_right, position = bool(lists.right[row, place]), int(lists.places[row, place])
    return Answer(image, is_right, position, lines)


def _title(mode: ModeRankings, group: str, row: int, names: OwnNames) -> str:
    """Group, figures and labels of a query."""
    precision = " and ".join(
        f"{100 * each.average_precision[0, row]:.1f} % {LABELS[kind]}"
        for kind, each in mode.each.items()
    )
    query = mode.query
    return (
        f"{chosen.GROUPS[group]}: average precision {precision}; person "
        f"{names.person(query.identities[row])}, camera "
        f"{names.camera(query.cameras[row])}, {query.names[row]}"
    )
