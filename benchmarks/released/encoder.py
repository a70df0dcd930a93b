"""The two-stream CLIP ResNet in PyTorch, written from the method's description.

Only names and shapes follow the released CEIL's files. A yardstick: of speed for the
benchmarks, of every number for the tests.
"""

from collections import OrderedDict
from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

EXPANSION = 4
STAGE_STRIDES = (1, 2, 2, 1)


def conv(inside: int, outside: int, size: int, stride: int = 1) -> nn.Conv2d:
    """A convolution as they all are: padded to keep the size, without a shift."""
    return nn.Conv2d(inside, outside, size, stride, padding=size // 2, bias=False)


class Stem(nn.Module):
    """Three 3x3 convolutions, the first of stride 2, and a 2x2 average pooling."""

    def __init__(self, width: int) -> None:
        """Make the layers."""
        super().__init__()
        self.conv1, self.bn1 = conv(3, width // 2, 3, 2), nn.BatchNorm2d(width // 2)
        self.conv2, self.bn2 = (
            conv(width // 2, width // 2, 3),
            nn.BatchNorm2d(width // 2),
        )
        self.conv3, self.bn3 = conv(width // 2, width, 3), nn.BatchNorm2d(width)

    def stem(self, x: torch.Tensor) -> torch.Tensor:
        """Images to features at a quarter of their height and width."""
        x = self.bn1(self.conv1(x)).relu()
        x = self.bn2(self.conv2(x)).relu()
        x = self.bn3(self.conv3(x)).relu()
        return functional.avg_pool2d(x, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the stem."""
        return self.stem(x)


class Bottleneck(nn.Module):
    """1x1, 3x3, pooling, 1x1; pooling and 1x1 on the shortcut where shapes change."""

    def __init__(self, inside: int, planes: int, stride: int) -> None:
        """Make the layers."""
        super().__init__()
        outside = planes * EXPANSION
        self.conv1, self.bn1 = conv(inside, planes, 1), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = conv(planes, planes, 3), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = conv(planes, outside, 1), nn.BatchNorm2d(outside)
        self.pool = nn.AvgPool2d(stride)
        self.downsample = nn.Sequential()
        if stride > 1 or inside != outside:
            layers = {
                "-1": nn.AvgPool2d(stride),
                "0": conv(inside, outside, 1),
                "1": nn.BatchNorm2d(outside),
            }
            self.downsample = nn.Sequential(OrderedDict(layers))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Apply the block."""
        y = self.bn1(self.conv1(x)).relu()
        y = self.pool(self.bn2(self.conv2(y)).relu())
        return (self.bn3(self.conv3(y)) + self.downsample(x)).relu()


def stages(
    width: int, sizes: Sequence[int], strides: Sequence[int] = STAGE_STRIDES
) -> OrderedDict[str, nn.Module]:
    """The bottlenecks of all stages."""
    made: OrderedDict[str, nn.Module] = OrderedDict()
    inside = width
    for i, (size, stride) in enumerate(zip(sizes, strides, strict=True)):
        blocks = []
        for j in range(size):
            blocks.append(Bottleneck(inside, width * 2**i, stride if j == 0 else 1))
            inside = width * 2**i * EXPANSION
        made[f"layer{i + 1}"] = nn.Sequential(*blocks)
    return made


class TwoStream(nn.Module):
    """Visible rows first; the last norm's output in training, unit rows else."""

    def __init__(self, sizes: Sequence[int], width: int, num_classes: int = 5) -> None:
        """Make the layers."""
        super().__init__()
        self.visible_module, self.thermal_module = Stem(width), Stem(width)
        self.base_resnet = nn.Sequential(stages(width, sizes))
        self.BatchNorm = nn.BatchNorm1d(32 * width)  # its shift stays 0
        self.classifier = nn.Linear(32 * width, num_classes, bias=False)

    def forward(self, visible: torch.Tensor, infrared: torch.Tensor) -> torch.Tensor:
        """Embed images of both modalities."""
        x = torch.cat([self.visible_module(visible), self.thermal_module(infrared)])
        x = self.base_resnet(x)
        x = (x.pow(3).mean((2, 3)) + 1e-12).pow(1 / 3)
        x = self.BatchNorm(x)
        return x if self.training else functional.normalize(x)
