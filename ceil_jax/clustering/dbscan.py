"""DBSCAN on neighbourhoods that are known."""

import numpy as np
from scipy import sparse
from scipy.sparse import csgraph


def dbscan(near: sparse.csr_array, *, min_samples: int) -> np.ndarray:
    """Cluster rows of which it is known which are near each other.

    Core rows have `min_samples` near ones, themselves included. Clusters are the
    connected components of core rows, numbered by their first core row; another row
    that is near a core one belongs to the lowest of their clusters.

    Args:
        near: (n, n) with an entry, of any value, for every two rows that are within
            the radius, the diagonal included; symmetric.
        min_samples: Near rows that make a core one.

    Returns:
        (n,) int32 labels, -1 for an outlier.

    References:
        Ester et al., "A density-based algorithm for discovering clusters in large
        spatial databases with noise", KDD 1996. The labels are scikit-learn's, which
        walks from core row to core row in the order of the rows.
    """
    num_rows = len(near.indptr) - 1
    sizes = np.diff(near.indptr)
    core = sizes >= min_samples
    rows = np.repeat(np.arange(num_rows, dtype=np.int32), sizes)
    to_core = core[near.indices]
    labels = np.full(num_rows, -1, np.int32)
    if not core.any():
        return labels
    links = core[rows] & to_core
    pairs = (rows[links], near.indices[links])
    graph = sparse.csr_array(
        (np.ones(len(pairs[0])), pairs), shape=(num_rows, num_rows)
    )
    _, component = csgraph.connected_components(graph, directed=False)
    _, first, which = np.unique(component[core], return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int32)
    number[np.argsort(first)] = np.arange(len(first))
    labels[core] = number[which]
    edge = ~core[rows] & to_core
    lowest = np.full(num_rows, len(first), np.int32)
    np.minimum.at(lowest, rows[edge], labels[near.indices[edge]])
    return np.where(lowest < len(first), lowest, labels)
