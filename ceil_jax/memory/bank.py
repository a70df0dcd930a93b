"""Memory rows: how they start, and the scores of embeddings against them."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from ceil_jax.linalg import normalise


def centers(
    features: Float[Array, "n d"], labels: Int[Array, " n"], *, num_rows: int
) -> Float[Array, "r d"]:
    """Mean of the features of each label, normalised to length 1.

    Args:
        features: Unit rows.
        labels: Row of the memory that each feature belongs to; -1 for none.
        num_rows: Rows of the memory; rows without a member are zero.

    Returns:
        The memory.

    Raises:
        ValueError: The lengths differ, or `num_rows` is less than 1.

    References:
        Xia et al., TCSVT 2025, eq. for the proxy centres; the released `trainer.py`.
    """
    features, labels = jnp.asarray(features), jnp.asarray(labels)
    if features.shape[0] != labels.shape[0]:
        raise ValueError(f"{labels.shape=} must have one entry per row of features")
    if num_rows < 1:
        raise ValueError(f"{num_rows=} must be at least 1")
    rows = jnp.where(labels < 0, num_rows, labels)
    # The length of a sum and of a mean have one direction: no division by the count.
    total = jnp.zeros((num_rows, features.shape[1]), features.dtype)
    return normalise(total.at[rows].add(features, mode="drop"))


@jax.custom_vjp
def _scores(embeddings, memory, gradient_memory):
    del gradient_memory
    return embeddings @ memory.T


def _scores_forward(embeddings, memory, gradient_memory):
    return embeddings @ memory.T, gradient_memory


def _scores_backward(gradient_memory, grad):
    # Memories are state, not parameters: the step never asks for their gradients.
    return grad @ gradient_memory, jnp.zeros_like(gradient_memory), None


_scores.defvjp(_scores_forward, _scores_backward)


def scores(
    embeddings: Float[Array, "b d"],
    memory: Float[Array, "r d"],
    gradient_memory: Float[Array, "r d"] | None = None,
) -> Float[Array, "b r"]:
    """Cosine similarities of embeddings to memory rows; the memory is a constant.

    Args:
        embeddings: Unit rows.
        memory: Unit rows that the embeddings are multiplied with.
        gradient_memory: Rows that the gradient of the embeddings is taken with;
            `memory` where it is None. The released code updates a memory inside its
            backward pass, so that a gradient may see other rows than its value did.

    Returns:
        The products.

    References:
        The released `models/ClusterContrast/cm.py`, whose backward pass both multiplies
        with and replaces the memory. Here the two memories are two arguments.
    """
    memory = lax.stop_gradient(memory)
    if gradient_memory is None:
        return embeddings @ memory.T
    return _scores(embeddings, memory, lax.stop_gradient(gradient_memory))
