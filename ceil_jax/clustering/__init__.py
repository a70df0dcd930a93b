"""From embeddings of one modality to clusters and camera proxies."""

from ceil_jax.clustering.jaccard import jaccard_distance
from ceil_jax.clustering.proxies import (
    Clustering,
    ProxyTables,
    cluster,
    drop_small,
    proxy_tables,
)

__all__ = [
    "Clustering",
    "ProxyTables",
    "cluster",
    "drop_small",
    "jaccard_distance",
    "proxy_tables",
]
