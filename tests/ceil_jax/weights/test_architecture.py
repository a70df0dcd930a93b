"""Sizes of an encoder, told by its variables."""

import jax
import numpy as np
import pytest

from ceil_jax import weights
from ceil_jax.encoder import Encoder
from ceil_jax.weights.architecture import check, shapes
from tests.ceil_jax.weights import small


@pytest.mark.parametrize(
    ("sizes", "width"), [((3, 4, 6, 3), 64), ((1, 1, 1, 1), 16), ((2, 1, 12, 1), 4)]
)
def test_sizes_are_told(sizes, width):
    tree = small.shapes_of(Encoder(sizes, width))
    got = weights.architecture(tree)
    assert got == (sizes, width)
    assert str(got) == f"width {width}, stage sizes {sizes}"
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    want = {tuple(entry.key for entry in path): leaf.shape for path, leaf in leaves}
    assert shapes(got) == want
    assert check(tree) == got


def test_shapes_come_in_the_order_of_computation():
    modules = [path[1] for path in shapes(weights.Architecture((1, 2, 1, 1), 4))]
    assert list(dict.fromkeys(modules)) == [
        "visible_stem",
        "infrared_stem",
        *("stage1_block0", "stage2_block0", "stage2_block1"),
        *("stage3_block0", "stage4_block0", "norm"),
    ]


@pytest.mark.parametrize("tree", [{}, {"params": {}}, {"params": {"dense": {}}}])
def test_others_have_no_sizes(tree):
    with pytest.raises(ValueError, match="no weights of an encoder"):
        weights.architecture(tree)


@pytest.mark.parametrize("width", [0, 1, 7, 4096])
def test_absurd_widths_are_refused(width):
    kernel = np.broadcast_to(np.float32(0), (3, 3, 2, width))
    tree = {"params": {"visible_stem": {"conv3": {"kernel": kernel}}}}
    with pytest.raises(ValueError, match=f"{width} channels leave the stem"):
        weights.architecture(tree)


def test_absurd_depths_are_refused():
    params = small.variables()["params"]
    params |= {f"stage2_block{i}": {} for i in range(65)}
    with pytest.raises(ValueError, match="2, 65, 1, 1 bottlenecks"):
        weights.architecture({"params": params})


def test_incomplete_variables_are_refused():
    tree = small.variables()
    del tree["batch_stats"]["stage3_block0"]["norm2"]["var"]
    with pytest.raises(
        ValueError, match=r"stage3_block0/norm2/var is missing, of \(16,\)"
    ):
        check(tree)
    tree = small.variables()
    tree["params"]["norm"]["scale"] = np.ones(3, np.float32)
    with pytest.raises(
        ValueError, match=r"params/norm/scale has shape \(3,\), not \(128"
    ):
        check(tree)
    tree = small.variables()
    tree["params"]["norm"]["bias"] = np.ones(128, np.float32)
    with pytest.raises(ValueError, match=r"no place for params/norm/bias"):
        check(tree)
