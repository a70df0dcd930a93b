"""What preparing a data set costs, and in which form images are best stored.

Makes a folder like SYSU-MM01's, full of textured noise, prepares it in a process of its
own, and removes it again. Before that, a part of it is read by one thread, by threads
and by processes, and stored in several forms. Where other programs run, the time of the
processor tells more than that of the clock.

    python -m benchmarks.prepare --images=46000
"""

import importlib
import io
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from absl import app, flags
from PIL import Image
from tabulate import tabulate

from benchmarks import flagged, measure
from ceil_jax.common.threads import num_cores
from ceil_jax.datasets import loading
from ceil_jax.datasets.images import read_image
from ceil_jax.datasets.parallel import ordered_map

_FLAGS = flagged.own(__name__)
_IMAGES = flags.DEFINE_integer(
    "images", 46_000, "Images to prepare.", lower_bound=1, flag_values=_FLAGS
)
_PART = flags.DEFINE_integer(
    "part",
    2_000,
    "How many of them the comparisons use.",
    lower_bound=1,
    flag_values=_FLAGS,
)
_FOLDER = flags.DEFINE_string(
    "folder", None, "Where to work; by default in /tmp.", flag_values=_FLAGS
)
_HEIGHT = flags.DEFINE_integer(
    "height", 288, "Height of the stored images.", flag_values=_FLAGS
)
_WIDTH = flags.DEFINE_integer(
    "width", 144, "Width of the stored images.", flag_values=_FLAGS
)

NUM_IDENTITIES = 491
NUM_CAMERAS = 6
NUM_PICTURES = 200  # different ones; the others are copies
NUM_TRAINED = 395


class Form(NamedTuple):
    """A way to store an image.

    Attributes:
        options: Of the array_record writer.
        encode: From (H, W, 3) uint8 to bytes.
        decode: Back again.
    """

    options: str
    encode: Callable[[np.ndarray], bytes]
    decode: Callable[[bytes, tuple[int, int]], np.ndarray]


class Prepared(NamedTuple):
    """What a preparation cost.

    Attributes:
        seconds: Time until the data could be read.
        processor: Time that the processor spent on it, in seconds.
        mebibytes: Size of the stored files.
        peak: Largest resident memory of the process and its children, in MiB.
        memory_before: The same before it began, when all modules were imported.
        reads: Images read per second in random order, one thread.
    """

    seconds: float
    processor: float
    mebibytes: float
    peak: float
    memory_before: float
    reads: float


def picture(rng: np.random.Generator) -> bytes:
    """A JPEG of about 100 x 250 pixels: blurred blocks of colour under fine noise.

    Args:
        rng: Source of the noise.

    Returns:
        The file.
    """
    width, height = int(rng.integers(80, 121)), int(rng.integers(220, 281))
    blocks = Image.fromarray(rng.integers(0, 256, (10, 4, 3), dtype=np.uint8))
    smooth = np.asarray(blocks.resize((width, height), Image.Resampling.BICUBIC))
    noise = rng.integers(-10, 11, (height, width, 1))
    noisy = np.clip(smooth.astype(int) + noise, 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noisy).save(file, format="JPEG", quality=90)
    return file.getvalue()


def write_tree(root: Path, num_images: int) -> list[Path]:
    """Write a folder like SYSU-MM01.

    Args:
        root: The folder.
        num_images: How many images it gets.

    Returns:
        The image files.
    """
    rng = np.random.default_rng(0)
    pictures = [picture(rng) for _ in range(min(NUM_PICTURES, num_images))]
    paths = []
    for n in range(num_images):
        camera, identity = n % NUM_CAMERAS + 1, n // NUM_CAMERAS % NUM_IDENTITIES + 1
        number = n // (NUM_CAMERAS * NUM_IDENTITIES) + 1
        path = root / f"cam{camera}" / f"{identity:04d}" / f"{number:04d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pictures[n % len(pictures)])
        paths.append(path)
    people = [str(i) for i in range(1, NUM_IDENTITIES + 1)]
    (root / "exp").mkdir()
    for name, part in (
        ("train", people[: NUM_TRAINED - 99]),
        ("val", people[NUM_TRAINED - 99 : NUM_TRAINED]),
        ("test", people[NUM_TRAINED:]),
    ):
        (root / "exp" / f"{name}_id.txt").write_text(",".join(part) + "\n")
    return paths


