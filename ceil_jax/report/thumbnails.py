"""Small pictures of images, each stored once."""

import io
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from ceil_jax.report.contents import Thumbnails

SIZES = ((64, 128), (48, 96), (32, 64))
"""Width and height in pixels, from which the largest is taken that fits."""
MOST_BYTES = 2_600_000
"""Of all pictures of a page; coded as text they are a third longer."""
_QUALITY = 75
_DARKEST, _BRIGHTEST = 1, 99  # percent of the pixels that a stretch lets clip
_BATCH = 256


def thumbnails(
    names: Sequence[str],
    take: Callable[[Sequence[str]], np.ndarray],
    infrared: Sequence[bool],
) -> Thumbnails | None:
    """Pictures of some images; smaller ones where they would be too many bytes.

    Args:
        names: Paths of the images relative to the data folder.
        take: Given some of them, gives the images, (n, H, W, 3) uint8.
        infrared: Whether each is infrared: its contrast is stretched, for showing only.

    Returns:
        WebP files; None of no image.
    """
    if not names:
        return None
    files, size = [], SIZES[0]
    for size in SIZES:
        files = []
        for start in range(0, len(names), _BATCH):
            some = slice(start, start + _BATCH)
            images = take(names[some])
            for image, flag in zip(images, infrared[some], strict=True):
                files.append(_webp(stretched(image) if flag else image, size))
        if sum(map(len, files)) <= MOST_BYTES:
            break
    return Thumbnails(
        np.array(names, np.str_),
        np.cumsum([len(file) for file in files]).astype(np.int64),
        np.frombuffer(b"".join(files), np.uint8),
        np.array(size, np.int32),
        np.array(infrared, bool),
    )


def stretched(image: np.ndarray) -> np.ndarray:
    """An image whose darkest pixels are black and whose brightest are white.

    Args:
        image: (H, W, 3) uint8.

    Returns:
        The same shape and type; an image of one brightness stays as it is.
    """
    low, high = np.percentile(image, (_DARKEST, _BRIGHTEST))
    if high - low < 1:
        return image
    scaled = (image.astype(np.float32) - low) * (255 / (high - low))
    return np.clip(scaled, 0, 255).astype(np.uint8)


def _webp(image: np.ndarray, size: tuple[int, int]) -> bytes:
    picture = Image.fromarray(image)
    # An image that is smaller stays so: the page enlarges it.
    if picture.width > size[0] or picture.height > size[1]:
        picture = picture.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=_QUALITY, method=4)
    return out.getvalue()
