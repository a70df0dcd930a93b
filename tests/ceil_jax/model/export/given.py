"""Models and pedestrians for the tests of exports, and what consumers make of them."""

import functools
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image

from ceil_jax import weights
from ceil_jax.datasets.synthetic.generator import generate
from ceil_jax.datasets.synthetic.parameters import Parameters
from ceil_jax.encoder import Encoder
from ceil_jax.pretrained import SYNTHETIC

# Height and width differ from every default of a consumer.
SIZE = (96, 48)
MODALITIES = ("visible", "infrared")
LANCZOS = Image.Resampling.LANCZOS
PEOPLE = os.environ.get("CEIL_JAX_PEOPLE", "")
# ImageNet's, as every consumer writes them down.
MEAN = np.array([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
STD = np.array([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)


def random_variables(stage_sizes: Any, width: int) -> Any:
    """An encoder's weights with statistics that training might have left."""
    image = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    encoder = Encoder(stage_sizes, width)
    shapes = jax.eval_shape(encoder.init, jax.random.key(0), image, image)
    rng = np.random.default_rng(1)
    middle = {"mean": 0.0, "bias": 0.0, "var": 1.0, "scale": 1.0}

    def drawn(path: Any, leaf: Any) -> np.ndarray:
        name = path[-1].key
        if name == "kernel":
            fan_in = np.prod(leaf.shape[:-1])
            value = rng.normal(size=leaf.shape) * (2 / fan_in) ** 0.5
        else:
            value = middle[name] + rng.uniform(-0.3, 0.3, leaf.shape)
        # As in trained networks, blocks add little to their shortcut.
        is_last = name == "scale" and path[-2].key == "norm3"
        return ((0.3 if is_last else 1) * value).astype(np.float32)

    return jax.tree_util.tree_map_with_path(drawn, shapes)


@functools.cache
def models() -> dict[str, Any]:
    """The shipped weights, and a deeper encoder whose blocks have all forms."""
    return {
        "shipped": weights.load(SYNTHETIC),
        "deep": random_variables((2, 1, 3, 1), 8),
    }


@functools.cache
def people(modality: str) -> list[np.ndarray]:
    """Seventeen pedestrians, (height, width, 3) uint8, each of its own size."""
    folder = Path(PEOPLE) / "SYSU-MM01"
    if PEOPLE and folder.is_dir():
        cameras = "1245" if modality == "visible" else "36"
        paths = sorted(folder.glob(f"cam[{cameras}]/*/*.jpg"))
        step = len(paths) // 17
        return [np.array(Image.open(p).convert("RGB")) for p in paths[::step][:17]]
    drawn = Parameters(3, 1, 2, 3, height=120, width=60)
    found = [
        image
        for batch in generate(drawn, "train")
        if batch.infrared == (modality == "infrared")
        for image in batch.images
    ]
    rng = np.random.default_rng(2)
    cuts = rng.integers(0, 20, (17, 2)).tolist()
    return [found[i % len(found)][: 120 - a, b:] for i, (a, b) in enumerate(cuts)]


@functools.cache
def read(modality: str, size: tuple[int, int] = SIZE) -> np.ndarray:
    """The pedestrians as our own reader resizes them, (17, *size, 3) uint8."""
    height, width = size
    return np.stack(
        [
            np.asarray(Image.fromarray(image).resize((width, height), LANCZOS))
            for image in people(modality)
        ]
    )


@functools.cache
def _apply(sizes: weights.Architecture, modality: str) -> Any:
    apply: Any = Encoder(*sizes).apply
    return jax.jit(lambda v, x: apply(v, **{modality: x}))


def rows(variables: Any, modality: str, images: np.ndarray) -> np.ndarray:
    """What our encoder makes of images; their normalisation is written out."""
    x = (images / 255 - MEAN.reshape(3)) / STD.reshape(3)
    short = -len(x) % 24  # few sizes: each is compiled
    padded = np.pad(x, ((0, short), (0, 0), (0, 0), (0, 0))).astype(np.float32)
    apply = _apply(weights.architecture(variables), modality)
    return np.asarray(apply(variables, padded))[: len(x)]


def fed(target: str, images: np.ndarray) -> np.ndarray:
    """Images of the model's size as a consumer prepares them."""
    planes = images.transpose(0, 3, 1, 2).astype(np.float32)
    match target:
        case "raw":
            return images
        case "boxmot":
            x = (planes / np.float32(255) - MEAN) / STD
        case "ultralytics":
            x = planes / 255
        case "deepstream":  # its documented values, in single precision
            offsets = np.array([123.675, 116.28, 103.53]).reshape(1, 3, 1, 1)
            x = np.float32(0.01735207) * (planes - offsets.astype(np.float32))
        case _:
            raise ValueError(target)
    return np.ascontiguousarray(x, np.float32)


RUNTIMES = {
    "onnxruntime": """
import onnxruntime
def load(path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda x: session.run(None, {"images": x})[0]
""",
    "openvino": """
import sys
sys.modules["openvino_telemetry"] = None  # it would send usage data
import openvino
core = openvino.Core()
def load(path):
    model = core.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda x: model({"images": x})["embeddings"]
""",
    "stablehlo": """
import pathlib
from jax import export
def load(path):
    call = export.deserialize(bytearray(pathlib.Path(path).read_bytes())).call
    return lambda x: call(x)
""",
}
_ASK = """
import sys
import numpy as np
%s
asked, answers = np.load(sys.argv[1]), {}
for key in asked:
    path, _, number = key.partition("|")
    answers.setdefault(path, load(path))
found = {key: answers[key.partition("|")[0]](asked[key]) for key in asked}
assert not {name for name in sys.modules if name.split(".")[0] in ("ceil_jax", "flax")}
np.savez(sys.argv[2], **found)
"""


def ask(
    runtime: str, questions: Mapping[tuple[Path, str], np.ndarray], folder: Path
) -> dict[tuple[Path, str], np.ndarray]:
    """Rows of models in a fresh process that does not know ceil-jax.

    Args:
        runtime: A key of `RUNTIMES`.
        questions: Input by file of the model and a name of the input.
        folder: For files.
    """
    asked, answered = folder / f"{runtime}_asked.npz", folder / f"{runtime}.npz"
    arrays: Any = {f"{path}|{name}": x for (path, name), x in questions.items()}
    np.savez(asked, **arrays)
    script = folder / f"ask_{runtime}.py"  # beside which there is no ceil_jax
    script.write_text(_ASK % RUNTIMES[runtime])
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(script), str(asked), str(answered)],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(answered) as found:
        return {key: found[f"{key[0]}|{key[1]}"] for key in questions}
