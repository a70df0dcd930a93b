"""PyTorch's names and layouts to ours and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from ceil_jax import steps, weights
from ceil_jax.encoder import Encoder

ENCODER = Encoder((2, 1, 1, 1), 4)
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


def shapes_of(encoder):
    x = jax.ShapeDtypeStruct((1, 32, 16, 3), jnp.float32)
    return jax.eval_shape(encoder.init, jax.random.key(0), x, x)


@pytest.fixture(scope="module")
def variables():
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes_of(ENCODER)
    )


@pytest.fixture(scope="module")
def released(variables):
    """The same in the released CEIL's words."""
    return weights.to_torch(variables)


@pytest.fixture
def clip(released):
    """The visible tower alone, as CLIP names it, among what else its file holds."""
    names = {
        name: f"visible_module.{name}"
        if name.startswith(("conv", "bn"))
        else f"base_resnet.{name}"
        for name in CLIP
    }
    tower = {f"visual.{ours}": released[theirs] for ours, theirs in names.items()}
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
    return {**others, **tower}


def assert_same(got, want):
    assert jax.tree.structure(got) == jax.tree.structure(want)
    jax.tree.map(np.testing.assert_array_equal, got, want)


def test_the_names_are_the_released_ones(released):
    stems = [f"{m}_module.{name}" for m in ("visible", "thermal") for name in CLIP_STEM]
    resnet = [f"base_resnet.{name}" for name in CLIP if name.startswith("layer")]
    last = [f"BatchNorm.{name}" for name in NORM if name != "bias"]
    assert sorted(released) == sorted(stems + resnet + last)


def test_there_and_back(variables, released):
    assert_same(weights.from_torch(released), variables)
    again = weights.to_torch(weights.from_torch(released))
    assert again.keys() == released.keys()
    for name, value in again.items():
        np.testing.assert_array_equal(value, released[name], err_msg=name)


def test_layouts_by_hand(variables, released):
    kernel = released["visible_module.conv2.weight"]  # OIHW
    ours = variables["params"]["visible_stem"]["conv2"]["kernel"]  # HWIO
    assert kernel.shape == (2, 2, 3, 3)
    assert kernel[1, 0, 2, 1] == ours[2, 1, 0, 1]
    kernel = released["base_resnet.layer2.0.downsample.0.weight"]
    ours = variables["params"]["stage2_block0"]["shortcut"]["kernel"]
    assert kernel.shape == (32, 16, 1, 1)
    assert kernel[20, 3, 0, 0] == ours[3, 20]
    norm = variables["batch_stats"]["stage2_block0"]["shortcut_norm"]
    running = released["base_resnet.layer2.0.downsample.1.running_var"]
    np.testing.assert_array_equal(running, norm["var"])


def test_clips_tower_fills_both_stems(variables, clip):
    got = weights.from_torch(clip)
    for kind in ("params", "batch_stats"):
        assert_same(got[kind]["visible_stem"], variables[kind]["visible_stem"])
        assert_same(got[kind]["infrared_stem"], variables[kind]["visible_stem"])
        for stage in ("stage1_block0", "stage1_block1", "stage4_block0"):
            assert_same(got[kind][stage], variables[kind][stage])
    np.testing.assert_array_equal(got["params"]["norm"]["scale"], np.ones(128))
    np.testing.assert_array_equal(got["batch_stats"]["norm"]["mean"], np.zeros(128))
    np.testing.assert_array_equal(got["batch_stats"]["norm"]["var"], np.ones(128))
    steps.check_same_shapes(got, shapes_of(ENCODER))


def test_the_tower_may_come_without_its_prefix(clip):
    bare = {name.removeprefix("visual."): value for name, value in clip.items()}
    assert_same(weights.from_torch(bare), weights.from_torch(clip))


def test_data_parallel_names_half_precision_and_what_has_no_place(variables, released):
    file = {f"module.{name}": value for name, value in released.items()}
    file["module.BatchNorm.bias"] = np.zeros(128, np.float32)
    file["module.BatchNorm.num_batches_tracked"] = np.array(3)
    file["module.classifier.weight"] = np.ones((5, 128), np.float32)
    assert_same(weights.from_torch(file), variables)
    half = {name: value.astype(np.float16) for name, value in released.items()}
    for leaf in jax.tree.leaves(weights.from_torch(half)):
        assert leaf.dtype == np.float32


def test_deep_stages_keep_their_blocks():
    encoder = Encoder((3, 4, 11, 3), 2)
    shapes = shapes_of(encoder)
    tree = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
    file = weights.to_torch(tree)
    assert "base_resnet.layer3.10.bn3.running_mean" in file
    steps.check_same_shapes(weights.from_torch(file), shapes)


@pytest.mark.parametrize("file", [{}, {"encoder.weight": np.ones(2), "a": np.ones(1)}])
def test_names_of_something_else_are_refused(file):
    with pytest.raises(ValueError, match=f"no tensor of a CLIP .* among {len(file)}"):
        weights.from_torch(file)


def test_wrong_axes_are_refused(released):
    name = "base_resnet.layer1.0.conv2.weight"
    file = {**released, name: released[name][0]}
    with pytest.raises(
        ValueError, match=r"conv2.weight has shape \(4, 3, 3\), not \(4, 4, 3, 3\)"
    ):
        weights.from_torch(file)


@pytest.mark.parametrize(
    "lost",
    ["layer4.0.bn3", "layer4", "visible_module.conv1", "visible_module", "layer2"],
)
def test_incomplete_towers_are_refused(released, lost):
    file = {
        name: value
        for name, value in released.items()
        if lost not in name and not name.startswith("BatchNorm")
    }
    with pytest.raises(ValueError, match=rf"it lacks .*{lost}|no tensor"):
        steps.check_same_shapes(weights.from_torch(file), shapes_of(ENCODER))


def test_parts_of_other_networks_are_passed_over(variables, released):
    others = ("layer1.0.downsample.2.weight", "layer5.0.conv1.weight", "fc.weight")
    file = {**released, **{f"base_resnet.{name}": np.ones((1, 1)) for name in others}}
    assert_same(weights.from_torch(file), variables)


def test_safetensors_are_loaded(tmp_path, variables, released):
    path = tmp_path / "encoder.safetensors"
    save_file(released, path)
    assert_same(weights.load(path), variables)
    assert_same(weights.load(str(path)), variables)


def test_a_missing_file_is_named(tmp_path):
    path = tmp_path / "none.safetensors"
    with pytest.raises(FileNotFoundError, match=r"none.safetensors: no such file"):
        weights.load(path)


@pytest.mark.parametrize("content", [b"", b"not a header", b"\xff" * 64, "cut"])
def test_a_broken_file_is_named(tmp_path, released, content):
    path = tmp_path / "broken.safetensors"
    if content == "cut":
        save_file(released, path)
        content = path.read_bytes()[:-100]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"broken.safetensors: not a readable"):
        weights.load(path)


def test_other_kinds_of_files_are_refused(tmp_path):
    path = tmp_path / "encoder.h5"
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=r"encoder.h5: weights are read from"):
        weights.load(path)
