"""What embedding in bfloat16 gains in time, and what it costs in retrieval.

Speed by seconds of the processor, of a ResNet-50 with random weights. Rank-1 and mAP
of generated people with the model of a run of `make demo`, and of real people with the
pretrained weights: rows of both sides in float32 by JAX, of both in bfloat16 by
OpenVINO, and of the queries alone. On a processor that is not built for bfloat16
OpenVINO imitates it, and no speed says anything. `Model.embed` does not offer it.

    python -m benchmarks.precision --workdir=runs/demo --people=FOLDER
"""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from absl import app, flags

import ceil_jax
from benchmarks import engines, flagged, layouts, markdown, people, rerank_auto
from benchmarks.candidates import figures
from benchmarks.exported import fed
from benchmarks.layouts import Search
from benchmarks.measure import machine, processor_seconds
from ceil_jax import weights
from ceil_jax.common.threads import num_cores
from ceil_jax.datasets.imageset import ImageSet
from ceil_jax.embedding.embedder import Embedder
from ceil_jax.encoder import Encoder
from ceil_jax.model import export
from ceil_jax.model.engines import import_openvino
from ceil_jax.pretrained import SYNTHETIC
from ceil_jax.rerank import gcr
from ceil_jax.weights import architecture
from configs import synthetic

_FLAGS = flagged.own(__name__)
_WORKDIR = flags.DEFINE_string(
    "workdir", None, "Run of `make demo`; the pretrained weights.", flag_values=_FLAGS
)
_PEOPLE = flags.DEFINE_string(
    "people", "", "Folder that holds real images in the layouts.", flag_values=_FLAGS
)
_SEEDS = flags.DEFINE_integer(
    "seeds", 3, "Seeds of generated people, from 1.", flag_values=_FLAGS
)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Runs; medians.", flag_values=_FLAGS)
SETTINGS = ("single-shot", "4-shot", "ten and ten")
BATCH, ROWS = 8, 32
HINTS = {"float32": "f32", "bfloat16": "bf16"}
"""OpenVINO's names of precisions."""
Embed = Callable[[np.ndarray], np.ndarray]


def _jax(variables: Any, precision: str) -> Embed:
    """The encoder as JAX computes it, of visible images, in any precision."""
    devices = jax.local_devices()[:1]
    encoder = Encoder(*architecture(variables), dtype=jnp.dtype(precision))
    embedder = Embedder(encoder, num_rows=1, flip=False, devices=devices)

    def embed(images: np.ndarray) -> np.ndarray:
        [(_, rows)] = embedder.stream(variables, [(None, images)], "visible")
        return np.asarray(rows)

    return embed


def _openvino(
    variables: Any, modality: str, size: tuple[int, int], precision: str
) -> Embed:
    """The exported encoder as OpenVINO computes it in any precision."""
    model = export.onnx_model(
        variables, modality=modality, image_size=size, target="boxmot"
    )
    core = import_openvino().Core()
    options = {
        "INFERENCE_PRECISION_HINT": HINTS[precision],
        "INFERENCE_NUM_THREADS": num_cores(),
    }
    graph = core.read_model(model.SerializeToString(), b"")
    compiled = core.compile_model(graph, "CPU", options)
    return lambda images: np.array(compiled(fed("boxmot", images))[0])


def speed(repeats: int) -> str:
    """Images per second of the processor, by engine and precision.

    Args:
        repeats: Runs of each.

    Returns:
        A table.
    """
    variables = engines.random_weights()
    draw = np.random.default_rng(0)
    images = draw.integers(0, 256, (BATCH, *engines.SIZE, 3), dtype=np.uint8)
    rows, wanted = [], None
    for engine in ("jax", "openvino"):
        rates = []
        for precision in HINTS:
            if engine == "jax":
                embed = _jax(variables, precision)
            else:
                embed = _openvino(variables, "visible", engines.SIZE, precision)
            found = embed(images)
            wanted = found if wanted is None else wanted
            act = functools.partial(embed, images)
            rates.append(BATCH / processor_seconds(act, repeats))
            cosine = (found.astype(np.float64) * wanted).sum(1).min()
            off = float(np.abs(found - wanted).max())
            ratio = rates[-1] / rates[0]
            shown = f"{off:.0e}", f"{max(1 - cosine, 0):.0e}"
            rows.append([engine, precision, rates[-1], ratio, *shown])
    caption = (
        f"ResNet-50, {engines.SIZE[0]} x {engines.SIZE[1]}, batches of {BATCH}: images "
        "per second of the processor; off: from JAX's float32 rows."
    )
    headers = ["engine", "precision", "images/s", "to float32", "largest off"]
    return markdown.table(caption, [*headers, "1 - least cosine"], rows)


