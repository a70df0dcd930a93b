"""Re-rankers by name, those of other installed packages among them."""

from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from ceil_jax.common import plugins
from ceil_jax.rerank.by_features import nfc_similarity, propagate_similarity
from ceil_jax.rerank.ca_jaccard import ca_jaccard
from ceil_jax.rerank.ecn import ecn
from ceil_jax.rerank.gcr import gcr
from ceil_jax.rerank.gnn import gnn
from ceil_jax.rerank.k_reciprocal import k_reciprocal

GROUP = "ceil_jax.rerankers"
Reranker = Callable[..., np.ndarray]
"""From (Q, d) query and (G, d) gallery rows, and options of its own by keyword, to
(Q, G) float32 similarities, higher is better."""
RERANKERS: Mapping[str, Reranker] = {
    "gcr": gcr,
    "gnn": gnn,
    "k_reciprocal": k_reciprocal,
    "ecn": ecn,
    "ca_jaccard": ca_jaccard,
    "nfc": nfc_similarity,
    "propagate": propagate_similarity,
}


def names() -> list[str]:
    """Every re-ranker that `by_name` knows."""
    return sorted({*RERANKERS, *plugins.names(GROUP)})


def by_name(name: str) -> Reranker:
    """The re-ranker of a name.

    Other packages add theirs as entry points of the group `ceil_jax.rerankers`;
    docs/extending.md has an example.

    Args:
        name: One of `names()`. None of `RERANKERS` is ever replaced by one of another
            package.

    Returns:
        The function.

    Raises:
        ValueError: There is no such re-ranker, or it cannot be imported or called.
    """
    if name in RERANKERS:
        return RERANKERS[name]
    if name not in plugins.names(GROUP):
        raise ValueError(f"{name=} must be one of {', '.join(names())}")
    found = plugins.load(GROUP, name)
    if callable(found):
        return cast(Reranker, found)
    kind = type(found).__name__
    raise ValueError(f"{name!r} of {GROUP} must be a function, not {kind}")
