"""Reading image files of every kind that re-identification data sets come in."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from ceil_jax.common.errors import DataError

NUM_SAMPLES = 200  # values of an image that stand for all of its pixels
_ORIENTATION = 0x0112  # EXIF's tag; the turns that undo its values:
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_PNG, _TIFF = b"\x89PNG\r\n\x1a\n", (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_DEPTH_OF_PNG = 24  # where its header says how many bits a channel has


def read_image(
    path: Path,
    image_size: tuple[int, int],
    value_range: tuple[float, float] | None = None,
) -> np.ndarray:
    """Read an image as colours and resize it by Lanczos.

    One channel becomes three equal ones, CMYK and palettes become colours, and a
    picture taken with the camera on its side is turned as its EXIF tag says. Values of
    more than 8 bits in one channel, as thermal cameras write them, become 0 to 255 over
    `value_range`; images that are to be compared need the same one.

    Args:
        path: The image file.
        image_size: (height, width) of the result in pixels.
        value_range: The values that become 0 and 255; 8-bit images ignore it. None for
            the range of the image itself, see `samples_of`.

    Returns:
        (height, width, 3) uint8, contiguous.

    Raises:
        DataError: The file is missing, empty, truncated, or no image.
    """
    with opened(path) as image:
        colours = in_colours(image, value_range)
    return resized(colours, image_size)


def in_colours(
    image: Image.Image, value_range: tuple[float, float] | None = None
) -> Image.Image:
    """A picture of any kind as 8-bit colours, upright: see `read_image`.

    Args:
        image: The picture.
        value_range: See `read_image`.

    Returns:
        The picture in Pillow's mode RGB, of the same size or turned.

    Raises:
        Exception: Of any type that Pillow raises where its file is broken.
    """
    image = _upright(image)
    if is_deep(image):
        image = _eight_bits(image, value_range)
    return image.convert("RGB")


def resized(colours: Image.Image, image_size: tuple[int, int]) -> np.ndarray:
    """A picture in the size that the encoder takes, by Pillow's Lanczos.

    Args:
        colours: What `in_colours` gives.
        image_size: (height, width) of the result in pixels.

    Returns:
        (height, width, 3) uint8, contiguous.
    """
    height, width = image_size
    if colours.size != (width, height):
        colours = colours.resize((width, height), Image.Resampling.LANCZOS)
    return np.array(colours)


def may_be_deep(path: Path) -> bool:
    """Whether an image may have more than 8 bits in its one channel.

    Args:
        path: The image file.

    Returns:
        False for what is 8-bit by its first bytes, and for what cannot be opened.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_DEPTH_OF_PNG + 1)
    except OSError:
        return False
    if start.startswith(_PNG):
        return start[_DEPTH_OF_PNG:] == b"\x10"
    return start.startswith((*_TIFF, b"P5"))


def samples_of(path: Path) -> np.ndarray | None:
    """Values that stand for an image of more than 8 bits a channel.

    They are quantiles, (i + 1/2) / 200, so that a few dead or glowing pixels do not
    count.

    Args:
        path: The image file.

    Returns:
        (200,) float64, ascending; None for other images.

    Raises:
        DataError: The image cannot be read.
    """
    with opened(path) as image:
        return _samples(image) if is_deep(image) else None


def range_of(samples: list[np.ndarray]) -> tuple[float, float]:
    """The range that images use, all of them together.

    Args:
        samples: What `samples_of` gives for each, at least one.

    Returns:
        The lowest and the highest value; a thousandth at either end is left out.
    """
    values = np.concatenate(samples)
    low, high = np.quantile(values, [0.001, 0.999], method="nearest").tolist()
    return low, high


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image, which is named in whatever goes wrong with it.

    Args:
        path: The image file.

    Yields:
        The image; nothing of its pixels need be read yet.

    Raises:
        DataError: The file is missing, empty, truncated, or no image.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"cannot open image {path}: {error.strerror}") from error
    if size == 0:
        raise DataError(f"image {path} is empty (0 bytes)")
    try:
        # Given a path, Pillow maps TIFF files that lie on their side in a wrong shape.
        with path.open("rb") as file, Image.open(file) as image:
            yield image
    except UnidentifiedImageError:
        raise DataError(
            f"cannot read image {path} ({size} bytes): it is no image of a known format"
        ) from None
    except Exception as error:  # a broken file makes Pillow raise almost anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot read image {path} ({size} bytes): {reason}") from error


def _upright(image: Image.Image) -> Image.Image:
    """The picture, turned as EXIF says.

    Only that tag is looked at: others may hold nonsense, which does no harm here.
    """
    image.load()  # first: Pillow turns TIFF images itself, and then takes the tag away
    try:
        turn = _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # a block that cannot be parsed says nothing
        return image
    return image if turn is None else image.transpose(turn)


def is_deep(image: Image.Image) -> bool:
    """Whether an image has one channel of more than 8 bits.

    Args:
        image: The image.
    """
    return image.mode.startswith("I") or image.mode == "F"


def _samples(image: Image.Image) -> np.ndarray:
    values = np.asarray(image, dtype=np.float64)
    values = values[np.isfinite(values)]
    if not values.size:
        raise ValueError("none of its pixels is a number")
    places = (np.arange(NUM_SAMPLES) + 0.5) / NUM_SAMPLES
    return np.quantile(values, places)


def _eight_bits(
    image: Image.Image, value_range: tuple[float, float] | None
) -> Image.Image:
    """One channel of any depth as 0 to 255 over a range."""
    low, high = value_range or range_of([_samples(image)])
    values = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=low)
    shares = (np.clip(values, low, high) - low) / max(high - low, np.finfo(float).tiny)
    return Image.fromarray(np.round(255 * shares).astype(np.uint8))
