"""Pairs of one kind, drawn at random without listing them all.

Images of one person by one camera are a group. All pairs of two groups are of one kind,
so it is groups that are gone through, and a pair has a rank: its place in the order of
the groups.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

BLOCK = 1 << 22
"""Products of rows with all others that are held at a time."""
_PART = 1 << 24
"""Numbers of gathered rows that are held at a time."""
_SPARSE = 100
"""A pair by itself costs as much as so many in a product of matrices."""


class Side(NamedTuple):
    """The images of one modality, sorted by person, then camera.

    Attributes:
        positions: (n,) int32, where they stand among all that were given.
        rows: (n, d) float32 features.
        people: (n,) int32.
        cameras: (n,) int32.
    """

    positions: np.ndarray
    rows: np.ndarray
    people: np.ndarray
    cameras: np.ndarray

    @classmethod
    def of(
        cls,
        rows: np.ndarray,
        people: np.ndarray,
        cameras: np.ndarray,
        chosen: np.ndarray,
    ) -> "Side":
        """Sort some images.

        Args:
            rows: (N, d) features.
            people: (N,) int32.
            cameras: (N,) int32.
            chosen: Their positions, (n,).

        Returns:
            The side.
        """
        order = chosen[np.lexsort((cameras[chosen], people[chosen]))]
        return cls(order.astype(np.int32), rows[order], people[order], cameras[order])


class Kind(NamedTuple):
    """Which pairs are meant.

    Attributes:
        is_genuine: Pairs of one person, else of two.
        skips_same_camera: Whether pairs of one camera are left out.
    """

    is_genuine: bool
    skips_same_camera: bool


class _Groups(NamedTuple):
    """Where each group begins, how large it is, and whom it shows by which camera."""

    starts: np.ndarray
    sizes: np.ndarray
    people: np.ndarray
    cameras: np.ndarray

    @classmethod
    def of(cls, side: Side) -> "_Groups":
        keys = np.stack([side.people, side.cameras])
        is_new = np.ones(len(side.people), bool)
        is_new[1:] = (keys[:, 1:] != keys[:, :-1]).any(axis=0)
        starts = np.flatnonzero(is_new)
        sizes = np.diff(starts, append=len(side.people))
        return cls(starts, sizes, side.people[starts], side.cameras[starts])


class _Partners(NamedTuple):
    """The pairs of one group: with later groups, and among its own images."""

    group: int
    first: int
    counts: np.ndarray
    own: int


def draw(
    first: Side,
    second: Side | None,
    kind: Kind,
    max_pairs: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray, int]:
    """All pairs of a kind, or some of them, each with the same chance.

    Args:
        first: Images of a modality.
        second: Those of another one; None for pairs within the first.
        kind: Which pairs.
        max_pairs: Most pairs to draw, without replacement.
        rng: Draws them where there are more.

    Returns:
        Positions in `first`, ascending, and in `second` (or `first`), (n,) int64 each;
        and how many pairs there are.
    """
    mine = _Groups.of(first)
    others = mine if second is None else _Groups.of(second)
    totals = np.array(
        [int(p.counts.sum()) + p.own for p in _partners(mine, others, kind)], np.int64
    )
    ends = np.cumsum(totals)
    total = int(ends[-1])
    chosen = ranks(total, max_pairs, rng)
    bounds = np.searchsorted(chosen, np.concatenate([[0], ends]))
    found = []
    for partners in _partners(mine, others, kind):
        group = partners.group
        inside = chosen[bounds[group] : bounds[group + 1]]
        if inside.size:
            offsets = inside - (ends[group] - totals[group])
            found.append(_expanded(mine, others, partners, offsets))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), 0
    i, j = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.argsort(i, kind="stable")
    return i[order], j[order], total


def products(
    first: np.ndarray, second: np.ndarray, i: np.ndarray, j: np.ndarray
) -> np.ndarray:
    """Inner products of pairs of rows.

    Args:
        first: (n, d) rows.
        second: (m, d) rows.
        i: Positions in `first`, ascending.
        j: Positions in `second`.

    Returns:
        (pairs,) float32.
    """
    found = np.empty(len(i), np.float32)
    step = max(1, BLOCK // len(second))
    for start in range(0, len(first), step):
        low, high = np.searchsorted(i, [start, start + step])
        block = first[start : start + step]
        if (high - low) * _SPARSE > len(block) * len(second):
            whole = block @ second.T
            found[low:high] = whole[i[low:high] - start, j[low:high]]
            continue
        part = max(1, _PART // first.shape[1])
        for at in range(low, high, part):
            end = min(at + part, high)
            gathered = first[i[at:end]], second[j[at:end]]
            found[at:end] = np.einsum("nd,nd->n", *gathered)
    return found


def _partners(mine: _Groups, others: _Groups, kind: Kind) -> Iterator[_Partners]:
    """For each group of one side the pairs with the groups of the other."""
    within = mine is others
    low = np.searchsorted(others.people, mine.people, side="left")
    high = np.searchsorted(others.people, mine.people, side="right")
    for group in range(len(mine.sizes)):
        begin, end = 0, len(others.sizes)
        if kind.is_genuine:
            begin, end = int(low[group]), int(high[group])
        if within:
            begin = group + 1
        counts = mine.sizes[group] * others.sizes[begin:end]
        if not kind.is_genuine:
            counts = counts * (others.people[begin:end] != mine.people[group])
        own = 0
        if kind.skips_same_camera:
            counts = counts * (others.cameras[begin:end] != mine.cameras[group])
        elif within and kind.is_genuine:
            own = int(mine.sizes[group] * (mine.sizes[group] - 1) // 2)
        yield _Partners(group, begin, counts, own)


def ranks(total: int, num: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers below a total: all of them, or some, each with the same chance.

    Args:
        total: How many there are.
        num: Most to draw, without replacement.
        rng: Draws them where there are more.

    Returns:
        Ascending int64.
    """
    if total <= num:
        return np.arange(total)
    if total <= 8 * num:
        return np.sort(rng.permutation(total)[:num])
    found = np.zeros(0, np.int64)
    while len(found) < num:
        more = rng.integers(total, size=num - len(found))
        found = np.union1d(found, more)
    return found


def _expanded(
    mine: _Groups, others: _Groups, partners: _Partners, offsets: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The two images of each pair of a group, whose pairs are counted from 0."""
    start = mine.starts[partners.group]
    ends = np.cumsum(partners.counts)
    last = int(ends[-1]) if len(ends) else 0
    across = offsets[offsets < last]
    place = np.searchsorted(ends, across, side="right")
    rest = across - (ends[place] - partners.counts[place])
    group = partners.first + place
    i, j = np.divmod(rest, others.sizes[group])
    p, q = _of_triangle(offsets[offsets >= last] - last)
    return (
        start + np.concatenate([i, p]),
        np.concatenate([others.starts[group] + j, start + q]),
    )


def _of_triangle(ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P < q of the pairs (0, 1), (0, 2), (1, 2), (0, 3), ..."""
    q = ((1 + np.sqrt(1 + 8 * ranks.astype(np.float64))) / 2).astype(np.int64)
    q -= q * (q - 1) // 2 > ranks  # where the root was rounded up
    q += q * (q + 1) // 2 <= ranks
    return ranks - q * (q - 1) // 2, q
