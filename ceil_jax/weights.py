"""Weights of others: PyTorch's names and layouts to the variables of our encoder."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

STATISTICS = {"running_mean": "mean", "running_var": "var"}
# Entries of the files that our encoder has no place for: CLIP's attention pool and
# norm counters, the shift that the released code freezes at 0, and its classifier.
IGNORED = re.compile(r"(^|\.)(attnpool\..*|num_batches_tracked|classifier\..*)$")


def _module_path(torch_path: str) -> list[str]:
    """Our module path of a PyTorch module path; two where both stems take a weight."""
    stem = re.fullmatch(r"((visible|thermal)_module\.)?(conv|bn)([123])", torch_path)
    if stem:
        kind = "norm" if stem[3] == "bn" else "conv"
        ours = {"visible": ["visible"], "thermal": ["infrared"]}
        names = ours.get(stem[2], ["visible", "infrared"])
        return [f"{name}_stem/{kind}{stem[4]}" for name in names]
    block = re.fullmatch(
        r"(?:base_resnet\.)?layer([1-4])\.(\d+)\.(conv[123]|bn[123]|downsample\.[01])",
        torch_path,
    )
    if block:
        # CLIP numbers a shortcut's pooling "-1", the convolution 0 and the norm 1.
        shortcut = {"downsample.0": "shortcut", "downsample.1": "shortcut_norm"}
        leaf = shortcut.get(block[3], block[3].replace("bn", "norm"))
        return [f"stage{block[1]}_block{int(block[2])}/{leaf}"]
    return ["norm"] if torch_path == "BatchNorm" else []


def _leaf(name: str, torch_path: str, value: np.ndarray) -> tuple[str, str, np.ndarray]:
    """Collection, parameter name and value in our layout of one PyTorch entry."""
    if name in STATISTICS:
        return "batch_stats", STATISTICS[name], value
    if name == "bias":
        return "params", "bias", value
    if value.ndim == 1:
        return "params", "scale", value
    if value.ndim != 4:
        raise ValueError(f"{torch_path}.{name} has shape {value.shape}, not 4 axes")
    if value.shape[2:] == (1, 1):
        return "params", "kernel", value[:, :, 0, 0].T
    return "params", "kernel", value.transpose(2, 3, 1, 0)


def from_torch(state_dict: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Variables of `Encoder` from the tensors of a PyTorch model.

    Both namings are known: OpenAI CLIP's visual tower (one stem, copied to both
    modalities; prefix `visual.`; the last norm starts at scale 1, mean 0, variance 1)
    and the released CEIL's (`visible_module`, `thermal_module`, `base_resnet`,
    `BatchNorm`). A prefix `module.`, left by data parallelism, is dropped.

    Args:
        state_dict: Tensors by PyTorch's names, as NumPy arrays (OIHW kernels).

    Returns:
        `{"params": ..., "batch_stats": ...}`, float32.

    Raises:
        ValueError: No tensor has a known name, one has the wrong number of axes, or
            the last stage is missing; `steps.init_state` names any other gap.

    References:
        The released `models/agw.py`, whose `embed_net` names the modules.
    """
    tree: dict[str, Any] = {"params": {}, "batch_stats": {}}
    for key, value in state_dict.items():
        path, _, name = re.sub(r"^(module\.|visual\.)+", "", key).rpartition(".")
        if IGNORED.search(key) or (path == "BatchNorm" and name == "bias"):
            continue
        for ours in _module_path(path):
            collection, leaf, array = _leaf(name, path, np.asarray(value))
            node = tree[collection]
            for part in ours.split("/"):
                node = node.setdefault(part, {})
            node[leaf] = np.ascontiguousarray(array, dtype=np.float32)
    if "visible_stem" not in tree["params"]:
        raise ValueError(
            f"no tensor of a CLIP ResNet or CEIL encoder among {len(state_dict)}: "
            f"the first names are {list(state_dict)[:3]}"
        )
    if "norm" not in tree["params"]:
        _add_last_norm(tree)
    return tree


def _add_last_norm(tree: dict[str, Any]) -> None:
    """CLIP's tower ends without our last norm: start it as PyTorch would."""
    scales = [
        block["norm3"]["scale"]
        for name, block in tree["params"].items()
        if name.startswith("stage4") and "scale" in block.get("norm3", {})
    ]
    if not scales:
        raise ValueError("the tower is incomplete: it has no layer4 with bn3.weight")
    width = scales[0].shape[0]
    tree["params"]["norm"] = {"scale": np.ones(width, np.float32)}
    tree["batch_stats"]["norm"] = {
        "mean": np.zeros(width, np.float32),
        "var": np.ones(width, np.float32),
    }


def to_torch(variables: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """The tensors of an encoder under the released CEIL's names; undoes `from_torch`.

    Args:
        variables: `{"params": ..., "batch_stats": ...}` of an `Encoder`.

    Returns:
        Tensors by PyTorch's names, kernels as OIHW.
    """
    out = {}
    for collection in ("params", "batch_stats"):
        for path, value in _flatten(variables[collection]):
            *module, leaf = path
            name = {"scale": "weight", "kernel": "weight"}.get(leaf, leaf)
            name = {"mean": "running_mean", "var": "running_var"}.get(name, name)
            value = np.asarray(value)
            if leaf == "kernel":
                is_1x1 = value.ndim == 2
                value = (
                    value.T[:, :, None, None] if is_1x1 else value.transpose(3, 2, 0, 1)
                )
            out[f"{_torch_path(module)}.{name}"] = np.ascontiguousarray(value)
    return out


def _flatten(tree: Mapping[str, Any], path: tuple[str, ...] = ()):
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flatten(value, (*path, name))
        else:
            yield (*path, name), value


def _torch_path(module: list[str]) -> str:
    if module == ["norm"]:
        return "BatchNorm"
    first, leaf = module
    stems = {"visible_stem": "visible_module", "infrared_stem": "thermal_module"}
    downsample = {"shortcut": "downsample.0", "shortcut_norm": "downsample.1"}
    leaf = downsample.get(leaf, leaf.replace("norm", "bn"))
    if first in stems:
        return f"{stems[first]}.{leaf}"
    stage, block = first.removeprefix("stage").split("_block")
    return f"base_resnet.layer{stage}.{block}.{leaf}"


def load(path: str | Path) -> dict[str, Any]:
    """Variables of `Encoder` from a `.safetensors` file in either naming.

    Args:
        path: The file.

    Returns:
        As `from_torch`.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is of another kind, or its tensors are not an encoder's.
    """
    path = Path(path)
    if path.suffix != ".safetensors":
        raise ValueError(f"{path}: weights are read from .safetensors files")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        return from_torch(load_file(path))
    except SafetensorError as error:
        raise ValueError(
            f"{path}: not a readable .safetensors file ({error})"
        ) from error
