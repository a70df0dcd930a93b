"""PyTorch's names and layouts to ours and back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceil_jax import weights
from ceil_jax.common.shapes import check_same_shapes
from ceil_jax.encoder import Encoder
from tests.ceil_jax.weights import small
from tests.ceil_jax.weights.small import assert_same


@pytest.fixture(scope="module")
def variables():
    return small.variables()


@pytest.fixture(scope="module")
def released():
    return small.released()


@pytest.fixture(scope="module")
def clip():
    return small.clip()


def test_the_names_are_the_released_ones(released):
    stems = [f"{m}_module.{n}" for m in ("visible", "thermal") for n in small.CLIP_STEM]
    resnet = [f"base_resnet.{name}" for name in small.CLIP if name.startswith("layer")]
    last = [f"BatchNorm.{name}" for name in small.NORM if name != "bias"]
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
    check_same_shapes(got, small.shapes_of(small.ENCODER))


@pytest.mark.parametrize(
    "prefix", ["", "module.visual.", "visual.module.", "_orig_mod.visual.", "model."]
)
def test_what_wrappers_put_before_names_is_dropped(clip, prefix):
    file = {prefix + name.removeprefix("visual."): v for name, v in clip.items()}
    assert_same(weights.from_torch(file), small.of_clip())


@pytest.mark.parametrize("prefix", ["", "visual.trunk."])
def test_timms_names(prefix):
    file = {prefix + name: value for name, value in small.timm().items()}
    assert_same(weights.from_torch(file), small.of_clip())


def test_two_towers_in_one_file_are_not_mixed(clip):
    """The more complete one is read; here another stands beside it."""
    other = {f"module.{name}": value + 1 for name, value in small.tower().items()}
    del other["module.conv1.weight"]
    assert_same(weights.from_torch({**other, **clip}), small.of_clip())


def test_data_parallel_names_half_precision_and_what_has_no_place(variables, released):
    file = {f"module.{name}": value for name, value in released.items()}
    file["module.BatchNorm.bias"] = np.zeros(128, np.float32)
    file["module.BatchNorm.num_batches_tracked"] = np.array(3)
    file["module.classifier.weight"] = np.ones((5, 128), np.float32)
    assert_same(weights.from_torch(file), variables)
    for dtype in (np.float16, jnp.bfloat16, np.float64):
        less = {name: value.astype(dtype) for name, value in released.items()}
        want = {name: value.astype(np.float32) for name, value in less.items()}
        assert_same(weights.from_torch(less), weights.from_torch(want))


def test_a_shift_of_the_last_norm_is_refused(released):
    """The encoder has none: its embeddings would differ without a word."""
    bias = np.zeros(128, np.float32)
    bias[5] = 1e-3
    with pytest.raises(ValueError, match=r"BatchNorm\.bias is not 0"):
        weights.from_torch({**released, "BatchNorm.bias": bias})


def test_deep_stages_keep_their_blocks():
    encoder = Encoder((3, 4, 11, 3), 2)
    shapes = small.shapes_of(encoder)
    tree = jax.tree.map(lambda leaf: np.zeros(leaf.shape, np.float32), shapes)
    file = weights.to_torch(tree)
    assert "base_resnet.layer3.10.bn3.running_mean" in file
    check_same_shapes(weights.from_torch(file), shapes)


@pytest.mark.parametrize("file", [{}, {"encoder.weight": np.ones(2), "a": np.ones(1)}])
def test_names_of_something_else_are_refused(file):
    with pytest.raises(ValueError, match=f"no tensor of a CLIP .* among {len(file)}"):
        weights.from_torch(file)


def test_wrong_axes_are_refused(released):
    name = "base_resnet.layer1.0.conv2.weight"
    file = {**released, name: released[name][0]}
    message = r"conv2.weight has shape \(4, 3, 3\), not \(4, 4, 3, 3\)"
    with pytest.raises(ValueError, match=message):
        weights.from_torch(file)


@pytest.mark.parametrize(
    "lost",
    ["layer4.0.bn3", "layer4", "visible_module.conv1", "visible_module", "layer2"],
)
def test_incomplete_towers_are_refused(released, lost):
    file = {name: value for name, value in released.items() if lost not in name}
    with pytest.raises(ValueError, match=rf"it lacks \S*{lost}\S* of shape \("):
        weights.from_torch(file)


@pytest.mark.parametrize("name", ["BatchNorm.weight", "BatchNorm.running_var"])
def test_released_weights_need_their_last_norm(released, name):
    file = {k: v for k, v in released.items() if k != name}
    with pytest.raises(ValueError, match=rf"it lacks {name} of shape \(128,\)"):
        weights.from_torch(file)


@pytest.mark.parametrize(
    ("naming", "lost"),
    [
        ("clip", "visual.layer2.0.downsample.0.weight"),
        ("clip", "visual.bn3.running_mean"),
        ("timm", "stem.conv2.conv.weight"),
        ("timm", "stages.1.0.shortcut.conv.bn.bias"),
        ("timm", "stages.3.0.conv2_kxk.conv.weight"),
        ("timm", "stages.0.1.conv3_1x1.bn.running_var"),
    ],
)
def test_what_is_missing_has_the_files_own_name(naming, lost):
    file = getattr(small, naming)()
    shape = str(file.pop(lost).shape).replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(
        ValueError, match=rf"it lacks {lost} of shape {shape} \(width 4"
    ):
        weights.from_torch(file)


@pytest.mark.parametrize(
    "extra", ["base_resnet.layer1.1.downsample.0.weight", "visible_module.conv1.bias"]
)
def test_tensors_without_a_place_are_refused(released, extra):
    """A convolution's shift, say, comes from a norm that was folded into it."""
    with pytest.raises(
        ValueError, match=f"it has {extra}, for which the encoder has no"
    ):
        weights.from_torch({**released, extra: np.ones(2, np.float32)})


def test_gaps_between_blocks_are_refused(released):
    moved = {k.replace("layer1.1.", "layer1.2."): v for k, v in released.items()}
    with pytest.raises(ValueError, match=r"it lacks base_resnet\.layer1\.1\.conv1"):
        weights.from_torch(moved)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e39])
def test_numbers_that_are_not_finite_are_refused(released, bad):
    name = "base_resnet.layer3.0.bn1.running_var"
    value = released[name].astype(np.float64)
    value[1] = bad
    with pytest.raises(ValueError, match=rf"{name} holds numbers that are not finite"):
        weights.from_torch({**released, name: value})


def test_whole_numbers_are_refused(released):
    name = "base_resnet.layer3.0.bn1.running_var"
    file = {**released, name: released[name].astype(np.int64)}
    with pytest.raises(ValueError, match=rf"{name} holds int64, not floating"):
        weights.from_torch(file)


def test_parts_of_other_networks_are_passed_over(variables, released):
    others = ("layer1.0.downsample.2.weight", "layer5.0.conv1.weight", "fc.weight")
    file = {**released, **{f"base_resnet.{name}": np.ones((1, 1)) for name in others}}
    assert_same(weights.from_torch(file), variables)
