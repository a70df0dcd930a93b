"""A small encoder's tensors in every naming, written out by hand from the models."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from ceil_jax import weights
from ceil_jax.encoder import Encoder

STAGE_SIZES, WIDTH = (2, 1, 1, 1), 4
ENCODER = Encoder(STAGE_SIZES, WIDTH)
NORM = ("weight", "bias", "running_mean", "running_var")

# CLIP's visual tower in its own words: "-1" is the pooling of a shortcut, which has no
# weights, 0 the convolution and 1 the norm.
CLIP_STEM = [f"conv{i}.weight" for i in (1, 2, 3)] + [
    f"bn{i}.{name}" for i in (1, 2, 3) for name in NORM
]
CLIP_BLOCK = CLIP_STEM
CLIP_SHORTCUT = ["downsample.0.weight", *(f"downsample.1.{name}" for name in NORM)]
BLOCKS = ["layer1.0", "layer1.1", "layer2.0", "layer3.0", "layer4.0"]
CLIP = [
    *CLIP_STEM,
    *(f"{block}.{name}" for block in BLOCKS for name in CLIP_BLOCK),
    *(f"{b}.{name}" for b in BLOCKS if b.endswith("0") for name in CLIP_SHORTCUT),
]
# timm's names of the same, layer by layer.
TIMM_STEM = {
    **{f"conv{i}": f"stem.conv{i}.conv" for i in (1, 2, 3)},
    **{f"bn{i}": f"stem.conv{i}.bn" for i in (1, 2, 3)},
}
TIMM_BLOCKS = {
    "layer1.0": "stages.0.0",
    "layer1.1": "stages.0.1",
    "layer2.0": "stages.1.0",
    "layer3.0": "stages.2.0",
    "layer4.0": "stages.3.0",
}
TIMM_BLOCK = {
    "conv1": "conv1_1x1.conv",
    "bn1": "conv1_1x1.bn",
    "conv2": "conv2_kxk.conv",
    "bn2": "conv2_kxk.bn",
    "conv3": "conv3_1x1.conv",
    "bn3": "conv3_1x1.bn",
    "downsample.0": "shortcut.conv.conv",
    "downsample.1": "shortcut.conv.bn",
}


def shapes_of(encoder: Encoder):
    x = jax.ShapeDtypeStruct((1, 32, 16, 3), jnp.float32)
    return jax.eval_shape(encoder.init, jax.random.key(0), x, x)


@functools.cache
def own_shapes():
    return shapes_of(ENCODER)


def variables():
    """Random variables of `ENCODER`."""
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), own_shapes()
    )


def released() -> dict[str, np.ndarray]:
    """They in the released CEIL's words."""
    return weights.to_torch(variables())


def tower() -> dict[str, np.ndarray]:
    """The visible part of them in CLIP's words, without a prefix."""
    theirs = released()
    return {
        name: theirs[
            f"visible_module.{name}"
            if name.startswith(("conv", "bn"))
            else f"base_resnet.{name}"
        ]
        for name in CLIP
    }


def clip() -> dict[str, np.ndarray]:
    """What CLIP's file holds: the visual tower among other things."""
    others = {
        "visual.bn1.num_batches_tracked": np.array(7),
        "visual.layer1.0.downsample.1.num_batches_tracked": np.array(7),
        "visual.attnpool.positional_embedding": np.ones((3, 128)),
        "visual.attnpool.c_proj.weight": np.ones((8, 128)),
        "visual.attnpool.c_proj.bias": np.ones(8),
        "transformer.resblocks.0.attn.in_proj_weight": np.ones((6, 2)),
        "transformer.resblocks.0.ln_1.bias": np.ones(2),
        "token_embedding.weight": np.ones((9, 2)),
        "ln_final.weight": np.ones(2),
        "text_projection": np.ones((2, 8)),
        "logit_scale": np.array(4.6),
    }
    return {**others, **{f"visual.{name}": value for name, value in tower().items()}}


def timm() -> dict[str, np.ndarray]:
    """What timm's file of the same tower holds."""
    found: dict[str, np.ndarray] = {
        "stem.conv1.bn.num_batches_tracked": np.array(7),
        "head.pos_embed": np.ones((3, 128)),
        "head.q.weight": np.ones((128, 128)),
        "head.proj.bias": np.ones(8),
    }
    for name, value in tower().items():
        module, _, leaf = name.rpartition(".")
        if module in TIMM_STEM:
            found[f"{TIMM_STEM[module]}.{leaf}"] = value
        else:
            block, layer = module[:8], module[9:]
            found[f"{TIMM_BLOCKS[block]}.{TIMM_BLOCK[layer]}.{leaf}"] = value
    return found


def of_clip():
    """The variables that CLIP's and timm's files should give."""
    tree = variables()
    for collection in ("params", "batch_stats"):
        tree[collection]["infrared_stem"] = tree[collection]["visible_stem"]
    tree["params"]["norm"] = {"scale": np.ones(128, np.float32)}
    tree["batch_stats"]["norm"] = {
        "mean": np.zeros(128, np.float32),
        "var": np.ones(128, np.float32),
    }
    return tree


def assert_same(got, want):
    assert jax.tree.structure(got) == jax.tree.structure(want)
    jax.tree.map(np.testing.assert_array_equal, got, want)
    assert {leaf.dtype for leaf in jax.tree.leaves(got)} == {np.dtype(np.float32)}
