"""Memory rows: how they start, and the scores of embeddings against them."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int

from ceil_jax.common import checks, shapes
from ceil_jax.common.linalg import normalise, product
from ceil_jax.common.shapes import AnyArray


def centers(
    features: Float[AnyArray, "n d"], labels: Int[AnyArray, " n"], *, num_rows: int
) -> Float[Array, "r d"]:
    """Mean of the features of each label, normalised to length 1.

    Args:
        features: Unit rows.
        labels: Row of the memory that each feature belongs to; -1 for none.
        num_rows: Rows of the memory; rows without a member are zero.

    Returns:
        The memory.

    Raises:
        ValueError: `features` is no matrix, `labels` are not whole numbers, one for
            each row, or, outside `jit`, name a row that there is not, or `num_rows` is
            less than 1.

    References:
        Xia et al., TCSVT 2025, eq. for the proxy centres; the released
        `code/tools/utils/train_utils.py`, `generate_center_features`.
    """
    features = shapes.matrix("features", features)
    (num_rows,) = checks.at_least(1, num_rows=num_rows)
    labels = shapes.whole(
        "labels", labels, (features.shape[0],), bounds=(-1, num_rows - 1)
    )
    rows = jnp.where(labels < 0, num_rows, labels)
    # The length of a sum and of a mean have one direction: no division by the count.
    total = jnp.zeros((num_rows, features.shape[1]), features.dtype)
    return normalise(total.at[rows].add(features, mode="drop"))


@jax.custom_vjp
def _scores(embeddings, memory, gradient_memory):
    del gradient_memory
    return product(embeddings, memory.T)


def _scores_forward(embeddings, memory, gradient_memory):
    return product(embeddings, memory.T), gradient_memory


def _scores_backward(gradient_memory, grad):
    # Memories are state, not parameters: the step never asks for their gradients.
    return product(grad, gradient_memory), jnp.zeros_like(gradient_memory), None


_scores.defvjp(_scores_forward, _scores_backward)


def scores(
    embeddings: Float[AnyArray, "b d"],
    memory: Float[AnyArray, "r d"],
    gradient_memory: Float[AnyArray, "r d"] | None = None,
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

    Raises:
        ValueError: One of the arrays is no matrix, the widths differ, or
            `gradient_memory` has another shape than `memory`.

    References:
        The released `code/models/ClusterContrast/cm.py`, whose backward pass both
        multiplies with and replaces the memory. Here the two memories are two
        arguments.
    """
    memory = lax.stop_gradient(shapes.matrix("memory", memory))
    embeddings = shapes.matrix("embeddings", embeddings, width=memory.shape[1])
    if gradient_memory is None:
        return product(embeddings, memory.T)
    gradient_memory = shapes.same("gradient_memory", gradient_memory, "memory", memory)
    return _scores(embeddings, memory, lax.stop_gradient(gradient_memory))
