"""How far exported encoders are from ours, in the runtimes that read them.

Every target of the ONNX export, both modalities, batches of 1, 2 and 17 generated
people, fed as the program of the target feeds them; `raw` at other sizes, too. Then
the files of an encoder of the paper's size, with random weights, and what a consumer's
own resizing costs: similarity to our reading, and Rank-1 of infrared queries against
visible people. Writes the tables of `docs/export.md`.

    python -m benchmarks.exported --write
"""

import tempfile
import textwrap
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import onnxruntime
from absl import app, flags
from PIL import Image

from benchmarks import flagged, markdown
from benchmarks.measure import machine
from ceil_jax import weights
from ceil_jax.datasets.images import read_image
from ceil_jax.datasets.synthetic.generator import generate
from ceil_jax.datasets.synthetic.parameters import Parameters
from ceil_jax.embedding.step import make_embed_step
from ceil_jax.encoder import Encoder
from ceil_jax.evaluation import evaluate
from ceil_jax.model import export
from ceil_jax.model.engines import import_openvino
from ceil_jax.model.export.targets import MEAN, NET_SCALE_FACTOR, OFFSETS, STD
from ceil_jax.pretrained import SYNTHETIC
from ceil_jax.weights.architecture import Architecture, shapes

_FLAGS = flagged.own(__name__)
_WEIGHTS = flags.DEFINE_string(
    "weights", None, "A file of weights; the shipped ones.", flag_values=_FLAGS
)
_WRITE = flags.DEFINE_bool(
    "write", False, "Put the tables into docs/export.md.", flag_values=_FLAGS
)
PAGE = Path(__file__).parents[1] / "docs" / "export.md"
MODALITIES, BATCHES = ("visible", "infrared"), (1, 2, 17)
SIZE = (64, 32)
# What a camera gives; the demo's own images are as small as the encoder's.
CAMERA = Parameters(1, 40, 4, 8, height=170, width=85)
SEED_OF_SIZES = 0
Run = Callable[[np.ndarray], np.ndarray]


def people(modality: str) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """Generated people as a detector cuts them out, each of its own size.

    Args:
        modality: "visible" or "infrared".

    Returns:
        Images (height, width, 3) uint8, identities and cameras.
    """
    rng = np.random.default_rng(SEED_OF_SIZES)
    images, identities, cameras = [], [], []
    for batch in generate(CAMERA, "test"):
        if batch.infrared != (modality == "infrared"):
            continue
        for image, camera in zip(batch.images, batch.cameras.tolist(), strict=True):
            share = rng.uniform(0.4, 1)
            size = (round(CAMERA.width * share), round(CAMERA.height * share))
            small = Image.fromarray(image).resize(size, Image.Resampling.BOX)
            images.append(np.asarray(small))
            identities.append(batch.identity)
            cameras.append(camera)
    return images, np.array(identities), np.array(cameras)


def read(image: np.ndarray) -> np.ndarray:
    """An image as our own reader resizes its file."""
    with tempfile.NamedTemporaryFile(suffix=".bmp") as file:
        Image.fromarray(image).save(file.name)
        return read_image(Path(file.name), SIZE)


def fed(target: str, images: np.ndarray) -> np.ndarray:
    """Images of the encoder's size as the program of a target prepares them."""
    planes = images.transpose(0, 3, 1, 2).astype(np.float32)
    mean, std = (x.astype(np.float32).reshape(1, 3, 1, 1) for x in (MEAN, STD))
    offsets = np.array(OFFSETS, np.float32).reshape(1, 3, 1, 1)
    made = {
        "raw": images,
        "boxmot": (planes / 255 - mean) / std,
        "ultralytics": planes / 255,
        "deepstream": np.float32(NET_SCALE_FACTOR) * (planes - offsets),
    }
    return made[target]


def runners(model: Any) -> dict[str, Run]:
    """A model in every runtime, float32.

    Args:
        model: An `onnx.ModelProto`.

    Returns:
        Functions of its input, by the runtime's name.
    """
    content = model.SerializeToString()
    session = onnxruntime.InferenceSession(content)
    core = import_openvino().Core()
    hints = {"INFERENCE_PRECISION_HINT": "f32"}
    compiled = core.compile_model(core.read_model(content), "CPU", hints)
    return {
        "ONNX Runtime": lambda x: np.asarray(session.run(None, {"images": x})[0]),
        "OpenVINO": lambda x: np.asarray(compiled(x)[0]),
    }


