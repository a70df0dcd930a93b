"""Images per second of training and embedding, at the sizes of the data sets."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import stage_step
from benchmarks.gpu.timing import device_seconds
from benchmarks.record import Table
from ceil_jax.common import parallel
from ceil_jax.embedding.step import make_embed_step
from ceil_jax.encoder import Encoder
from ceil_jax.training.objective import Objective
from ceil_jax.training.state import (
    Batch,
    BothTables,
    Memories,
    Memory,
    RowLabels,
    Tables,
)

SEED = 0


class Workload(NamedTuple):
    """What one data set asks of a step, and how many steps there are.

    Attributes:
        name: Of the data set.
        visible_rows: Images of a step; each is seen twice, and twice as many infrared.
        proxies: Visible and infrared proxies.
        clusters: Visible and infrared clusters.
        cameras: Visible and infrared cameras.
        images: Visible and infrared training images.
        num_steps: Of an epoch of each stage.
        num_negatives: Of the CDL loss.
        image_size: Height and width in pixels.
        rows: Rows that the memories are padded to.
    """

    name: str
    visible_rows: int
    proxies: tuple[int, int]
    clusters: tuple[int, int]
    cameras: tuple[int, int]
    images: tuple[int, int]
    num_steps: tuple[int, int]
    num_negatives: int
    image_size: tuple[int, int] = (288, 144)
    rows: tuple[int, int] = (2048, 2048)


EPOCHS = (50, 40)
REGDB = Workload(
    *("RegDB", 20, (206, 206), (206, 206), (1, 1)),
    *((2060, 2060), (200, 150), 50),
    rows=(1030, 1030),
)
SYSU = Workload(
    *("SYSU-MM01", 80, (1543, 607), (712, 406), (4, 2)),
    *((22258, 11909), (175, 150), 100),
)
LLCM = Workload(
    *("LLCM", 80, (1045, 1211), (800, 706), (9, 8)),
    *((16946, 13975), (250, 200), 100),
)
MEASURED = (SYSU, REGDB)
ESTIMATED = (LLCM,)
"""Its batch is SYSU-MM01's, and so is the time of its step."""
SMALL = Workload(
    *("small", 4, (8, 8), (6, 6), (2, 2), (40, 40), (2, 2), 3),
    image_size=(32, 16),
    rows=(20, 20),
)


class Rate(NamedTuple):
    """Speed of one kind of step.

    Attributes:
        workload: Name of the data set.
        dtype: In which convolutions are computed.
        stage: 1 or 2.
        images: Encoded in a step.
        seconds: Of a step.
        gib: Peak memory of the device so far; 0 where it does not say.
    """

    workload: str
    dtype: str
    stage: int
    images: int
    seconds: float
    gib: float


def _labels(rng: Any, size: int, proxies: int, clusters: int) -> RowLabels:
    proxy = rng.integers(proxies, size=size).astype(np.int32)
    return RowLabels(proxy, (proxy % clusters).astype(np.int32))


def _side(rng: Any, work: Workload, i: int, d: int) -> tuple[Memory, Tables]:
    """Memory and tables of one modality: proxy p is of cluster p modulo clusters."""
    rows, proxies, clusters = work.rows[i], work.proxies[i], work.clusters[i]
    place = np.arange(proxies)
    cluster, camera = place % clusters, place // clusters
    of_cluster = np.full((rows, work.cameras[i]), -1, np.int32)
    of_cluster[cluster, camera] = place
    cameras, owners = np.full(rows, -1, np.int32), np.zeros(rows, np.int32)
    cameras[:proxies], owners[:proxies] = camera, cluster
    across = [
        rng.integers(count[1 - i], size=rows).astype(np.int32)
        for count in (work.proxies, work.clusters)
    ]
    tables = Tables(
        of_cluster, cameras, owners, np.asarray(clusters, np.int32), *across
    )
    unit = rng.normal(size=(2, rows, d)).astype(np.float32)
    unit /= np.linalg.norm(unit, axis=-1, keepdims=True)
    return Memory(*unit), tables


def problem(work: Workload, num_features: int) -> tuple[Memories, BothTables, Batch]:
    """Memories, tables and a batch as an epoch of a data set has them.

    Args:
        work: The data set.
        num_features: Entries of an embedding.

    Returns:
        Host arrays of random numbers.
    """
    rng = np.random.default_rng(SEED)
    memories, tables = zip(
        *(_side(rng, work, i, num_features) for i in (0, 1)), strict=True
    )
    sizes = (work.visible_rows, 2 * work.visible_rows)
    images = [
        rng.integers(256, size=(n, *work.image_size, 3), dtype=np.uint8) for n in sizes
    ]
    labels = [
        _labels(rng, n, work.proxies[i], work.clusters[i]) for i, n in enumerate(sizes)
    ]
    rows = [np.arange(n, dtype=np.int32) for n in sizes]
    return Memories(*memories), BothTables(*tables), Batch(*images, *labels, *rows)


