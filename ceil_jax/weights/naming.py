"""PyTorch's names and layouts of an encoder's tensors, and ours.

Three namings are known. OpenAI's and timm's are of CLIP's visual tower, whose one stem
we copy to both modalities; the released CEIL's is of the two-stream encoder.
"""

import re
from collections import Counter
from collections.abc import Iterable

OPENAI, TIMM, RELEASED = "OpenAI CLIP", "timm CLIP", "released CEIL"
STATISTICS = {"running_mean": "mean", "running_var": "var"}
# Wrappers put these before a name: data parallelism, CLIP, open_clip, torch.compile,
# CLIP-ReID, baselines of re-identification, running averages.
_WRAPPERS = (
    *("module", "model", "visual", "trunk", "_orig_mod", "image_encoder", "clip_model"),
    *("backbone", "base", "encoder", "net", "network", "ema", "ema_model", "model_ema"),
)
_PREFIX = re.compile(rf"(?:(?:{'|'.join(_WRAPPERS)})\.)*")
_LAYER = re.compile(
    r"(?:((?:visible|thermal)_module|base_resnet)\.)?"
    r"(?:(conv|bn)([123])"
    r"|layer([1-4])\.(0|[1-9]\d{0,2})\.(conv[123]|bn[123]|downsample\.[01]))"
)
_TIMM = (
    (r"stem\.conv([123])\.(conv|bn)", lambda m: f"{m[2]}{m[1]}"),
    (
        r"stages\.([0-3])\.(0|[1-9]\d{0,2})\.conv([123])_(?:1x1|kxk)\.(conv|bn)",
        lambda m: f"layer{int(m[1]) + 1}.{m[2]}.{m[4]}{m[3]}",
    ),
    (
        r"stages\.([0-3])\.(0|[1-9]\d{0,2})\.shortcut\.conv\.(conv|bn)",
        lambda m: f"layer{int(m[1]) + 1}.{m[2]}.downsample.{int(m[3] == 'bn')}",
    ),
)
# CLIP numbers a shortcut's pooling "-1", the convolution 0 and the norm 1.
_SHORTCUT = {"downsample.0": "shortcut", "downsample.1": "shortcut_norm"}
_STEMS = {"visible_module": "visible_stem", "thermal_module": "infrared_stem"}


def split(name: str) -> tuple[str, str]:
    """A tensor's name without what wrappers put before it.

    Args:
        name: The file's name of a tensor.

    Returns:
        The wrappers' part and the rest.
    """
    match = _PREFIX.match(name)
    end = match.end() if match else 0
    return name[:end], name[end:]


def naming_of(name: str) -> str:
    """Which naming a tensor's name belongs to.

    Args:
        name: A name without the wrappers' part.

    Returns:
        `OPENAI`, `TIMM`, `RELEASED`, or "" for none.
    """
    path = name.rpartition(".")[0]
    if path == "BatchNorm":
        return RELEASED
    for pattern, _ in _TIMM:
        if re.fullmatch(pattern, path):
            return TIMM
    layer = _LAYER.fullmatch(path)
    if not layer:
        return ""
    return RELEASED if layer[1] else OPENAI


def choose(names: Iterable[str]) -> tuple[str, str, int]:
    """The naming and the wrappers' part that most of the names have.

    Args:
        names: Names of tensors.

    Returns:
        Naming, wrappers' part, and how many names have both; `("", "", 0)` for none.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for name in names:
        prefix, rest = split(name)
        if naming := naming_of(rest):
            counts[naming, prefix] += 1
    if not counts:
        return "", "", 0
    # Of a model and its running average in one file the model is taken.
    naming, prefix = max(counts, key=lambda key: (counts[key], "ema" not in key[1]))
    return naming, prefix, counts[naming, prefix]


def modules(path: str, naming: str) -> list[tuple[str, ...]]:
    """Our modules that take the tensors of one of PyTorch's.

    Args:
        path: PyTorch's module, without the wrappers' part.
        naming: Of the whole file.

    Returns:
        Their paths: one, two for a stem that serves both modalities, or none.
    """
    if path == "BatchNorm":
        return [("norm",)] if naming == RELEASED else []
    if naming == TIMM:
        for pattern, rename in _TIMM:
            if match := re.fullmatch(pattern, path):
                path = rename(match)
    layer = _LAYER.fullmatch(path)
    if not layer or bool(layer[1]) != (naming == RELEASED):
        return []
    where, kind, number, stage, block, leaf = layer.groups()
    if kind:
        ours = ("norm" if kind == "bn" else "conv") + number
        stems = [_STEMS.get(where, "")] if where else list(_STEMS.values())
        return [(stem, ours) for stem in stems if stem]
    if where in _STEMS:
        return []
    ours = _SHORTCUT.get(leaf, leaf.replace("bn", "norm"))
    return [(f"stage{stage}_block{int(block)}", ours)]


def torch_name(path: tuple[str, ...], naming: str = RELEASED) -> str:
    """PyTorch's name of one of our variables; undoes `modules`.

    Args:
        path: Modules and parameter, without the collection.
        naming: `OPENAI`, `TIMM` or `RELEASED`.

    Returns:
        The tensor's name.
    """
    *module, leaf = path
    undo = {"scale": "weight", "kernel": "weight", "mean": "running_mean"}
    leaf = {**undo, "var": "running_var"}.get(leaf, leaf)
    if module == ["norm"]:
        return f"BatchNorm.{leaf}"
    first, layer = module
    stem = {ours: theirs for theirs, ours in _STEMS.items()}.get(first)
    if stem:
        if naming == TIMM:
            kind = "bn" if layer.startswith("norm") else "conv"
            return f"stem.conv{layer[-1]}.{kind}.{leaf}"
        name = f"{layer.replace('norm', 'bn')}.{leaf}"
        return f"{stem}.{name}" if naming == RELEASED else name
    stage, block = first.removeprefix("stage").split("_block")
    if naming == TIMM:
        return f"stages.{int(stage) - 1}.{block}.{_timm_layer(layer)}.{leaf}"
    shortcut = {ours: theirs for theirs, ours in _SHORTCUT.items()}
    name = f"layer{stage}.{block}.{shortcut.get(layer, layer.replace('norm', 'bn'))}"
    return f"base_resnet.{name}.{leaf}" if naming == RELEASED else f"{name}.{leaf}"


def _timm_layer(layer: str) -> str:
    if layer.startswith("shortcut"):
        return "shortcut.conv.bn" if layer == "shortcut_norm" else "shortcut.conv.conv"
    size = "kxk" if layer[-1] == "2" else "1x1"
    kind = "bn" if layer.startswith("norm") else "conv"
    return f"conv{layer[-1]}_{size}.{kind}"