def ours(variables: Any, modality: str) -> Run:
    """Our own encoder of one modality."""
    encoder = Encoder(*weights.architecture(variables))
    step = jax.jit(make_embed_step(encoder, modality, flip=False))
    return lambda images: np.asarray(step(variables, images))


def differences(variables: Any) -> Iterator[list[markdown.Cell]]:
    """Rows of the first table.

    Args:
        variables: The weights.

    Yields:
        Target, modality, batch, and the largest difference in each runtime.
    """
    for modality in MODALITIES:
        embed = ours(variables, modality)
        images = people(modality)[0]
        chosen = images[:: len(images) // max(BATCHES)][: max(BATCHES)]
        whole = np.stack([read(image) for image in chosen])
        want = embed(whole)
        for target in export.TARGETS:
            model = export.onnx_model(
                variables, modality=modality, image_size=SIZE, target=target
            )
            made = runners(model)
            for batch in BATCHES:
                x = fed(target, whole[:batch])
                found = [np.abs(run(x) - want[:batch]).max() for run in made.values()]
                yield [target, modality, str(batch), *map(float, found)]
            if target == "raw":
                found = [
                    max(
                        np.abs(run(x[None]) - row).max()
                        for x, row in zip(chosen, want, strict=True)
                    )
                    for run in made.values()
                ]
                yield ["raw, any size", modality, "1", *map(float, found)]


def random_variables(sizes: Architecture) -> Any:
    """Weights of an encoder, as large as those of trained ones.

    Args:
        sizes: Its sizes.

    Returns:
        `{"params": ..., "batch_stats": ...}`.
    """
    rng = np.random.default_rng(0)
    middle = {"scale": 1.0, "var": 1.0, "bias": 0.0, "mean": 0.0}
    tree: dict[str, Any] = {}
    for (*path, name), shape in shapes(sizes).items():
        if name == "kernel":
            value = rng.normal(size=shape) * (2 / np.prod(shape[:-1])) ** 0.5
        else:
            value = middle[name] + rng.uniform(-0.3, 0.3, shape)
        # As in trained networks, blocks add little to their shortcut.
        share = 0.3 if name == "scale" and path[-1] == "norm3" else 1
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[name] = (share * value).astype(np.float32)
    return tree


def files(variables: Any, size: tuple[int, int]) -> list[markdown.Cell]:
    """A row of the second table.

    Args:
        variables: The weights.
        size: (height, width) of images.

    Returns:
        Encoder and image size, megabytes of each format, the largest difference of rows
        of two visible images in each runtime.
    """
    sizes = weights.architecture(variables)
    noise = np.random.default_rng(1).integers(0, 256, (2, *size, 3), np.uint8)
    want = ours(variables, "visible")(noise)
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"a{end}") for end in (".onnx", ".stablehlo")]
        options: Any = {"modality": "visible", "image_size": size}
        export.write_onnx(paths[0], variables, **options)
        export.write_stablehlo(paths[1], variables, **options)
        paths.append(Path(folder, "a.safetensors"))
        export.write_torch(paths[2], variables, image_size=size)
        megabytes = [f"{path.stat().st_size / 1e6:.1f}" for path in paths]
    model = export.onnx_model(variables, **options)
    found = [float(np.abs(r(noise) - want).max()) for r in runners(model).values()]
    return [f"{sizes}, {size[0]}x{size[1]}", *megabytes, *found]


def bilinear(image: np.ndarray) -> np.ndarray:
    """As OpenCV's INTER_LINEAR: two neighbours each way, whatever lies between.

    Args:
        image: (height, width, 3) uint8.

    Returns:
        (*SIZE, 3) uint8.
    """
    x = image.astype(np.float64)
    for axis, size in enumerate(SIZE):
        given = image.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * given / size - 0.5, 0, given - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, given - 1)
        share = (at - low).reshape([-1 if i == axis else 1 for i in range(3)])
        x = (1 - share) * x.take(low, axis) + share * x.take(high, axis)
    return np.round(x).astype(np.uint8)


def enlarged(image: np.ndarray) -> np.ndarray:
    """A box that is larger by 2 % and 10 pixels, grey around, then `bilinear`."""
    height, width = image.shape[:2]
    down, across = (round((0.02 * side + 10) / 2) for side in (height, width))
    edges = ((down, down), (across, across), (0, 0))
    return bilinear(np.pad(image, edges, constant_values=114))


