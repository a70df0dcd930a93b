"""What matched in the first answers of a list, as the page draws it over pictures."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from ceil_jax.evaluation.rankings import Lists, Rankings
from ceil_jax.report.contents import Matches

NUM_ANSWERS = 5
"""Answers of each list that are explained."""
_DIGITS = np.array(list("0123456789abcdefghijklmnopqrstuvwxyz"))


class Pair(NamedTuple):
    """A query and an answer of one of its lists.

    Attributes:
        query: Path of the query relative to the data folder.
        answer: Likewise.
        modalities: "visible" or "infrared" of either.
        score: Their plain similarity; NaN where the rankings do not hold it.
    """

    query: str
    answer: str
    modalities: tuple[str, str]
    score: float


def first_answers(lists: Lists, query: int) -> list[int]:
    """The answers of a list that are explained.

    Args:
        lists: Of a search mode and kind.
        query: Position among the mode's queries.

    Returns:
        Positions among the gallery's images, best first, at most `NUM_ANSWERS`; images
        that do not count are left out.
    """
    counted = np.flatnonzero(lists.places[query] > 0)[:NUM_ANSWERS]
    return lists.gallery[query, counted].tolist()


def pairs(
    rankings: Rankings, queries: Iterable[tuple[str, int]]
) -> dict[tuple[str, str], Pair]:
    """The pairs of a page.

    Args:
        rankings: What every query found.
        queries: The search mode and the position of each query that is shown.

    Returns:
        Each pair once, by the names of query and answer.
    """
    found: dict[tuple[str, str], Pair] = {}
    for mode, query in queries:
        ranked = rankings[mode]
        plain = ranked.lists["plain"]
        scores = dict(
            zip(
                plain.gallery[query].tolist(), plain.scores[query].tolist(), strict=True
            )
        )
        name = str(ranked.query.names[query])
        both = ranked.query_modality, ranked.gallery_modality
        for lists in ranked.lists.values():
            for image in first_answers(lists, query):
                answer = str(ranked.gallery.names[image])
                score = scores.get(image, float("nan"))
                found.setdefault((name, answer), Pair(name, answer, both, score))
    return found


def numbers(
    matches: Matches | None, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Which maps belong to the pairs of a page.

    Args:
        matches: All maps; None for none.
        wanted: The names of query and answer of each pair.

    Returns:
        Positions in `matches` by pair; pairs without maps are left out.
    """
    if matches is None:
        return {}
    names = matches.names.tolist()
    columns = zip(matches.query.tolist(), matches.answer.tolist(), strict=True)
    there = {(names[q], names[a]): number for number, (q, a) in enumerate(columns)}
    return {pair: there[pair] for pair in wanted if pair in there}


def data(matches: Matches, kept: Mapping[tuple[str, str], int]) -> dict[str, Any]:
    """What the script `matches.js` takes.

    Args:
        matches: All maps.
        kept: What `numbers` returned.

    Returns:
        `size`, the height and width of a map, and `maps`: of the query and the answer
        of each pair, in the order of `kept`, a digit of base 36 for each place, which
        is its share, or 0 where it takes from the similarity, times 35 over the largest
        share of the map.
    """
    maps = matches.maps[list(kept.values())].astype(np.float32)
    most = maps.max(axis=(2, 3), keepdims=True)
    share = np.clip(maps, 0, None) / np.maximum(most, 1e-12)
    digits = _DIGITS[np.rint(share * (len(_DIGITS) - 1)).astype(int)]
    return {"size": list(maps.shape[2:]), "maps": "".join(digits.ravel().tolist())}
