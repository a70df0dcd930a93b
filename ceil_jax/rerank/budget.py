"""What a limit of memory allows, known before the work starts."""

from typing import NamedTuple

import numpy as np

from ceil_jax.rerank.assemble import num_cores

BLOCK_ROWS = 64
"""Queries that are multiplied at once."""
BYTES_PER_ENTRY = 8
"""A float32 and a 32-bit row number."""
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
    if memory_gib is None:
        return Budget(np.inf, BLOCK_ROWS)
    if not memory_gib > 0:
        raise ValueError(f"{memory_gib=} must be more than 0")
    k2 = min(k2, k1)
    # Lists, A, A^T and their sum with up to twice the entries; W and W^T.
    first = num_rows * (BYTES_PER_ENTRY * (5 * k1 + 2 * k2) + BYTES_PER_ROW)
    # Lists, W and W^T stay while queries are multiplied, beside the graph.
    stays = num_rows * (BYTES_PER_ENTRY * (k1 + 2 * k2) + BYTES_PER_ROW)
    graph = num_rows * BYTES_PER_ENTRY * 2 * k1
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
    block_rows = int(np.clip(free / 2 // row, 1, BLOCK_ROWS))
    left = limit - stays - block_rows * row
    return Budget(left / (BYTES_PER_ENTRY * MARGIN), block_rows)