def memory_mebibytes() -> float:
    """Largest resident memory so far of this process and of its children, in MiB."""
    import resource  # not on Windows

    unit = 2**20 if sys.platform == "darwin" else 2**10
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / unit
    return measure.peak_gib() * 2**10 + children


def processor_seconds() -> float:
    """Time that this process and its children have computed."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def prepare(root: str, cache: str, size: tuple[int, int]) -> Prepared:
    """Prepare a folder as the program does, then read some of it.

    Args:
        root: The folder.
        cache: Home of the prepared data.
        size: (height, width) of the stored images.

    Returns:
        What it cost.
    """
    importlib.import_module("ceil_jax.datasets.listed")  # before the clock starts
    importlib.import_module("ceil_jax.datasets.preparation")
    before, computed = memory_mebibytes(), processor_seconds()
    start = time.perf_counter()
    arguments: dict[str, Any] = {
        "data_dir": root,
        "prepared_dir": cache,
        "image_size": size,
        "options": {"allow_partial": True},
        "progress": False,
    }
    loading.prepare("sysu_mm01", **arguments)
    splits = loading.load("sysu_mm01", **arguments, cache_gib=0.0)
    seconds = time.perf_counter() - start
    processor, peak = processor_seconds() - computed, memory_mebibytes()
    images = splits.train_visible.images
    rows = np.random.default_rng(0).permutation(len(images))[:4000]
    start = time.perf_counter()
    for block in np.array_split(rows, max(1, len(rows) // 64)):
        images.take(block)
    reads = len(rows) / (time.perf_counter() - start)
    stored = sum(p.stat().st_size for p in Path(cache).rglob("*") if p.is_file())
    return Prepared(seconds, processor, stored / 2**20, peak, before, reads)


def read_part(paths: list[Path], size: tuple[int, int]) -> list[bytes]:
    """Read images in a worker process.

    Args:
        paths: The files.
        size: (height, width) of the results.

    Returns:
        Their bytes.
    """
    return [read_image(path, size).tobytes() for path in paths]


def pools(paths: list[Path], size: tuple[int, int]) -> list[tuple[str, float]]:
    """Images read and resized per second by one thread, threads, and processes.

    Args:
        paths: The files.
        size: (height, width) of the results.

    Returns:
        A name and a rate each.
    """
    workers = num_cores()
    chunks = [paths[n : n + 16] for n in range(0, len(paths), 16)]
    context = multiprocessing.get_context("spawn")

    def one_thread() -> None:
        for path in paths:
            read_image(path, size)

    def threads() -> None:
        for _ in ordered_map(lambda p: read_image(p, size), paths, num_workers=workers):
            pass

    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        list(pool.map(read_part, chunks[:workers], [size] * workers))  # let them start

        def processes() -> None:
            for _ in pool.map(read_part, chunks, [size] * len(chunks)):
                pass

        named = {
            "one thread": one_thread,
            f"{workers} threads": threads,
            f"{workers} processes, 16 images at a time": processes,
        }
        return [(name, len(paths) / _best(work)) for name, work in named.items()]


def _best(work: Callable[[], None]) -> float:
    """Seconds of the fastest of three runs: others only ever make it slower."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def _saved(**options: Any) -> Callable[[np.ndarray], bytes]:
    def encode(image: np.ndarray) -> bytes:
        file = io.BytesIO()
        Image.fromarray(image).save(file, **options)
        return file.getvalue()

    return encode


