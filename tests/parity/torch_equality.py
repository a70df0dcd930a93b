"""How far the encoder is from PyTorch's, with the same weights and images.

The truth is PyTorch in float64. Our error stands beside that of PyTorch in float32, so
that what float32 itself cannot give is not laid at anybody's door: a batch norm over
few images magnifies the last bit of its input, and a gradient jumps where a rounding
moves an activation through zero. At full size, as a table:

    python -m tests.parity.torch_equality
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
import torch

from ceil_jax import weights
from ceil_jax.encoder import Encoder
from tests.parity import torch_encoder

FULL = ((3, 4, 6, 3), 64, (288, 144))
NUM_IMAGES = 3  # of each modality


class Figure(NamedTuple):
    """Two errors and the size of what they are errors of."""

    ours: float
    torch32: float
    largest: float


def pictures(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Images (n, h, w, 3) that differ as real ones do: in large patches."""
    shape = (NUM_IMAGES, height // 16, width // 16, 3)
    patches = rng.normal(size=shape) * rng.uniform(0.3, 2, (NUM_IMAGES, 1, 1, 3))
    patches += rng.normal(size=(NUM_IMAGES, 1, 1, 3))
    images = np.kron(patches, np.ones((1, 16, 16, 1)))
    return (images + 0.2 * rng.normal(size=images.shape)).astype(np.float32)


def _nchw(images: np.ndarray, dtype: torch.dtype) -> torch.Tensor:
    return torch.from_numpy(images.transpose(0, 3, 1, 2).copy()).to(dtype)


def _figures(ours, torch32, truth, *, norm: bool = False) -> Figure:
    """Largest error of any entry; relative to the largest entry, or in the 2-norm."""

    def error(got):
        got = np.asarray(got, np.float64)
        assert got.shape == truth.shape
        if norm:
            return float(np.linalg.norm(got - truth) / np.linalg.norm(truth))
        return float(np.abs(got - truth).max() / np.abs(truth).max())

    return Figure(error(ours), error(torch32), float(np.abs(truth).max()))


def _worst(figures: Mapping[str, Figure]) -> Figure:
    return Figure(*(max(column) for column in zip(*figures.values(), strict=True)))


class Comparison:
    """One PyTorch model in two precisions, and what we read of its file."""

    def __init__(
        self, model: torch_encoder.TwoStream, path: Path, sizes, width
    ) -> None:
        self.models = {torch.float32: model}
        copy = torch_encoder.TwoStream(sizes, width).double()
        copy.load_state_dict(model.state_dict())
        self.models[torch.float64] = copy
        self.variables = weights.load(path)
        self.encoder = Encoder(sizes, width)

    def evaluation(self, visible, infrared) -> tuple[Figure, np.ndarray, np.ndarray]:
        """Largest error of the unit rows; ours; and the truth."""
        ours = jax.jit(self.encoder.apply)(self.variables, visible, infrared)
        found = {}
        for dtype, model in self.models.items():
            with torch.no_grad():
                embeddings = model.eval()(_nchw(visible, dtype), _nchw(infrared, dtype))
            found[dtype] = embeddings.numpy()
        truth = found[torch.float64]
        figure = _figures(ours, found[torch.float32], truth)
        return figure, np.asarray(ours), truth

    def training(self, visible, infrared) -> dict[str, Figure]:
        """Embeddings, running statistics and gradients of one step."""
        rng = np.random.default_rng(3)
        shape = (2 * NUM_IMAGES, self.encoder.num_features)
        weight = rng.normal(size=shape).astype(np.float32)
        ours = self._our_step(visible, infrared, weight)
        theirs = {
            dtype: _torch_step(model, visible, infrared, weight)
            for dtype, model in self.models.items()
        }
        low, truth = theirs[torch.float32], theirs[torch.float64]
        assert ours.keys() == truth.keys()
        each = {
            name: _figures(ours[name], low[name], truth[name], norm="gradient" in name)
            for name in truth
        }
        parts = ("embeddings", "running", "gradient of images", "gradient of weights")
        return {
            part: _worst({k: v for k, v in each.items() if k.startswith(part)})
            for part in parts
        }

    def _our_step(self, visible, infrared, weight) -> dict[str, np.ndarray]:
        @jax.jit
        def step(params, images):
            def weighted(params, images):
                variables = {**self.variables, "params": params}
                rows, new = self.encoder.apply(
                    variables, *images, train=True, mutable=["batch_stats"]
                )
                return (rows * weight).sum(), (rows, new["batch_stats"])

            return jax.grad(weighted, (0, 1), has_aux=True)(params, images)

        (params, images), (rows, stats) = step(
            self.variables["params"], (visible, infrared)
        )
        by_name = weights.to_torch({"params": params, "batch_stats": stats})
        return {
            "embeddings": np.asarray(rows),
            **{f"gradient of images {i}": np.asarray(x) for i, x in enumerate(images)},
            **{
                f"{'running' if 'running' in k else 'gradient of weights'} {k}": v
                for k, v in by_name.items()
            },
        }


def _torch_step(model, visible, infrared, weight) -> dict[str, np.ndarray]:
    dtype = next(model.parameters()).dtype
    images = [_nchw(x, dtype).requires_grad_() for x in (visible, infrared)]
    rows = model.train()(*images)
    (rows * torch.from_numpy(weight)).sum().backward()
    found = {"embeddings": rows.detach().numpy()}
    for i, image in enumerate(images):
        assert image.grad is not None
        found[f"gradient of images {i}"] = image.grad.numpy().transpose(0, 2, 3, 1)
    for name, parameter in model.named_parameters():
        # The encoder has no shift in its last norm, and the classifier is not part.
        if parameter.grad is not None and name != "BatchNorm.bias":
            found[f"gradient of weights {name}"] = parameter.grad.numpy()
    for name, buffer in model.named_buffers():
        if "running" in name:
            found[f"running {name}"] = buffer.numpy()
    return found


def released(path: Path, sizes, width: int) -> Comparison:
    """Of a checkpoint as the released CEIL stores it."""
    model = torch_encoder.TwoStream(sizes, width)
    torch_encoder.randomise(model, 0)
    state = {f"module.{name}": value for name, value in model.state_dict().items()}
    torch.save({"net": state, "epoch": 50}, path)
    return Comparison(model, path, sizes, width)


def torchscript(path: Path, sizes, width: int, how: str) -> Comparison:
    """Of an archive as OpenAI's, in half precision."""
    clip = torch_encoder.Clip(sizes, width)
    torch_encoder.randomise(clip, 1)
    model = torch_encoder.two_stream_of(clip, sizes, width)
    torch_encoder.save_torchscript(clip, path, how=how)
    return Comparison(model, path, sizes, width)


def main() -> None:
    """Print the table at full size."""
    sizes, width, (height, breadth) = FULL
    rng = np.random.default_rng(2)
    images = pictures(rng, height, breadth), pictures(rng, height, breadth)
    table = {}
    with tempfile.TemporaryDirectory() as folder:
        archive = torchscript(Path(folder, "RN50.pt"), sizes, width, "trace")
        table["evaluation, RN50.pt"] = archive.evaluation(*images)[0]
        checkpoint = released(Path(folder, "ceil.pth"), sizes, width)
        table["evaluation, ceil.pth"] = checkpoint.evaluation(*images)[0]
        for name, figure in checkpoint.training(*images).items():
            table[f"training, {name}"] = figure
    for name, figure in table.items():
        print(f"{name:32} ours {figure.ours:.1e}  PyTorch float32 {figure.torch32:.1e}")


if __name__ == "__main__":
    main()