def by_pillow(method: Image.Resampling) -> Callable[[np.ndarray], np.ndarray]:
    """A resizing of Pillow's."""
    size = SIZE[1], SIZE[0]
    return lambda image: np.asarray(Image.fromarray(image).resize(size, method))


READINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ours: Lanczos": read,
    "Pillow's bicubic": by_pillow(Image.Resampling.BICUBIC),
    "Pillow's bilinear": by_pillow(Image.Resampling.BILINEAR),
    "BoxMOT's: bilinear": bilinear,
    "Ultralytics': enlarged": enlarged,
}


def costs(variables: Any) -> Iterator[list[markdown.Cell]]:
    """Rows of the third table.

    Args:
        variables: The weights.

    Yields:
        Reading, mean and least similarity to our reading by modality, Rank-1 and mAP of
        infrared queries against visible images that are read likewise, against those
        that we have read, and of visible ones among themselves.
    """
    found: dict[str, Any] = {m: people(m) for m in MODALITIES}
    embed = {m: ours(variables, m) for m in MODALITIES}
    own: dict[str, np.ndarray] = {}
    for name, reading in READINGS.items():
        rows = {
            m: embed[m](np.stack([reading(image) for image in found[m][0]]))
            for m in MODALITIES
        }
        own = own or rows
        cells: list[markdown.Cell] = [name]
        for m in MODALITIES:
            cosine = (rows[m] * own[m]).sum(1)
            cells.append(f"{cosine.mean():.3f} / {cosine.min():.3f}")
        for query, gallery in (
            ("infrared", rows),
            ("infrared", own),
            ("visible", rows),
        ):
            cells.append(_figures(rows[query], gallery["visible"], found, query))
        yield cells


def _figures(
    rows: np.ndarray, gallery: np.ndarray, found: dict[str, Any], query: str
) -> str:
    """Rank-1 and mAP, percent, against visible images of other cameras."""
    (_, ids, cameras), (_, gallery_ids, gallery_cameras) = (
        found[query],
        found["visible"],
    )
    metrics = evaluate(
        rows @ gallery.T,
        ids,
        gallery_ids,
        cameras,
        gallery_cameras,
        protocol="standard",
    )
    return f"{100 * metrics.cmc[0]:.1f} / {100 * metrics.mean_ap:.1f}"


def tables(variables: Any) -> str:
    """All tables.

    Args:
        variables: The weights.

    Returns:
        Markdown.
    """
    facts = machine()
    libraries = f"ONNX Runtime {onnxruntime.__version__}, OpenVINO "
    libraries += import_openvino().__version__.partition("-")[0]
    first = markdown.table(
        f"Largest difference of any entry of unit rows. {facts['processor']}, "
        f"{facts['cores']} cores, {libraries}, jax {facts['jax']}.",
        ("target", "modality", "batch", "ONNX Runtime", "OpenVINO"),
        [*differences(variables)],
    )
    paper = random_variables(Architecture((3, 4, 6, 3), 64))
    second = markdown.table(
        "Megabytes of a file (PyTorch's: both modalities), and the same difference.",
        ("encoder", "ONNX", "StableHLO", "PyTorch", "ONNX Runtime", "OpenVINO"),
        [files(variables, SIZE), files(paper, (288, 144))],
    )
    third = markdown.table(
        "What another resizing costs. Cosine to our reading as mean / least; figures "
        "as Rank-1 / mAP in percent; the gallery is read like the queries, or by us.",
        (
            *("resizing", "visible", "infrared", "infrared to visible"),
            *("gallery by us", "visible to visible"),
        ),
        [*costs(variables)],
    )
    return "\n\n".join(map(_wrapped, (first, second, third)))


def _wrapped(table: str) -> str:
    """The caption in lines that a document may have."""
    caption, _, rest = table.partition("\n")
    return "\n".join([*textwrap.wrap(caption, 96), rest])


def main(argv: Sequence[str]) -> None:
    """Measure, and print or write the tables.

    Args:
        argv: Program name.
    """
    del argv
    text = tables(weights.load(_WEIGHTS.value or SYNTHETIC))
    if _WRITE.value:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(markdown.replace_part(page, "exported", text), "utf-8")
    else:
        print(text)


if __name__ == "__main__":
    app.run(main)