def _opened(content: bytes, size: tuple[int, int]) -> np.ndarray:
    del size
    with Image.open(io.BytesIO(content)) as image:
        return np.asarray(image)


def _viewed(content: bytes, size: tuple[int, int]) -> np.ndarray:
    return np.frombuffer(content, np.uint8).reshape(*size, 3)


PLAIN = "group_size:1,uncompressed"
FORMS = {
    "bytes": Form(PLAIN, np.ndarray.tobytes, _viewed),
    "bytes, zstd": Form("group_size:1", np.ndarray.tobytes, _viewed),
    "PNG": Form(PLAIN, _saved(format="PNG", compress_level=1), _opened),
    "WebP, lossless": Form(
        PLAIN, _saved(format="WEBP", lossless=True, quality=0, method=0), _opened
    ),
    "JPEG 95 (loses)": Form(
        PLAIN, _saved(format="JPEG", quality=95, subsampling=0), _opened
    ),
}


def compare_forms(
    paths: list[Path], size: tuple[int, int], place: Path
) -> Iterator[tuple[str, float, float, float, float, float]]:
    """Store images in each form and read them in random order.

    Args:
        paths: The image files.
        size: (height, width) of the stored images.
        place: An existing folder for the stored files.

    Yields:
        Name; images prepared per second, ms of the processor for each; KiB per image;
        images read per second, ms of the processor for each.
    """
    from array_record.python import (
        array_record_data_source,
        array_record_module,  # pyright: ignore[reportAttributeAccessIssue]
    )

    rows = list(range(len(paths)))
    random.Random(0).shuffle(rows)
    for name, form in FORMS.items():
        target = place / "form.array_record"
        start, computed = time.perf_counter(), processor_seconds()
        writer = array_record_module.ArrayRecordWriter(str(target), form.options)
        for content in ordered_map(
            lambda path, form=form: form.encode(read_image(path, size)),
            paths,
            num_workers=num_cores(),
        ):
            writer.write(content)
        writer.close()
        wrote = len(paths) / (time.perf_counter() - start)
        write_ms = (processor_seconds() - computed) / len(paths) * 1e3
        source = array_record_data_source.ArrayRecordDataSource([str(target)])
        start, computed = time.perf_counter(), processor_seconds()
        for row in rows:
            form.decode(source[row], size)
        read = len(paths) / (time.perf_counter() - start)
        read_ms = (processor_seconds() - computed) / len(paths) * 1e3
        kibibytes = target.stat().st_size / len(paths) / 2**10
        yield name, wrote, write_ms, kibibytes, read, read_ms


def main(argv: list[str]) -> None:
    """Make the folder, measure, print the tables, and remove everything."""
    del argv
    size = (_HEIGHT.value, _WIDTH.value)
    print(f"{num_cores()} cores, load before {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(dir=_FOLDER.value) as folder:
        root = Path(folder) / "SYSU-MM01"
        paths = write_tree(root, _IMAGES.value)
        part = paths[: _PART.value]
        headers = ["reading", "images/s"]
        print(tabulate(pools(part, size), headers, "github", floatfmt=".0f"), "\n")
        headers = ["form", "prepared/s", "ms each", "KiB", "read/s", "ms each"]
        rows = compare_forms(part, size, Path(folder))
        digits = ("", ".0f", ".2f", ".0f", ".0f", ".2f")
        print(tabulate(rows, headers, "github", floatfmt=digits), "\n")
        done = measure.in_new_process(
            prepare, str(root), str(Path(folder) / "cache"), size
        ).result
        print(
            f"prepared {len(paths)} images in {done.seconds:.0f} s "
            f"({len(paths) / done.seconds:.0f}/s, {done.processor:.0f} s of the "
            f"processor), {done.mebibytes:.0f} MiB stored, "
            f"peak memory {done.peak:.0f} MiB ({done.memory_before:.0f} before), "
            f"then {done.reads:.0f} images/s read; load {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    app.run(main)
