"""Rankings of made-up queries, for what compares them."""

import numpy as np

from ceil_jax.evaluation.rankings import (
    Cells,
    EachQuery,
    Images,
    Lists,
    ModeRankings,
    Rankings,
)

PEOPLE = np.repeat(np.arange(8), 3)


def each_query(precision: np.ndarray) -> EachQuery:
    """Figures of queries whose first right image is at about 1 / AP."""
    precision = np.atleast_2d(precision).astype(np.float32)
    is_valid = np.isfinite(precision)
    places = np.where(is_valid, np.ceil(1 / np.where(is_valid, precision, 1)), 0)
    return EachQuery(precision, precision, places.astype(np.int32))


def mode(
    plain: np.ndarray,
    gcr: np.ndarray | None = None,
    people: np.ndarray = PEOPLE,
    names: str = "q",
    digests: str = "g",
) -> ModeRankings:
    """What the queries of one search found."""
    num = len(people)
    kinds = {"plain": each_query(plain)}
    if gcr is not None:
        kinds["gcr"] = each_query(gcr)
    query = Images(
        np.array([f"{names}{i}.png" for i in range(num)]),
        people.astype(np.int64),
        np.full(num, 3),
    )
    empty = np.zeros((num, 0))
    lists = Lists(*(empty.astype(t) for t in ("i4", "f4", "i4", "i4", bool)))
    cells = Cells(*np.ones((3, 1, 1), np.float32))
    num_galleries = len(kinds["plain"].first)
    return ModeRankings(
        *("infrared", "visible"),
        *(query, Images(np.array(["g.png"]), np.array([0]), np.array([1]))),
        np.array([f"{digests}{t}" for t in range(num_galleries)]),
        *(np.array([3]), np.array([1])),
        {kind: lists for kind in kinds},
        kinds,
        {kind: cells for kind in kinds},
    )


def run(seed: int, better: float = 0.0, galleries: int = 2) -> Rankings:
    """Two searches; `better` is added to every query's average precision."""
    rng = np.random.default_rng(0)
    own = np.random.default_rng(seed).uniform(-0.05, 0.05, (4, galleries, len(PEOPLE)))
    base = rng.uniform(0.2, 0.6, (4, galleries, len(PEOPLE)))
    values = np.clip(base + own + better, 0.01, 1)
    return {"all": mode(*values[:2]), "indoor": mode(*values[2:])}


def split(number: int, seed: int, better: float = 0.0, num_people: int = 12):
    """Two searches among half of the people, one gallery each, as RegDB's splits.

    Args:
        number: Of the split, which decides who is tested.
        seed: Of what is found.
        better: Added to every query's average precision.
        num_people: Of all splits.
    """
    half = np.random.default_rng(number).permutation(num_people)[: num_people // 2]
    people = np.repeat(np.sort(half), 2)
    own = np.random.default_rng((number, seed)).uniform(
        -0.05, 0.05, (4, 1, len(people))
    )
    person = np.random.default_rng(0).uniform(0.2, 0.6, (4, 1, num_people))
    values = np.clip(person[:, :, people] + own + better, 0.01, 1)
    named = {"names": f"split{number}-", "digests": f"g{number}-"}
    return {
        "visible_to_infrared": mode(values[0], values[1], people, **named),
        "infrared_to_visible": mode(values[2], values[3], people, **named),
    }
