"""Losses of embeddings against memories: CDL over proxies, InfoNCE over clusters."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int

from ceil_jax.common import checks, shapes
from ceil_jax.common.shapes import AnyArray


def _row_mean(
    loss: Float[Array, " b"], row_mask: Bool[Array, " b"]
) -> Float[Array, ""]:
    """Mean over the rows of the mask; 0 where there is none."""
    count = jnp.maximum(row_mask.sum(dtype=loss.dtype), 1)
    return jnp.where(row_mask, loss, 0).sum() / count


def cdl(
    scores: Float[AnyArray, "b p"],
    positives: Int[AnyArray, "b m"],
    proxy_cameras: Int[AnyArray, " p"],
    *,
    num_negatives: int,
) -> Float[Array, ""]:
    r"""Camera domain-driven local correlation loss.

    For a row, and each camera m that holds a proxy of the row's cluster, the softmax
    cross-entropy of that proxy against the `num_negatives` highest-scoring other
    proxies of camera m; averaged over those cameras, then over rows. Proxies of other
    cameras never enter, so the loss cannot be lowered by telling cameras apart.

    Args:
        scores: Similarities of each row to each proxy, divided by the temperature.
        positives: Proxy of the row's cluster in each camera, -1 where it has none. A
            row of -1 alone is padding.
        proxy_cameras: Camera of each proxy, in [0, m); -1 marks a padding proxy.
        num_negatives: Highest-scoring others of a camera that enter; all of them where
            the camera has fewer.

    Returns:
        The mean loss.

    Raises:
        ValueError: `num_negatives` is negative, or an array has the wrong shape or
            type, or, outside `jit`, names a proxy or camera that there is not.

    References:
        Xia et al., TCSVT 2025, the CDL loss; the released
        `code/tools/loss/cam_associate_loss.py`, which loops over cameras. Here all rows
        and cameras are one masked top-k.
    """
    (num_negatives,) = checks.at_least(0, num_negatives=num_negatives)
    scores = shapes.matrix("scores", scores)
    num_rows, num_proxies = scores.shape
    positives = shapes.whole(
        "positives", positives, (num_rows, None), bounds=(-1, num_proxies - 1)
    )
    cameras = (-1, positives.shape[1] - 1)
    proxy_cameras = shapes.whole(
        "proxy_cameras", proxy_cameras, (num_proxies,), bounds=cameras
    )
    num_negatives = min(num_negatives, num_proxies)
    columns = jnp.arange(num_proxies)

    def of_camera(camera: Int[Array, ""], positive: Int[Array, " b"]):
        is_negative = (proxy_cameras == camera)[None, :]
        is_negative &= columns[None, :] != positive[:, None]
        negatives = jnp.where(is_negative, scores, -jnp.inf)
        negatives = lax.top_k(negatives, num_negatives)[0]
        index = jnp.maximum(positive, 0)[:, None]
        score = jnp.take_along_axis(scores, index, axis=1)
        logits = jnp.concatenate([score, negatives], axis=1)
        return jax.nn.logsumexp(logits, axis=1) - score[:, 0]

    cameras = jnp.arange(positives.shape[1])
    loss = jax.vmap(of_camera, in_axes=(0, 1), out_axes=1)(cameras, positives)
    has_proxy = positives >= 0
    count = jnp.maximum(has_proxy.sum(1, dtype=loss.dtype), 1)
    per_row = jnp.where(has_proxy, loss, 0).sum(1) / count
    return _row_mean(per_row, has_proxy.any(1))


def info_nce(
    scores: Float[AnyArray, "b c"],
    labels: Int[AnyArray, " b"],
    *,
    num_valid: Int[AnyArray, ""] | int,
) -> Float[Array, ""]:
    """Softmax cross-entropy over the first `num_valid` columns, mean over rows.

    Args:
        scores: Similarities of each row to each cluster, divided by the temperature.
        labels: Cluster of each row; -1 marks a padding row.
        num_valid: Columns that are clusters; those after them are padding.

    Returns:
        The mean loss.

    Raises:
        ValueError: An array has the wrong shape or type, or, outside `jit`, names a
            column that there is not.

    References:
        van den Oord et al., 2018; Xia et al., TCSVT 2025, the ID loss; the released
        `code/models/ClusterContrast/record_memory.py`.
    """
    scores = shapes.matrix("scores", scores)
    num_columns = scores.shape[1]
    labels = shapes.whole(
        "labels", labels, (scores.shape[0],), bounds=(-1, num_columns - 1)
    )
    num_valid = shapes.whole("num_valid", num_valid, (), bounds=(1, num_columns))
    is_cluster = jnp.arange(num_columns)[None, :] < num_valid
    logits = jnp.where(is_cluster, scores, -jnp.inf)
    index = jnp.maximum(labels, 0)[:, None]
    score = jnp.take_along_axis(scores, index, axis=1)[:, 0]
    return _row_mean(jax.nn.logsumexp(logits, axis=1) - score, labels >= 0)
