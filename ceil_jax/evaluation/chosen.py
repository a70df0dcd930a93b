"""Which queries are worth a look: worst, helped, hurt, median and best ones."""

from collections.abc import Mapping

import numpy as np

from ceil_jax.evaluation.labels import UNKNOWN
from ceil_jax.evaluation.rankings import ModeRankings

GROUPS = {
    "worst": "Worst",
    "helped": "Helped by R",
    "hurt": "Hurt by R",
    "median": "Median",
    "best": "Best",
}
"""What the groups are called, in the order in which they are shown."""


def choose(mode: ModeRankings, *, per_group: int) -> dict[str, np.ndarray]:
    """Choose telling queries of a search mode, by their figures in its first gallery.

    With p the average precision after re-ranking (plain without it) and c its change by
    re-ranking: "worst" are the queries of the smallest p, "best" those of the largest,
    "median" those nearest to the median of p, "helped" those of the largest c above 0,
    "hurt" those of the smallest c below 0. Queries that are alike come in their order.
    A group shows a person once. No query is in two groups: the first of `GROUPS` that
    wants it has it.

    Args:
        mode: The mode.
        per_group: Queries of each group, at most.

    Returns:
        Rows of the queries by group, the most telling first; without re-ranking
        nothing is helped or hurt. Groups without a query are left out.

    Raises:
        ValueError: `per_group` is below 1.
    """
    if per_group < 1:
        raise ValueError(f"{per_group=} must be at least 1")
    plain, precision = (
        mode.each[kind].average_precision[0].astype(np.float64)
        for kind in ("plain", "gcr" if "gcr" in mode.each else "plain")
    )
    rows = np.flatnonzero(~np.isnan(precision))
    precision = precision[rows]
    change = precision - plain[rows]
    middle = np.median(precision) if len(rows) else 0.0
    # Each group's queries by a number that rises, and which of them it can have.
    wanted = {
        "worst": (precision, None),
        "helped": (-change, change > 0),
        "hurt": (change, change < 0),
        "median": (abs(precision - middle), None),
        "best": (-precision, None),
    }
    groups: dict[str, np.ndarray] = {}
    taken: set[int] = set()
    for name in GROUPS:
        number, allowed = wanted[name]
        order = rows[np.argsort(number, kind="stable")]
        if allowed is not None:
            order = order[: np.count_nonzero(allowed)]
        chosen = _different(order, mode.query.identities, taken, per_group)
        if len(chosen):
            groups[name] = chosen
        taken.update(chosen.tolist())
    return groups


def _different(
    order: np.ndarray, identities: np.ndarray, taken: set[int], number: int
) -> np.ndarray:
    """The first queries that are not taken yet, each of another person."""
    chosen: list[int] = []
    people: set[int] = set()
    for row in order.tolist():
        person = int(identities[row])
        if row in taken or person in people or person == UNKNOWN:
            continue
        chosen.append(row)
        people.add(person)
        if len(chosen) == number:
            break
    return np.array(chosen, np.int64)


def first_of_each(
    groups: Mapping[str, np.ndarray], number: int
) -> dict[str, list[int]]:
    """So many of the chosen queries, taken from the groups in turns.

    Args:
        groups: What `choose` gave.
        number: Queries to keep; all of them if there are fewer.

    Returns:
        Rows of the queries by group, in the order of the groups.
    """
    longest = max(map(len, groups.values()), default=0)
    turns = [
        (name, int(rows[n]))
        for n in range(longest)
        for name, rows in groups.items()
        if n < len(rows)
    ][:number]
    kept = {name: [row for of, row in turns if of == name] for name in groups}
    return {name: rows for name, rows in kept.items() if rows}
