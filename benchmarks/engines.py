"""Images embedded per second of the processor by every engine.

The encoder has the paper's size and random weights, images are noise. Seconds are the
process's own, of all its cores: on a shared machine wall clock says little. PyTorch has
the same weights, in its usual layout and in channels-last, in its inference mode.

    python -m benchmarks.engines --write
"""

import functools
from pathlib import Path
from typing import Any

import jax
import numpy as np
import torch
from absl import app, flags

from benchmarks import flagged, markdown
from benchmarks.measure import machine, processor_seconds
from benchmarks.released.encoder import TwoStream
from ceil_jax import weights
from ceil_jax.encoder import Encoder
from ceil_jax.model import engines

_FLAGS = flagged.own(__name__)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Runs; medians.", flag_values=_FLAGS)
_WRITE = flags.DEFINE_bool(
    "write", False, "Put the tables into docs/model.md.", flag_values=_FLAGS
)
PAGE = Path(__file__).parents[1] / "docs" / "model.md"
SIZE = (288, 144)
BATCHES = (1, 8, 32)


def random_weights() -> dict[str, Any]:
    """Variables of the paper's encoder with plausible statistics.

    Returns:
        `{"params": ..., "batch_stats": ...}`.
    """
    x = np.zeros((1, 64, 32, 3), np.float32)
    variables: Any = jax.device_get(Encoder().init(jax.random.key(0), x, x))
    draw = np.random.default_rng(0)

    def statistics_of(path: Any, leaf: Any) -> np.ndarray:
        spread = draw.uniform(0.5, 1.5, leaf.shape).astype(np.float32)
        return spread if path[-1].key == "var" else (spread - 1) * 0.1

    variables["batch_stats"] = jax.tree_util.tree_map_with_path(
        statistics_of, variables["batch_stats"]
    )
    return variables


def of_torch(variables: dict[str, Any], *, channels_last: bool) -> Any:
    """The same encoder in PyTorch, of visible images.

    Args:
        variables: The weights.
        channels_last: The layout of its memory.

    Returns:
        A function of (b, H, W, 3) uint8 images.
    """
    module: Any = TwoStream((3, 4, 6, 3), 64)
    state = {
        k: torch.from_numpy(v.copy()) for k, v in weights.to_torch(variables).items()
    }
    module.load_state_dict(state, strict=False)
    module.eval()
    layout = torch.channels_last if channels_last else torch.contiguous_format
    module = module.to(memory_format=layout)
    mean, std = (
        torch.tensor(v)[:, None, None]
        for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )

    def embed(images: np.ndarray) -> np.ndarray:
        x = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        x = ((x - mean) / std).contiguous(memory_format=layout)
        with torch.inference_mode():
            return module(x, x[:0]).numpy()

    return embed


def of_runner(runner: engines.Runner) -> Any:
    """An engine as a function of images.

    Args:
        runner: The engine.
    """

    def embed(images: np.ndarray) -> np.ndarray:
        [(_, rows)] = runner.stream([(None, images)], "visible")
        return rows

    return embed


def embedding(repeats: int) -> str:
    """Images per second of the processor, by engine and batch.

    Args:
        repeats: Runs of each.

    Returns:
        A table.
    """
    variables = random_weights()
    functions: dict[str, Any] = {"jax": of_runner(engines.JaxRunner(variables))}
    for engine in ("onnxruntime", "openvino"):
        functions[engine] = of_runner(engines.OnnxRunner(variables, SIZE, engine))
    functions["PyTorch"] = of_torch(variables, channels_last=False)
    functions["PyTorch, channels-last"] = of_torch(variables, channels_last=True)
    draw = np.random.default_rng(0)
    shown: dict[str, list[Any]] = {name: [name] for name in functions}
    off = {name: 0.0 for name in functions}
    for batch in BATCHES:
        images = draw.integers(0, 256, (batch, *SIZE, 3), dtype=np.uint8)
        wanted = functions["jax"](images)
        for name, function in functions.items():
            off[name] = max(off[name], float(np.abs(function(images) - wanted).max()))
            act = functools.partial(function, images)
            seconds = processor_seconds(act, repeats)
            shown[name].append(batch / seconds)
    first = shown["jax"]
    rows = [
        [*row, row[2] / first[2], f"{off[name]:.0e}"] for name, row in shown.items()
    ]
    headers = ["engine", *(f"batch {b}" for b in BATCHES), "to jax, batch 8", "off"]
    caption = (
        f"ResNet-50, {SIZE[0]} x {SIZE[1]}: images per second of the processor; "
        "largest difference of any entry from JAX's rows."
    )
    return markdown.table(caption, headers, rows)


def main(argv: list[str]) -> None:
    """Measure, print, and write if asked to.

    Args:
        argv: Ignored.
    """
    del argv
    about = machine()
    where = (
        f"{about['processor']}, {about['cores']} cores, jax {about['jax']}, "
        f"PyTorch {about['torch']}."
    )
    text = "\n\n".join([where, embedding(_REPEATS.value)])
    print(text)
    if _WRITE.value:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(markdown.replace_part(page, "engines", text), encoding="utf-8")


if __name__ == "__main__":
    app.run(main)
