"""The encoder equals PyTorch's with weights that it read from PyTorch's files."""

import numpy as np
import pytest

from ceil_jax import weights
from tests.parity import torch_equality

NARROW = ((2, 1, 2, 1), 8, (96, 48))


def images(height, width):
    rng = np.random.default_rng(2)
    return tuple(torch_equality.pictures(rng, height, width) for _ in range(2))


def assert_each_embedding_is_its_own(figure, ours, truth):
    """The worst error is a last bit, and far below what tells two images apart."""
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(ours, truth, atol=1e-6, rtol=0)
    assert figure.ours <= max(1e-6, 3 * figure.torch32)
    distances = np.linalg.norm(ours[:, None] - truth[None], axis=2)
    np.testing.assert_array_equal(distances.argmin(1), np.arange(len(ours)))
    between = distances[~np.eye(len(ours), dtype=bool)].min()
    assert distances.diagonal().max() < between / 1000


def assert_step_is_equal(figures):
    for name, figure in figures.items():
        # Gradients jump where a rounding moves an activation through zero; then
        # float32 has no 1e-5 to give, PyTorch's neither.
        assert figure.ours <= max(1e-5, 4 * figure.torch32), (name, figure)
        assert figure.largest > 1e-3, "there is something to compare"
    assert figures["running"].ours <= 1e-5
    assert figures["embeddings"].ours <= 1e-4
    assert figures["gradient of weights"].torch32 <= 2e-2


def test_a_released_checkpoint(tmp_path):
    _, width, size = NARROW
    sizes = (1, 1, 1, 1)  # the step's compilation takes most of the time
    compared = torch_equality.released(tmp_path / "ceil.pth", sizes, width)
    assert_each_embedding_is_its_own(*compared.evaluation(*images(*size)))
    assert_step_is_equal(compared.training(*images(*size)))


@pytest.mark.parametrize("how", ["trace", "script"])
def test_a_torchscript_archive(tmp_path, how):
    sizes, width, size = NARROW
    path = tmp_path / "RN50.pt"
    compared = torch_equality.torchscript(path, sizes, width, how)
    assert weights.architecture(compared.variables) == (sizes, width)
    assert_each_embedding_is_its_own(*compared.evaluation(*images(*size)))


@pytest.mark.slow
def test_full_width_and_depth(tmp_path):
    sizes, width, size = torch_equality.FULL
    pair = images(*size)
    archive = torch_equality.torchscript(tmp_path / "RN50.pt", sizes, width, "trace")
    assert weights.architecture(archive.variables) == (sizes, width)
    assert_each_embedding_is_its_own(*archive.evaluation(*pair))
    checkpoint = torch_equality.released(tmp_path / "ceil.pth", sizes, width)
    assert_each_embedding_is_its_own(*checkpoint.evaluation(*pair))
    assert_step_is_equal(checkpoint.training(*pair))
