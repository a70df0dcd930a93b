"""What a limit of memory allows, known before the work starts."""

from typing import NamedTuple

import numpy as np

from ceil_jax.common import checks
from ceil_jax.common.threads import num_cores

MIN_BLOCK_ROWS, BLOCK_ROWS = 16, 64
"""Queries that are multiplied at once."""
CACHED_NUMBERS = 2**21
"""Numbers of a block of whole columns that the cache still holds."""
BYTES_PER_ENTRY = 8
"""A float32 and a 32-bit row number."""
BYTES_PER_WEIGHT = 4
"""Another float32 for each entry of the graph: what two rounds at once are made of."""
MARGIN = 1.25
"""What is taken beside a graph while its blocks are made, and wrong guesses."""
RESERVE = 0.15
"""Share of the limit that is left to threads, and to what the allocator keeps."""
BYTES_PER_ROW = 240
"""Cameras, sums, offsets, the order of the queries and what it is found by."""


class Budget(NamedTuple):
    """What a limit of memory allows.

    Attributes:
        max_entries: Entries that the graphs that are held may have: that of a round
            and the one before it, which it is made of.
        block_rows: Queries to multiply at once.
    """

    max_entries: float
    block_rows: int


def block_rows(num_rows: int) -> int:
    """Queries to multiply at once, as it is fastest.

    Args:
        num_rows: N.

    Returns:
        How many.
    """
    return int(np.clip(CACHED_NUMBERS // num_rows, MIN_BLOCK_ROWS, BLOCK_ROWS))


def budget(
    memory_gib: float | None, *, num_rows: int, k1: int, k2: int, num_rounds: int = 3
) -> Budget:
    """Divide a limit of memory between the graph and the blocks of queries.

    Args:
        memory_gib: The limit in GiB; None for no limit.
        num_rows: N.
        k1: Neighbours linked.
        k2: Neighbours propagated from.
        num_rounds: Rounds.

    Returns:
        What it allows.

    Raises:
        ValueError: It is not more than 0, or the first graph alone is larger.
    """
    if memory_gib is not None:
        memory_gib = checks.number("memory_gib", memory_gib)
        if not memory_gib > 0:
            raise ValueError(f"{memory_gib=} must be a number more than 0")
    if memory_gib in (None, np.inf):
        return Budget(np.inf, block_rows(num_rows))
    k2 = min(k2, k1)
    # Lists, A, A^T and their sum with up to twice the entries; W and W^T.
    first = num_rows * (BYTES_PER_ENTRY * (5 * k1 + 2 * k2) + BYTES_PER_ROW)
    # Lists, W and W^T stay while queries are multiplied, beside the graph.
    stays = num_rows * (BYTES_PER_ENTRY * (k1 + 2 * k2) + BYTES_PER_ROW)
    per_entry = BYTES_PER_ENTRY + BYTES_PER_WEIGHT
    graph = num_rows * per_entry * 2 * k1
    # A number of a whole column in each of the products that are under way.
    row = 4 * (3 + max(num_rounds, 1)) * num_rows * (num_cores() + 1)
    limit = memory_gib * 2**30 * (1 - RESERVE)
    least = max(first, stays + graph + row)
    if least > limit:
        raise ValueError(
            f"{memory_gib=} must be at least {least / (1 - RESERVE) / 2**30:.3g}: the "
            f"links of {num_rows} rows to {k1=} neighbours and one query need so much"
        )
    free = limit - stays - graph
    queries = int(np.clip(free / 2 // row, 1, block_rows(num_rows)))
    left = limit - stays - queries * row
    return Budget(left / (per_entry * MARGIN), queries)
