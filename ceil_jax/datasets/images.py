"""Reading image files of every kind that re-identification data sets come in."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from ceil_jax.common.errors import DataError


def read_image(path: Path, image_size: tuple[int, int]) -> np.ndarray:
    """Read an image as colours and resize it by Lanczos.

    One channel becomes three equal ones, CMYK and palettes become colours, 16 bits a
    channel become their upper 8, and a picture taken with the camera on its side is
    turned as its EXIF tag says.

    Args:
        path: The image file.
        image_size: (height, width) of the result in pixels.

    Returns:
        (height, width, 3) uint8, contiguous.

    Raises:
        DataError: The file is missing, empty, truncated, or no image.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise DataError(f"cannot open image {path}: {error.strerror}") from error
    if size == 0:
        raise DataError(f"image {path} is empty (0 bytes)")
    height, width = image_size
    try:
        with Image.open(path) as image:
            colours = _eight_bits(ImageOps.exif_transpose(image)).convert("RGB")
    except Exception as error:  # a broken file makes Pillow raise almost anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"cannot read image {path} ({size} bytes): {reason}") from error
    if colours.size != (width, height):
        colours = colours.resize((width, height), Image.Resampling.LANCZOS)
    return np.array(colours)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Keep the upper 8 bits of a picture with 16 bits in its one channel."""
    if not image.mode.startswith("I"):
        return image
    values = np.asarray(image).astype(np.int64)
    return Image.fromarray(np.clip(values >> 8, 0, 255).astype(np.uint8))
