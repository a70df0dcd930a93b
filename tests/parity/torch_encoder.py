"""The two-stream CLIP ResNet in PyTorch, written from the method's description.

Only names and shapes follow the files that exist: `TwoStream` has the released CEIL's,
`Clip` those of OpenAI's `RN50.pt`. Tests compare our encoder with these and read what
they save. The first half is what the benchmarks measure against.
"""

import warnings
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn

from benchmarks.released.encoder import Stem, TwoStream, stages


class AttentionPool(nn.Module):
    def __init__(self, features: int, places: int, outside: int) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.randn(places + 1, features))
        self.k_proj = nn.Linear(features, features)
        self.q_proj = nn.Linear(features, features)
        self.v_proj = nn.Linear(features, features)
        self.c_proj = nn.Linear(features, outside)

    def forward(self, x):
        x = x.flatten(2).permute(0, 2, 1)
        x = torch.cat([x.mean(1, keepdim=True), x], 1) + self.positional_embedding
        weight = (self.q_proj(x[:, :1]) @ self.k_proj(x).transpose(1, 2)).softmax(-1)
        return self.c_proj(weight @ self.v_proj(x))[:, 0]


class Tower(Stem):
    """CLIP's visual tower: the last stage has stride 2, an attention pool ends it."""

    def __init__(self, sizes, width: int) -> None:
        super().__init__(width)
        made = stages(width, sizes, (1, 2, 2, 2))
        self.layer1, self.layer2, self.layer3, self.layer4 = made.values()
        self.attnpool = AttentionPool(32 * width, 2, 8)

    def forward(self, x):
        x = self.layer1(self.stem(x))
        return self.attnpool(self.layer4(self.layer3(self.layer2(x))))


class TextBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        layers = {"c_fc": nn.Linear(width, width), "c_proj": nn.Linear(width, width)}
        self.mlp = nn.Sequential(OrderedDict(layers))

    def forward(self, x):
        return x + self.mlp(self.ln_1(x))


class Text(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.resblocks = nn.Sequential(TextBlock(width), TextBlock(width))

    def forward(self, x):
        return self.resblocks(x)


class Clip(nn.Module):
    """Both towers of CLIP; the text tower is there for the names it brings."""

    def __init__(self, sizes, width: int) -> None:
        super().__init__()
        self.visual, self.transformer = Tower(sizes, width), Text(8)
        self.token_embedding, self.ln_final = nn.Embedding(9, 8), nn.LayerNorm(8)
        self.text_projection = nn.Parameter(torch.randn(8, 8))
        self.logit_scale = nn.Parameter(torch.tensor(4.6))
        self.context_length = 77

    def forward(self, image, text):
        words = self.ln_final(self.transformer(self.token_embedding(text)))[:, 0]
        return (
            self.logit_scale * self.visual(image) @ (words @ self.text_projection).t()
        )


def randomise(model: nn.Module, seed: int) -> None:
    """Weights, shifts, running statistics: numbers that float16 holds, none idle."""
    generator = torch.Generator().manual_seed(seed)

    def uniform(tensor, low, high):
        tensor.uniform_(low, high, generator=generator)
        tensor.copy_(tensor.half())

    with torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, nn.Conv2d):
                limit = (3.0 / module.weight[0].numel()) ** 0.5
                uniform(module.weight, -limit, limit)
            elif isinstance(module, nn.BatchNorm2d | nn.BatchNorm1d):
                # As in trained networks, blocks add little to their shortcut: that
                # keeps float32's rounding from growing through the depth.
                high = 0.3 if "layer" in name and name.endswith("bn3") else 1.0
                uniform(module.weight, high / 2, high)
                uniform(module.running_mean, -0.5, 0.5)
                uniform(module.running_var, 0.5, 1.5)
                if isinstance(module, nn.BatchNorm2d):
                    uniform(module.bias, -0.3, 0.3)


def two_stream_of(clip: Clip, sizes, width: int) -> TwoStream:
    """The encoder that starts from a CLIP: its stem twice, a fresh last norm."""
    model = TwoStream(sizes, width)
    tower = clip.visual.state_dict()
    stem = {k: v for k, v in tower.items() if k.startswith(("conv", "bn"))}
    rest = {k: v for k, v in tower.items() if k.startswith("layer")}
    model.visible_module.load_state_dict(stem)
    model.thermal_module.load_state_dict(stem)
    model.base_resnet.load_state_dict(rest)
    return model


def save_torchscript(clip: Clip, path: Path, *, how: str) -> None:
    """As `RN50.pt` was written: half precision, by `torch.jit`."""
    half = clip.half().eval()
    image, text = torch.zeros(1, 3, 32, 64).half(), torch.zeros(1, 4, dtype=torch.long)
    with warnings.catch_warnings():
        # torch.jit is on its way out; files that it wrote stay.
        warnings.simplefilter("ignore")
        if how == "trace":
            made = torch.jit.trace(half, (image, text))
        else:
            made = torch.jit.script(half)
        torch.jit.save(made, path)