def step_rate(work: Workload, dtype: str, stage: int, encoder: Encoder) -> Rate:
    """Time whole training steps: augmentation, encoder, losses, memories, Adam.

    Args:
        work: The data set.
        dtype: Name of the type that the encoder computes in, for the record.
        stage: 1 or 2.
        encoder: The model.

    Returns:
        Their speed.
    """
    memories, tables, batch = problem(work, encoder.num_features)
    step = stage_step.ready(
        encoder,
        work.image_size,
        memories,
        tables,
        constants=Objective(num_negatives=work.num_negatives),
        stage=stage,
    )
    rate = np.float32(1e-5)

    def one() -> Any:
        _, _, losses = step(rate, batch)
        return losses["loss"]

    seconds = device_seconds(one, most_seconds=6).median
    images = 4 * work.visible_rows
    return Rate(work.name, dtype, stage, images, seconds, memory_gib())


def embed_rate(work: Workload, dtype: str, encoder: Encoder, rows: int = 256) -> Rate:
    """Time the embedding of images that are on the host; stage 0 in the record.

    Args:
        work: The data set.
        dtype: Name of the type that the encoder computes in.
        encoder: The model.
        rows: Images embedded at once.

    Returns:
        Its speed.
    """
    encoder = encoder.clone(axis_name=None)
    embed = jax.jit(make_embed_step(encoder, "visible", flip=False))
    images = np.zeros((rows, *work.image_size, 3), np.uint8)
    whole = jnp.zeros((1, *work.image_size, 3))
    variables = jax.jit(encoder.init)(jax.random.key(SEED), whole, whole)
    seconds = device_seconds(embed, variables, images, most_seconds=4).median
    return Rate(work.name, dtype, 0, rows, seconds, memory_gib())


def memory_gib() -> float:
    """Largest memory that the device has given out so far, in GiB."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return stats.get("peak_bytes_in_use", 0) / 2**30


def all_rates(
    works: Sequence[Workload], *, small: bool, has_time: Callable[..., bool]
) -> Iterator[Rate]:
    """The speed of every data set, type and stage.

    Args:
        works: The data sets.
        small: Whether the encoder is the smallest there is, to try the suite.
        has_time: Whether something may still begin.

    Yields:
        Speeds as they are found.
    """
    size: dict[str, Any] = {"stage_sizes": (1, 1, 1, 1), "width": 8} if small else {}
    for dtype in ("bfloat16",) if small else ("bfloat16", "float32"):
        encoder = Encoder(**size, dtype=jnp.dtype(dtype), axis_name=parallel.AXIS_NAME)
        if has_time(f"embedding in {dtype}"):
            yield embed_rate(works[0], dtype, encoder, rows=8 if small else 256)
        for work in works:
            for stage in (2, 1):
                if has_time(f"stage {stage} of {work.name} in {dtype}", 45):
                    yield step_rate(work, dtype, stage, encoder)


def rates_table(rates: Sequence[Rate]) -> Table:
    """Images per second.

    Args:
        rates: What was measured.

    Returns:
        A line for each.
    """
    what = ("embedding", "training, stage 1", "training, stage 2")
    return Table(
        "Speed of the encoder (RN50, 288x144), whole steps: images from the host, "
        "augmentation, losses, memories, Adam. A step has four rows for each visible "
        "image drawn.",
        ["batch of", "", "encoder in", "rows", "ms", "images/s", "peak GiB"],
        [
            [
                "any" if r.stage == 0 else r.workload,
                what[r.stage],
                r.dtype,
                r.images,
                r.seconds * 1e3,
                r.images / r.seconds,
                r.gib,
            ]
            for r in rates
        ],
    )


def hours(work: Workload, rates: Sequence[Rate], dtype: str) -> float | None:
    """Estimated hours of a whole training on this device, without clustering.

    Args:
        work: The data set.
        rates: What was measured.
        dtype: One of the types.

    Returns:
        Hours of all steps and of embedding all images in every epoch; None where a rate
        is missing.
    """
    found = {
        rate.stage: rate.seconds / (rate.images if rate.stage == 0 else 1)
        for rate in rates
        if rate.dtype == dtype
        and (rate.stage == 0 or rate.images == 4 * work.visible_rows)
    }
    if set(found) != {0, 1, 2}:
        return None
    embedding = sum(work.images) * found[0]
    seconds = sum(
        epochs * (count * found[stage] + embedding)
        for stage, epochs, count in zip((1, 2), EPOCHS, work.num_steps, strict=True)
    )
    return seconds / 3600


def hours_table(works: Sequence[Workload], rates: Sequence[Rate]) -> Table:
    """Estimated hours of whole trainings.

    Args:
        works: The data sets.
        rates: What was measured.

    Returns:
        A line for each data set.
    """
    rows = []
    for work in works:
        found = [hours(work, rates, dtype) for dtype in ("bfloat16", "float32")]
        shown = ["not measured" if hour is None else hour for hour in found]
        rows.append([work.name, *shown])
    return Table(
        "Estimated hours of a whole training, 90 epochs: the steps, and embedding "
        "all images in every epoch, at the speeds above; clustering is the "
        "processor's and not in it.",
        ["data set", "bfloat16", "float32"],
        rows,
    )
