"""Images read per second of one core: by file, and by library.

Reading is decoding a file and resizing it to the encoder's size. Other libraries are
measured if they are installed, and named where they are not: `opencv-python-headless`,
`simplejpeg`, `pyvips`, `tensorflow`; an environment of their own is best. Pixels are
compared with ours, of the files that are timed and of the images below `--people`.

    python -m benchmarks.reading --people=FOLDER --write
"""

import functools
import importlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import PIL
from absl import app, flags
from PIL import Image

from benchmarks import flagged, markdown
from benchmarks.measure import machine, processor_seconds
from ceil_jax.datasets import images as reader

_FLAGS = flagged.own(__name__)
_PEOPLE = flags.DEFINE_string(
    "people", "", "Folder with real images; compares pixels.", flag_values=_FLAGS
)
_REPEATS = flags.DEFINE_integer("repeats", 5, "Runs; medians.", flag_values=_FLAGS)
_WRITE = flags.DEFINE_bool(
    "write", False, "Put the tables into docs/model.md.", flag_values=_FLAGS
)
PAGE = Path(__file__).parents[1] / "docs" / "model.md"
SIZE = (288, 144)
WIDTH_FIRST = (SIZE[1], SIZE[0])  # as Pillow and OpenCV want it
FILE_SIZES = ((128, 64), (288, 144), (720, 360))
TIMES = 30
"""Calls that are measured together."""
MOST_PEOPLE = 300
LIBRARIES = {
    "OpenCV": "cv2",
    "simplejpeg": "simplejpeg",
    "pyvips": "pyvips",
    "TensorFlow": "tensorflow",
}
"""Names that are imported."""
OURS = "Pillow, Lanczos (ours)"
Read = Callable[[bytes], np.ndarray]


def files() -> Iterator[tuple[str, bytes]]:
    """A picture of people's colours in some sizes and formats.

    Yields:
        What it is, and the file.
    """
    few = np.random.default_rng(1).integers(0, 256, (36, 18, 3), dtype=np.uint8)
    for height, width in FILE_SIZES:
        picture = Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC)
        for kind in ("JPEG", "PNG"):
            file = io.BytesIO()
            picture.save(file, kind)
            yield f"{kind}, {height} x {width}", file.getvalue()


def decode(content: bytes) -> Image.Image:
    """The picture of a file, as it is read everywhere.

    Args:
        content: The file.
    """
    with Image.open(io.BytesIO(content)) as image:
        return reader.in_colours(image)


def _ours(content: bytes) -> np.ndarray:
    return reader.resized(decode(content), SIZE)


def _with_gap(gap: float, content: bytes) -> np.ndarray:
    method = Image.Resampling.LANCZOS
    return np.array(decode(content).resize(WIDTH_FIRST, method, reducing_gap=gap))


