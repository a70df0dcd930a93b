"""Replays of clustering (`c_`): distance, clusters, proxies, dropping, tables."""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np

from ceil_jax import memory
from ceil_jax.clustering import (
    Clustering,
    cluster,
    drop_small,
    jaccard_distance,
    proxy_tables,
)
from ceil_jax.neighbours.search import nearest
from tests.parity.encoder import error, part
from tests.parity.rerank import TOLERANCE, Figures, rank_errors


def differing(got, want) -> tuple[float, float]:
    """Number of entries that differ; none is tolerated."""
    got, want = np.asarray(got), np.asarray(want)
    if got.shape != want.shape:
        return float("inf"), 0.0
    return float((got != want).sum()), 0.0


def _dense(distance) -> np.ndarray:
    """The whole matrix: what is absent is at distance 1."""
    full = np.ones(distance.shape, np.float32)
    entries = distance.tocoo()
    full[entries.row, entries.col] = entries.data
    return full


def _replay_clusters(arrays, eps: float, min_samples: int) -> Figures:
    features, cameras = arrays["features"], arrays["cams"]
    k1, k2 = int(arrays["k1"]), int(arrays["k2"])
    figures = {}
    if "faiss_rank" in arrays:
        got = nearest(features, k=k1).indices
        figures["rank"] = (rank_errors(features, got, arrays["faiss_rank"]), 0.0)
    if "jaccard" in arrays:
        got = _dense(jaccard_distance(features, k1=k1, k2=k2))
        figures["jaccard"] = (error(got, arrays["jaccard"]), TOLERANCE)
    found = cluster(features, cameras, k1=k1, k2=k2, eps=eps, min_samples=min_samples)
    figures["labels"] = differing(found.labels, arrays["pseudo_labels"])
    figures["proxies"] = differing(found.proxies, arrays["proxy_labels"])
    if "num_proxies" in arrays:
        figures["num_proxies"] = differing(
            found.proxies.max() + 1, arrays["num_proxies"]
        )
    return figures


def _replay_dropping(arrays) -> Figures:
    given = Clustering(arrays["pseudo_labels"], arrays["proxy_labels"])
    keep, labels, proxies = drop_small(given)
    figures = {}
    for figure, got in (
        ("fit_kept_index", np.flatnonzero(keep)),
        ("fit_pseudo", labels),
        ("fit_proxy", proxies),
        ("fit_cams", arrays["cams"][keep]),
    ):
        if figure in arrays:
            figures[figure] = differing(got, arrays[figure])
    for figure, rows in (("class_centers", labels), ("proxy_centers", proxies)):
        if figure in arrays:
            kept = jnp.asarray(arrays["features"][keep])
            num_rows = int(rows.max()) + 1
            got = memory.centers(kept, jnp.asarray(rows), num_rows=num_rows)
            figures[figure] = (error(got, arrays[figure]), TOLERANCE)
    return figures


def _replay_tables(arrays) -> Figures:
    tables = proxy_tables(arrays["fit_pseudo"], arrays["fit_proxy"], arrays["fit_cams"])
    proxy_cameras = tables.cameras[tables.proxy_cameras]
    got = {
        "proxy2label": tables.proxy_clusters,
        "proxy2cam": proxy_cameras,
        "unique_cameras": tables.cameras,
    }
    # The released tables have a row or column for every number up to the last camera.
    if "label2proxy" in arrays:
        wide = np.full_like(arrays["label2proxy"], -1)
        wide[:, tables.cameras] = tables.cluster_proxies
        got["label2proxy"] = wide
    if "cam2proxy" in arrays:
        owner = np.full_like(arrays["cam2proxy"], -1)
        owner[proxy_cameras, np.arange(len(proxy_cameras))] = 1
        got["cam2proxy"] = owner
    return {k: differing(v, arrays[k]) for k, v in got.items() if k in arrays}


def replay_clustering(arrays: Mapping[str, np.ndarray], name: str) -> Figures:
    """Both modalities, each as far as the file has it."""
    del name
    eps, min_samples = float(arrays["eps"]), int(arrays["min_samples"])
    figures = {}
    for modality in ("rgb", "ir"):
        own = part(arrays, f"{modality}_")
        found = {}
        if "features" in own:
            found |= _replay_clusters(own, eps, min_samples)
            found |= _replay_dropping(own)
        if "fit_pseudo" in own:
            found |= _replay_tables(own)
        figures |= {f"{modality}_{figure}": v for figure, v in found.items()}
    return figures
