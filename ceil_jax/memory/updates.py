"""Updates of a memory from a batch: DCMU and the two it is compared with."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from ceil_jax.common import checks, shapes
from ceil_jax.common.linalg import normalise, product
from ceil_jax.common.shapes import AnyArray


def _checked(
    memory: Float[AnyArray, "r d"],
    embeddings: Float[AnyArray, "b d"],
    labels: Int[AnyArray, " b"],
) -> tuple[Float[Array, "r d"], Float[Array, "b d"], Int[Array, " b"]]:
    """What every update is given, checked, the embeddings as constants."""
    memory = shapes.matrix("memory", memory)
    embeddings = shapes.matrix("embeddings", embeddings, width=memory.shape[1])
    labels = shapes.whole(
        "labels", labels, (embeddings.shape[0],), bounds=(-1, memory.shape[0] - 1)
    )
    return memory, lax.stop_gradient(embeddings), labels


def _same_label(labels: Int[Array, " b"]) -> Bool[Array, "b b"]:
    """Which pairs of rows belong to one memory row; padding belongs to none."""
    return (labels[:, None] == labels[None, :]) & (labels >= 0)[:, None]


def _set_rows(
    memory: Float[Array, "r d"],
    values: Float[Array, "b d"],
    labels: Int[Array, " b"],
    same: Bool[Array, "b b"],
) -> Float[Array, "r d"]:
    """Write each label's value once, from the first of its rows in the batch."""
    is_first = jnp.argmax(same, axis=1) == jnp.arange(labels.shape[0])
    rows = jnp.where(is_first & (labels >= 0), labels, memory.shape[0])
    return memory.at[rows].set(values, mode="drop")


def dcmu(
    memory: Float[AnyArray, "r d"],
    embeddings: Float[AnyArray, "b d"],
    labels: Int[AnyArray, " b"],
    *,
    smoothing: float = 0.5,
    into: Float[AnyArray, "r d"] | None = None,
) -> Float[Array, "r d"]:
    r"""Difficulty-aware cluster-based memory update.

    For a row f with members x_i in the batch: difficulties d_i = 1 - x_i . f; the hard
    members are those with d_i at least the mean; their weights are
    `smoothing * softmax(d) + (1 - smoothing) * onehot(argmax d)`; the normalised
    weighted sum of the hard members *replaces* f.

    Args:
        memory: Unit rows, as they were at the start of the step.
        embeddings: Unit rows. Under data parallelism those of all devices.
        labels: Memory row of each embedding; -1 marks padding.
        smoothing: Share of the softmax, in [0, 1].
        into: The rows to write into, where an earlier update of the same step has
            already changed some; difficulties are still measured against `memory`.

    Returns:
        The new memory; rows without a member are unchanged.

    Raises:
        ValueError: `smoothing` is outside [0, 1], or an array has the wrong shape or
            type.

    References:
        Xia et al., TCSVT 2025, DCMU; the released
        `code/models/ClusterContrast/cm.py`, class `CM`, which loops over the labels of
        the batch. Where rounding puts every difficulty below its mean (all members
        equal), all are kept.
    """
    smoothing = checks.number("smoothing", smoothing)
    if not 0 <= smoothing <= 1:
        raise ValueError(f"{smoothing=} must be between 0 and 1")
    memory, embeddings, labels = _checked(memory, embeddings, labels)
    target = memory if into is None else shapes.same("into", into, "memory", memory)
    same = _same_label(labels)
    own = memory[jnp.maximum(labels, 0)]
    difficulty = 1 - (embeddings * own).sum(1)  # b
    count = jnp.maximum(same.sum(1), 1).astype(difficulty.dtype)
    mean = jnp.where(same, difficulty[None, :], 0).sum(1) / count
    is_hard = difficulty >= mean
    has_hard = (same & is_hard[None, :]).any(1)
    # Entry [i, j]: member j is kept for the memory row that i belongs to.
    kept = same & (is_hard[None, :] | ~has_hard[:, None])
    masked = jnp.where(kept, difficulty[None, :], -jnp.inf)
    is_member = labels[:, None] >= 0
    softmax = jax.nn.softmax(jnp.where(is_member, masked, 0), axis=1)
    hardest = jax.nn.one_hot(jnp.argmax(masked, axis=1), labels.shape[0])
    weights = smoothing * softmax + (1 - smoothing) * hardest
    return _set_rows(target, normalise(product(weights, embeddings)), labels, same)


def random_member(
    memory: Float[AnyArray, "r d"],
    embeddings: Float[AnyArray, "b d"],
    labels: Int[AnyArray, " b"],
    *,
    key: PRNGKeyArray,
) -> Float[Array, "r d"]:
    """One member of the batch, drawn uniformly, replaces each row (an ablation).

    Args:
        memory: Unit rows.
        embeddings: Unit rows. Under data parallelism those of all devices.
        labels: Memory row of each embedding; -1 marks padding.
        key: Source of the draw.

    Returns:
        The new memory; rows without a member are unchanged.

    Raises:
        ValueError: An array has the wrong shape or type.

    References:
        The released `code/models/ClusterContrast/cm.py`, the update without weights.
    """
    memory, embeddings, labels = _checked(memory, embeddings, labels)
    same = _same_label(labels)
    draws = jax.random.uniform(key, labels.shape)
    chosen = jnp.argmax(jnp.where(same, draws[None, :], -1.0), axis=1)
    return _set_rows(memory, embeddings[chosen], labels, same)


def momentum(
    memory: Float[AnyArray, "r d"],
    embeddings: Float[AnyArray, "b d"],
    labels: Int[AnyArray, " b"],
    *,
    beta: float,
) -> Float[Array, "r d"]:
    """Move each row towards its members one after another, in the batch's order.

    `f <- normalise(beta * f + (1 - beta) * x)` for each embedding x of the row.

    Args:
        memory: Unit rows.
        embeddings: Unit rows. Under data parallelism those of all devices.
        labels: Memory row of each embedding; -1 marks padding.
        beta: Share of the old row, in [0, 1]; 0.8 in the paper's baseline.

    Returns:
        The new memory; rows without a member are unchanged.

    Raises:
        ValueError: `beta` is outside [0, 1], or an array has the wrong shape or type.

    References:
        Dai et al., ACCV 2022; the released `code/models/ClusterContrast/cm.py`, class
        `HM`.
    """
    beta = checks.number("beta", beta)
    if not 0 <= beta <= 1:
        raise ValueError(f"{beta=} must be between 0 and 1")
    memory, embeddings, labels = _checked(memory, embeddings, labels)

    def step(rows, pair):
        embedding, label = pair
        row = beta * rows[jnp.maximum(label, 0)] + (1 - beta) * embedding
        target = jnp.where(label >= 0, label, rows.shape[0])
        return rows.at[target].set(normalise(row), mode="drop"), None

    return lax.scan(step, memory, (embeddings, labels))[0]