def _with_draft(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        image.draft("RGB", WIDTH_FIRST)
        return reader.resized(reader.in_colours(image), SIZE)


def _bilinear(content: bytes) -> np.ndarray:
    return np.array(decode(content).resize(WIDTH_FIRST, Image.Resampling.BILINEAR))


def _by_opencv(cv2: Any) -> dict[str, Read]:
    cv2.setNumThreads(1)

    def read(method: int, content: bytes) -> np.ndarray:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
        colours = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        return cv2.resize(colours, WIDTH_FIRST, interpolation=method)

    methods = {
        "linear": cv2.INTER_LINEAR,
        "area": cv2.INTER_AREA,
        "Lanczos4": cv2.INTER_LANCZOS4,
    }
    return {f"OpenCV, {k}": functools.partial(read, v) for k, v in methods.items()}


def _by_simplejpeg(simplejpeg: Any) -> dict[str, Read]:
    def read(content: bytes) -> np.ndarray:
        if not simplejpeg.is_jpeg(content):
            raise ValueError("no JPEG")
        return reader.resized(Image.fromarray(simplejpeg.decode_jpeg(content)), SIZE)

    return {"simplejpeg, then Pillow's Lanczos": read}


def _by_pyvips(pyvips: Any) -> dict[str, Read]:
    logging.getLogger("pyvips").setLevel(logging.WARNING)  # else a line for each image
    height, width = SIZE

    def whole(content: bytes) -> np.ndarray:
        image = pyvips.Image.new_from_buffer(content, "")
        down, across = height / image.height, width / image.width
        return image.resize(across, vscale=down, kernel="lanczos3").numpy()

    def thumbnail(content: bytes) -> np.ndarray:
        made = pyvips.Image.thumbnail_buffer
        return made(content, width, height=height, size="force").numpy()

    return {"pyvips, Lanczos": whole, "pyvips, thumbnail": thumbnail}


def _by_tensorflow(tensorflow: Any) -> dict[str, Read]:
    def read(content: bytes) -> np.ndarray:
        image = tensorflow.io.decode_image(content, 3, expand_animations=False)
        image = tensorflow.image.resize(image, SIZE, "lanczos3", antialias=True)
        return np.clip(np.round(image.numpy()), 0, 255).astype(np.uint8)

    return {"TensorFlow, Lanczos": read}


def readers() -> tuple[dict[str, Read], list[str]]:
    """Ways of reading a file to `SIZE`, ours first.

    Returns:
        By name, and the libraries that are not installed.
    """
    found: dict[str, Read] = {
        OURS: _ours,
        "Pillow, `draft` first": _with_draft,
        "Pillow, `reducing_gap=2`": functools.partial(_with_gap, 2.0),
        "Pillow, `reducing_gap=3`": functools.partial(_with_gap, 3.0),
        "Pillow, bilinear": _bilinear,
    }
    makers = (_by_opencv, _by_simplejpeg, _by_pyvips, _by_tensorflow)
    absent = []
    for (name, module), make in zip(LIBRARIES.items(), makers, strict=True):
        try:
            found |= make(importlib.import_module(module))
        except ImportError:
            absent.append(name)
    return found, absent


def difference(got: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Levels by which the channels of pixels differ.

    Args:
        got: uint8.
        wanted: uint8 of the same shape.

    Returns:
        int16 of that shape, none below 0.
    """
    return np.abs(got.astype(np.int16) - wanted)


def parts(repeats: int) -> str:
    """Images read per second of one core, by file.

    Args:
        repeats: Runs of each.

    Returns:
        A table.
    """
    rows = []
    for name, content in files():
        each = []
        for act in (
            functools.partial(decode, content),
            functools.partial(reader.resized, decode(content), SIZE),
        ):
            seconds = processor_seconds(functools.partial(many, act), repeats)
            each.append(seconds / TIMES)
        both = sum(each)
        rows.append([name, 1 / each[0], 1 / each[1], 1 / both, each[1] / both])
    headers = ["file", "decode", "resize", "both", "share of resizing"]
    caption = (
        f"Images per second of one core, read to {SIZE[0]} x {SIZE[1]} by Lanczos."
    )
    return markdown.table(caption, headers, rows)


def by_library(ways: Mapping[str, Read], repeats: int) -> list[str]:
    """Rates and differences of every way of reading, by file.

    Args:
        ways: What `readers` gives.
        repeats: Runs of each.

    Returns:
        Two tables.
    """
    rates: dict[str, list[Any]] = {name: [name] for name in ways}
    levels: dict[str, list[Any]] = {name: [name] for name in ways}
    headers = []
    for kind, content in files():
        headers.append(kind)
        wanted = ways[OURS](content)
        for name, read in ways.items():
            try:
                off = difference(read(content), wanted)
            except ValueError:
                rates[name].append("")
                levels[name].append("")
                continue
            act = functools.partial(many, functools.partial(read, content))
            rates[name].append(TIMES / processor_seconds(act, repeats))
            levels[name].append(f"{off.max()} / {off.mean():.2g}")
    size = f"{SIZE[0]} x {SIZE[1]}"
    return [
        markdown.table(
            f"Images read to {size} per second of one core.",
            ["by", *headers],
            list(rates.values()),
        ),
        markdown.table(
            "Largest / mean difference of those pixels from ours, in levels of 255.",
            ["by", *headers],
            list(levels.values()),
        ),
    ]


def on_people(ways: Mapping[str, Read], folder: Path) -> str:
    """Differences on real images.

    Args:
        ways: What `readers` gives.
        folder: Holds JPEG files, at any depth.

    Returns:
        A table.
    """
    paths = sorted(folder.rglob("*.jpg"))
    paths = paths[:: max(len(paths) // MOST_PEOPLE, 1)]
    contents = [path.read_bytes() for path in paths]
    wanted = [ways[OURS](content) for content in contents]
    rows = []
    for name, read in ways.items():
        off = [difference(read(c), w) for c, w in zip(contents, wanted, strict=True)]
        largest = max(int(each.max()) for each in off)
        mean = float(np.mean([each.mean() for each in off]))
        same = float(np.mean([not each.any() for each in off]))
        rows.append([name, largest, f"{mean:.2g}", same])
    caption = (
        f"The same on {len(paths)} JPEG files of real people (about 90 x 45 pixels)."
    )
    return markdown.table(caption, ["by", "largest", "mean", "share equal"], rows)


def many(act: Callable[[], Any]) -> None:
    """Do it some times.

    Args:
        act: What is done.
    """
    for _ in range(TIMES):
        act()


def main(argv: list[str]) -> None:
    """Measure, print, and write if asked to.

    Args:
        argv: Ignored.
    """
    del argv
    ways, absent = readers()
    about = machine()
    where = f"{about['processor']}, {about['cores']} cores, Pillow {PIL.__version__}"
    missing = f"; not installed: {', '.join(absent)}" if absent else ""
    tables = [f"{where}{missing}.", parts(_REPEATS.value)]
    tables += by_library(ways, _REPEATS.value)
    if _PEOPLE.value:
        tables.append(on_people(ways, Path(_PEOPLE.value)))
    text = "\n\n".join(tables)
    print(text)
    if _WRITE.value:
        page = PAGE.read_text(encoding="utf-8")
        PAGE.write_text(markdown.replace_part(page, "reading", text), encoding="utf-8")


if __name__ == "__main__":
    app.run(main)