def in_bfloat16(variables: Any, size: tuple[int, int]) -> people.Rows:
    """Embedding by OpenVINO in bfloat16.

    Args:
        variables: The weights.
        size: (height, width) of images.

    Returns:
        The function.
    """

    def rows(images: ImageSet, modality: str) -> np.ndarray:
        embed = _openvino(variables, modality, size, "bfloat16")
        places = np.array_split(np.arange(len(images)), -(-len(images) // ROWS))
        return np.concatenate([embed(images.images.take(place)) for place in places])

    return rows


def compared(exact: list[Search], rough: list[Search]) -> list[markdown.Cell]:
    """Figures of the same searches with rows of two precisions.

    Args:
        exact: In float32.
        rough: In bfloat16.

    Returns:
        Rank-1 / mAP of float32, of bfloat16 and of bfloat16 queries alone, then the
        same of both by GCR; means over the searches. Last, the largest difference of
        any similarity.
    """
    found, off = [], 0.0
    for (query, gallery, name), (rough_query, rough_gallery, _) in zip(
        exact, rough, strict=True
    ):
        pairs = (query, gallery), (rough_query, rough_gallery), (rough_query, gallery)
        plain = [q.features @ g.features.T for q, g in pairs]
        graph = [
            gcr(q.features, g.features, q.cameras, g.cameras) for q, g in pairs[:2]
        ]
        search = query, gallery, name
        found.append([figures(each, search) for each in (*plain, *graph)])
        off = max(off, float(np.abs(plain[0] - plain[1]).max()))
    means = np.mean(found, axis=0)
    return [*(f"{rank1:.2f} / {mean_ap:.2f}" for rank1, mean_ap in means), f"{off:.0e}"]


def retrieval(workdir: str | None, num_seeds: int, folder: str) -> str:
    """Figures of every search.

    Args:
        workdir: Folder of the demo's run; None for the pretrained weights.
        num_seeds: Seeds of generated people.
        folder: Holds real images; "" for none.

    Returns:
        A table.
    """
    height, width = synthetic.get_config().image_size
    shipped = weights.load(SYNTHETIC)
    trained = ceil_jax.load(workdir).variables if workdir else shipped
    sides = [
        [people.sides(rows, seed) for seed in range(num_seeds)]
        for rows in (people.by_jax(trained), in_bfloat16(trained, (height, width)))
    ]
    ways = people.by_jax(shipped), in_bfloat16(shipped, (height, width))
    rows = []
    for setting in SETTINGS:
        exact, rough = (
            [
                rerank_auto.search(each, setting, seed + 1)
                for seed, each in enumerate(of_precision)
            ]
            for of_precision in sides
        )
        rows.append([f"generated, {setting}", *compared(exact, rough)])
    with tempfile.TemporaryDirectory() as prepared:
        for name in layouts.FOLDERS if folder else ():
            exact, rough = (
                layouts.searches(way, name, Path(folder), Path(prepared))
                for way in ways
            )
            rows += [[mode, *compared(exact[mode], rough[mode])] for mode in exact]
    shown = "the demo's model" if workdir else "the pretrained weights"
    caption = (
        f"Rank-1 / mAP in percent: generated people of {num_seeds} seeds with {shown}, "
        "real people with the pretrained weights."
    )
    headers = ["search", "float32", "bfloat16", "queries alone", "GCR, float32"]
    return markdown.table(caption, [*headers, "GCR, bfloat16", "similarity off"], rows)


def main(argv: list[str]) -> None:
    """Measure and print.

    Args:
        argv: Ignored.
    """
    del argv
    about = machine()
    where = f"{about['processor']}, {about['cores']} cores, jax {about['jax']}."
    tables = [
        where,
        speed(_REPEATS.value),
        retrieval(_WORKDIR.value, _SEEDS.value, _PEOPLE.value),
    ]
    print("\n\n".join(tables))


if __name__ == "__main__":
    app.run(main)
